"""Facts of the exporters' repositories, fetched from GitHub once a day: stars, README, releases."""
