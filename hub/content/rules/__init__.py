"""Rules that find and check content in a file's bytes. Pure functions without Django."""
