"""Text from elsewhere, made safe to show: what no eye sees, and what a terminal obeys, becomes an escape.

Names of files, tensors, layers and classes, and the reasons of errors may hold anything. In a terminal they
could move the cursor, set the title, turn the line round or look like another name. Inside the program they
stay as they are, and so do they in JSON and CSV. They are made printable where they are written: by
``console.py`` for the command line, by ``tui/widgets`` and ``tui/drawing/unseen.py`` for the explorer, by
``figures/text.py`` for figures, and in the message of every ``ExploreError``. In the names of files that are
written, what is no letter becomes a dash.
"""

from __future__ import annotations

import re

# Control characters (C0, DEL, C1), line and paragraph separators, surrogates, all format characters of
# Unicode 16 (bidirectional overrides and isolates, joiners, tags), and the letters and marks without a shape
# (fillers, variation selectors). A joiner that a script needs becomes an escape too: nobody sees it either.
UNSEEN = re.compile(
    "[\0-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
_WHITE = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def all_seen(text: str) -> bool:
    """Whether a text holds no unseen character. Python's ``isprintable`` alone takes fillers for letters."""
    return text.isprintable() if text.isascii() else UNSEEN.search(text) is None


def printable(text: str) -> str:
    r"""Give ``text`` in one line with an escape for each unseen character: ``\n``, ``\x1b``, ``\u202e``."""
    return text if all_seen(text) else UNSEEN.sub(_escape, text)


def printable_lines(text: str) -> str:
    """Do the same with each line of a text that was broken into lines on purpose."""
    return text if all_seen(text) else "\n".join(map(printable, text.split("\n")))


def printable_json(text: str) -> str:
    r"""Write the same JSON with an escape of its own for each unseen character: ``\u202e``.

    The values stay the same. Line breaks outside strings stay too: inside strings JSON has none.
    """
    if all_seen(text):
        return text
    return "\n".join(UNSEEN.sub(_json_escape, line) for line in text.split("\n"))


def one_cell_each(text: str) -> str:
    """Replace each unseen character by one that takes a cell, where places in the text are counted."""
    return text if all_seen(text) else UNSEEN.sub(_symbol, text)


def file_safe(name: str) -> str:
    """Write a name so that every system takes it as part of a file's name: seen letters, and ``._-``."""
    return "".join(
        letter if (letter.isalnum() and all_seen(letter)) or letter in "._-" else "-" for letter in name
    )


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    code = ord(character)
    if code < 0x100:
        return _WHITE.get(character) or f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x10000:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


def _symbol(found: re.Match[str]) -> str:
    """Give Unicode's own picture of a control character, and else the replacement character."""
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\N{SYMBOL FOR DELETE}" if code == 0x7F else "\N{REPLACEMENT CHARACTER}"
