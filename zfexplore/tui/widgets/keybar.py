"""The line of keys at the foot of every screen: as many as fit whole, in the order of the table of keys.

It is drawn as one line. Textual's own footer has a widget for each key, which took 0.16 of the 0.70 s to the
first frame, and has to be built anew at every change of focus.
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.reactive import reactive
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

BETWEEN = 2  # cells between two keys


@dataclass(frozen=True)
class Hint:
    """A key: how it is written, what it does in a word, Textual's name for it, and its help."""

    written: str
    label: str
    key: str
    about: str

    @property
    def width(self) -> int:
        """Cells."""
        return cell_len(self.written) + 1 + cell_len(self.label)


class KeyBar(Widget):
    """Shows the bindings of its screen; a click on one presses its key."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES = {"keybar--key"}
    DEFAULT_CSS = """
    KeyBar { dock: bottom; height: 1; background: $footer-background; color: $footer-foreground; }
    KeyBar > .keybar--key { color: $footer-key-foreground; text-style: bold; }
    """

    hints: reactive[tuple[Hint, ...]] = reactive((), init=False)

    def on_mount(self) -> None:
        """Follow the screen's bindings from now on."""
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)
        self._bindings_changed(self.screen)

    def _bindings_changed(self, screen: Screen[object]) -> None:
        """Read the active keys, one for each action. While letters are typed, take only the line's own."""
        typing = screen.focused is not None and screen.focused.check_consume_key("a", "a")
        found: dict[str, Hint] = {}
        for owner, binding, enabled, tooltip in screen.active_bindings.values():
            if binding.show and enabled and (not typing or owner is screen.focused):
                written = self.app.get_key_display(binding)
                found.setdefault(binding.action, Hint(written, binding.description, binding.key, tooltip))
        self.hints = tuple(found.values())

    def places(self) -> list[tuple[int, Hint]]:
        """Give the keys that fit, each with the cell where it begins."""
        x, placed = 1, []
        for hint in self.hints:
            if x + hint.width >= self.size.width:
                break
            placed.append((x, hint))
            x += hint.width + BETWEEN
        return placed

    def render_line(self, y: int) -> Strip:
        """Draw the line."""
        plain, key = self.rich_style, self.get_component_rich_style("keybar--key")
        segments, end = [], 0
        for x, hint in self.places():
            segments += [
                Segment(" " * (x - end), plain),
                Segment(hint.written, key),
                Segment(f" {hint.label}", plain),
            ]
            end = x + hint.width
        return Strip(segments).adjust_cell_length(self.size.width, plain)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Show the help of the key under the mouse."""
        hint = self._at(event.x)
        self.tooltip = hint.about or None if hint else None

    def on_click(self, event: events.Click) -> None:
        """Press the key that was clicked."""
        if (hint := self._at(event.x)) is not None:
            self.app.simulate_key(hint.key)

    def _at(self, x: int) -> Hint | None:
        return next((hint for start, hint in self.places() if start <= x < start + hint.width), None)
