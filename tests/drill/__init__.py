"""The drill: a real Prometheus watches a real hub, and each alert fires when its fault happens."""
