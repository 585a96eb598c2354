"""Lines that say something, letter by letter: nothing in them is markup, and nothing in them is unseen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual.widgets import Static

from zfexplore.printable import printable


class Told(Static):
    """A ``Static`` for texts with names in them: a text is one line, and several lines are a list."""

    def __init__(self, told: str | Sequence[str] = "", *, id: str | None = None) -> None:
        super().__init__(_lines(told), id=id, markup=False)

    def update(self, content: Any = "", *, layout: bool = True) -> None:
        """Show another text, or other lines."""
        super().update(_lines(content), layout=layout)


def _lines(told: str | Sequence[str]) -> str:
    return "\n".join(map(printable, [told] if isinstance(told, str) else told))
