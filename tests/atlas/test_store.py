from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file

from zfexplore.atlas.build import build_atlas
from zfexplore.atlas.container import METADATA_KEY, read_arrays, read_header, write_arrays
from zfexplore.atlas.store import Atlas, Place
from zfexplore.errors import ExploreError


@pytest.fixture
def atlas(make):
    arrays = [None if number == 4 else array for number, array in enumerate(make.random_images(14))]
    source = make.ArraySource(arrays, labels=[number % 2 for number in range(14)], classes=["a", "ü \n"])
    return make.result_of(build_atlas(make.random_checkpoint(), source))[0]


def test_an_atlas_is_read_back_to_the_last_bit(make, atlas, tmp_path):
    atlas.save(tmp_path / "a.safetensors")
    again = Atlas.load(tmp_path / "a.safetensors")
    assert make.same(atlas, again)
    assert again.classes == ("a", "ü \n")
    assert again.skipped == ((4, "image4.png", "it is cut short"),)


def test_saving_twice_gives_the_same_bytes(atlas, tmp_path):
    atlas.save(tmp_path / "a")
    Atlas.load(tmp_path / "a").save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_header_alone_can_be_read(atlas, tmp_path):
    atlas.save(tmp_path / "a")
    assert read_header(tmp_path / "a")["fingerprint"] == atlas.fingerprint
    (tmp_path / "b").write_bytes(b"nothing of the kind")
    assert read_header(tmp_path / "b") is None
    assert read_header(tmp_path / "c") is None


def test_places_name_their_images(atlas):
    first, *rest = atlas.top("conv2", 3)
    record = atlas.stages["conv2"]
    number = int(record.image[3, 0])
    assert first == Place(
        rank=0,
        value=float(record.value[3, 0]),
        image=number,
        name=f"image{number}.png",
        label=number % 2,
        y=int(record.y[3, 0]),
        x=int(record.x[3, 0]),
    )
    assert [place.rank for place in rest] == list(range(1, 9))


@pytest.mark.parametrize(("stage", "channel"), [("conv7", 0), ("conv2", 8), ("conv2", -1)])
def test_what_is_not_there_is_refused(atlas, stage, channel):
    with pytest.raises(
        ExploreError, match="there is no layer 'conv7'|conv2 has no channel -?[18]: it has 0-7"
    ):
        atlas.top(stage, channel)


def change(tmp_path, atlas, arrays=(), header=()):
    """Save the atlas with some arrays or entries of its header replaced (None: removed)."""
    atlas.save(tmp_path / "a")
    old_arrays, old_header = read_arrays(tmp_path / "a")
    new_arrays, new_header = {**old_arrays, **dict(arrays)}, {**old_header, **dict(header)}
    write_arrays(
        tmp_path / "a",
        {name: array for name, array in new_arrays.items() if array is not None},
        {name: value for name, value in new_header.items() if value is not None},
    )
    return tmp_path / "a"


def test_an_atlas_of_an_older_version_is_read_without_a_sample(atlas, tmp_path):
    without = {"sample": None} | {f"{name}.response": None for name in atlas.stages}
    older = Atlas.load(change(tmp_path, atlas, without))
    assert older.sample is None
    assert older.stages["conv2"].response is None
    assert older.top("conv2", 3) == atlas.top("conv2", 3)


@pytest.mark.parametrize(
    ("arrays", "header"),
    [
        ({"conv1.value": None}, {}),
        ({"conv1.value": np.zeros((6, 8), np.float32)}, {}),
        ({"conv1.value": np.zeros((6, 9), np.float64)}, {}),
        ({"conv1.image": np.full((6, 9), 14)}, {}),
        ({"conv1.y": np.full((6, 9), 20, np.int32)}, {}),
        ({"conv1.x": np.full((6, 9), -1, np.int32)}, {}),
        ({"conv1.mean": np.zeros(5)}, {}),
        ({"conv1.class_mean": np.zeros((6, 3), np.float32)}, {}),
        ({"conv1.response": np.zeros((6, 12), np.float16)}, {}),
        ({"conv1.response": np.full((6, 13), np.nan, np.float16)}, {}),
        ({"sample": np.arange(2, 15)}, {}),
        ({"sample": np.zeros((13, 1), np.int64)}, {}),
        ({"labels": np.full(14, 2, np.int32)}, {}),
        ({"labels": np.zeros(13, np.int32)}, {}),
        ({"image_names": np.frombuffer(b"[1", np.uint8)}, {}),
        ({}, {"stages": None}),
        ({}, {"stages": [{"name": "conv1"}]}),
        ({}, {"fingerprint": None}),
        ({}, {"k": "nine"}),
        ({}, {"count": "many"}),
        ({}, {"skipped": [1]}),
    ],
)
def test_a_hostile_or_incomplete_file_gets_one_clear_line(atlas, tmp_path, arrays, header):
    path = change(tmp_path, atlas, arrays, header)
    with pytest.raises(ExploreError, match="a is not a whole atlas") as error:
        Atlas.load(path)
    assert "\n" not in str(error.value)


def test_other_files_are_told_apart(tmp_path):
    with pytest.raises(ExploreError, match="is no atlas, or is damaged"):
        Atlas.load(tmp_path / "missing")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(ExploreError, match="is no atlas, or is damaged"):
        Atlas.load(tmp_path / "text")
    save_file({"x": np.zeros(1)}, tmp_path / "tensors")
    with pytest.raises(ExploreError, match="is no atlas of zfexplore's"):
        Atlas.load(tmp_path / "tensors")
    save_file({"x": np.zeros(1)}, tmp_path / "newer", metadata={METADATA_KEY: json.dumps({"format": 99})})
    with pytest.raises(ExploreError, match="of another version of zfexplore"):
        Atlas.load(tmp_path / "newer")


def test_reading_an_atlas_needs_no_torch():
    import subprocess

    code = "import sys, zfexplore.atlas.store, zfexplore.atlas.select; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
