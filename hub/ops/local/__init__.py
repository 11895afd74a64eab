"""The whole hub on one machine: embedded servers, and everything under a supervisor.

Nothing here imports Django: the settings need the environment that is made here.
"""
