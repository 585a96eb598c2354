"""Tiles in a terminal that keeps images as kitty's protocol says: what arrives, how often, and what goes."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tui.kitty import KittyTerminal
from zfexplore.tui.drawing import kitty
from zfexplore.tui.drawing import tiles as module
from zfexplore.tui.drawing.bitmap import Bitmap, Tile
from zfexplore.tui.drawing.encode import encode
from zfexplore.tui.drawing.tiles import STEP, Tiles

CELL = (10, 20)


def noise(seed: int, side: int = 80) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3)).astype(np.uint8)


def tile_of(seed: int, rows: int = 4, columns: int = 8, side: int = 80) -> Tile:
    return encode(Bitmap(noise(seed, side)), rows, columns, CELL)


def send(tiles: Tiles, terminal: KittyTerminal, *, tmux: bool = False) -> list[int]:
    """Send all that is wanted; give the bytes of each step."""
    sizes = []
    while tiles.busy:
        text, _ = tiles.step()
        assert text
        sizes.append(len(text.encode()))
        terminal.feed(text.encode(), tmux=tmux)
    return sizes


def place(terminal: KittyTerminal, number: int, tile: Tile, row: int, column: int) -> None:
    """Write a tile's cells as the explorer does, in the colour of its number."""
    for line in range(tile.rows):
        text = kitty.placeholders(line, tile.columns)
        colour = f"\x1b[38;2;{number >> 16};{number >> 8 & 255};{number & 255}m"
        terminal.feed(f"\x1b[{row + line + 1};{column + 1}H{colour}{text}\x1b[0m".encode())


@pytest.fixture
def terminal() -> KittyTerminal:
    return KittyTerminal(40, 12)


@pytest.mark.parametrize("tmux", [False, True])
def test_cells_show_the_pixels_of_the_tile_whose_number_they_have(terminal, tmux):
    wrap = kitty.through_tmux if tmux else str
    tiles = Tiles(first=0x00FFFE, wrap=wrap)
    wanted = [tile_of(seed) for seed in range(3)]
    tiles.want("projections", wanted)
    send(tiles, terminal, tmux=tmux)
    for index, tile in enumerate(wanted):
        place(terminal, tiles.number(tile), tile, row=index, column=10 * index)

    shown = terminal.shown()
    assert [tiles.number(tile) for tile in wanted] == [0x00FFFE, 0x00FFFF, 0x010000]
    for seed, tile in enumerate(wanted):
        np.testing.assert_array_equal(shown[tiles.number(tile)], noise(seed))
    assert terminal.errors == []


def test_nothing_is_sent_twice_and_what_is_no_longer_wanted_is_not_begun(terminal):
    tiles = Tiles()
    first, second, third = (tile_of(seed) for seed in range(3))
    tiles.want("projections", [first, second])
    tiles.want("patches", [first])
    terminal.feed(tiles.step()[0].encode())  # the first is begun
    tiles.want("projections", [third])
    send(tiles, terminal)
    tiles.want("projections", [third, first])
    send(tiles, terminal)

    assert terminal.transmitted == {first.png: 1, third.png: 1}
    assert tiles.number(second) is None
    assert terminal.errors == []


def test_a_step_keeps_within_its_bytes_and_a_tile_is_there_only_once_it_is_whole(terminal):
    tiles, tile = Tiles(wrap=kitty.through_tmux), tile_of(0, side=160, rows=8, columns=16)
    tiles.want("projections", [tile])
    _, complete = tiles.step()
    assert (complete, tiles.number(tile)) == ([], None)
    tiles.want("patches", [tile])
    while not complete:
        text, complete = tiles.step()
        assert 0 < len(text.encode()) <= STEP
    assert complete == [tile]
    assert tiles.number(tile) == 1
    assert not tiles.busy


def test_those_used_longest_ago_are_freed_when_room_is_short_and_all_at_the_end(terminal, monkeypatch):
    monkeypatch.setattr(module, "KEPT", 3 * 80 * 80 * 4)  # three tiles
    tiles = Tiles(first=100)
    for seed in range(3):
        tiles.want("projections", [tile_of(seed)])
        send(tiles, terminal)
    assert tiles.number(tile_of(0)) == 100  # used again
    tiles.want("projections", [tile_of(3)])
    send(tiles, terminal)
    assert terminal.freed == [101]
    assert sorted(terminal.images) == [100, 102, 103]

    terminal.feed(tiles.free().encode())
    assert terminal.images == {}
    assert terminal.errors == []


def test_an_image_that_was_begun_is_ended_before_it_is_freed_or_others_send_theirs(terminal):
    tiles = Tiles()
    tiles.want("projections", [tile_of(0, side=160, rows=8, columns=16)])
    terminal.feed(tiles.step()[0].encode())
    terminal.feed(tiles.free().encode())

    assert terminal.images == {}
    assert len(terminal.freed) == 1
    assert terminal.errors == []


def test_after_another_program_had_the_terminal_all_is_sent_again(terminal):
    tiles, tile, long = Tiles(), tile_of(0), tile_of(1, side=160, rows=8, columns=16)
    tiles.want("projections", [tile, long])
    while tiles.number(tile) is None:
        terminal.feed(tiles.step()[0].encode())
    terminal.feed(tiles.step()[0].encode())  # the long one is begun
    terminal.feed(tiles.free().encode())
    assert tiles.number(tile) is None
    send(tiles, terminal)
    assert terminal.transmitted == {tile.png: 2, long.png: 2}
    assert len(terminal.images) == 2  # those of before do not stay
    assert terminal.errors == []
