"""The contents of the source repository: rules, refresh, map and edits."""
