"""``zfexplore export occlusion`` and ``export invariance`` end to end, on a small net."""

# tests zfexplore/cli/export_invariance.py too: both are of a picture of one's own
# tests zfexplore/cli/lines.py too: its lines are what export invariance prints
# tests zfexplore/occluded.py too: it is what export occlusion shows
# tests zfexplore/varied.py too: it is what export invariance shows
# tests zfexplore/figures/occluded.py too: its row of pictures stands above the maps
from __future__ import annotations

import csv
import json
import shlex

import numpy as np
import pytest
from PIL import Image

from tests.support import noise_picture
from zfexplore.cli.export_invariance import amounts_of
from zfexplore.cli.export_occlusion import class_of
from zfexplore.errors import ExploreError
from zfexplore.exemplars.seen import see
from zfexplore.explorer import Explorer
from zfexplore.figures.provenance import read_chunks
from zfexplore.settings import Settings

SQUARE = ("--patch", "32", "--stride", "32")  # four places


@pytest.fixture
def mine(tmp_path):
    """A picture of one's own, as large as the net's input, one that cannot be read, and one in a class."""
    noise_picture(72, seed=1).save(tmp_path / "me.png")
    (tmp_path / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "classes" / "b").mkdir(parents=True)
    (tmp_path / "classes" / "c").mkdir()
    noise_picture(72, seed=2).save(tmp_path / "classes" / "b" / "one.png")
    return tmp_path


@pytest.fixture
def explorer(zfexplore, material):
    """Opened on the material, whose index the commands share."""
    return Explorer.open(Settings(str(material / "pictures"), str(material / "net.safetensors")))


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_an_occlusion_is_drawn_with_its_numbers_beside_it(zfexplore, mine, explorer):
    words = (
        "export",
        "occlusion",
        "me.png",
        "--unit",
        "conv3:7@1,1",
        *SQUARE,
        "--label",
        "b",
        "--tile",
        "64",
    )
    code, out, _ = zfexplore(*words, "--out", "x/me.png")
    assert (code, out) == (0, "wrote x/me.png\nwrote x/me.csv\nwrote x/me.json\n")
    found = explorer.occlude("me.png", "conv3:7", square=32, stride=32, label="b")
    rows = rows_of(mine / "x" / "me.csv")
    assert [(row["row"], row["column"]) for row in rows] == [("0", "0"), ("0", "1"), ("1", "0"), ("1", "1")]
    assert [float(row["total"]) for row in rows] == pytest.approx(found.total.ravel().tolist(), rel=1e-5)
    assert [float(row["probability"]) for row in rows] == pytest.approx(
        found.probability.ravel().tolist(), rel=1e-5
    )
    assert [row["best_name"] for row in rows] == [found.name_of(each) for each in found.best_class.ravel()]
    assert [rows[3][name] for name in ("y0", "x0", "y1", "x1")] == ["32", "32", "64", "64"]
    record = json.loads((mine / "x" / "me.json").read_text())
    assert (record["channel"], record["class"], len(record["places"])) == ("conv3:7", "b", 4)
    assert record["intact"]["total"] == pytest.approx(found.intact.total, rel=1e-5)
    chunks = read_chunks(mine / "x" / "me.png")
    assert (chunks["Title"], chunks["picture"]) == ("conv3:7 on me.png", "me.png")
    first = (mine / "x" / "me.png").read_bytes()
    assert zfexplore(*shlex.split(chunks["command"])[1:], source=())[0] == 0
    assert (mine / "x" / "me.png").read_bytes() == first


def test_the_channels_projection_stands_beside_its_maps(explorer, mine):
    found = explorer.occluded("me.png", square=64, stride=64)
    assert found.result.unit.stage == "conv5"
    (own,) = found.own.units
    seen = see(explorer.checkpoint, explorer.image("me.png"))
    maps = explorer.checkpoint.net.maps(seen.batch, ["conv5"])["conv5"]
    assert own.value == pytest.approx(float(maps[0, found.result.unit.channel].max()), rel=1e-4)
    alone = explorer.project("me.png", found.result.unit)
    y0, x0, y1, x1 = own.window
    np.testing.assert_allclose(own.projection, alone.pixels[0, :, y0:y1, x0:x1], atol=1e-5)
    best = explorer.channel(found.result.unit)
    assert [unit.value for unit in found.exemplars.units] == [one.activation for one in best]
    assert found.figure(tile=64, title="Mine").image.width == found.figure(tile=64).image.width
    assert found.made.command.words == ("export", "occlusion", "me.png")


def test_pictures_are_moved_drawn_and_shown_in_the_terminal(zfexplore, mine, explorer):
    words = ("export", "invariance", "me.png", "classes", "cut.png", "--layer", "conv1", "--layer", "conv5")
    moves = ("--translation", "-8:8:8", "--scale", "1,1.5", "--rotation", "0,90")
    code, out, remarks = zfexplore(*words, *moves, "--out", "v.png")
    assert code == 0
    assert out.endswith("wrote v.png\nwrote v.csv\nwrote v.json\n")
    assert "1 image could not be read and was left out: cut.png" in remarks
    assert "one.png: b (its class)" in out
    assert "me.png: " in out
    assert "(the most probable class)" in out
    for told in ("translation, pixels downwards", "conv1, distance", "conv5, distance", "rotation, degrees"):
        assert told in out
    assert any("\u2800" < letter <= "\u28ff" for letter in out)  # lines in braille
    rows = rows_of(mine / "v.csv")
    assert len(rows) == 2 * (3 + 2 + 2)
    found = explorer.vary(
        "me.png",
        layers=["conv1", "conv5"],
        amounts={"translation": [-8, 0, 8], "scale": [1, 1.5], "rotation": [0, 90]},
    )
    for row, expected in zip(rows, found.rows(), strict=False):
        assert row["move"] == expected["move"]
        assert float(row["amount"]) == expected["amount"]
        assert float(row["conv5 distance"]) == pytest.approx(expected["conv5 distance"], rel=1e-4, abs=1e-6)
        assert (float(row["conv1 distance"]) == 0) == (float(row["amount"]) == float(row["move"] == "scale"))
    command = shlex.split(read_chunks(mine / "v.png")["command"])
    first = (mine / "v.png").read_bytes()
    assert zfexplore(*command[1:], source=())[0] == 0
    assert (mine / "v.png").read_bytes() == first


