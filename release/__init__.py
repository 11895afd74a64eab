"""Build a release into `dist/`, and keep the version in one place."""
