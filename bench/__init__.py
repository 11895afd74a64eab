"""Benchmark (`make bench`): speed of reads and refreshes, as ratios measured in the same run."""
