"""Where rich writes: a console that lets no control character through that comes from a text.

Every command, and every table that prints itself, writes through it. So names need no care where they are
put into a line or a table.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from zfexplore.printable import all_seen, printable, printable_lines


class PrintableConsole(Console):
    """A console whose texts are made printable; only what rich itself writes controls the terminal.

    A text that is printed is one line: a line break in it comes from a name. In tables and other renderables
    line breaks stay. ``:name:`` is no emoji, since names of files may have colons.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, emoji=False, **options)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as rich does, each text as one line."""
        shown = [printable(each) if isinstance(each, str) else each for each in objects]
        super().print(*shown, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Make a text of a cell or a title printable before its width is measured."""
        return super().render_str(printable_lines(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Make all else printable that is no control of rich's own, such as a ``Text``."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text == "\n" or all_seen(segment.text):
                yield segment
            else:
                yield Segment(printable_lines(segment.text), segment.style)
