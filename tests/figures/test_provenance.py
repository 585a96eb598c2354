from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from zfexplore import __version__
from zfexplore.figures.blocks import block_from
from zfexplore.figures.provenance import Origin, Provenance, foreign, read_chunks, save_png

MADE = Provenance(
    command="zfexplore export grid --layer conv2",
    checkpoint="c0ffee",
    atlas="a71a5",
    images="9 images of Sömmer 夏",
    title="conv2",
)


@pytest.fixture
def picture():
    return Image.fromarray(np.arange(300, dtype=np.uint8).repeat(3).reshape(10, 30, 3))


def test_what_is_written_is_read_back(tmp_path, picture, nine, field):
    block = block_from("conv2:7", nine, field)
    chunks = MADE.chunks({block.name: block.rows()})
    save_png(picture, tmp_path / "out" / "grid.png", chunks)
    there = read_chunks(tmp_path / "out" / "grid.png")
    assert there == chunks
    assert there["command"] == "zfexplore export grid --layer conv2"
    assert there["images"] == "9 images of Sömmer 夏"
    assert there["Software"] == f"zfexplore {__version__}"
    units = json.loads(there["unit conv2:7"])
    assert [unit["activation"] for unit in units] == [10.0 - rank for rank in range(9)]
    with Image.open(tmp_path / "out" / "grid.png") as image:
        assert np.array_equal(np.asarray(image), np.asarray(picture))


def test_the_same_figure_is_the_same_bytes(tmp_path, picture):
    for name in ("a.png", "b.png"):
        save_png(picture, tmp_path / name, MADE.chunks())
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_many_channels_can_be_read_back(tmp_path, picture, nine, field):
    rows = block_from("conv2:7", nine, field).rows()
    chunks = MADE.chunks({f"conv2:{channel}": rows for channel in range(512)})
    save_png(picture, tmp_path / "all.png", chunks)
    assert read_chunks(tmp_path / "all.png") == chunks


def test_a_failed_write_leaves_the_old_file(tmp_path, picture):
    save_png(picture, tmp_path / "grid.png", MADE.chunks())
    before = (tmp_path / "grid.png").read_bytes()
    with pytest.raises(UnicodeError):
        save_png(picture, tmp_path / "grid.png", {"夏": "keywords are Latin-1"})
    assert (tmp_path / "grid.png").read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["grid.png"]


@pytest.mark.parametrize("content", [None, b"", b"not a picture", b"\x89PNG\r\n\x1a\n broken"])
def test_what_is_no_png_has_no_chunks(tmp_path, content):
    if content is not None:
        (tmp_path / "x.png").write_bytes(content)
    assert read_chunks(tmp_path / "x.png") == {}


def test_a_file_of_other_origin_is_recognised(tmp_path, picture):
    path = tmp_path / "grid.png"
    assert foreign(path, MADE.chunks()) is None
    path.write_bytes(b"holiday")
    assert foreign(path, MADE.chunks()) == "was not made by zfexplore"
    save_png(picture, path, MADE.chunks())
    assert foreign(path, MADE.chunks()) is None
    assert foreign(path, {**MADE.chunks(), "atlas": "other"}) == "came from another atlas"
    assert foreign(path, {**MADE.chunks(), "checkpoint": "other"}) == "came from another checkpoint"


def test_an_origin_says_what_a_figure_is_drawn_from():
    origin = Origin("zfnet", "c0ffee", "a71a5", "f00d", 1500)
    made = origin.provenance(command="zfexplore export grid --layer conv2", title="conv2")
    assert made.chunks() == {
        "Title": "conv2",
        "Software": f"zfexplore {__version__}",
        "command": "zfexplore export grid --layer conv2",
        "checkpoint": "c0ffee",
        "atlas": "a71a5",
        "images": "1,500 images, fingerprint f00d",
    }


def test_the_pixels_are_not_decoded_to_read_the_chunks(tmp_path, picture, monkeypatch):
    save_png(picture, tmp_path / "grid.png", MADE.chunks())
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda *_: pytest.fail("decoded"))
    assert read_chunks(tmp_path / "grid.png") == MADE.chunks()
