"""Rules for repository names, directory names and search terms. No I/O."""
