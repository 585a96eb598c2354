"""Recipes, and the loop that makes weights."""
