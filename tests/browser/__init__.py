"""Tests in a real browser. A package, so that its web server and browser end with it."""
