"""Names made printable, and cut to the width of a column so that what tells them apart stays.

Names of files mostly share their beginning (a folder) and their end (a suffix). What differs lies between.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from zfexplore.printable import printable

CUT = "…"
LEAST = 3  # letters that a cut must save to be worth its mark


def without_what_they_share(names: Sequence[str], room: int) -> list[str]:
    """Give the names; from those longer than ``room`` what all share is cut, in front first, then at the end.

    A name that is still too long loses more of its front: the ends of files' names are their numbers.
    """
    names = list(map(printable, names))
    longest = max(map(len, names), default=0)
    if longest <= room:
        return names
    different = sorted(set(names))
    front = _shared(different) if len(different) > 1 else 0
    back = _shared([name[front:][::-1] for name in different]) if len(different) > 1 else 0
    cut = []
    for name in names:
        text = name
        if len(text) > room and front >= LEAST:
            text = CUT + name[front:]
        if len(text) > room and back >= LEAST:
            text = text[: len(text) - back] + CUT
        cut.append(text if len(text) <= room else _end(text, room))
    return cut


@lru_cache(maxsize=64)
def told_apart(names: tuple[str, ...], room: int) -> dict[str, str]:
    """Give each name in at most ``room`` letters: its beginning; also its end where beginnings are alike."""
    shown = {name: printable(name) for name in set(names)}
    beginnings = Counter(text[: max(room - 1, 0)] for text in shown.values() if len(text) > room)
    short = {}
    for name, text in shown.items():
        if len(text) <= room:
            short[name] = text
        elif beginnings[text[: max(room - 1, 0)]] > 1 and room > 4:
            back = room // 2
            short[name] = text[: room - 1 - back] + CUT + text[-back:]
        else:
            short[name] = text[: max(room - 1, 0)] + CUT
    return short


def _end(text: str, room: int) -> str:
    return CUT + text[len(text) - room + 1 :] if room > 1 else text[:room]


def _shared(names: Sequence[str]) -> int:
    return len(os.path.commonprefix(list(names)))
