"""The export commands end to end, on a small net and a folder of six pictures."""

from __future__ import annotations

import json
import re
import shlex

import numpy as np
import pytest
from PIL import Image

from tests.support import noise_picture
from zfexplore.figures.provenance import read_chunks
from zfexplore.figures.text import typeface


def test_grid_writes_the_page_and_says_where(zfexplore, tmp_path):
    code, out, _ = zfexplore("export", "grid", "--layer", "conv5", "--channels", "top2", "--tile", "32")
    assert (code, out) == (0, "wrote out/conv5.png\n")
    chunks = read_chunks(tmp_path / "out" / "conv5.png")
    assert chunks["Title"] == "conv5"
    tables = [json.loads(text) for key, text in chunks.items() if key.startswith("unit conv5:")]
    assert len(tables) == 2
    for rows in tables:
        activations = [row["activation"] for row in rows]
        assert activations == sorted(activations, reverse=True)
        assert all(row["scale"] > 0 and row["label"] in ("a", "b") for row in rows)
        assert len({row["image"] for row in rows}) == len(rows)


def test_the_highest_may_go_by_another_ranking(zfexplore, tmp_path):
    words = ("--layer", "conv5", "--channels", "top2", "--by", "striking", "--tile", "16")
    assert zfexplore("export", "grid", *words)[0] == 0
    rows = json.loads(zfexplore("top", "conv5", "--by", "striking", "--count", "2", "--json")[1])
    chunks = read_chunks(tmp_path / "out" / "conv5.png")
    shown = [key.removeprefix("unit ") for key in chunks if key.startswith("unit ")]
    assert shown == [row["channel"] for row in rows]
    assert "--by striking" in chunks["command"]
    code, _, remarks = zfexplore("export", "grid", "--layer", "conv5", "--channels", "0", "--by", "max")
    assert code == 2
    assert "by max is for the highest" in remarks


def test_the_command_in_the_file_makes_the_same_file_again(zfexplore, tmp_path):
    zfexplore(
        "export", "grid", "--layer", "conv3", "--channels", "7", "--tile", "20", "--title", "one of them"
    )
    first = (tmp_path / "out" / "conv3.png").read_bytes()
    words = shlex.split(read_chunks(tmp_path / "out" / "conv3.png")["command"])
    assert words[:3] == ["zfexplore", "export", "grid"]
    assert zfexplore(*words[1:], source=())[0] == 0
    assert (tmp_path / "out" / "conv3.png").read_bytes() == first


def test_a_figure_may_be_svg_or_pdf_and_its_command_makes_the_same_again(zfexplore, tmp_path):
    (tmp_path / "mine.ttf").write_bytes(typeface().content)
    grid = ("export", "grid", "--layer", "conv3", "--channels", "7", "--tile", "16")
    channel = ("export", "channel", "conv4:3", "--tile", "16", "--out", "c.pdf")
    assert (
        zfexplore(*grid, "--format", "svg", "--dpi", "300", "--font", "mine.ttf")[1]
        == "wrote out/conv3.svg\n"
    )
    assert zfexplore(*channel)[1] == "wrote c.pdf\nwrote c.csv\nwrote c.json\n"
    zfexplore(*grid)  # in Pillow's own font again
    for path, shown in ((tmp_path / "out" / "conv3.svg", "conv3:7"), (tmp_path / "c.pdf", "conv4:3")):
        first, chunks = path.read_bytes(), read_chunks(path)
        assert [key for key in chunks if key.startswith("unit ")] == [f"unit {shown}"]
        words = shlex.split(chunks["command"])
        path.unlink()
        assert zfexplore(*words[1:], source=())[0] == 0
        assert path.read_bytes() == first
    (width,) = re.findall(r'<svg [^>]*width="([\d.]+)in"', (tmp_path / "out" / "conv3.svg").read_text())
    with Image.open(tmp_path / "out" / "conv3.png") as usual:
        assert float(width) == pytest.approx(usual.width / 300, abs=1e-3)


def test_npz_holds_what_the_page_shows(zfexplore, tmp_path):
    code, out, _ = zfexplore(
        "export", "grid", "--layer", "conv2", "--channels", "5", "--npz", "--out", "x/y.png"
    )
    assert (code, out) == (0, "wrote x/y.png\nwrote x/y.npz\n")
    (rows,) = (
        json.loads(text) for key, text in read_chunks(tmp_path / "x/y.png").items() if key == "unit conv2:5"
    )
    with np.load(tmp_path / "x" / "y.npz") as arrays:
        assert arrays["conv2-5.activation"] == pytest.approx([row["activation"] for row in rows])
        assert arrays["conv2-5.scale"] == pytest.approx([row["scale"] for row in rows])
        assert arrays["conv2-5.pixels"].shape[1:] == (3, 27, 27)


