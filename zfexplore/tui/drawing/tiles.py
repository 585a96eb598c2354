"""The tiles that the terminal has been sent, and those it is still to get, a few kilobytes at a time.

A tile is some 30 kB, and nine projections with their patches are half a megabyte: written at once, they
would keep a key's echo waiting on a slow line. So they go out in steps of at most ``STEP`` bytes, and the
next step waits until the terminal has answered that it read the one before. Until a tile is there, glyphs
stand in its place. What is no longer wanted is not begun; what has been sent stays, as far as ``KEPT``
bytes of the terminal's memory allow, and is freed in the order of its last use.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable

from zfexplore.tui.drawing import kitty
from zfexplore.tui.drawing.bitmap import Tile

STEP = 8600  # bytes: two pieces of an image, also wrapped for tmux
KEPT = 48 * 2**20  # bytes that terminals need for the pixels, four each; kitty has room for 320 MB
NUMBERS = 2**24

Key = tuple[bytes, int, int]  # content, rows and columns


class Tiles:
    """Knows each tile's number in the terminal; gives what is to be written, and never a tile twice.

    ``first`` is the number to begin with: other programs in the same terminal have their own. ``wrap`` is
    done to every escape.
    """

    def __init__(self, first: int = 1, wrap: Callable[[str], str] = str) -> None:
        self._next = first
        self._wrap = wrap
        self._wanted: dict[str, tuple[Tile, ...]] = {}
        self._there: OrderedDict[Key, tuple[int, int]] = OrderedDict()  # number and bytes
        self._pieces: deque[str] = deque()
        self._coming: Tile | None = None  # the tile to which the pieces belong
        self._number = 0
        self.wake: Callable[[], object] = lambda: None  # called when there may be something to send

    def want(self, grid: str, tiles: Iterable[Tile]) -> None:
        """Say which tiles a grid shows now, in the order in which they should come."""
        self._wanted[grid] = tuple(tiles)
        if self.busy:
            self.wake()

    def number(self, tile: Tile) -> int | None:
        """Give the number of a tile that the terminal has, None as long as it has not."""
        found = self._there.get(_key(tile))
        if found is None:
            return None
        self._there.move_to_end(_key(tile))
        return found[0]

    @property
    def busy(self) -> bool:
        """Whether there is anything to send."""
        return bool(self._pieces) or self._following() is not None

    def step(self, most: int = STEP) -> tuple[str, list[Tile]]:
        """Give what to write next, at most so many bytes, and the tiles that are complete with it."""
        text, complete = "", []
        while self.busy:
            if not self._pieces:
                self._begin()
            if len(text) + len(self._pieces[0]) > most:
                break
            text += self._pieces.popleft()
            if not self._pieces and (tile := self._ended()):
                complete.append(tile)
        return text, complete

    def finish(self) -> tuple[str, list[Tile]]:
        """Give the rest of an image that has been begun: no other image may come in between."""
        text = "".join(self._pieces)
        self._pieces.clear()
        tile = self._ended()
        return text, [tile] if tile else []

    def free(self) -> str:
        """Give what makes the terminal forget all of it, and begin anew."""
        text, _ = self.finish()
        text += "".join(self._wrap(kitty.freed(number)) for number, _ in self._there.values())
        self._there.clear()
        return text

    def _following(self) -> Tile | None:
        for tiles in self._wanted.values():
            for tile in tiles:
                if _key(tile) not in self._there and tile is not self._coming:
                    return tile
        return None

    def _begin(self) -> None:
        """Make room for the next tile, and cut it into pieces."""
        tile = self._following()
        assert tile is not None
        wanted = {_key(one) for tiles in self._wanted.values() for one in tiles}
        used = sum(size for _, size in self._there.values()) + _size(tile)
        for key in [key for key in self._there if key not in wanted]:
            if used <= KEPT:
                break
            number, size = self._there.pop(key)
            self._pieces.append(self._wrap(kitty.freed(number)))
            used -= size
        self._coming, self._number = tile, self._free_number()
        pieces = kitty.sent(self._number, tile.png, tile.rows, tile.columns)
        self._pieces.extend(map(self._wrap, pieces))

    def _ended(self) -> Tile | None:
        tile, self._coming = self._coming, None
        if tile is not None:
            self._there[_key(tile)] = (self._number, _size(tile))
        return tile

    def _free_number(self) -> int:
        taken = {number for number, _ in self._there.values()} | {0}
        while self._next % NUMBERS in taken:
            self._next += 1
        self._next += 1
        return (self._next - 1) % NUMBERS


def _key(tile: Tile) -> Key:
    return tile.key, tile.rows, tile.columns


def _size(tile: Tile) -> int:
    """Give the bytes of a PNG's pixels: its header has width and height."""
    width, height = (int.from_bytes(tile.png[start : start + 4], "big") for start in (16, 20))
    return 4 * width * height
