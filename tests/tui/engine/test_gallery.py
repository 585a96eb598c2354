"""What is kept of the channels looked at: how many bytes, and drawn as the grids draw."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from zfexplore.errors import ExploreError
from zfexplore.tui import messages as say
from zfexplore.tui.engine import gallery as module
from zfexplore.tui.engine.gallery import Gallery

NEVER = bool  # called without arguments: False


class Subject:
    """Counts how often a channel is projected; channel 7 cannot be."""

    def __init__(self) -> None:
        self.projected: list[int] = []

    def top_rows(self, stage: str, channel: int) -> tuple[say.PlaceRow, ...]:
        return (say.PlaceRow(0, 1.0, "a.png", "", 2, 3),)

    def pictures(self, stage: str, channel: int):
        if channel == 7:
            raise ExploreError("a.png is gone")
        self.projected.append(channel)
        pixels = np.zeros((16, 16, 3), np.float32)
        image = pixels.copy()
        bitmaps = [say.Bitmap(pixels.copy()), say.Bitmap(pixels.copy()), say.Bitmap(image)]
        exemplar = SimpleNamespace(crop=pixels, image=image)
        yield exemplar, say.ShownUnit(0, 1.0, "a.png", "", 2, 3, (0, 0, 16, 16), 1.0, *bitmaps)


@pytest.fixture
def subject():
    return Subject()


def shown(gallery: Gallery, subject: Subject, channel: int) -> list[say.ShownUnit]:
    return list(gallery.pictures(subject, "conv1", channel, NEVER))


def test_the_latest_channels_are_kept_as_far_as_their_bytes_allow(subject, monkeypatch):
    monkeypatch.setattr(module, "KEPT_BYTES", 3 * 4 * 16 * 16 * 3 * 4)  # three channels of four arrays
    gallery = Gallery()
    for channel in (0, 1, 2, 0, 3, 0, 1):
        shown(gallery, subject, channel)

    assert subject.projected == [0, 1, 2, 3, 1]


def test_thumbnails_are_drawn_for_every_grid_as_it_shows_them(subject):
    gallery = Gallery()
    gallery.tiles = {
        "projections": say.TileSize("projections", "projection", 5, 10, "quadrants"),
        "patches": say.TileSize("patches", "whole", 6, 11, "halves"),
    }
    (picture,) = shown(gallery, subject, 0)

    assert list(picture.projection.drawings) == [(5, 10, "quadrants")]
    assert list(picture.whole.drawings) == [(6, 11, "halves")]
    assert not picture.patch.drawings


def test_those_kept_are_drawn_as_the_grids_are_by_now_and_no_other_way(subject):
    gallery = Gallery()
    gallery.tiles["patches"] = say.TileSize("patches", "patch", 5, 10, "quadrants")
    shown(gallery, subject, 0)
    gallery.tiles["patches"] = say.TileSize("patches", "patch", 3, 6, "quadrants")
    (picture,) = shown(gallery, subject, 0)

    assert list(picture.patch.drawings) == [(3, 6, "quadrants")]


def test_what_may_come_next_is_projected_once_and_what_cannot_be_is_not_told(subject):
    gallery = Gallery()
    shown(gallery, subject, 1)
    gallery.expect("conv1", (2, 7, 1))
    while gallery.ahead:
        gallery.project_ahead(subject, NEVER)

    assert subject.projected == [1, 2]
