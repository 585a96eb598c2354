"""``zfexplore explain`` end to end, on a small net and a folder of six pictures."""

from __future__ import annotations

import json
import shlex

import pytest
from PIL import Image

from tests.support import noise_picture
from zfexplore.figures.provenance import read_chunks


@pytest.fixture
def mine(tmp_path):
    """Two pictures, one in a folder with a name that has a space, and one that cannot be read."""
    noise_picture(70, seed=1).save(tmp_path / "me.png")
    (tmp_path / "my pictures").mkdir()
    noise_picture(50, seed=2).resize((90, 30)).save(tmp_path / "my pictures" / "a b.png")
    (tmp_path / "my pictures" / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return tmp_path


def test_a_picture_gets_its_classes_channels_and_figure(zfexplore, mine):
    code, out, _ = zfexplore("explain", "me.png", "--layer", "conv5", "--count", "3", "--out", "x/me.png")
    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == ["me.png,", "70", "x", "70", "pixels"]
    assert {line[0] for line in lines if len(line) == 2 and line[1].endswith("%")} == {"a", "b", "c"}
    channels = [line[0] for line in lines if line and line[0].startswith("conv5:")]
    assert len(channels) == 3
    assert out.endswith("wrote x/me.png\n")
    chunks = read_chunks(mine / "x" / "me.png")
    assert [key for key in chunks if key.startswith("unit ")] == [f"unit {name}" for name in channels]
    assert chunks["picture"] == "me.png"
    command = shlex.split(chunks["command"])
    first = (mine / "x" / "me.png").read_bytes()
    assert zfexplore(*command[1:], source=())[0] == 0
    assert (mine / "x" / "me.png").read_bytes() == first


def test_json_has_the_same_as_the_table_and_a_pasted_address_is_understood(zfexplore, mine):
    address = f"file://{mine}/my%20pictures/a%20b.png"
    code, out, _ = zfexplore("explain", address, "--count", "2", "--json", "--out", "x.png")
    record = json.loads(out)  # all of stdout: where the figure went stands on stderr
    assert (code, record["picture"]) == (0, str(mine / "my pictures" / "a b.png"))
    assert [each["name"] for each in record["classes"]] != []
    assert sum(each["probability"] for each in record["classes"]) == pytest.approx(1, abs=1e-5)
    first = record["channels"][0]
    assert first["unit"] == f"{first['channel']}@{first['y']},{first['x']}"
    assert first["lowest"] <= first["percentile"] <= first["highest"]
    assert (mine / "x.png").exists()


def test_several_have_a_row_and_a_figure_each_and_unreadable_ones_are_named(zfexplore, mine):
    words = ("explain", "my pictures", "me.png", "me.png", "gone.png", "--layer", "conv3", "--count", "4")
    code, out, remarks = zfexplore(*words, "--out", "drawn")
    assert code == 0
    assert out.startswith("3 of 5 pictures")
    assert out.endswith("wrote 3 figures into drawn\n")
    assert out.count("conv3:") == 9
    assert "2 images could not be read and were left out: cut.png" in remarks
    assert "gone.png: no such file or directory" in remarks
    names = {path.name for path in (mine / "drawn").iterdir()}
    assert names == {"explain-a-b.png", "explain-me.png", "explain-me-2.png"}
    assert zfexplore(*words, "--out", "drawn")[0] == 0  # the same pictures' figures are replaced
    command = shlex.split(read_chunks(mine / "drawn" / "explain-a-b.png")["command"])
    assert command[:3] == ["zfexplore", "explain", "my pictures/a b.png"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["gone.png"], 1, "gone.png cannot be read: no such file or directory"),
        (["my pictures/cut.png", "gone.png"], 1, "none of the 2 pictures could be read"),
        (["me.png", "--layer", "conv9"], 2, "there is no layer 'conv9'"),
        (["me.png", "--out", "x.jpg"], 2, "a figure is a PNG file: --out x.jpg must end in .png"),
        (["my pictures", "--out", "x.png"], 2, "one figure each: --out x.png names a file"),
        (["my pictures", "--out", "me.png/x"], 2, "me.png/x cannot be written: me.png is a file"),
        (["my pictures", "--title", "Mine"], 2, "--title is for one picture"),
        ([""], 2, "no picture was named"),
        ([], 2, "Missing argument"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_line(zfexplore, mine, words, code, message):
    found, out, complaint = zfexplore("explain", *words)
    assert (found, out) == (code, "")
    assert message in complaint


def test_another_pictures_figure_is_not_replaced_in_silence(zfexplore, mine):
    Image.new("RGB", (9, 9)).save(mine / "x.png")
    _, _, remarks = zfexplore("explain", "me.png", "--layer", "conv1", "--count", "1", "--out", "x.png")
    assert "x.png" in remarks
    assert "was not made by zfexplore" in remarks
