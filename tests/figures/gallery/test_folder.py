"""The folder of a gallery, and its page in a headless browser, on data whose answers are known by hand."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from zfexplore.errors import ExploreError
from zfexplore.figures import gallery as room
from zfexplore.figures.blocks import BlockUnit, ChannelBlock
from zfexplore.figures.gallery.folder import GalleryFolder, _filled, check_gallery
from zfexplore.units import Window

PROBE = Path(__file__).with_name("probe.js")
BROWSER = next(
    filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None
)
EVIL = "<img src=x onerror=alert(1)>"


def channel(n: int, top: float, *, best: int | None, striking: float, units: list) -> dict:
    firing = 0.5 if top > 0 else 0.0
    return {
        "n": n, "max": top, "mean": top / 2, "fires": firing, "rarity": 1 - firing, "sel": 0.5,
        "striking": striking, "best": best, "units": units,
    }  # fmt: skip


def known() -> dict:
    """Two layers: conv1 with four channels, one of them dead, and fc2 with two that stand for classes."""
    first = [[0, 30.0, 0, 2, 0, 8, 7, 15], [1, 20.0, 1, 1, 2, 4, 9, 11]]
    return {
        "title": f"A net & its {EVIL}", "caption": "five channels", "version": "9", "command": "zfexplore",
        "channelCommand": "zfexplore export channel CHANNEL --images 'my pictures'", "size": 28,
        "statistics": [
            {"key": key, "name": key, "about": f"what {key} is"}
            for key in ("max", "mean", "fires", "rarity", "sel", "striking", "best")
        ],
        "classes": ["face", "wheel"],
        "images": {"0": [EVIL, 0], "1": ["b/wheel-1.png", 1]},
        "stages": [
            {"name": "conv1", "kind": "conv", "about": "layer 1", "side": 7, "tile": 56, "gap": 2,
             "channels": [
                channel(0, 30.0, best=0, striking=0.2, units=first),
                channel(1, 25.0, best=1, striking=0.9, units=first[:1]) | {"ideal": [50.0, 10.0]},
                channel(2, 0.0, best=0, striking=0.0, units=[]),
                channel(3, 5.0, best=0, striking=0.4, units=first) | {"ideal": []},
            ]},
            {"name": "fc2", "kind": "fc", "about": "", "side": 28, "tile": 56, "gap": 2, "channels": [
                channel(0, 3.0, best=1, striking=0.1, units=[[1, 3.0]]) | {"stands": "sunflower"},
                channel(1, 4.0, best=1, striking=0.3, units=[[0, 4.0], [1, 2.0]]) | {"stands": "wheel"},
            ]},
        ],
    }  # fmt: skip


def write(folder: Path, terms: Path | None = None) -> None:
    pixels = np.full((28, 28, 3), 90, np.uint8)
    units = [
        BlockUnit(
            np.ones((3, 7, 7), np.float32),
            pixels[:7, :7],
            0,
            0,
            Window(0, 8, 7, 15),
            pixels,
            rank,
            30.0,
            rank,
            "x",
            0,
            0,
            2,
        )  # fmt: skip
        for rank in range(2)
    ]
    with GalleryFolder(folder) as gallery:
        for number in (0, 1, 3):
            gallery.add_channel(f"conv1-{number}", ChannelBlock(f"conv1:{number}", 7, tuple(units)), 56)
        gallery.add_ideal("conv1-1", [pixels[:7, :7]] * 2, 56)
        gallery.write_page(known(), {"checkpoint": "abc", "command": "zfexplore x"}, terms)


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "gallery"
    write(folder)
    return folder


def test_a_gallery_is_known_and_everything_else_is_left_alone(gallery, tmp_path):
    check_gallery(tmp_path / "not there")
    check_gallery(tmp_path)
    check_gallery(gallery)
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(ExploreError, match="is a folder of something else: give another --out"):
        check_gallery(tmp_path)
    with pytest.raises(ExploreError, match=r"holiday\.jpg is a file: give a folder"):
        check_gallery(tmp_path / "holiday.jpg")


@pytest.mark.parametrize("name", ["notes.txt", "channels/mine.png", "images/more/x.webp"])
def test_what_somebody_put_into_a_gallery_is_not_lost(gallery, tmp_path, name):
    shutil.copytree(gallery, tmp_path / "gallery")
    (tmp_path / "gallery" / name).parent.mkdir(exist_ok=True)
    (tmp_path / "gallery" / name).touch()
    there = "images/more" if "more" in name else name
    with pytest.raises(ExploreError, match=f"{there} is no part of the gallery there"):
        check_gallery(tmp_path / "gallery")


def test_the_page_names_itself_without_a_script_and_asks_nobody_for_anything(gallery):
    page = (gallery / "index.html").read_text()
    assert html.escape(EVIL) in page
    assert EVIL not in page
    assert "{{" not in page
    texts = page + (gallery / "gallery.css").read_text() + (gallery / "gallery.js").read_text()
    assert not re.findall(r"https?://|@import|\bfetch\(|XMLHttpRequest|innerHTML", texts)
    assert sorted(path.name for path in (gallery / "channels").iterdir()) == [
        "conv1-0.webp", "conv1-1.webp", "conv1-3.webp",
    ]  # fmt: skip
    (text,) = re.findall(r"(?s)^window\.GALLERY = (.*);\n$", (gallery / "data.js").read_text("ascii"))
    assert json.loads(text) == known()


def test_a_title_may_look_like_a_place_of_the_template():
    data = {"title": "{{caption}}", "caption": "told", "version": "1", "command": "zfexplore"}
    page = Path(room.__file__).with_name("index.html").read_text(encoding="utf-8")
    assert "<title>{{caption}}</title>" in _filled(page, data, None)


def test_the_terms_of_the_photographs_go_along(tmp_path):
    terms = tmp_path / "terms.md"
    terms.write_text("CC BY 4.0\n")
    write(tmp_path / "gallery", terms)
    assert (tmp_path / "gallery" / "photographs.md").read_text() == "CC BY 4.0\n"
    assert 'href="photographs.md"' in (tmp_path / "gallery" / "index.html").read_text()
    check_gallery(tmp_path / "gallery")


def test_a_picture_that_cannot_be_written_is_an_error_though_a_thread_draws_it(tmp_path):
    (tmp_path / "images" / "0.webp").mkdir(parents=True)
    with (
        pytest.raises(ExploreError, match=r"images/0\.webp cannot be written"),
        GalleryFolder(tmp_path) as made,
    ):
        made.add_image(0, np.zeros((8, 8, 3), np.uint8))


@pytest.mark.skipif(BROWSER is None, reason="no Chromium: apt-get install chromium-headless-shell")
def test_in_a_browser_it_searches_sorts_filters_zooms_and_obeys_the_explorers_keys(gallery, tmp_path):
    shutil.copytree(gallery, tmp_path / "gallery")
    page = tmp_path / "gallery" / "index.html"
    page.write_text(page.read_text() + f"<script>{PROBE.read_text()}</script>")
    words = [
        BROWSER, "--headless", "--disable-gpu", "--dump-dom", "--virtual-time-budget=20000",
        *(["--no-sandbox"] if os.geteuid() == 0 else []), page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(words, capture_output=True, text=True, timeout=100, check=True)
    (told,) = re.findall(r'(?s)<pre id="probe">(.*?)</pre>', done.stdout)
    found = json.loads(html.unescape(told))
    assert found["error"] == ""
    assert found["start"] == ["conv1:1", "conv1:3", "conv1:0", "conv1:2"]  # by striking, the dead one last
    assert found["status"] == "4 of 4 channels · layer 1"
    assert found["searched"] == {
        "max>20": ["conv1:1", "conv1:0"], "0-1": ["conv1:1", "conv1:0"], "dead": ["conv1:2"],
        "class:fac alive": ["conv1:3", "conv1:0"], "wheel-1": ["conv1:3", "conv1:0"], "max>": found["start"],
        "fires<50 max<1": ["conv1:2"], "nothing such": [], "ideal": ["conv1:1"],
    }  # fmt: skip
    assert found["of wheels"] == ["conv1:1", "fc2:1", "fc2:0"]
    assert found["by number, then max"] == [
        ["conv1:0", "conv1:1", "conv1:2", "conv1:3"], ["conv1:0", "conv1:1", "conv1:3", "conv1:2"],
        ["conv1:3", "conv1:1", "conv1:0", "conv1:2"],
    ]  # fmt: skip
    assert found["layer above"] == ["fc2:0", "fc2:1"]  # still turned round
    assert found["focus"] == ["conv1:3", "conv1:1", "conv1:2"]
    assert found["zoom"] == {
        "name": "conv1:0", "hash": "#conv1%3A0",
        "told": ["1 of 2: conv1:0@0,2, activation 30, on face, " + EVIL,
                 "2 of 2: conv1:0@1,1, activation 20, on wheel, b/wheel-1.png"],
        "box": pytest.approx([100 * 4 / 28, 100 * 2 / 28, 25, 25], abs=0.01),
        "command": "zfexplore export channel conv1:0 --images 'my pictures'", "next": "conv1:3",
        "closed": ["conv1:3", "", False],
    }  # fmt: skip
    assert found["ideal"] == {
        "names": ["Ideal image 1 of conv1:1, made by ascent: activation 50, 2.0 times its strongest",
                  "Ideal image 2 of conv1:1, made by ascent: activation 10, 0.4 times its strongest"],
        "not in conv1:3": [True, "None excited this channel."], "in the cards": [1, 1, 0],
    }  # fmt: skip
    assert found["no projections"] == [False, True]  # of conv1, of fc2
    assert found["nameless"] == []
    assert found["broken"] == []
    assert found["elsewhere"] == []
    assert found["wide"] == 0
