"""The process that touches torch: it answers requests that come through a pipe."""