def test_channel_writes_picture_and_tables(zfexplore, tmp_path):
    code, out, _ = zfexplore("export", "channel", "conv4:3")
    assert (code, out) == (0, "wrote out/conv4-3.png\nwrote out/conv4-3.csv\nwrote out/conv4-3.json\n")
    record = json.loads((tmp_path / "out" / "conv4-3.json").read_text())
    assert record["channel"] == "conv4:3"
    assert record["max"] == pytest.approx(record["units"][0]["activation"], rel=1e-3)
    chunks = read_chunks(tmp_path / "out" / "conv4-3.png")
    assert json.loads(chunks["unit conv4:3"]) == record["units"]
    assert record["command"] == chunks["command"]


def test_figure_and_filters_show_every_layer(zfexplore, tmp_path):
    assert zfexplore("export", "figure", "--channels", "top1", "--tile", "24")[0] == 0
    layers = {
        key.split()[1].split(":")[0] for key in read_chunks(tmp_path / "out/figure.png") if "unit" in key
    }
    assert layers == {"conv1", "conv2", "conv3", "conv4", "conv5", "pool5"}
    assert zfexplore("export", "filters", "--channels", "0-2", "--tile", "24")[0] == 0
    chunks = read_chunks(tmp_path / "out" / "filters.png")
    assert [key for key in chunks if key.startswith("unit")] == [
        "unit conv1:0",
        "unit conv1:1",
        "unit conv1:2",
    ]


def test_a_sheet_of_absurd_size_is_refused_before_anything_is_projected(zfexplore, monkeypatch):
    def forbidden(*_, **__):
        raise AssertionError("nothing may be projected for a sheet that is refused")

    monkeypatch.setattr("zfexplore.explorer.exemplars", forbidden)
    monkeypatch.setattr("zfexplore.figures.sheet.MOST_PIXELS", 10**5)
    code, _, complaint = zfexplore("export", "figure", "--channels", "0", "--tile", "24")
    assert code == 2
    assert "choose fewer channels or a smaller --tile, or draw layer by layer" in complaint


def test_fully_connected_units_see_the_whole_image(zfexplore, tmp_path):
    assert zfexplore("export", "grid", "--layer", "fc7", "--channels", "top3", "--tile", "24")[0] == 0
    chunks = read_chunks(tmp_path / "out" / "fc7.png")
    rows = [row for key, text in chunks.items() if key.startswith("unit") for row in json.loads(text)]
    assert rows
    assert {(row["y0"], row["x0"], row["y1"], row["x1"]) for row in rows} == {(0, 0, 64, 64)}


def test_another_nets_picture_is_not_replaced_in_silence(zfexplore, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "conv5.png").write_bytes(b"a holiday picture")
    words = ("export", "grid", "--layer", "conv5", "--tile", "16", "--channels")
    code, out, remarks = zfexplore(*words, "0")
    assert (code, out) == (1, "")
    told = "out/conv5.png was not made by zfexplore: give another --out, or --overwrite to replace it"
    assert told in remarks
    assert (tmp_path / "out" / "conv5.png").read_bytes() == b"a holiday picture"
    assert zfexplore(*words, "0", "--overwrite")[0] == 0
    assert zfexplore(*words, "1")[0] == 0  # the same origin


def test_the_textbook_deconvnet_draws_the_same_page(zfexplore, tmp_path):
    words = ("export", "grid", "--layer", "conv4", "--channels", "0-7", "--tile", "24")
    assert zfexplore(*words)[0] == 0
    assert zfexplore(*words, "--dense", "--out", "out/dense.png")[0] == 0
    fast, dense = tmp_path / "out" / "conv4.png", tmp_path / "out" / "dense.png"
    assert "--dense" in read_chunks(dense)["command"]
    assert "--dense" not in read_chunks(fast)["command"]
    with Image.open(fast) as one, Image.open(dense) as other:
        assert np.abs(np.asarray(one).astype(int) - np.asarray(other)).max() <= 1
    for key, text in read_chunks(fast).items():
        if key.startswith("unit"):
            rows = json.loads(read_chunks(dense)[key])
            for row, other_row in zip(json.loads(text), rows, strict=True):
                assert row == {
                    name: pytest.approx(value, rel=1e-3) if isinstance(value, float) else value
                    for name, value in other_row.items()
                }


@pytest.mark.parametrize("words", [["channel", "conv3:0"], ["filters", "--channels", "0"]])
def test_dense_is_obeyed_by_every_export(zfexplore, monkeypatch, words):
    from zfexplore.deconv import dense

    asked = []
    whole = dense.project_request

    def watched(trunk, images, request):
        asked.append(request.stage.name)
        return whole(trunk, images, request)

    monkeypatch.setattr(dense, "project_request", watched)
    assert zfexplore("export", *words)[0] == 0
    assert not asked
    assert zfexplore("export", *words, "--dense")[0] == 0
    assert asked


