"""The classes of images in shards: from what stands beside each, and a file of names beside the shards.

``classes.txt`` has a name a line, that of class 0 first. ``classes.json`` has a list of names, names by
number (``{"0": "tench"}``, or ``["n01440764", "tench"]`` in place of the name, the last of which counts), or
numbers by name. Without such a file a class is called as it is written beside its images.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zfexplore.errors import ExploreError
from zfexplore.images.naming import natural_key
from zfexplore.opening import read_text
from zfexplore.plain import UNFIT, parse

MOST = 1_000_000  # classes
FILES = ("classes.txt", "classes.json")


@dataclass(frozen=True)
class Classes:
    """Each image's class's index or None, the classes, and by number of the image why it has none."""

    labels: list[int | None]
    classes: list[str]
    without: dict[int, str]


def names_beside(folder: Path) -> tuple[str, list[str]] | None:
    """Give the file of class names in a folder, and the names; None if there is none.

    Raises ExploreError if it cannot be read, or if there are two.
    """
    here = [folder / name for name in FILES if (folder / name).exists()]
    if not here:
        return None
    if len(here) > 1:
        raise ExploreError(f"{here[0]} and {FILES[1]} both name the classes: keep one", usage=True)
    (path,) = here
    try:
        text = read_text(path, "utf-8-sig")
        names = _of_lines(text) if path.name == FILES[0] else _of_json(parse(text))
        if not 0 < len(names) <= MOST:
            raise ValueError("no names")
    except OSError as error:
        raise ExploreError(
            f"cannot read {path}: {(error.strerror or 'unreadable').lower()}", usage=True
        ) from error
    except UNFIT as error:
        form = "a name a line" if path.name == FILES[0] else "a list of names, or names by number"
        raise ExploreError(f"{path} does not name the classes: write {form}, in UTF-8", usage=True) from error
    return path.name, _apart(names)


def classes_of(
    labels: Sequence[str | None], captions: Sequence[str | None], named: tuple[str, list[str]] | None
) -> Classes:
    """Give the classes of images from the texts beside them; all is None where no text tells a class.

    ``named`` is what ``names_beside`` gave. A caption counts where an image has no label, and only if it is
    a number, or a name of the file.
    """
    known = {} if named is None else {name: place for place, name in enumerate(named[1])}
    texts = [
        caption if label is None and caption is not None and _tells(caption, known) else label
        for label, caption in zip(labels, captions, strict=True)
    ]
    if named is None:
        classes = sorted({text for text in texts if text is not None}, key=natural_key)
        number = {name: index for index, name in enumerate(classes)}
        return Classes([None if text is None else number[text] for text in texts], classes, {})
    file, classes = named
    found: list[int | None] = []
    without: dict[int, str] = {}
    for index, text in enumerate(texts):
        place = None if text is None else known.get(text, _number(text, len(classes)))
        if text is not None and place is None:
            without[index] = f"its class {text} is not among the {len(classes):,} of {file}"
        found.append(place)
    if all(place is None for place in found):
        return Classes(found, [], without)
    return Classes(found, list(classes), without)


def _tells(caption: str, known: Mapping[str, int]) -> bool:
    """Whether a caption is a class: a name that is known, or a number."""
    return caption in known or (caption.isascii() and caption.isdecimal())


def _number(text: str, count: int) -> int | None:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        return None
    return int(text) if int(text) < count else None


def _of_lines(text: str) -> list[str]:
    names = [line.strip() for line in text.rstrip().splitlines()]
    return _checked(names)


def _of_json(values: Any) -> list[str]:
    if isinstance(values, dict):
        if all(type(value) is int for value in values.values()):
            values = {str(number): name for name, number in values.items()}
        by_number = {int(number): name for number, name in values.items()}
        if len(by_number) != len(values) or min(by_number) < 0 or max(by_number) >= MOST:
            raise ValueError("two names of one number, or no number")
        values = [by_number.get(number, str(number)) for number in range(max(by_number) + 1)]
    if not isinstance(values, list):
        raise ValueError("no list")
    return _checked([value[-1] if isinstance(value, list) else value for value in values])


def _checked(names: list[Any]) -> list[str]:
    if not all(isinstance(name, str) and name and name.isprintable() for name in names):
        raise ValueError("a class without a name")
    return names


def _apart(names: list[str]) -> list[str]:
    """Tell namesakes apart by their numbers: ImageNet has two cranes, a bird and a machine."""
    count = Counter(names)
    return [f"{name} ({number})" if count[name] > 1 else name for number, name in enumerate(names)]
