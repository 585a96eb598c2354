"""Plain values from a file, read strictly: each is of its kind, or a ValueError says which is not.

A file may have been written by anyone, cut short or damaged. So a size is a whole number within bounds and
never infinity, a text holds no half of a letter, and nothing is nested so deep that to look at it fails.
A loader catches ``UNFIT``, which is all that unfit values can raise, and names its file.
"""

from __future__ import annotations

import json
import math
import os
import re
import reprlib
from collections.abc import Callable, Collection
from typing import Any, TypeGuard, TypeVar

UNFIT = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
LARGEST = 2**53  # up to which a float tells every whole number from the next
DEEPEST = 32  # lists and objects within one another; ours have five

_HALVES = re.compile("[\ud800-\udfff]")  # of letters, which no encoding writes

Value = TypeVar("Value")


def parse(text: str | bytes) -> Any:
    """Give the values that a JSON text holds; raises ValueError for any other, or one nested too deep."""
    try:
        values = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    level = [values]
    for _ in range(DEEPEST):
        inside = [one for one in level if isinstance(one, dict | list)]
        if not inside:
            return values
        level = [each for one in inside for each in (one.values() if isinstance(one, dict) else one)]
    raise ValueError("it is nested too deep")


def entry(values: Any, name: str) -> Any:
    """Give what stands at ``name`` in an object."""
    if not isinstance(values, dict):
        raise ValueError(f"{_told(values)} stands where an object with {name} belongs")
    if name not in values:
        raise ValueError(f"{name} is missing")
    return values[name]


def maybe(read: Callable[..., Value], values: Any, name: str, **bounds: Any) -> Value | None:
    """Give what ``read`` gives, and None for null or where nothing stands at ``name``."""
    if isinstance(values, dict) and values.get(name) is None:
        return None
    return read(values, name, **bounds)


def whole(values: Any, name: str, *, least: int = 0, most: int = LARGEST) -> int:
    """Give the whole number at ``name``, from ``least`` to ``most``."""
    value = entry(values, name)
    if not is_whole(value) or not least <= value <= most:
        raise _unfit(name, value, f"a whole number from {least} to {most}")
    return value


def number(values: Any, name: str, *, least: float = -math.inf, most: float = math.inf) -> float:
    """Give the finite number at ``name``, from ``least`` to ``most``."""
    value = entry(values, name)
    if (found := finite(value)) is None or not least <= found <= most:
        raise _unfit(name, value, "a finite number" + (f" from {least:g}" if least > -math.inf else ""))
    return found


def numbers(values: Any, name: str) -> tuple[float, ...]:
    """Give the finite numbers of the list at ``name``."""
    value = entry(values, name)
    found = [finite(one) for one in value] if isinstance(value, list) else [None]
    if any(one is None for one in found):
        raise _unfit(name, value, "a list of finite numbers")
    return tuple(one for one in found if one is not None)


def flag(values: Any, name: str) -> bool:
    """Give true or false."""
    value = entry(values, name)
    if not isinstance(value, bool):
        raise _unfit(name, value, "true or false")
    return value


def text(values: Any, name: str) -> str:
    """Give the text at ``name``; halves of letters are replaced."""
    value = entry(values, name)
    if not isinstance(value, str):
        raise _unfit(name, value, "a text")
    return without_halves(value)


def texts(values: Any, name: str) -> tuple[str, ...]:
    """Give the texts of the list at ``name``; halves of letters are replaced."""
    return text_list(entry(values, name), name)


def text_list(value: Any, name: str) -> tuple[str, ...]:
    """Give a list of texts, which stood at ``name``; halves of letters are replaced."""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise _unfit(name, value, "a list of texts")
    return tuple(map(without_halves, value))


def path(values: Any, name: str) -> str:
    """Give the path at ``name``, which may hold bytes that are no letters."""
    return _path(entry(values, name), name)


def paths(values: Any, name: str) -> tuple[str, ...]:
    """Give the paths of the list at ``name``."""
    value = entry(values, name)
    if not isinstance(value, list):
        raise _unfit(name, value, "a list of paths")
    return tuple(_path(one, name) for one in value)


def one_of(values: Any, name: str, choices: Collection[str]) -> Any:
    """Give the word at ``name``, if it is one of ``choices``."""
    value = entry(values, name)
    if not isinstance(value, str) or value not in choices:
        raise _unfit(name, value, f"one of {', '.join(choices)}")
    return value


def mapping(values: Any, name: str) -> dict[str, Any]:
    """Give the object at ``name``."""
    value = entry(values, name)
    if not isinstance(value, dict):
        raise _unfit(name, value, "an object")
    return value


def listed(values: Any, name: str) -> list[Any]:
    """Give the list at ``name``."""
    value = entry(values, name)
    if not isinstance(value, list):
        raise _unfit(name, value, "a list")
    return value


def is_whole(value: object) -> TypeGuard[int]:
    """Whether a value is a whole number; true and 1.0 are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def finite(value: object) -> float | None:
    """Give a number as a float; None for infinity, for one too large to be a float, and for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:  # a whole number of hundreds of digits
        return None
    return found if math.isfinite(found) else None


def without_halves(words: str) -> str:
    """Replace the halves of letters in a text, which nothing could write."""
    return _HALVES.sub("\N{REPLACEMENT CHARACTER}", words)


def _path(value: Any, name: str) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise _unfit(name, value, "a path")
    try:
        os.fsencode(value)
    except UnicodeEncodeError:
        raise _unfit(name, value, "a path") from None
    return value


def _unfit(name: str, value: object, wanted: str) -> ValueError:
    return ValueError(f"{name} is {_told(value)} and not {wanted}")


def _told(value: object) -> str:
    return reprlib.repr(value)  # short, however large or deep the value is
