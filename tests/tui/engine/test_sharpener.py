"""What is drawn in pixels, and when no more; tiles are words here."""

from __future__ import annotations

from zfexplore.tui.engine.sharpener import Sharpener
from zfexplore.tui.messages import TileDrawn
from zfexplore.units import Unit


class Gallery:
    """Two pictures a channel, each drawn once."""

    def __init__(self) -> None:
        self.drawn: set[tuple[str, int]] = set()

    def sharpen(self, subject, stage, channel):
        for rank in range(2):
            tile = f"{subject}, {stage}:{channel}"
            if (tile, rank) not in self.drawn:
                self.drawn.add((tile, rank))
                yield rank, "projection", tile


def drain(sharpener: Sharpener) -> None:
    while sharpener.busy:
        sharpener.step()


def test_the_channel_looked_at_is_drawn_and_then_the_one_beside_it():
    posted: list[TileDrawn] = []
    sharpener = Sharpener(Gallery(), posted.append)
    sharpener.take(1, "a", Unit("conv1", 3))
    sharpener.step()
    sharpener.take(1, "b", Unit("conv1", 3), beside=True)
    drain(sharpener)
    assert posted == [
        TileDrawn(1, rank, "projection", f"{net}, conv1:3", beside)
        for net, beside in (("a", False), ("b", True))
        for rank in range(2)
    ]
    sharpener.begin()  # a grid has told another size: in this gallery there is none
    drain(sharpener)
    assert len(posted) == 4


def test_of_what_is_looked_at_no_more_nothing_is_drawn():
    posted: list[TileDrawn] = []
    sharpener = Sharpener(Gallery(), posted.append)
    sharpener.take(1, "a", Unit("conv1", 3))
    sharpener.take(1, "b", Unit("conv1", 3), beside=True)
    sharpener.forget()
    sharpener.begin()
    drain(sharpener)
    assert posted == []
