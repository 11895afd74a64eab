"""Faults: the real parts are broken on purpose while readers read, and a checker says what of it
readers could tell. `python -m tests.faults` runs all of it, `--help` says how."""
