"""The exporter catalogue: import, export, search and filters."""
