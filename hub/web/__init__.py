"""What the outside sees: pages, API, webhooks."""
