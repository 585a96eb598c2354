"""Forward pass and back-projection inside the windows that units read."""
