"""What GitHub tells the hub by itself: its webhook, which saves waiting for the next tick."""
