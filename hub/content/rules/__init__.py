"""From a file's bytes to what it holds and whether that would work. Pure: nothing of Django."""
