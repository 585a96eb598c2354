from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from zfexplore.atlas.build import build_atlas
from zfexplore.atlas.tables import channel_row, place_rows, write_atlas
from zfexplore.errors import ExploreError


@pytest.fixture
def checkpoint(make):
    return make.random_checkpoint()


@pytest.fixture
def atlas(make, checkpoint):
    source = make.ArraySource(make.random_images(5), labels=[0, 0, 2, None, 2], classes=["a", "b", "c"])
    return make.result_of(build_atlas(checkpoint, source))[0]


def test_a_channel_s_row_says_what_the_record_knows(atlas):
    record, row = atlas.stages["conv2"], channel_row(atlas, "conv2", 3)
    assert row == {
        "channel": "conv2:3",
        "max": float(record.value[3, 0]),
        "mean": float(record.mean[3]),
        "share_firing": float(record.share_firing[3]),
        "rarity": 1 - float(record.share_firing[3]),
        "dead": False,
        "selectivity": float(record.selectivity[3]),
        "best_class": "ac"[int(record.best_class[3]) // 2],
    }


def test_windows_are_the_trunk_s_and_labels_are_names(atlas, checkpoint):
    rows = place_rows(atlas, checkpoint.net, "conv2", 3)
    assert [row["rank"] for row in rows] == [1, 2, 3, 4, 5]
    for row in rows:
        assert row["window"] == list(checkpoint.net.window("conv2", row["y"], row["x"], (20, 20)))
        assert row["label"] == ["a", "a", "c", None, "c"][row["image"]]
    assert place_rows(atlas, checkpoint.net, "fc3", 0)[0]["window"] == [0, 0, 20, 20]


def test_csv_and_json_say_the_same(atlas, checkpoint, tmp_path):
    write_atlas(atlas, checkpoint.net, tmp_path / "a.csv", "csv")
    write_atlas(atlas, checkpoint.net, tmp_path / "a.json", "json")
    values = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    from_json = [
        [channel["channel"], place["rank"], place["value"], place["name"], *place["window"]]
        for stage in values["stages"].values()
        for channel in stage["channels"]
        for place in channel["places"]
    ]
    with open(tmp_path / "a.csv", newline="", encoding="utf-8") as file:
        from_csv = [
            [row["channel"], int(row["rank"]), float(row["value"]), row["name"]]
            + [int(row[edge]) for edge in ("y0", "x0", "y1", "x1")]
            for row in csv.DictReader(file)
            if row["rank"]
        ]
    assert from_csv == from_json
    assert values["classes"] == ["a", "b", "c"]
    assert values["stages"]["conv1"]["channels"][0]["class_mean"][1] is None


def test_npz_holds_the_arrays(atlas, checkpoint, tmp_path):
    write_atlas(atlas, checkpoint.net, tmp_path / "a.npz", "npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["conv2.image"], atlas.stages["conv2"].image)
        assert arrays["image_names"].tolist() == list(atlas.image_names)
        assert arrays["labels"].tolist() == [0, 0, 2, -1, 2]


@pytest.mark.parametrize(
    ("stage", "channel", "message"),
    [
        ("conv1", -1, "conv1 has no channel -1: it has 0-"),
        ("conv1", 999, "conv1 has no channel 999: it has 0-"),
        ("conv1", None, "a channel must be a whole number, not None"),
        ("conv1", 1.0, "a channel must be a whole number, not 1.0"),
        (["conv1"], 0, "there is no layer"),
        (None, 0, "there is no layer None"),
    ],
)
def test_no_row_is_given_of_a_channel_that_is_not_there(atlas, stage, channel, message):
    with pytest.raises(ExploreError, match=message):
        channel_row(atlas, stage, channel)
