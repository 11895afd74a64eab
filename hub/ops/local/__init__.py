"""Run the whole hub on one machine, with embedded servers under supervisord.

This package must not import Django, because it sets the environment that Django's settings need.
"""
