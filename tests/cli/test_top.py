from __future__ import annotations

import csv
import json
import shutil

import pytest


def test_a_layer_s_channels_come_highest_first(zfexplore):
    code, out, _ = zfexplore("top", "conv5", "--count", "3", "--json")
    assert code == 0
    rows = json.loads(out)
    assert len(rows) == 3
    assert [row["mean"] for row in rows] == sorted((row["mean"] for row in rows), reverse=True)
    assert set(rows[0]) == {
        "channel", "max", "mean", "share_firing", "rarity", "dead", "selectivity", "best_class",
    }  # fmt: skip
    assert rows[0]["channel"].startswith("conv5:")
    assert rows[0]["best_class"] in ("a", "b")


def test_the_table_shows_the_same_channels(zfexplore):
    _, out, _ = zfexplore("top", "conv5", "--count", "3", "--by", "max", "--json")
    rows = json.loads(out)
    _, table, _ = zfexplore("top", "conv5", "--count", "3", "--by", "max")
    assert table.startswith("conv5: 3 of 256 channels, by max")
    for row in rows:
        (line,) = [line for line in table.splitlines() if f" {row['channel']} " in line]
        assert f"{row['max']:.4g}" in line
        assert f"{row['selectivity']:.2f}" in line


def test_logits_are_listed_with_the_classes_that_they_stand_for(zfexplore):
    _, out, _ = zfexplore("top", "fc8", "--json")
    assert {row["channel"]: row["stands_for"] for row in json.loads(out)} == {
        "fc8:0": "a",
        "fc8:1": "b",
        "fc8:2": "c",
    }
    _, table, _ = zfexplore("top", "fc8")
    assert "channel   stands for" in table
    assert "fc8:2     c " in table
    table = " ".join(zfexplore("top", "fc8:1")[1].split())
    assert table.startswith("fc8:1 b is dead: it fires on none of 6 images, mean of image maxima -")
    assert table.count(" -0.0") == 7  # logits below zero are numbers too
    assert json.loads(zfexplore("top", "fc8:1", "--json")[1])["stands_for"] == "b"


@pytest.mark.parametrize("by", ["selectivity", "rarity"])
def test_channels_can_be_ranked_otherwise(zfexplore, by):
    _, out, _ = zfexplore("top", "conv4", "--by", by, "--json")
    alive = [row[by] for row in json.loads(out) if not row["dead"]]
    assert alive == sorted(alive, reverse=True)


def test_a_channel_s_places_carry_image_place_and_window(zfexplore, material):
    from zfexplore.nets.checkpoint import load_checkpoint

    code, out, _ = zfexplore("top", "conv3:7", "--json")
    assert code == 0
    channel = json.loads(out)
    assert channel["channel"] == "conv3:7"
    places = channel["places"]
    assert [place["rank"] for place in places] == [1, 2, 3, 4, 5, 6]
    assert [place["value"] for place in places] == sorted((p["value"] for p in places), reverse=True)
    assert len({place["image"] for place in places}) == 6
    trunk = load_checkpoint(material / "net.safetensors").net
    for place in places:
        assert place["name"].split("/")[0] == place["label"]
        assert place["window"] == list(trunk.window("conv3", place["y"], place["x"], (64, 64)))

    _, table, _ = zfexplore("top", "conv3:7")
    assert table.startswith("conv3:7 fires on")
    for place in places:
        (line,) = [line for line in table.splitlines() if f" {place['name']} " in line]
        assert f" {place['y']}, {place['x']} " in line
        assert f"{place['value']:.4g}" in line


