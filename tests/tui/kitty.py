"""A terminal with kitty's graphics, as far as the explorer needs it: text by pyte, images by the protocol.

It keeps the images it is sent by number, and their virtual placements, and draws what a screen's
placeholders show. It was written from the protocol's description, and is no kitty.
"""

from __future__ import annotations

import base64
import io
import re
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pyte
from PIL import Image

from zfexplore.tui.drawing.kitty import NUMBERS, PLACEHOLDER

GRAPHICS = re.compile(rb"\x1b_G([^;\x1b]*)(?:;([^\x1b]*))?\x1b\\")
WRAPPED = re.compile(rb"\x1bPtmux;((?:[^\x1b]|\x1b\x1b)*)\x1b\\")


@dataclass
class KittyTerminal:
    """Feed it what a program writes; ``answers`` are what it would type back."""

    columns: int
    rows: int
    cell: tuple[int, int] = (10, 20)
    images: dict[int, Image.Image] = field(default_factory=dict)
    placed: dict[int, tuple[int, int]] = field(default_factory=dict)  # rows and columns
    transmitted: Counter[bytes] = field(default_factory=Counter)  # how often each content came
    freed: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.screen = pyte.Screen(self.columns, self.rows)
        self._stream = pyte.ByteStream(self.screen)
        self._data = b""
        self._coming: dict[str, str] | None = None
        self._pending = b""

    def feed(self, data: bytes, *, tmux: bool = False) -> None:
        """Take what a program writes; an escape may be cut anywhere."""
        data = self._pending + data
        cut = max(data.rfind(b"\x1b_G"), data.rfind(b"\x1bPtmux;"))
        self._pending = b""
        if cut >= 0 and b"\x1b\\" not in data[cut:].replace(b"\x1b\x1b\\", b""):
            data, self._pending = data[:cut], data[cut:]
        if tmux:
            data = WRAPPED.sub(lambda found: found[1].replace(b"\x1b\x1b", b"\x1b"), data)
        for control, payload in GRAPHICS.findall(data):
            self._command(dict(part.split("=") for part in control.decode().split(",")), payload)
        text = GRAPHICS.sub(b"", data)
        self._stream.feed(re.sub(rb"\x1bP[^\x1b]*\x1b\\|\x1b\[[<>=?][0-9;]*[a-zA-Z]", b"", text))

    def _command(self, keys: dict[str, str], payload: bytes) -> None:
        if self._coming is not None and set(keys) - {"m", "q"}:
            self.errors.append(f"{keys} came between the pieces of an image")
        if len(payload) > 4096:
            self.errors.append(f"a piece of {len(payload)} characters")
        if keys.get("a") == "d":
            self.freed.append(int(keys["i"]))
            if self.images.pop(int(keys["i"]), None) is None:
                self.errors.append(f"image {keys['i']} is not there")
            return
        if keys.get("a") == "q":
            return
        if self._coming is None:
            self._coming, self._data = keys, b""
        self._data += base64.standard_b64decode(payload)
        if keys["m"] == "0":
            first, self._coming = self._coming, None
            number = int(first["i"])
            if (first["a"], first["U"], first["f"]) != ("T", "1", "100"):
                self.errors.append(f"not as agreed: {first}")
            self.images[number] = Image.open(io.BytesIO(self._data)).convert("RGB")
            self.placed[number] = int(first["r"]), int(first["c"])
            self.transmitted[self._data] += 1

    def placeholder(self, row: int, column: int) -> tuple[int, int, int] | None:
        """Give the image, and the row and column of it, that a cell shows."""
        cell = self.screen.buffer[row][column]
        if not cell.data.startswith(PLACEHOLDER):
            return None
        _, line, across = cell.data
        return int(cell.fg, 16), NUMBERS.index(line), NUMBERS.index(across)

    def shown(self) -> dict[int, np.ndarray]:
        """Give the pixels of each image that the screen shows whole, as its cells show them."""
        parts: dict[int, dict[tuple[int, int], np.ndarray]] = {}
        width, height = self.cell
        for row in range(self.rows):
            for column in range(self.columns):
                found = self.placeholder(row, column)
                if found is None:
                    continue
                number, line, across = found
                rows, columns = self.placed[number]
                stretched = self.images[number].resize((columns * width, rows * height))
                pixels = np.asarray(stretched)[line * height :, across * width :][:height, :width]
                parts.setdefault(number, {})[line, across] = pixels
        whole = {}
        for number, cells in parts.items():
            rows, columns = self.placed[number]
            if len(cells) == rows * columns:
                lines = [[cells[line, across] for across in range(columns)] for line in range(rows)]
                whole[number] = np.block([[[part] for part in line] for line in lines])
        return whole
