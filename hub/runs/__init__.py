"""Code that all kinds of runs share: the lifecycle, the schedule and transactions."""
