"""GitHub's webhook: a push starts a run at once instead of at the next scheduled refresh."""
