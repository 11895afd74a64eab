"""Compare the recorded verdicts in `tests/data/oracle` with the real promtool and Helm."""
