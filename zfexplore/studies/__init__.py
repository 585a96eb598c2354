"""Further questions to a trained network, one per file."""
