"""Exporter Hub."""

VERSION = "0.9.0"  # `make version` writes it into the files that repeat it
