"""The hub with servers that are not installed from wheels: `make setups`."""
