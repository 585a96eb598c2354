"""Procedural images of our own making: gratings to mountains, drawn from a seed, no files needed."""
