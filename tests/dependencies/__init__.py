"""What the pinned packages are: `make licences`, `make audit`. Run with the project's Python."""
