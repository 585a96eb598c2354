"""Pictures of one's own on a command line: which files the words mean, and whether they can be read."""

from __future__ import annotations

from collections.abc import Sequence


def pictures_of(words: Sequence[str]) -> list[str]:
    """Give the paths that the words mean; one that a terminal pasted is read as it meant it."""
    from zfexplore.arguments import pasted_paths

    return [path for word in words for path in pasted_paths(word) or (word,)]


def check_readable(paths: Sequence[str]) -> None:
    """Decode each picture, so that one that cannot be read is told before the work; raises ExploreError.

    Prints how those of more than 8 bits are shown.
    """
    from zfexplore.exemplars.seen import open_picture
    from zfexplore.images.depth import BITS
    from zfexplore.images.remarks import depth_line
    from zfexplore.showing import remarks

    deep: dict[int, list[str]] = {}
    for path in paths:
        if (bits := open_picture(path).info.get(BITS)) is not None:
            deep.setdefault(bits, []).append(path)
    if deep:
        remarks().print(depth_line(deep), markup=False, soft_wrap=True)
