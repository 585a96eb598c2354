"""The measurements behind the numbers in docs/speed.md: ``python -m benchmarks``. Nothing here is a test."""
