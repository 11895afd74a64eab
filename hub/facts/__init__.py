"""Facts of the exporters' repositories, asked of GitHub once a day: stars, README, releases."""
