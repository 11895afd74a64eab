"""The catalogue: which exporters exist, how they are found, and the facts of their repositories."""
