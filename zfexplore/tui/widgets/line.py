"""A line to type in, which takes keys in the order in which they were typed, and shows what is unseen."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.widgets import Input

from zfexplore.printable import one_cell_each


class Line(Input):
    """An ``Input`` that keeps the order of keys that come in one burst.

    Textual inserts a character in ``Input._on_key``, but runs a key's binding only after the event has
    bubbled through all parents to ``App._on_key``. If ``ctrl+u`` and ``abc`` came in one burst, as from
    tmux, expect or a slow connection, ``abc`` was inserted first and then deleted. Backspace and the arrows
    were late too.

    A path that was completed or pasted may hold control characters: its line shows a symbol in the place of
    each, in one cell, and the path stays as it is.
    """

    @property
    def _value(self) -> Text:
        return Text(one_cell_each(self.value), no_wrap=True, overflow="ignore", end="")

    def _position_to_cell(self, position: int) -> int:
        return cell_len(one_cell_each(self.value[:position]))

    async def on_key(self, event: events.Key) -> None:
        """Run the line's own bindings at once; other keys go on to their owners."""
        if event.is_printable:
            return
        bound = self.screen.active_bindings.get(event.key)
        if bound is None or bound.node is not self or not bound.enabled:
            return
        # An action may decline, as scrolling does if there is nothing to scroll: then others are asked.
        if await self.app.run_action(bound.binding.action, self):
            event.stop()
            event.prevent_default()
