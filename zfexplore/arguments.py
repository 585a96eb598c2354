"""What a caller passes from Python, read strictly: whole numbers and paths. All else is one ExploreError.

Numpy's whole numbers are whole numbers. True is none, and neither are 1.0 and "1". Paths that a terminal or
a file manager pasted are read as they meant them.
"""

from __future__ import annotations

import operator
import os
import shlex
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
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


def text_or_none(value: Any, what: str) -> str | None:
    """Give a text or None; raises ExploreError, naming ``what`` it is for, for anything else."""
    if not isinstance(value, str | None):
        raise ExploreError(f"{what} must be text, not {shown(value)}", usage=True)
    return value


def shown(value: Any) -> str:
    """Show a value in an error: as Python writes it where that is short, else its type."""
    text = repr(value) if isinstance(value, SIMPLE) else ""
    if text and len(text) <= SHOWN and "\n" not in text:
        return text
    name = type(value).__name__
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"


def pasted_paths(text: str, exists: Callable[[str], bool] | None = None) -> tuple[str, ...]:
    """Give the paths that a pasted or typed ``text`` means, none for a blank one; ``~`` stays as it is.

    Understood are a path as it is, one in quotes, one with spaces escaped by backslashes, and a ``file://``
    address of this machine, with space or line ends around it. Several stand in lines, or side by side as
    words of a shell. ``exists`` (by default whether a file or folder is there) decides between readings: a
    path that is there as it stands is never read otherwise, and an unquoted one with spaces is cut into
    several only if all of them are there.
    """
    there = exists or _is_there
    stripped = text.strip()
    for whole_text in (text, stripped):
        if whole_text and there(whole_text):
            return (whole_text,)
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 1:
        return tuple(path for line in lines for path in pasted_paths(line, there))
    if not stripped:
        return ()
    words = [_from_address(word) for word in _shell_words(stripped) if word]
    if len(words) < 2 or all(map(there, words)):
        return tuple(words)
    return (_from_address(stripped),)


def _is_there(path: str) -> bool:
    with suppress(OSError, ValueError):
        return os.path.lexists(os.path.expanduser(path))
    return False


def _shell_words(text: str) -> list[str]:
    """Take quotes and backslashes away, as a shell would; a text with an odd quote is one word."""
    if os.name == "nt":  # there a backslash parts folders
        return [text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text]
    with suppress(ValueError):
        return shlex.split(text)
    return [text]


def _from_address(text: str) -> str:
    """Give the path of a ``file:`` address of this machine; all else stays as it is."""
    if text[:5].lower() != "file:":
        return text
    from urllib.parse import unquote_to_bytes

    rest = text[5:]
    if rest.startswith("//"):
        host, slash, path = rest[2:].partition("/")
        if host.lower() not in ("", "localhost", _host()):
            return text  # a file of another machine
        rest = slash + path
    path = os.fsdecode(unquote_to_bytes(rest))
    return path.lstrip("/") if os.name == "nt" and Path(path.lstrip("/")).drive else path


def _host() -> str:
    return os.uname().nodename.lower() if hasattr(os, "uname") else ""
