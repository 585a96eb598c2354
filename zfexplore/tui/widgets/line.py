"""A line to type in, which takes its keys in the order they were typed."""

from __future__ import annotations

from textual import events
from textual.widgets import Input


class Line(Input):
    """An ``Input`` that does not lose what comes in one burst with a key that edits.

    Textual inserts a character in ``Input._on_key``, but a key's binding is run only once the event has
    bubbled through all parents to ``App._on_key``. Of ``ctrl+u`` and ``abc`` in one burst, as tmux, expect
    or a slow connection send them, ``abc`` came first and was deleted; so with backspace and the arrows.
    """

    async def on_key(self, event: events.Key) -> None:
        """Run the line's own bindings at once; what belongs to others goes on to them."""
        if event.is_printable:
            return
        bound = self.screen.active_bindings.get(event.key)
        if bound is None or bound.node is not self or not bound.enabled:
            return
        # An action may decline, as scrolling does where there is nothing to scroll: then others are asked.
        if await self.app.run_action(bound.binding.action, self):
            event.stop()
            event.prevent_default()
