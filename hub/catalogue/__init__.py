"""The catalogue: which exporters exist, how they get in, and how they are found."""
