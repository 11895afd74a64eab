"""The HTTP interface: pages, API and webhooks."""
