"""Every key of the explorer in one table; bindings, footer and help are made from it.

Each has an id, so that a user can give it other keys in ``keys.json`` beside the cache
(``{"save": "w"}``); ``places`` says where it works.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textual.binding import Binding, BindingType

Place = Literal["everywhere", "list", "pictures", "zoom"]


@dataclass(frozen=True)
class Key:
    """One thing a key does: its action in Textual's terms, and how the footer and the help call it."""

    id: str
    keys: str
    action: str
    label: str
    help: str
    place: Place = "everywhere"
    footer: bool = False
    shown_as: str | None = None


KEYS = (
    Key(
        "save",
        "enter,r",
        "save",
        "save",
        "project the channel and save its figure as a PNG",
        footer=True,
        shown_as="⏎",
    ),
    Key("swap", "p", "swap", "swap", "swap projections and patches (where only one fits)", footer=True),
    Key(
        "layer-down",
        "left_square_bracket",
        "layer(-1)",
        "layer",
        "the layer below",
        footer=True,
        shown_as="[ ]",
    ),
    Key("layer-up", "right_square_bracket", "layer(1)", "layer up", "the layer above", shown_as="]"),
    Key("mode", "m", "mode", "glyphs", "other glyphs: half blocks, sextants, ASCII, quadrants", footer=True),
    Key("help", "question_mark", "help", "help", "this help", footer=True, shown_as="?"),
    Key("quit", "q", "quit", "quit", "leave", footer=True),
    Key("focus-1", "1", "pane('layers')", "layers", "go to the layers"),
    Key("focus-2", "2", "pane('channels')", "channels", "go to the channels"),
    Key("focus-3", "3", "pane('projections')", "projections", "go to the projections"),
    Key("focus-4", "4", "pane('patches')", "patches", "go to the patches"),
    Key("focus-5", "5", "pane('top')", "top", "go to the table of top activations"),
    Key("next-pane", "tab", "app.focus_next", "next pane", "go to the next pane"),
    Key("previous-pane", "shift+tab", "app.focus_previous", "previous pane", "go to the pane before"),
    Key("cancel", "escape", "cancel", "cancel", "stop what is being computed"),
    Key("up", "up,k", "step(-1, 0)", "up", "one up", place="list"),
    Key("down", "down,j", "step(1, 0)", "down", "one down", place="list"),
    Key("left", "left,h", "step(0, -1)", "left", "the layer below, or one to the left", place="list"),
    Key("right", "right,l", "step(0, 1)", "right", "the layer above, or one to the right", place="list"),
    Key("page-up", "pageup,ctrl+u", "page(-1)", "page up", "half a page up", place="list"),
    Key("page-down", "pagedown,ctrl+d", "page(1)", "page down", "half a page down", place="list"),
    Key("first", "home,g", "edge(-1)", "first", "to the first", place="list"),
    Key("last", "end,G", "edge(1)", "last", "to the last", place="list"),
)


def bindings(*places: Place) -> list[BindingType]:
    """Give Textual's bindings of the keys that work in ``places``."""
    return [
        Binding(
            key.keys,
            key.action,
            key.label,
            show=key.footer,
            key_display=key.shown_as,
            id=key.id,
            tooltip=key.help,
        )
        for key in KEYS
        if key.place in places
    ]
