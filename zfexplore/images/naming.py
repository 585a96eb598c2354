"""Names of images: how they are sorted, and how they are shown."""

from __future__ import annotations

import re
from unicodedata import decimal


def natural_key(text: str) -> tuple[object, ...]:
    """Give a sort key for paths: image2 before image10, folder by folder, upper and lower case together."""
    return tuple(
        tuple(
            (0, _as_number(part), "") if part.isdecimal() else (1, (0, ""), part) for part in _pieces(piece)
        )
        for piece in text.casefold().split("/")
    ) + (text,)


def _as_number(digits: str) -> tuple[int, str]:
    """Give digits so that they sort as the number they are, however many: Python reads no more than 4,300."""
    plain = digits if digits.isascii() else "".join(str(decimal(digit)) for digit in digits)
    value = plain.lstrip("0")
    return len(value), value


def _pieces(text: str) -> list[str]:
    return [part for part in re.split(r"(\d+)", text) if part]


def shown(name: str) -> str:
    """Turn a file's name, whatever bytes it holds, into text that can be stored."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