@pytest.mark.parametrize(
    "words",
    [
        ("occlusion", "me.png", *SQUARE),
        ("invariance", "me.png", "--layer", "conv1", "--scale", "1,2", "--translation", "0"),
    ],
)
def test_both_are_written_as_svg_with_text_as_text_and_the_command_makes_the_same(zfexplore, mine, words):
    code, out, _ = zfexplore("export", *words, "--format", "svg", "--dpi", "300")
    assert code == 0
    (path,) = (mine / "out").glob("*.svg")
    assert f"wrote out/{path.name}" in out
    first = path.read_bytes()
    assert b">probability of" in first
    command = shlex.split(read_chunks(path)["command"])
    assert command[command.index("--format") :][:4] == ["--format", "svg", "--dpi", "300"]
    path.unlink()
    assert zfexplore(*command[1:], source=())[0] == 0
    assert path.read_bytes() == first


def test_a_picture_that_cannot_be_read_leaves_the_others_their_own_labels(zfexplore, mine):
    words = ("export", "invariance", "me.png", "cut.png", "classes", "--layer", "conv1")
    moves = ("--translation", "0", "--scale", "1.3333333", "--rotation", "0")
    labels = ("--label", "a", "--label", "b", "--label", "c")
    assert zfexplore(*words, *moves, *labels, "--out", "v.png")[0] == 0
    rows = rows_of(mine / "v.csv")
    assert [row["class"] for row in rows] == ["a"] * 3 + ["c"] * 3
    command = read_chunks(mine / "v.png")["command"]
    assert "--label a --label b --label c" in command
    assert "--scale 1.3333333" in command


def test_an_image_of_the_sets_own_class_needs_no_label(explorer):
    found = explorer.vary(0, layers=["conv1"], amounts={"scale": [1.0]})
    assert (found.told, found.found[0].class_name) == ((True,), "a")
    with pytest.raises(ExploreError, match="2 labels do not go with 3 pictures"):
        explorer.vary(0, 1, 2, labels=["a", "b"])
    with pytest.raises(ExploreError, match="no picture was named"):
        explorer.vary()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["occlusion", "gone.png"], 1, "gone.png cannot be read: no such file or directory"),
        (["occlusion", "me.png", "--unit", "conv9:1"], 2, "there is no layer 'conv9'"),
        (["occlusion", "me.png", "--patch", "65"], 2, "a square of 65 pixels does not fit"),
        (["occlusion", "me.png", "--patch", "8", "--stride", "9"], 2, "a stride of 9 pixels does not go"),
        (["occlusion", "me.png", "--label", "fox"], 2, "the net knows no class 'fox' among its 3"),
        (["occlusion", "me.png", "--label", "3"], 2, "the net has no class 3: it has 0-2"),
        (["occlusion", "me.png", "--out", "x.jpg"], 2, "--out x.jpg must end in .png"),
        (["occlusion", "me.png", "--out", "there.png"], 1, "there.png was not made by zfexplore"),
        (["invariance", "cut.png"], 1, "cut.png cannot be read"),
        (["invariance", "me.png", "--layer", "conv9"], 2, "there is no layer 'conv9'"),
        (["invariance", "me.png", "--scale", "1:2"], 2, "--scale 1:2 names no amounts"),
        (["invariance", "me.png", "--translation", "0.5"], 2, "must be a whole number, not 0.5"),
        (["invariance", "me.png", "--label", "a", "--label", "b"], 2, "2 labels do not go with 1 picture"),
        (["invariance", "me.png", "--out", "there.png"], 1, "there.png was not made by zfexplore"),
    ],
)
def test_what_cannot_be_done_is_one_line(zfexplore, mine, words, code, message):
    Image.new("RGB", (9, 9)).save(mine / "there.png")
    given, out, remarks = zfexplore("export", *words)
    assert (given, out) == (code, "")
    assert message in remarks


def test_amounts_and_classes_are_read_as_they_are_typed():
    assert amounts_of("scale", "1:1.3:0.1") == [1, 1.1, 1.2, 1.3]
    assert amounts_of("translation", "-8:8:4,20") == [-8, -4, 0, 4, 8, 20]
    assert amounts_of("rotation", "90") == [90]
    for text in ("", "a", "1:2", "1:2:0", "2:1:1", "0:1:1e-9", "nan", "1,,2"):
        with pytest.raises(ExploreError, match="--rotation"):
            amounts_of("rotation", text)
    assert [class_of(word, ("cat", "7")) for word in ("cat", "7", "12", "dog", None)] == [
        "cat", "7", 12, "dog", None,
    ]  # fmt: skip
