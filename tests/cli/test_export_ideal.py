"""``export ideal``, ``export tree`` and ``top --alike`` on a small net and a folder of six pictures."""

# tests zfexplore/cli/export_tree.py too: they share what a process needs
# tests zfexplore/tree_drawing.py too: its figure is what export tree writes

from __future__ import annotations

import csv
import json

import pytest

from zfexplore.figures.provenance import read_chunks


def test_ideal_draws_what_was_named_and_its_command_makes_it_again(zfexplore, tmp_path):
    few = ("--steps", "2", "--starts", "2", "--tile", "16")
    code, out, _ = zfexplore("export", "ideal", "conv2:0-1", "conv2:1", "conv2:3@4,5", *few)
    assert (code, out.split()[1::2]) == (0, [f"out/conv2-0-1-ideal.{end}" for end in ("png", "csv", "json")])
    chunks = read_chunks(tmp_path / "out/conv2-0-1-ideal.png")
    assert [key for key in chunks if key.startswith("unit")] == [
        "unit conv2:0", "unit conv2:1", "unit conv2:3@4,5",
    ]  # fmt: skip
    before = (tmp_path / "out/conv2-0-1-ideal.png").read_bytes()
    command = chunks["command"].split()
    assert zfexplore(*command[1:], source=())[0] == 0
    assert (tmp_path / "out/conv2-0-1-ideal.png").read_bytes() == before
    rows = json.loads((tmp_path / "out/conv2-0-1-ideal.json").read_text())["units"]
    assert [row["rank"] for row in rows] == [1, 2] * 3


def test_what_the_index_lacks_is_told_before_any_work(zfexplore):
    code, out, told = zfexplore("export", "ideal", "conv2:0", "pool2:1", "--steps", "2")
    assert (code, out, "ascending" in told) == (2, "", False)
    assert "there is no layer 'pool2' in this atlas" in told


@pytest.mark.parametrize("likeness", ["nan", "-0.1", "1"])
def test_a_likeness_that_is_none_is_refused(zfexplore, likeness):
    assert zfexplore("export", "tree", "conv3", "--likeness", likeness)[0] == 2


def test_a_channels_figure_has_a_column_more(zfexplore, tmp_path):
    assert zfexplore("export", "channel", "conv1:2", "--tile", "16")[0] == 0
    assert zfexplore("export", "channel", "conv1:2", "--tile", "16", "--ideal", "--out", "more.png")[0] == 0
    words = read_chunks(tmp_path / "more.png")["command"].split()
    assert words[:7] == ["zfexplore", "export", "channel", "conv1:2", "--tile", "16", "--ideal"]
    code, _, told = zfexplore("export", "channel", "conv1:2", "--ideal", "--on", "x.jpg")
    assert (code, "leave out --on or --ideal" in told) == (2, True)


def test_tree_has_a_row_for_every_channel_that_fires(zfexplore, tmp_path):
    words = ("export", "tree", "conv3", "--channels", "0-11", "--tile", "16", "--likeness", "0.2")
    code, out, _ = zfexplore(*words)
    assert zfexplore(*words)[0] == 0  # it may replace its own
    assert (code, out.split()[1::2]) == (0, [f"out/conv3-tree.{end}" for end in ("png", "csv", "json")])
    with open(tmp_path / "out/conv3-tree.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    silent = json.loads((tmp_path / "out/conv3-tree.json").read_text())["silent"]
    assert sorted(int(row["channel"].partition(":")[2]) for row in rows) == sorted(
        set(range(12)) - set(silent)
    )
    assert len({row["group"] for row in rows}) == int(rows[-1]["group"])


def test_the_most_alike_channels_are_listed(zfexplore):
    code, out, _ = zfexplore("top", "conv3:0", "--alike", "--count", "3", "--json")
    rows = json.loads(out)
    assert (code, len(rows)) == (0, 3)
    assert rows == sorted(rows, key=lambda row: -row["r"])
    assert {row["n"] for row in rows} == {6}
    code, out, _ = zfexplore("top", "conv3:0", "--alike", "--count", "1")
    assert rows[0]["channel"] in out
    code, _, told = zfexplore("top", "conv3", "--alike")
    assert (code, "--alike is of a channel" in told) == (2, True)
