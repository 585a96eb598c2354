"""Kitty's graphics with Unicode placeholders: images told to the terminal once, then placed as text.

An image is sent as PNG with a number of 24 bits, in pieces, together with a virtual placement: so many
columns and rows. From then on the character U+10EEEE stands for one cell of it. Two combining characters
say which row and column, and the foreground colour is the image's number. So a picture is text like any
other: it may be drawn in part, covered and moved, also by a program between, such as tmux.

The protocol: https://sw.kovidgoyal.net/kitty/graphics-protocol (kitty 0.28, Ghostty 1.0). ``q=2`` keeps the
terminal from answering.
"""

from __future__ import annotations

from base64 import standard_b64encode
from collections.abc import Iterator
from functools import lru_cache

PLACEHOLDER = "\U0010eeee"
PIECE = 4096  # characters of an image in one escape: the most that the protocol allows

# Combining characters that stand for 0, 1, 2 ...: the first of kitty's list. Tiles have no more columns.
NUMBERS = (
    "\u0305\u030d\u030e\u0310\u0312\u033d\u033e\u033f\u0346\u034a\u034b\u034c\u0350\u0351\u0352\u0357\u035b"
    "\u0363\u0364\u0365\u0366\u0367\u0368\u0369\u036a\u036b\u036c\u036d\u036e\u036f\u0483\u0484\u0485\u0486"
    "\u0487\u0592\u0593\u0594\u0595\u0597\u0598\u0599\u059c\u059d\u059e\u059f\u05a0\u05a1\u05a8\u05a9\u05ab"
    "\u05ac\u05af\u05c4\u0610\u0611\u0612\u0613\u0614\u0615\u0616\u0617\u0657\u0658\u0659\u065a\u065b\u065d"
    "\u065e\u06d6\u06d7\u06d8\u06d9\u06da\u06db\u06dc\u06df\u06e0\u06e1\u06e2\u06e4\u06e7\u06e8\u06eb\u06ec"
    "\u0730\u0732\u0733\u0735\u0736\u073a\u073d\u073f\u0740\u0741\u0743\u0745\u0747\u0749\u074a\u07eb\u07ec"
    "\u07ed\u07ee\u07ef\u07f0\u07f1\u07f3\u0816\u0817\u0818\u0819\u081b\u081c\u081d\u081e\u081f\u0820\u0821"
    "\u0822\u0823\u0825\u0826\u0827\u0829\u082a\u082b\u082c\u082d\u0951\u0953\u0954"
)


def sent(number: int, png: bytes, rows: int, columns: int) -> Iterator[str]:
    """Give the escapes that send an image and place it virtually; nothing else may come between them."""
    data = standard_b64encode(png).decode()
    pieces = [data[start : start + PIECE] for start in range(0, len(data), PIECE)]
    first = f"a=T,U=1,f=100,t=d,i={number},c={columns},r={rows},q=2,"
    for index, piece in enumerate(pieces):
        more = int(index + 1 < len(pieces))
        yield f"\x1b_G{first if not index else 'q=2,'}m={more};{piece}\x1b\\"


def freed(number: int) -> str:
    """Give the escape that makes the terminal forget an image and its placements."""
    return f"\x1b_Ga=d,d=I,i={number},q=2\x1b\\"


@lru_cache(maxsize=4096)
def placeholders(row: int, columns: int) -> str:
    """Give the text of one row of an image: a character a cell, each with its row and column.

    Textual may cut it anywhere, so no cell relies on the one before.
    """
    return "".join(f"{PLACEHOLDER}{NUMBERS[row]}{NUMBERS[column]}" for column in range(columns))


def through_tmux(escape: str) -> str:
    """Wrap an escape so that tmux passes it on, if its ``allow-passthrough`` is on."""
    return "\x1bPtmux;" + escape.replace("\x1b", "\x1b\x1b") + "\x1b\\"
