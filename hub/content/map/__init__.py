"""The published map: rendered, cached and read."""