def test_ctrl_c_keeps_what_is_drawn(zfexplore, tmp_path, monkeypatch):
    from zfexplore.figures.grid import Page

    whole = Page.add

    def interrupted(page, block):
        if page.drawn == 2:
            raise KeyboardInterrupt
        whole(page, block)

    monkeypatch.setattr(Page, "add", interrupted)
    code, _, remarks = zfexplore(
        "export", "grid", "--layer", "conv5", "--channels", "0-5", "--tile", "16", "--npz"
    )
    assert code == 130
    assert "interrupted: 2 of 6 channels are in out/conv5-partial.png" in remarks
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["conv5-partial.png"]
    assert "unit conv5:1" in read_chunks(tmp_path / "out" / "conv5-partial.png")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["grid", "--layer", "conv6"], "there is no layer 'conv6': this net has conv1"),
        (["grid", "--layer", "pool1"], "pool1 is not indexed: choose conv1"),
        (["grid", "--layer", "conv5", "--channels", "256"], "channel 256 is not there: this layer has 0-255"),
        (
            ["grid", "--layer", "conv5", "--channels", "some"],
            "'some' names no channels: write a number, a range (0-15), a list (7,130), top16, random16",
        ),
        (["grid", "--layer", "conv5", "--channels", "topmost"], "'topmost' names no channels"),
        (["grid", "--layer", "conv5", "--channels", "random0"], "'random0' chooses no channel"),
        (["grid", "--layer", "conv5", "--channels", "9-3"], "the range '9-3' runs backwards"),
        (["grid", "--layer", "conv5", "--tile", "4"], "--tile"),
        (["grid"], "--layer"),
        (["channel", "conv5"], "'conv5' names no channel: write stage:channel"),
        (["channel", "conv5:999"], "channel 999 is not there"),
        (["channel", "conv9:1"], "there is no layer 'conv9'"),
        (["grid", "--layer", "conv5", "--out", "x.jpg"], "a figure is a PNG file: --out x.jpg must end in"),
        (["channel", "conv5:1", "--out", "."], ". is a folder: give a file, as in --out conv5-1.png"),
        (["figure", "--out", "x"], "--out x must end in .png"),
        (
            ["grid", "--layer", "conv5", "--out", "/proc/x.png"],
            "/proc/x.png cannot be written: no file",
        ),
        (["channel", "conv5:1", "--out", "/dev/null/x.png"], "/dev/null is a file, not a folder"),
        (["atlas", "--out", "/proc/x.csv"], "/proc/x.csv cannot be written"),
        (["filters", "--out", "x.tif"], "--out x.tif must end in .png"),
        (["grid", "--layer", "conv5", "--format", "svg", "--out", "x.png"], "--out must end in .svg"),
        (["figure", "--font", "no.ttf"], "the font no.ttf cannot be used: No such file or directory"),
    ],
)
def test_a_wrong_argument_is_refused_before_any_work(zfexplore, monkeypatch, words, message):
    def forbidden(*_, **__):
        raise AssertionError("no image may be opened for a wrong argument")

    monkeypatch.setattr("zfexplore.images.open.open_images", forbidden)
    code, _, complaint = zfexplore("export", *words)
    assert code == 2
    assert message in complaint


def test_a_missing_checkpoint_is_one_line(zfexplore):
    code, _, complaint = zfexplore(
        "export", "grid", "--layer", "conv5", source=("--checkpoint", "gone.safetensors")
    )
    assert code == 1
    assert complaint.startswith("error: gone.safetensors is not there")


def test_a_unit_and_a_channel_are_drawn_on_pictures_of_ones_own(zfexplore, tmp_path):
    noise_picture(70, seed=1).save(tmp_path / "my face.png")
    code, out, _ = zfexplore("export", "unit", "conv4:3@1,2", f"file://{tmp_path}/my%20face.png")
    stem = "out/conv4-3-1-2-on-my-face"
    assert (code, out) == (0, f"wrote {stem}.png\nwrote {stem}.csv\nwrote {stem}.json\n")
    first = (tmp_path / f"{stem}.png").read_bytes()
    command = shlex.split(read_chunks(tmp_path / f"{stem}.png")["command"])
    assert "--out" not in command
    assert zfexplore(*command[1:], source=())[0] == 0
    assert (tmp_path / f"{stem}.png").read_bytes() == first
    code, out, _ = zfexplore("export", "channel", "conv4:3", "--on", "my face.png", "--on", "my face.png")
    assert (code, out.splitlines()[0]) == (0, "wrote out/conv4-3-on-2-pictures.png")


def test_a_picture_that_is_not_there_is_told_before_any_work(zfexplore, monkeypatch):
    def forbidden(*_, **__):
        raise AssertionError("nothing may be opened")

    monkeypatch.setattr("zfexplore.opened.open_settings", forbidden)
    for words in (["unit", "conv4:3", "gone.png"], ["channel", "conv4:3", "--on", "gone.png"]):
        code, _, complaint = zfexplore("export", *words)
        assert (code, complaint) == (1, "error: gone.png cannot be read: no such file or directory")
