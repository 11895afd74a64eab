"""What a run of any kind shares: schedule, start, end and deadline."""
