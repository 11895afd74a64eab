"""Checks of the pinned packages: `make licences` and `make audit`."""
