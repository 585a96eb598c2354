"""Pictures drawn from arrays."""
