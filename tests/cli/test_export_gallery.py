"""``export gallery`` end to end, on a small net and six pictures of which one cannot be read."""

# tests zfexplore/gallery.py too: to open an Explorer takes seconds, and the command's is there
from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from PIL import Image

from zfexplore import gallery
from zfexplore.errors import ExploreError
from zfexplore.explorer import Explorer
from zfexplore.figures.gallery.folder import check_gallery
from zfexplore.gallery import make_gallery
from zfexplore.images.sources import UnreadableImage
from zfexplore.progress import Note, Progress, Skipped
from zfexplore.studies.ideal import Ascent, Ideal
from zfexplore.units import Unit

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


def test_channels_that_are_named_get_their_ideal_images_and_the_same_as_by_themselves(
    zfexplore, material, tmp_path, monkeypatch
):
    explorer, few = opened(material), Ascent(starts=2, steps=1, seed=7)
    monkeypatch.setattr(gallery, "Ascent", lambda seed: replace(few, seed=seed))
    *events, _ = make_gallery(explorer, tmp_path / "page", "0-1", ideal="1", seed=7)
    ascended = [event for event in events if isinstance(event, Progress) and event.task == "ascending"]
    stages = data_of(tmp_path / "page")["stages"]
    units = [Unit(stage["name"], 1) for stage in stages]
    assert (ascended[-1].done, ascended[-1].total) == (len(units), len(units))
    alone = {one.unit: one for one in explorer.ideals(units, ascent=few) if isinstance(one, Ideal)}
    excited = {unit for unit, one in alone.items() if one.activations[0] > 0}
    assert excited
    for stage, unit in zip(stages, units, strict=True):
        other, one = stage["channels"]
        assert "ideal" not in other
        expected = alone[unit].activations.tolist() if unit in excited else []
        assert one["ideal"] == pytest.approx(expected, rel=1e-4)
    told = [event.text for event in events if isinstance(event, Note)]
    assert told == [
        f"{unit}: none of 2 ideal images excites it" for unit in units if unit not in excited
    ]  # fmt: skip
    pictures = {path.stem for path in (tmp_path / "page" / "ideals").iterdir()}
    assert pictures == {unit.slug for unit in excited}
    record = json.loads((tmp_path / "page" / "gallery.json").read_text())
    assert "--channels 0-1 --ideal 1 " in record["command"]
    assert record["ideal"] == f"{len(excited)} channels; starts: 2, steps: 1, seed: 7"
    check_gallery(tmp_path / "page")


def test_ideal_images_of_what_is_not_on_the_page_are_refused_and_a_layer_without_any_is_told(
    zfexplore, material, tmp_path, monkeypatch
):
    explorer = opened(material)
    with pytest.raises(ExploreError, match="--ideal 0-2 names conv1:2, which is not among --channels 0-1"):
        next(make_gallery(explorer, tmp_path / "page", "0-1", ideal="0-2"))

    def broken(net, units, ascent):
        raise ExploreError("no way")
        yield

    monkeypatch.setattr(gallery, "ideals", broken)
    *events, _ = make_gallery(explorer, tmp_path / "page", "0-1", ideal="0")
    told = [event.text for event in events if isinstance(event, Note)]
    assert told == [f"{name}: its ideal images cannot be made: no way" for name in explorer.atlas.stages]
    assert not (tmp_path / "page" / "ideals").exists()


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