def test_a_dead_channel_says_so_and_has_no_places(zfexplore, tmp_path):
    """Tables, CSV and JSON alike; of random weights pool5:49 fires on no picture, fc6:9 on one."""
    code, out, _ = zfexplore("top", "pool5:49")
    assert (code, out.splitlines()[0].rstrip()) == (0, "pool5:49 is dead: it fires on none of 6 images")
    assert "/" not in out
    channel = json.loads(zfexplore("top", "pool5:49", "--json")[1])
    assert (channel["dead"], channel["places"]) == (True, [])
    assert len(json.loads(zfexplore("top", "fc6:9", "--json")[1])["places"]) == 1
    _, table, _ = zfexplore("top", "pool5", "--count", "256")
    (line,) = [line for line in table.splitlines() if " pool5:49 " in line]
    assert line.split() == ["pool5:49", "0", "0", "dead"]

    zfexplore("export", "atlas", "--out", "atlas.csv")
    with open(tmp_path / "atlas.csv", newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["channel"] in ("pool5:49", "fc6:9")]
    assert [(row["channel"], row["dead"], row["rank"]) for row in rows] == [
        ("pool5:49", "True", ""), ("fc6:9", "False", "1"),
    ]  # fmt: skip
    assert all(rows[0][name] == "" for name in ("value", "image", "name", "label", "y", "x", "y0", "x1"))

    code, out, remarks = zfexplore("export", "channel", "pool5:49", "--tile", "20")
    assert (code, remarks) == (0, "pool5:49 is dead: it fires on none of 6 images")
    record = json.loads((tmp_path / "out" / "pool5-49.json").read_text())
    assert (record["dead"], record["units"]) == (True, [])


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("conv9", "there is no layer 'conv9': this net has conv1"),
        ("conv5:256", "channel 256 is not there: this layer has 0-255"),
        ("conv5:x", "'conv5:x' names no channel"),
        ("pool1", "pool1 is not indexed: choose conv1, conv2"),
    ],
)
def test_what_is_not_there_is_a_usage_error(zfexplore, what, message):
    code, out, remarks = zfexplore("top", what)
    assert (code, out) == (2, "")
    assert message in remarks


def test_selectivity_without_classes_is_explained(zfexplore, material):
    source = ("--images", str(material / "pictures" / "b"), "--checkpoint", "net.safetensors")
    code, _, remarks = zfexplore("top", "conv5", "--by", "selectivity", source=source)
    assert code == 2
    assert "selectivity compares classes" in remarks


def test_of_images_that_are_gone_all_numbers_are_left_and_nothing_is_drawn(zfexplore, material, tmp_path):
    shutil.copytree(material / "pictures", tmp_path / "album")
    album = ("--images", "album", "--checkpoint", "net.safetensors")
    _, before, _ = zfexplore("top", "conv3:7", "--json", source=album)
    assert zfexplore("export", "atlas", "--out", "before.csv", source=album)[0] == 0

    (tmp_path / "album").rename(tmp_path / "renamed")
    gone = (
        "the images of album are gone: the numbers are those of its index of 7 images, "
        "and nothing of them can be drawn"
    )
    assert zfexplore("top", "conv3:7", "--json", source=album) == (0, before, gone)
    assert zfexplore("export", "atlas", "--out", "after.csv", source=album)[2] == gone
    assert (tmp_path / "after.csv").read_bytes() == (tmp_path / "before.csv").read_bytes()
    refused = "error: the images of album are gone: they can be neither indexed nor drawn; "
    for words in ("export grid --layer conv3", "export channel conv3:7", "index --again"):
        code, out, remarks = zfexplore(*words.split(), source=album)
        assert (code, out, remarks.startswith(refused)) == (1, "", True)
    assert not (tmp_path / "out").exists()

    # Under its new name the folder is recognised by what it holds, and a mount point without its disk too.
    renamed = ("--images", "renamed", "--checkpoint", "net.safetensors")
    assert zfexplore("top", "conv3:7", "--json", source=renamed) == (0, before, "")
    (tmp_path / "album").mkdir()
    assert zfexplore("top", "conv3:7", "--json", source=album) == (0, before, gone)
    code, _, remarks = zfexplore("top", "conv3:7", source=("--images", "albun", *album[2:]))
    assert (code, remarks.startswith("error: no folder 'albun', and no images of that name")) == (2, True)
