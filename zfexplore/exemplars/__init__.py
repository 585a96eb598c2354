"""What excites a channel: its strongest units, each brought back to pixels beside what it saw."""
