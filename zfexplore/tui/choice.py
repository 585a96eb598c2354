"""Which channels a list shows, and in which order: the filter typed after ``/``, and the sorted column.

A filter is made of words, and a channel must pass them all. A word is a number or range (``130``,
``0-15``), ``dead`` or ``alive``, part of the name of the channel's class or best class
(``class:sunflower``), or a column compared with a number (``max>20``, ``fires<5``, ``mean>=1``,
``sel>0.5``, ``rarity>0.9``, ``striking>0.5``). ``fires`` is in percent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from zfexplore.errors import ExploreError
from zfexplore.tui.messages import StageStatistics

_COMPARISON = re.compile(r"(?P<column>[a-z]+)(?P<sign><=|>=|<|>)(?P<number>-?\d+(\.\d*)?|-?\.\d+)")
_OPEN_RANGE = re.compile(r"\d{1,6}-")
_RANGE = re.compile(r"(?P<first>\d{1,6})(-(?P<last>\d{1,6}))?")

COMPARED = ("max", "fires", "mean", "sel", "rarity", "striking")
SORTS = ("ch", "max", "fires", "mean", "sel", "best class", "striking")

Test = Callable[[int], bool]


def choose(
    channels: int, known: StageStatistics | None, text: str = "", sort: str = "ch", *,
    falling: bool = True, names: Sequence[str] = (),
) -> tuple[int, ...]:  # fmt: skip
    """Give the channels that pass the filter ``text``, sorted by a column (numbers from the highest).

    Raises ExploreError (usage) for a word that cannot be read. Values that are not known yet pass no
    comparison, and a column without values leaves the order as it is. ``names`` are the channels' own
    names, where they stand for classes.
    """
    tests = [_test(word, known, names) for word in text.lower().split()]
    kept = [channel for channel in range(channels) if all(test(channel) for test in tests)]
    values = column(known, sort)
    if sort == "ch" or not len(values):
        return tuple(kept)
    return tuple(sorted(kept, key=lambda channel: values[channel], reverse=falling and sort != "best class"))


def unfinished(text: str) -> bool:
    """Tell whether the last word may be the start of one that can be read: ``cla``, ``max>-``, ``0-``."""
    word = text.lower().rpartition(" ")[2]
    if _OPEN_RANGE.fullmatch(word):
        return True
    wholes = ["dead", "alive", "class:", *(f"{name}{sign}=-" for name in COMPARED for sign in "<>")]
    wholes += [whole.replace("=", "") for whole in wholes]
    return any(whole.startswith(word) for whole in wholes)


def column(known: StageStatistics | None, name: str) -> Sequence[float] | Sequence[str]:
    """Give a column's values, one a channel; empty if they are not known."""
    if known is None:
        return ()
    if name == "fires":
        return [100 * share for share in known.firing]
    columns: dict[str, Sequence[float] | Sequence[str]] = {
        "max": known.maximum,
        "mean": known.mean,
        "sel": known.selectivity,
        "rarity": known.rarity,
        "striking": known.striking,
        "best class": [name.lower() for name in known.best_class],
    }
    return columns.get(name, ())


def _test(word: str, known: StageStatistics | None, names: Sequence[str]) -> Test:
    if word in ("dead", "alive"):
        maximum = known.maximum if known else ()
        return lambda channel: channel < len(maximum) and (maximum[channel] <= 0) is (word == "dead")
    if word.startswith("class:"):
        columns = (known.best_class if known else (), names)
        return lambda channel: any(
            channel < len(column) and word[6:] in column[channel].lower() for column in columns
        )
    if match := _RANGE.fullmatch(word):
        first, last = int(match["first"]), int(match["last"] or match["first"])
        return lambda channel: first <= channel <= last
    if match := _COMPARISON.fullmatch(word):
        return _comparison(match["column"], match["sign"], float(match["number"]), known)
    raise ExploreError(
        f"{word!r} is no filter: write a number, 0-15, dead, alive, class:name or max>20", usage=True
    )


def _comparison(name: str, sign: str, number: float, known: StageStatistics | None) -> Test:
    if name not in COMPARED:
        raise ExploreError(f"there is no column {name!r}: there are {', '.join(COMPARED)}", usage=True)
    values = column(known, name)

    def test(channel: int) -> bool:
        if channel >= len(values):
            return False
        value = float(values[channel])
        return {"<": value < number, ">": value > number, "<=": value <= number, ">=": value >= number}[sign]

    return test
