"""Where the cache notes what lay at a place from which images were indexed, for ``atlas/lost.py``.

It needs no torch, so that a wrong path is told at once where nothing was ever noted.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from zfexplore.files import cache_dir


def notes_on(path: str) -> Path:
    """Give the folder for the notes on a place, in the user's cache."""
    return cache_dir() / "places" / short_hash(os.path.abspath(os.path.expanduser(path)))


def short_hash(text: str) -> str:
    """Give sixteen digits that stand for a text in a file name."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]
