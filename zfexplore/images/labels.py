"""Classes from a file instead of from folders: a table (name, label), or lines ``path index``.

A table has commas, semicolons or tabs between its columns, with a header or without one. Without a header
it has two columns. Lines are those of torchvision's and ImageNet's lists (train.txt, val.txt): the label,
mostly a number, is the last word, and stands for itself. JSON, as COCO has it, is not read.

A row names an image by its path, or by as much of the path's end as only one image has, with or without
the suffix. A row's path may also be longer than the image's, as in a list that was made elsewhere.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from unicodedata import normalize

from zfexplore.errors import ExploreError
from zfexplore.files import expanded
from zfexplore.images.formats import suffixes_read
from zfexplore.images.naming import natural_key
from zfexplore.images.sources import LeftOut
from zfexplore.opening import read_text

# Headings of the two columns, without blanks, dashes and underscores.
_NAME_HEADINGS = """
name file filename path filepath image images img id imageid photo picture key imagename imagepath imagefile
imgname imgpath imgid fileid uri
"""
_LABEL_HEADINGS = """
label labels class classes classname category categories target breed species labelname classid labelid
categoryid tag type y classlabel
"""
_LOOKED_AT = 20  # lines that tell how the file is written


@dataclass(frozen=True)
class Labels:
    """Each image's class's index or None, the classes, and the rows that gave no image a class."""

    labels: list[int | None]
    classes: list[str]
    left_out: list[LeftOut]


def labels_from(file: str | os.PathLike[str], names: Sequence[str]) -> Labels:
    """Give the classes that ``file`` gives the images called ``names``.

    An image without a row has no class, nor has one on which rows disagree. Raises ExploreError if the file
    cannot be read, is not of these forms, or names none of the images.
    """
    title = Path(file).name
    rows, left_out = _rows(expanded(file), title)
    index_of = _Index(names)
    given: dict[int, str] = {}
    torn: set[int] = set()
    for name, label in rows:
        found = index_of(name)
        if len(found) != 1:
            told = "fits several images" if found else "fits no image"
            left_out.append(LeftOut(name, f"this row of {title} {told}"))
        elif given.setdefault(found[0], label) != label:
            torn.add(found[0])
    if not given:
        first = rows[0][0] if rows else "none"
        raise ExploreError(
            f"{file} names none of the {len(names):,} images: its first name is {first!r}, "
            f"the first image {names[0]!r}",
            usage=True,
        )
    left_out += [LeftOut(names[one], f"rows of {title} disagree on its class") for one in sorted(torn)]
    kept = {index: label for index, label in given.items() if index not in torn}
    classes = sorted(set(kept.values()), key=natural_key)
    number = {label: index for index, label in enumerate(classes)}
    labels = [number[kept[index]] if index in kept else None for index in range(len(names))]
    return Labels(labels, classes, left_out)


class _Index:
    """Finds images by a row's name."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = [normalize("NFC", name) for name in names]  # macOS takes accents off their letters
        self._by_name = {name: index for index, name in enumerate(self._names)}

    @cached_property
    def _by_end(self) -> dict[str, list[int]]:
        """Images by name and by folder/name, without suffix; those in no folder by /name too."""
        found: dict[str, list[int]] = {}
        for index, name in enumerate(self._names):
            parts = name.split("/")
            for end in _ends(parts if len(parts) > 1 else ["", name]):
                found.setdefault(end, []).append(index)
        return found

    def __call__(self, name: str) -> list[int]:
        """Give the images that a name fits, at most two."""
        wanted = normalize("NFC", name).replace("\\", "/").removeprefix("./").split("/")
        for start in range(len(wanted)):
            if (index := self._by_name.get("/".join(wanted[start:]))) is not None:
                return [index]
        with_suffix = _stem(wanted[-1]) != wanted[-1]
        found: list[int] = []
        ends = _ends(wanted)
        fitting = self._by_end.get(ends[-1], [])
        if len(wanted) > 1 and wanted[-2]:
            fitting = fitting + self._by_end.get(f"/{ends[0]}", [])
        for index in fitting:
            *folders, base = self._names[index].split("/")
            parts = [*folders, base if with_suffix else _stem(base)]
            shorter = min(len(parts), len(wanted))
            if parts[-shorter:] == wanted[-shorter:]:
                found.append(index)
                if len(found) > 1:
                    break
        return found


def _ends(parts: Sequence[str]) -> list[str]:
    """Give the last part of a path, and the last two if there are two, without the suffix."""
    stem = _stem(parts[-1])
    return [stem, f"{parts[-2]}/{stem}"] if len(parts) > 1 else [stem]


def _stem(base: str) -> str:
    """Give a name without its suffix, if that is a picture's."""
    stem, suffix = os.path.splitext(base)
    return stem if suffix.lower() in suffixes_read() else base


def _rows(path: Path, title: str) -> tuple[list[tuple[str, str]], list[LeftOut]]:
    """Give (name, label) of every row, and the rows that are not of this form."""
    lines = _lines(path)
    separator = next((one for one in "\t,;" if all(one in line for line in lines[:_LOOKED_AT])), None)
    if separator is None:
        cells: Iterable[list[str]] = (line.rsplit(None, 1) for line in lines)
        name_at, label_at = 0, 1
    else:
        try:
            table = list(csv.reader(lines, delimiter=separator, skipinitialspace=True))
        except csv.Error as error:
            raise ExploreError(
                f"{path} is no table: {error}; write a table name,label with short cells", usage=True
            ) from error
        name_at, label_at, headed = _columns(table[0], path)
        cells = table[1:] if headed else table
    rows, left_out = [], []
    for row in cells:
        if len(row) > max(name_at, label_at) and row[name_at].strip() and row[label_at].strip():
            rows.append((row[name_at].strip(), row[label_at].strip()))
        else:
            told = " ".join(row)[:80]
            left_out.append(LeftOut(told, f"this row of {title} is not a name and a label"))
    return rows, left_out


def _lines(path: Path) -> list[str]:
    if path.suffix.lower() in (".json", ".jsonl"):
        raise ExploreError(
            f"{path}: labels in JSON are not read; write them as a table name,label", usage=True
        )
    try:
        text = read_text(path, "utf-8-sig")
    except OSError as error:
        raise ExploreError(
            f"cannot read {path}: {(error.strerror or 'unreadable').lower()}", usage=True
        ) from error
    except UnicodeDecodeError as error:
        raise ExploreError(
            f"{path} is not text in UTF-8: save it as a table name,label", usage=True
        ) from error
    lines = [line for line in re.split(r"[\r\n]+", text) if line.strip()]
    if not lines or "\0" in text:
        raise ExploreError(f"{path} has no rows: write a table name,label, or lines `path index`", usage=True)
    return lines


def _columns(first: list[str], path: Path) -> tuple[int, int, bool]:
    """Give the columns of name and label, and whether the first row is a header."""
    headings = [re.sub(r"[\s_.-]", "", cell.casefold()) for cell in first]
    name_at = next((index for index, text in enumerate(headings) if text in _NAME_HEADINGS.split()), None)
    label_at = next((index for index, text in enumerate(headings) if text in _LABEL_HEADINGS.split()), None)
    if name_at is not None and label_at is None and len(first) == 2:
        label_at = 1 - name_at
    if name_at is not None and label_at is not None:
        return name_at, label_at, True
    if len(first) != 2:
        columns = ", ".join(first[:6])
        raise ExploreError(
            f"{path} has {len(first)} columns ({columns}): call two of them name and label in the first row",
            usage=True,
        )
    return 0, 1, False
