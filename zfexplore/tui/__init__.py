"""The explorer: panes, screens, keys, and the process that computes."""
