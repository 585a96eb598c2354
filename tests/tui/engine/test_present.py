"""The channel looked at, with pictures that are numbers: when they are posted."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from zfexplore.tui import messages as say
from zfexplore.tui.engine.inbox import Inbox
from zfexplore.tui.engine.present import Present
from zfexplore.tui.engine.sharpener import Sharpener

SUBJECT = SimpleNamespace(top_rows=lambda *place: ("a place",), growing=True, gone=False)


class Gallery:
    """Two pictures a channel; notes how much was posted when a picture was made."""

    def __init__(self, posted: list[object]) -> None:
        self.posted, self.before = posted, []

    def pictures(self, subject, stage, channel, stopped):
        for rank in range(2):
            self.before.append(len(self.posted))
            yield rank


@pytest.fixture
def posted() -> list[object]:
    return []


@pytest.fixture
def present(posted) -> Present:
    inbox, gallery = Inbox(), Gallery(posted)
    present = Present(gallery, Sharpener(gallery, posted.append), inbox, posted.append)
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


def test_another_net_leaves_nothing_of_it_to_be_drawn_in_pixels(present):
    present.show(SUBJECT)
    assert present._sharpener.busy
    present.forget()
    assert (present.request, present._sharpener.busy) == (None, False)
