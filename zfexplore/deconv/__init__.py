"""One unit back to pixels."""
