"""``export gallery`` end to end, on a small net and six pictures of which one cannot be read."""

# tests zfexplore/gallery.py too: to open an Explorer takes seconds, and the command's is there
from __future__ import annotations

import json
import re

import pytest
from PIL import Image

from zfexplore.explorer import Explorer
from zfexplore.gallery import make_gallery
from zfexplore.images.sources import UnreadableImage
from zfexplore.progress import Progress, Skipped

ONE = ("export", "gallery", "--channels", "0", "--out", "page")
WORDS = ("export", "gallery", "--channels", "top2", "--out", "page")


def data_of(folder) -> dict:
    (text,) = re.findall(r"(?s)^window\.GALLERY = (.*);\n$", (folder / "data.js").read_text())
    return json.loads(text)


def opened(material) -> Explorer:
    return Explorer(images=str(material / "pictures"), checkpoint=str(material / "net.safetensors"))


def files(folder) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*")}


def test_the_page_has_what_the_index_knows_and_a_picture_for_each_channel(zfexplore, material, tmp_path):
    code, out, _ = zfexplore(*WORDS)
    assert code == 0
    assert re.fullmatch(r"wrote page/index\.html: 18 channels, 6 images, 0\.\d MB\n", out)
    data = data_of(tmp_path / "page")
    assert [stage["name"] for stage in data["stages"]] == [
        "conv1", "conv2", "conv3", "conv4", "conv5", "pool5", "fc6", "fc7", "fc8"
    ]  # fmt: skip
    assert data["classes"] == ["a", "b"]
    explorer = opened(material)
    for stage in data["stages"]:
        rows = explorer.top(stage["name"], count=2)
        for one, row in zip(stage["channels"], rows, strict=True):
            name = f"{stage['name']}:{one['n']}"
            assert name == row["channel"]
            assert [one["max"], one["mean"]] == pytest.approx([row["max"], row["mean"]], rel=1e-4)
            assert data["classes"][one["best"]] == row["best_class"]
            places = [place for place in explorer.top(name) if place["value"] > 0]
            assert [unit[0] for unit in one["units"]] == [place["image"] for place in places]
            names = [data["images"][str(unit[0])][0] for unit in one["units"]]
            assert names == [place["name"] for place in places]
            if stage["kind"] != "fc":
                assert [unit[4:] for unit in one["units"]] == [place["window"] for place in places]
    pictures = {path.stem for path in (tmp_path / "page" / "channels").iterdir()}
    assert pictures == {
        f"{stage['name']}-{one['n']}" for stage in data["stages"] for one in stage["channels"]
        if stage["kind"] != "fc" and one["units"]
    }  # fmt: skip
    conv1 = data["stages"][0]
    half = 3 * conv1["tile"] + 2 * conv1["gap"]
    with Image.open(tmp_path / "page" / "channels" / f"conv1-{conv1['channels'][0]['n']}.webp") as picture:
        assert picture.size == (2 * half, half)
    assert not (tmp_path / "page" / "photographs.md").exists()  # the pictures are the user's own
    record = json.loads((tmp_path / "page" / "gallery.json").read_text())
    assert record["command"].startswith("zfexplore export gallery --channels top2 --out page --images ")
    assert data["command"] == record["command"]


def test_only_a_gallery_of_the_same_origin_is_replaced(zfexplore, tmp_path):
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "thesis.tex").write_text("mine")
    for more in ((), ("--overwrite",)):
        code, _, remarks = zfexplore(*ONE, *more)
        assert code == 2
        assert "page is a folder of something else: give another --out" in remarks
    (tmp_path / "page" / "thesis.tex").unlink()
    assert zfexplore(*ONE)[0] == 0
    first = files(tmp_path / "page")
    record = tmp_path / "page" / "gallery.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"checkpoint": "another"}))
    code, _, remarks = zfexplore(*ONE)
    assert code == 1
    assert "page/gallery.json came from another checkpoint" in remarks
    assert zfexplore(*ONE, "--overwrite")[0] == 0
    assert files(tmp_path / "page") == first
    assert [path.name for path in tmp_path.iterdir()] == ["page"]


def test_stopped_early_it_leaves_what_was_there_and_nothing_else(zfexplore, material, tmp_path):
    explorer = opened(material)
    for before in (False, True):
        events = make_gallery(explorer, tmp_path / "page", "0")
        assert isinstance(next(events), Progress)
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".zfexplore")]
        events.close()
        assert [path.name for path in tmp_path.iterdir()] == (["page"] if before else [])
        (tmp_path / "page").mkdir(exist_ok=True)


def test_an_image_that_is_gone_by_now_is_named_and_left_out(zfexplore, material, tmp_path, monkeypatch):
    explorer = opened(material)
    look = explorer.look

    def damaged(image: int):
        if image == 1:
            raise UnreadableImage(1, "one.png", "cut off")
        return look(image)

    monkeypatch.setattr(explorer, "look", damaged)
    *events, last = make_gallery(explorer, tmp_path / "page", "0")
    assert [event.name for event in events if isinstance(event, Skipped)] == ["one.png"]
    assert last.result.images == 5
    data = data_of(tmp_path / "page")
    shown = [unit[0] for stage in data["stages"] for one in stage["channels"] for unit in one["units"]]
    assert set(shown) == {0, 2, 4, 5, 6}  # number 3 could never be read
