"""Exporter Hub."""

VERSION = "0.2.0"
