"""What a caller passes from Python, read strictly: whole numbers and paths. All else is one ExploreError.

Numpy's whole numbers are whole numbers. True is none, and neither are 1.0 and "1".
"""

from __future__ import annotations

import operator
import os
from typing import Any

from zfexplore.errors import ExploreError

SHOWN = 60  # characters of a value that an error shows
SIMPLE = (str, bytes, int, float, complex, list, tuple, type(None))


def whole(value: Any, what: str, *, least: int | None = None) -> int:
    """Give ``value`` as an int; raises ExploreError, naming ``what`` it is for, unless it is a whole number.

    ``least`` is the smallest that will do.
    """
    number = whole_or_none(value)
    if number is None:
        raise ExploreError(f"{what} must be a whole number, not {shown(value)}", usage=True)
    if least is not None and number < least:
        raise ExploreError(f"{what} must be at least {least}, not {number}", usage=True)
    return number


def whole_or_none(value: Any) -> int | None:
    """Give ``value`` as an int, or None if it is no whole number."""
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except (TypeError, ValueError):  # a tensor or array of several numbers raises the second
        return None


def path_text(value: Any, what: str) -> str:
    """Give a path or a name as text; raises ExploreError, naming ``what`` it is for, for anything else."""
    try:
        text = os.fspath(value)
    except TypeError:
        text = None
    if not isinstance(text, str):
        raise ExploreError(f"{what} must be a name or a path, not {shown(value)}", usage=True)
    return text


def shown(value: Any) -> str:
    """Show a value in an error: as Python writes it where that is short, else its type."""
    text = repr(value) if isinstance(value, SIMPLE) else ""
    if text and len(text) <= SHOWN and "\n" not in text:
        return text
    name = type(value).__name__
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"
