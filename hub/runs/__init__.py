"""Code that all kinds of runs share: the lifecycle, the schedule, queues and transactions."""
