"""For every channel, where it fired most."""
