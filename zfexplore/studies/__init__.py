"""One further question a file, asked of a trained network."""
