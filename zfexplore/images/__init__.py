"""Where images come from, and how they become a network's input."""
