"""The words that options take where several rooms use them."""

from __future__ import annotations

PHOTOGRAPHS = "photographs"  # the images that are built in
SPECIMENS = "specimens"  # those that are drawn
DEFAULT_IMAGES = PHOTOGRAPHS
