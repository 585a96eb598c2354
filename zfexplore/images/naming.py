"""Names of images: how they are sorted, and how they are shown."""

from __future__ import annotations

import re


def natural_key(text: str) -> tuple[object, ...]:
    """Give a sort key for paths: image2 before image10, folder by folder, upper and lower case together."""
    return tuple(
        tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in _pieces(piece))
        for piece in text.casefold().split("/")
    ) + (text,)


def _pieces(text: str) -> list[str]:
    return [part for part in re.split(r"(\d+)", text) if part]


def shown(name: str) -> str:
    """Turn a file's name, whatever bytes it holds, into text that can be stored."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
