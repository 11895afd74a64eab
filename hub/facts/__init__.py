"""Facts about exporter repositories (stars, README, releases), fetched from GitHub daily."""
