"""Tests in a real browser. A package, so that its fixtures (server, browser) have its scope."""
