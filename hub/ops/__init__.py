"""What runs the hub on a machine: `make run`, backup, beat, logs."""
