"""The measurements behind the README's figures: ``python -m benchmarks``. Nothing here is a test."""
