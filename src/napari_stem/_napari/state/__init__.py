"""What the docks share, as plain evented data."""
