from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from zfexplore.atlas.believed import check_atlas, check_tally
from zfexplore.atlas.build import build_atlas
from zfexplore.atlas.maxima import Layout
from zfexplore.atlas.open import atlas_path, open_or_build
from zfexplore.atlas.state import State
from zfexplore.atlas.store import Atlas, describe
from zfexplore.atlas.tally import Tally
from zfexplore.progress import Note, Skipped

COUNT = 14


@pytest.fixture
def checkpoint(make):
    return make.random_checkpoint()


@pytest.fixture
def source(make):
    arrays = [None if number == 2 else array for number, array in enumerate(make.random_images(COUNT))]
    return make.ArraySource(arrays, labels=[number % 2 for number in range(COUNT)], classes=["a", "b"])


@pytest.fixture
def wanted(checkpoint, source):
    return describe(checkpoint, source, k=9, fit="crop", stages=None, precision="float32")


@pytest.fixture
def layout(checkpoint, wanted):
    return Layout.of(checkpoint.net, wanted["watched"], 20)


def test_an_atlas_of_another_kind_under_this_name_is_built_again(
    make, checkpoint, source, wanted, tmp_path, monkeypatch
):
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(tmp_path))
    atlas, _ = make.result_of(open_or_build(checkpoint, source))
    path = atlas_path(wanted["fingerprint"])
    found, events = make.result_of(open_or_build(checkpoint, source))
    assert not events
    assert make.same(found, atlas)
    replace(atlas, header={**atlas.header, "fit": "whole"}).save(path)
    again, events = make.result_of(open_or_build(checkpoint, source))
    (note,) = [event.text for event in events if isinstance(event, Note)]
    assert note.endswith("is not the atlas of these weights and images: it is of other fit")
    assert make.same(again, atlas)
    assert Atlas.load(path).header["fit"] == "crop"


def test_layers_and_images_are_held_against_the_nets_and_the_sources(
    make, checkpoint, source, wanted, layout
):
    atlas, _ = make.result_of(build_atlas(checkpoint, source))
    check_atlas(atlas, wanted, layout, source)
    (name, record), *rest = atlas.stages.items()
    others = {
        "its layers are not": [
            replace(atlas, stages=dict(rest)),
            replace(atlas, stages={name: replace(record, map_size=(9, 9)), **dict(rest)}),
        ],
        "its images are not these": [
            replace(atlas, image_names=atlas.image_names[:-1]),
            replace(atlas, classes=("a", "c")),
        ],
        "account for every image": [replace(atlas, count=1)],
    }
    for complaint, atlases in others.items():
        for other in atlases:
            with pytest.raises(ValueError, match=complaint):
                check_atlas(other, wanted, layout, source)


def test_an_unfinished_pass_is_gone_on_with_only_if_its_numbers_can_be_those_of_one(
    checkpoint, source, wanted, layout, tmp_path
):
    events = build_atlas(checkpoint, source, path=tmp_path / "partial")
    next(event for event in events if isinstance(event, Skipped))
    events.close()
    state = State(Tally.empty(layout.channels, k=9, classes=2, images=COUNT))
    empty = state.tally.arrays()
    state.load(tmp_path / "partial", wanted, layout, COUNT)
    arrays, end = state.tally.arrays(), state.end
    assert 0 < end < COUNT
    check_tally(arrays, empty, layout, [2], end)
    changes = {
        "value": np.nan, "image": end, "place": 400, "total": np.inf, "histogram": -1, "class_seen": 99,
        "seen": 0, "sample": 1, "response": np.nan,
    }  # fmt: skip
    for name, number in changes.items():
        changed = arrays[name].copy()
        changed.flat[0] = number
        with pytest.raises(ValueError, match="its numbers are not those of a pass"):
            check_tally({**arrays, name: changed}, empty, layout, [2], end)
    with pytest.raises(ValueError, match="its parts do not fit"):
        check_tally({**arrays, "total": arrays["total"].astype(np.float32)}, empty, layout, [2], end)
    with pytest.raises(ValueError, match="its numbers"):
        check_tally(arrays, empty, layout, [], end)
