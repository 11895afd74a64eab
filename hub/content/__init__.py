"""What each exporter's directory holds: the rules, the lookup, the publication and the reading."""
