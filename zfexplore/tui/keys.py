"""Every key of the explorer, one table for each place. Bindings, footer and help are made from these tables.

Each key has an id, by which a user can change it in ``keys.json`` in the configuration folder:
``{"save": "x"}``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from textual.binding import Binding, BindingType


@dataclass(frozen=True)
class Key:
    """One thing a key does: Textual's action for it, and its names in footer and help.

    ``footer`` is how the footer writes the key; a key without it is only in the help. A ``first`` key acts
    before the focused pane is asked. Keys that move the focus need this: the next key may come at once, and
    is meant for the new pane.
    """

    id: str
    keys: str
    action: str
    label: str
    help: str
    footer: str = ""
    first: bool = False


EVERYWHERE = (
    Key("save", "enter,r", "save", "save", "project the channel and save its figure as a PNG", "⏎"),
    Key("save-shown", "s", "save_shown", "save shown", "save what is shown: the channel, and the pinned one"),
    Key("zoom", "z", "zoom", "zoom", "the picture under the cursor, large", "z"),
    Key("swap", "p", "swap", "swap", "projections or patches, where only one fits", "p"),
    Key("help", "question_mark", "help", "help", "this help", "?"),
    Key("quit", "q", "quit", "quit", "leave", "q"),
    Key("layer-down", "left_square_bracket", "layer(-1)", "layer", "the layer below", "[ ]"),
    Key("layer-up", "right_square_bracket", "layer(1)", "layer up", "the layer above"),
    Key("filter", "slash", "filter", "filter", "only some channels: 0-15, dead, class:face, max>20", "/"),
    Key("palette", "colon,ctrl+p", "command_palette", "find", "find a layer, a channel, an action", ":"),
    Key("sort", "greater_than_sign,comma", "sort(1)", "sort", "sort channels by the next column"),
    Key("unsort", "less_than_sign", "sort(-1)", "sort back", "sort channels by the column before"),
    Key("pin", "space", "pin", "pin", "keep the channel in the second grid; again to let go", "␣"),
    Key("box", "b", "box", "box", "whole images with a box around the patch, or patches"),
    Key("picture", "i", "picture", "own picture", "a picture of your own: which channels it excites", "i"),
    Key("occlude", "o", "occlude", "occlude", "what matters in the picture under the cursor: hiding parts"),
    Key("vary", "d", "vary", "move it", "what stays when the picture is shifted, enlarged, turned"),
    Key("feeds", "f", "feeds", "feeds from", "what drives the unit under the cursor, in the layer below"),
    Key("ideal", "a", "ideal", "ideal", "what the channel would like best: a picture made by ascent"),
    Key("company", "c", "company", "synonyms", "the channels of this layer that fire on the same images"),
    Key("back", "backspace", "jump_back", "back", "back to the channel from which you jumped"),
    Key(
        "swap-net", "w", "swap_net", "other net", "the next net (--checkpoint A --checkpoint B), same channel"
    ),
    Key("both-nets", "W", "both_nets", "both nets", "the next net's projections beside this one's, or not"),
    Key("alike", "equals_sign", "alike", "alike", "the next net's channel that answers most like this one"),
    Key("copy", "y", "copy", "copy", "copy the command that makes this channel's figure"),
    Key("mode", "m", "mode", "glyphs", "draw in pixels, octants, sextants, quadrants, half blocks, ASCII"),
    Key("focus-1", "1", "pane('layers')", "layers", "go to the layers", first=True),
    Key("focus-2", "2", "pane('channels')", "channels", "go to the channels", first=True),
    Key("focus-3", "3", "pane('projections')", "projections", "go to the projections", first=True),
    Key("focus-4", "4", "pane('patches')", "patches", "go to the patches", first=True),
    Key("focus-5", "5", "pane('top')", "top", "go to the table of top activations", first=True),
    Key("focus-6", "6", "pane('map')", "map", "go to the map of all channels", first=True),
    Key("next-pane", "tab", "app.focus_next", "next pane", "go to the next pane"),
    Key("previous-pane", "shift+tab", "app.focus_previous", "previous pane", "go to the pane before"),
    Key(
        "interrupt", "ctrl+c", "interrupt", "leave", "leave, after asking once; copy marked text", first=True
    ),
    Key("suspend", "ctrl+z", "suspend_process", "suspend", "to the shell; its fg comes back", first=True),
    Key("cancel", "escape", "cancel", "cancel", "end filtering, or stop what is being computed"),
)

PANES = (
    Key("up", "up,k", "step(-1, 0)", "up", "one up"),
    Key("down", "down,j", "step(1, 0)", "down", "one down"),
    Key("left", "left,h", "step(0, -1)", "left", "the layer below, or one to the left"),
    Key("right", "right,l", "step(0, 1)", "right", "the layer above, or one to the right"),
    Key("page-up", "pageup,ctrl+u", "page(-1)", "page up", "half a page up"),
    Key("page-down", "pagedown,ctrl+d", "page(1)", "page down", "half a page down"),
    Key("first", "home,g", "edge(-1)", "first", "to the first"),
    Key("last", "end,G", "edge(1)", "last", "to the last"),
)

FILTER = (
    Key("filter-done", "enter", "submit", "to the channels", "to the channels that are left", "⏎"),
    Key("filter-end", "escape", "app.cancel", "all channels", "show all channels again", "esc"),
)

LARGE = (
    Key("zoom-back", "left,h,up,k", "walk(-1)", "back", "the picture before", "←"),
    Key("zoom-on", "right,l,down,j", "walk(1)", "on", "the next picture", "→"),
    Key("zoom-box", "b", "box", "box", "the whole image with its box, or the patch", "b"),
    Key("zoom-other", "p", "other", "swap", "projection or patch, where only one fits", "p"),
    Key("zoom-save", "s", "app.save_shown", "save", "save this unit's figure as a PNG", "s"),
    Key("zoom-copy", "y", "app.copy", "copy", "copy the command that makes this channel's figure"),
    Key("zoom-help", "question_mark", "app.help", "help", "this help", "?"),
    Key("zoom-close", "escape,z,q,enter", "close", "close", "back to the panes", "esc"),
)

FOLLOWING = (
    Key(
        "weights-before",
        "left_parenthesis",
        "snapshot(-1)",
        "earlier",
        "the weights kept before these",
        "( )",
    ),
    Key("weights-after", "right_parenthesis", "snapshot(1)", "later", "the weights kept after these"),
    Key(
        "weights-first", "left_curly_bracket", "snapshot_edge(-1)", "first weights", "the first weights kept"
    ),
    Key("weights-newest", "right_curly_bracket", "snapshot_edge(1)", "newest", "the newest, and go on", "}"),
)

PICTURE = (
    Key("own-save", "enter,s", "save", "save", "save the unit's figure on your picture, as a PNG", "⏎"),
    Key("own-go", "t", "go", "to panes", "show the channel under the cursor in the panes", "t"),
    Key("own-class", "c", "predicted", "class", "to the most probable class; again: to the next", "c"),
    Key("own-feeds", "f", "study('feeds')", "feeds", "what drives the channel on this picture", "f"),
    Key("own-occlude", "o", "study('occlude')", "occlude", "what matters to the channel in it", "o"),
    Key("own-vary", "d", "study('vary')", "move it", "what stays when it is shifted, enlarged, turned"),
    Key("own-layers", "l", "layers", "layer", "one layer's channels, chosen from a list", "l", first=True),
    Key("own-watch", "v", "watch", "watch", "follow the newest picture of a file or folder, or end it", "v"),
    Key("own-path", "i,slash,tab", "path", "path", "another picture: to its path", "i"),
    Key("own-box", "b", "box", "box", "whole images with a box, or what the unit saw of them"),
    Key("own-other", "p", "other", "swap", "the list or the pictures, where only one fits", "p"),
    Key("own-layer-down", "left_square_bracket", "layer(-1)", "layer below", "the layer below, or all"),
    Key("own-layer-up", "right_square_bracket", "layer(1)", "layer above", "the layer above, or all"),
    Key("own-help", "question_mark", "help", "help", "this help, and what the columns say", "?"),
    Key("own-close", "escape,q", "close", "close", "end watching; then back to the panes", "esc"),
)

PATH = (
    Key("path-take", "enter", "submit", "look", "look at this picture, into this folder; or watch it", "⏎"),
    Key("path-complete", "tab", "screen.complete", "complete", "complete as far as it is certain", "tab"),
    Key("path-list", "down", "screen.list", "list", "from the path into the list", "↓"),
    Key("path-close", "escape", "screen.close", "close", "back to the panes, or to what is watched", "esc"),
)

OCCLUSION = (
    Key("occlusion-up", "up,k", "move(-1, 0)", "up", "one place up"),
    Key("occlusion-down", "down,j", "move(1, 0)", "down", "one place down"),
    Key("occlusion-left", "left,h", "move(0, -1)", "left", "one place to the left"),
    Key("occlusion-right", "right,l", "move(0, 1)", "right", "one place to the right"),
    Key("occlusion-weakest", "g,home", "weakest", "weakest", "to the place that the channel needs most", "g"),
    Key("occlusion-other", "p", "other", "map", "response, probability, class, where only one fits", "p"),
    Key("occlusion-save", "s", "save", "save", "save the maps known so far as a PNG, with a table", "s"),
    Key("occlusion-help", "question_mark", "help", "help", "this help", "?"),
    Key("occlusion-close", "escape,q", "close", "stop, close", "stop what is computed, then close", "esc"),
)

VARIED = (
    Key("varied-back", "left,h", "walk(-1)", "back", "one step back", "←"),
    Key("varied-on", "right,l", "walk(1)", "on", "one step on", "→"),
    Key("varied-before", "up,k", "kind(-1)", "move", "the kind of move before", "↑"),
    Key("varied-next", "down,j", "kind(1)", "move", "the next kind of move: shifted, enlarged, turned", "↓"),
    Key("varied-still", "g,home", "still", "as it is", "to the picture as it is", "g"),
    Key("varied-other", "p", "other", "swap", "the picture or the lines, where only one fits", "p"),
    Key("varied-save", "s,enter", "save", "save", "save the lines of all moves as a PNG, with a table", "s"),
    Key("varied-help", "question_mark", "help", "help", "this help", "?"),
    Key("varied-close", "escape,q,d", "close", "close", "back, giving up what is not computed", "esc"),
)

FEEDS = (
    Key("feeds-dive", "enter", "dive", "dive", "what drives the channel under the cursor in turn", "⏎"),
    Key("feeds-back", "backspace", "back", "back", "back up to the unit it drives", "bksp"),
    Key("feeds-zoom", "z", "zoom", "zoom", "the projection of the channel under the cursor, large", "z"),
    Key("feeds-go", "t", "go", "to panes", "show the channel under the cursor in the panes", "t"),
    Key("feeds-help", "question_mark", "help", "help", "this help", "?"),
    Key("feeds-close", "escape,q,f", "close", "close", "back to the panes", "esc"),
)

IDEAL = (
    Key("ideal-save", "enter,s", "save", "save", "save the pictures as one PNG, with their table", "⏎"),
    Key("ideal-before", "left,h,up,k", "walk(-1)", "before", "the picture made from the start before", "←"),
    Key("ideal-after", "right,l,down,j", "walk(1)", "after", "the picture made from the next start", "→"),
    Key("ideal-other", "p", "other", "swap", "ideal, projection, patch, where only one fits", "p"),
    Key("ideal-help", "question_mark", "help", "help", "this help", "?"),
    Key(
        "ideal-close",
        "escape,q,a",
        "close",
        "close",
        "back to the panes, giving up what is not made",
        "esc",
    ),
)

COMPANY = (
    Key("company-go", "enter,t", "go", "to panes", "show the channel under the cursor in the panes", "⏎"),
    Key("company-help", "question_mark", "help", "help", "this help, and what the columns say", "?"),
    Key("company-close", "escape,q,c", "close", "close", "back to the panes", "esc"),
)

# The keys that matter most in each pane, by id: the help lists them under the pane's name.
CONCERNS = {
    "layers": ("layer-down", "layer-up"),
    "channels": (
        "save",
        "filter",
        "sort",
        "unsort",
        "pin",
        "swap-net",
        "alike",
        "ideal",
        "company",
        "copy",
        "layer-down",
        "layer-up",
    ),
    "projections": ("zoom", "save-shown", "pin", "both-nets", "swap", "mode", "occlude", "vary", "feeds"),
    "patches": ("zoom", "box", "save-shown", "swap", "mode", "occlude", "vary"),
    "top": ("zoom", "occlude", "vary", "feeds", "save-shown"),
    "map": ("save", "sort", "layer-down", "layer-up"),
}

OF_SEVERAL_NETS = ("swap-net", "both-nets", "alike")  # keys by id, which rest where there is one net

PLACES = {"top": "top activations"}  # panes whose name is not their id

NAMES = {  # of keys that Textual names otherwise than keyboards do
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "question_mark": "?",
    "slash": "/",
    "greater_than_sign": ">",
    "less_than_sign": "<",
    "comma": ",",
    "left_parenthesis": "(",
    "right_parenthesis": ")",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "colon": ":",
    "equals_sign": "=",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "escape": "esc",
}

FOLLOWED = "while following a training"

TABLES = {
    "in a pane": PANES,
    "everywhere": EVERYWHERE,
    FOLLOWED: FOLLOWING,
    "while filtering": FILTER,
    "in the large view": LARGE,
    "on a picture of your own": PICTURE,
    "while typing a path": PATH,
    "on an occlusion": OCCLUSION,
    "on a moved picture": VARIED,
    "on feeds": FEEDS,
    "on an ideal picture": IDEAL,
    "on synonyms": COMPANY,
}


def tables_from(place: str) -> dict[str, tuple[Key, ...]]:
    """Give the tables of the keys that act at ``place``, a pane's id or a table's title, by their titles."""
    if place not in CONCERNS:
        titles = (place,) if place in TABLES else ("in a pane", "everywhere", FOLLOWED)
        return {title: TABLES[title] for title in titles}
    concerns = {key.id: key for key in EVERYWHERE if key.id in CONCERNS[place]}
    here = tuple(concerns[id] for id in CONCERNS[place])
    rest = tuple(key for key in EVERYWHERE if key.id not in concerns)
    return {f"in the {PLACES.get(place, place)}": here + PANES, "everywhere": rest, FOLLOWED: FOLLOWING}


def written(keys: str) -> str:
    """Write a binding's keys as the keyboard shows them: ``greater_than_sign,comma`` is ``> ,``."""
    return " ".join(NAMES.get(name, name) for name in keys.split(","))


def bindings(table: Iterable[Key]) -> list[BindingType]:
    """Make Textual's bindings from a table of keys."""
    return [
        Binding(
            key.keys,
            key.action,
            key.label,
            show=bool(key.footer),
            key_display=key.footer or None,
            id=key.id,
            tooltip=key.help,
            priority=key.first,
        )
        for key in table
    ]
