"""What excites a channel: its strongest units, each projected back to pixels beside what it saw."""
