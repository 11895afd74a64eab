"""Packs: the usable content of exporters, in the form in which it is installed."""
