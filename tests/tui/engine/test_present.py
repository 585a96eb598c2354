"""The channel looked at, with pictures that are numbers: when they are posted, and drawn in pixels."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from zfexplore.tui import messages as say
from zfexplore.tui.engine.inbox import Inbox
from zfexplore.tui.engine.present import Present

SUBJECT = SimpleNamespace(top_rows=lambda *place: ("a place",), growing=True, gone=False)


class Gallery:
    """Two pictures a channel, each with a tile; notes how much was posted when a picture was made."""

    def __init__(self, posted: list[object]) -> None:
        self.posted, self.before = posted, []

    def pictures(self, subject, stage, channel, stopped):
        for rank in range(2):
            self.before.append(len(self.posted))
            yield rank

    def sharpen(self, subject, stage, channel):
        yield from ((rank, "projection", f"tile {rank}") for rank in range(2))


@pytest.fixture
def posted() -> list[object]:
    return []


@pytest.fixture
def present(posted) -> Present:
    inbox = Inbox()
    present = Present(Gallery(posted), inbox, posted.append)
    request = say.ShowChannel("conv1", 0, 1)
    inbox.put(request)
    present.take(request)
    return present


def test_pictures_of_the_growing_atlas_come_once_all_are_there(present, posted):
    present.show(SUBJECT)
    assert present._gallery.before == [1, 2]  # the first time one by one
    present.show(SUBJECT)
    assert present._gallery.before[2:] == [4, 4]
    kinds = [type(message).__name__ for message in posted]
    assert kinds == ["TopListed", "PictureArrived", "PictureArrived", "ChannelShown"] * 2


def test_what_is_left_to_draw_in_pixels_ends_with_the_net(present, posted):
    present.show(SUBJECT)
    present.sharpen_on()
    assert posted[-1] == say.TileDrawn(1, 0, "projection", "tile 0")
    assert present.sharpening
    present.forget()
    assert not present.sharpening
    present.sharpen(SUBJECT)  # a grid has another size; the channel of this net is still to come
    assert not present.sharpening
