"""Procedural images, from gratings to mountains, drawn from a seed without any file."""
