"""Fault injection: break the real parts of a hub while readers send requests.

A checker then reports every failure that a reader could notice. Run it with
`python -m tests.faults`; see `--help`.
"""
