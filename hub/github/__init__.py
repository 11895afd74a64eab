"""The only place that speaks HTTP to GitHub."""
