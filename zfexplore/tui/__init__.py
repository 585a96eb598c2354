"""The explorer: panes, screens, keys and the one thread that computes."""
