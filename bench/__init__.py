"""`make bench`: how fast reads and refreshes are, as ratios measured side by side in one run."""
