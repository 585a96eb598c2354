"""The panes: each takes values, draws them, and says what the user did in small messages."""
