"""What readers get: the map rendered, read and cached."""
