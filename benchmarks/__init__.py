"""The measurements behind the figures in docs/speed.md: ``python -m benchmarks``. Nothing here is a test."""
