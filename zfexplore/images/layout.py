"""What the subfolders of a set of images mean: classes, parts of a set, or nothing; from paths alone.

Going down from the top, a folder that only wraps another one stands for it. Then:

- The subfolders that hold images are the classes, as in torchvision's ImageFolder. An image beside them
  has no class. One beside a single subfolder, or at least as many as the subfolders hold, mean that there
  are no classes at all.
- Subfolders that are the parts of a set are an error that names them. They are parts **by name** if most
  of them are called after training, validation or test (``train2017``, ``my_val``, ``Training Set``) and
  not all after the same. They are parts **by content** if most of them hold subfolders of the same names,
  at least two, such as ``a/cat a/dog b/cat b/dog``.

By content, names that say nothing about a class do not count: ``img``, ``masks``, ``left``, ``train``, or
a year. So ``cat/train cat/test dog/train dog/test`` are the classes cat and dog, and so are ``cat/img
dog/img``. Folders that are called by a year or a number are never parts by content.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from zfexplore.errors import ExploreError
from zfexplore.images.labels import labels_from
from zfexplore.images.sources import LeftOut

_KINDS = {
    "training": ("train", "training", "trn", "trainval"),
    "validation": ("val", "valid", "validation", "dev", "eval", "evaluation", "holdout", "heldout"),
    "test": ("test", "testing", "tst"),
}
_KIND_OF = {
    word + ending: kind
    for kind, words in _KINDS.items()
    for word in words
    for ending in ("", "set", "data", "images", "split")
}

# Words that may stand beside the name of a part, and say nothing.
_FILLERS = """
a b x y the my our new old full small large final clean set sets data dataset images image imgs img pics
photos pictures split splits part parts fold folder version v of for and
"""

# Names of subfolders that tell a picture's role, not its class.
_ROLES = """
img imgs image images jpg jpeg png raw rgb color colour gray grey depth mask masks label labels annotation
annotations gt groundtruth original originals orig edited crop crops cropped thumb thumbs thumbnail thumbnails
small medium large left right front back side top bottom near far day night indoor indoors outdoor outdoors
good bad other others misc unsorted new old export exports video videos data
"""
_TRIED = 50  # folders that are compared with all others: parts are few, and most of their kind
_DATE = re.compile(r"(19|20)\d\d([-_. ]?\d\d?){0,2}")


@dataclass(frozen=True)
class Layout:
    """The name of each image below the folder, its class's index or None, and the classes.

    ``left_out`` has the rows of a file of labels that gave no image a class.
    """

    names: list[str]
    labels: list[int | None]
    classes: list[str]
    left_out: Sequence[LeftOut] = ()


def arrange(paths: Sequence[str], folder: str, labels: str | os.PathLike[str] | None = None) -> Layout:
    """Read the classes off ``paths``, which are relative to ``folder``, have forward slashes, and are sorted.

    If ``labels`` is given, the classes come from that file, and the subfolders mean nothing. Raises
    ExploreError if the subfolders are parts of a set, or if the file is not as ``labels`` says.
    """
    above = ""  # the folder whose subfolders are looked at
    while True:
        loose, inside = _split(path[len(above) :] for path in paths if path.startswith(above))
        outside = sum(not path.startswith(above) for path in paths)
        if len(inside) != 1 or not _stands_for(len(loose) + outside, *inside.values()):
            break
        above += f"{next(iter(inside))}/"
    names = list(paths) if outside else [path[len(above) :] for path in paths]
    held = sum(map(len, inside.values()))
    if labels is not None:
        given = labels_from(labels, paths)
        return Layout(names, given.labels, given.classes, given.left_out)
    if not inside or ((loose or outside) and (len(inside) < 2 or len(loose) + outside >= held)):
        return Layout(names, [None] * len(names), [])
    _refuse_parts(inside, os.path.join(folder, above))
    number = {name: index for index, name in enumerate(inside)}
    indices = [
        number[path[len(above) :].split("/")[0]]
        if path.startswith(above) and "/" in path[len(above) :]
        else None
        for path in paths
    ]
    return Layout(names, indices, list(inside))


def _split(paths: Iterable[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Give the files at the top, and for each folder there the paths inside it."""
    loose: list[str] = []
    inside: dict[str, list[str]] = {}
    for path in paths:
        first, slash, rest = path.partition("/")
        if slash:
            inside.setdefault(first, []).append(rest)
        else:
            loose.append(first)
    return loose, inside


def _stands_for(strays: int, held: list[str]) -> bool:
    """Tell whether a folder that has no sibling only wraps what it holds; some ``strays`` lie beside it."""
    loose, inside = _split(held)
    if not strays and not loose:
        return True
    return len(inside) > 1 and strays + len(loose) < sum(map(len, inside.values()))


def _refuse_parts(inside: dict[str, list[str]], folder: str) -> None:
    told = "holds the parts {} of a set; give one of them, such as {}"
    parts = _parts_by_name(list(inside))
    if not parts:
        parts = _parts_by_content(inside)
        told += ", or the classes with --labels"
    if parts:
        raise ExploreError(
            f"{folder.rstrip('/')} {told.format(', '.join(parts), os.path.join(folder, parts[0]))}",
            usage=True,
        )


def _parts_by_name(names: Sequence[str]) -> list[str]:
    kinds: dict[str, str] = {}
    beside: dict[str, frozenset[str]] = {}  # what else stands in the name
    for name in names:
        words = re.findall(r"[^\W\d_]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).casefold())
        kind = next((_KIND_OF[word] for word in words if word in _KIND_OF), None)
        if kind is not None:
            kinds[name] = kind
            beside[name] = frozenset(set(words) - _KIND_OF.keys() - set(_FILLERS.split()))
    told = set(beside.values()) - {frozenset()}
    if len(kinds) * 2 <= len(names) or len(set(kinds.values())) < 2 or len(told) > 1:
        return []
    return list(kinds)


def _parts_by_content(inside: dict[str, list[str]]) -> list[str]:
    telling: dict[str, set[str]] = {}  # the names of each folder's subfolders, those that may be classes
    without_meaning = {*_ROLES.split(), *_KIND_OF}
    for name, paths in inside.items():
        below = {path.split("/")[0].casefold() for path in paths if "/" in path}
        below = {one for one in below - without_meaning if not _DATE.fullmatch(one)}
        if len(below) > 1 and not name.isdecimal() and not _DATE.fullmatch(name):
            telling[name] = below
    if len(telling) * 2 <= len(inside):
        return []
    for names in list(telling.values())[:_TRIED]:
        alike = [other for other, others in telling.items() if _same(names, others)]
        if len(alike) > 1 and len(alike) * 2 > len(inside):
            return alike
    return []


def _same(one: set[str], other: set[str]) -> bool:
    """Tell whether two folders hold subfolders of the same names: two or more, and most of the larger's."""
    common = len(one & other)
    return common > 1 and common * 2 > max(len(one), len(other))
