"""Exporter Hub."""

VERSION = "0.2.0"  # `make version` writes it into the files that repeat it
