"""Checks of the project's own text that `make check` runs."""
