"""The user's own pictures, kept as they were ranked."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from zfexplore.errors import ExploreError
from zfexplore.tui import messages as say
from zfexplore.tui.engine.own import EXEMPLARS_KEPT, OwnPictures, cut_shown, draw_shown
from zfexplore.units import Unit, Window


class Subject:
    """Counts what is projected; an exemplar is its own number."""

    def __init__(self):
        self.atlas = SimpleNamespace(header={"weights": "1"})
        self.rows, self.projected = ("row",), []
        self.lost = self.gone = False

    def top_rows(self, stage, channel):
        return self.rows

    def strongest(self, unit):
        if self.lost:
            raise ExploreError("a.png cannot be shown")
        self.projected.append(unit.channel)
        return len(self.projected)


def test_the_two_latest_pictures_are_kept():
    own = OwnPictures()
    pictures = [Image.new("RGB", (1, 1)) for _ in range(3)]
    for number, picture in enumerate(pictures):
        own.keep(number, picture)
    assert [own.image(number) for number in range(3)] == [None, *pictures[1:]]


def test_an_exemplar_is_projected_anew_when_the_atlas_or_the_net_has_another():
    own, subject = OwnPictures(), Subject()
    assert own.strongest(subject, Unit("conv1", 3, 1, 1)) == 1
    assert own.strongest(subject, Unit("conv1", 3, 2, 2)) == 1
    subject.rows = ("better",)
    assert own.strongest(subject, Unit("conv1", 3)) == 2
    subject.atlas.header["weights"] = "2"
    assert own.strongest(subject, Unit("conv1", 3)) == 3


@pytest.mark.parametrize(
    ("gone", "notice"), [(True, "the images are gone"), (False, "its image cannot be read")]
)
def test_an_exemplar_whose_image_is_lost_is_none_with_the_reason(gone, notice):
    subject = Subject()
    subject.lost, subject.gone = True, gone
    assert OwnPictures().exemplar(subject, Unit("conv1", 3)) == (None, notice)


def test_the_exemplars_seen_longest_ago_are_forgotten():
    own, subject = OwnPictures(), Subject()
    for channel in range(EXEMPLARS_KEPT):
        own.strongest(subject, Unit("conv1", channel))
    own.strongest(subject, Unit("conv1", 0))
    own.strongest(subject, Unit("conv1", EXEMPLARS_KEPT))
    before = len(subject.projected)
    own.strongest(subject, Unit("conv1", 0))
    assert len(subject.projected) == before
    own.strongest(subject, Unit("conv1", 1))
    assert len(subject.projected) == before + 1


@pytest.mark.parametrize("sizes", [(), ((2, 4, "halves"), (3, 6, "ascii"))])
def test_a_unit_is_drawn_at_the_sizes_of_the_screen(sizes):
    flat = np.full((8, 8, 3), 90, np.uint8)
    pictures = [say.Bitmap(flat) for _ in range(3)]
    shown = say.ShownUnit(0, 1.0, "a.png", "", 0, 0, Window(0, 0, 8, 8), 1.0, *pictures)
    draw_shown(shown, sizes)
    assert all(set(bitmap.drawings) == set(sizes) for bitmap in pictures)


def test_a_units_tiles_are_made_once_for_each_size():
    pictures = [say.Bitmap(np.full((8, 8, 3), 90, np.uint8)) for _ in range(3)]
    shown = say.ShownUnit(0, 1.0, "a.png", "", 0, 0, Window(0, 0, 8, 8), 1.0, *pictures)
    cuts = ((2, 4, (10, 20)), (3, 6, (10, 20)))
    cut_shown(shown, cuts[:1])
    first = [bitmap.tiles[cuts[0]] for bitmap in pictures]
    cut_shown(shown, cuts)
    assert [bitmap.tiles[cuts[0]] is tile for bitmap, tile in zip(pictures, first, strict=True)] == [True] * 3
    assert all(set(bitmap.tiles) == set(cuts) for bitmap in pictures)
