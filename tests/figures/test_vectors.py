from __future__ import annotations

import base64
import io
import re
import sys
import xml.etree.ElementTree as tree
import zlib

import pytest
from PIL import Image, ImageDraw

from zfexplore.errors import ExploreError
from zfexplore.figures.paper import Line, Paper
from zfexplore.figures.provenance import read_chunks
from zfexplore.figures.text import write
from zfexplore.figures.vectors import save_pdf, save_svg

SVG = "{http://www.w3.org/2000/svg}"
CHUNKS = {"Title": "cats & <dogs>", "checkpoint": "abc", "unit conv1:0": '[{"name": "</chunks>"}]'}


@pytest.fixture(scope="module")
def page() -> Paper:
    """300 x 150 pixels: a frame, a picture of noise in it, a curve, and two texts."""
    page = Paper((300, 150))
    draw = ImageDraw.Draw(page)
    draw.rectangle((10, 10, 41, 41), outline=(1, 2, 3))
    page.paste(Image.effect_noise((30, 30), 90).convert("RGB"), (11, 11))
    page.things.append(Line(((60, 60), (90, 80)), (37, 99, 235), 2, 2.5))
    write(draw, (10, 100), "a < b & c", 14)
    write(draw, (290, 100), "0.5", 12, anchor="rs")
    return page


def test_in_svg_text_is_text_and_a_picture_has_its_very_pixels(page, tmp_path):
    save_svg(page, tmp_path / "x.svg", CHUNKS, 100)
    root = tree.parse(tmp_path / "x.svg").getroot()
    assert [root.get(name) for name in ("width", "height", "viewBox")] == [
        "3.0000in",
        "1.5000in",
        "0 0 300 150",
    ]
    assert root.findtext(f"{SVG}title") == "cats & <dogs>"
    texts = root.findall(f"{SVG}text")
    assert [(one.text, one.get("x"), one.get("y"), one.get("text-anchor")) for one in texts] == [
        ("a < b & c", "10", "100", None), ("0.5", "290", "100", "end")
    ]  # fmt: skip
    (picture,) = root.findall(f"{SVG}image")
    content = base64.b64decode((picture.get("href") or "").removeprefix("data:image/png;base64,"))
    with Image.open(io.BytesIO(content)) as image:
        assert image.tobytes() == page.crop((11, 11, 41, 41)).tobytes()
    frame = root.findall(f"{SVG}rect")[1]  # behind it lies the paper; a line of 1 lies on the pixels' middles
    assert [frame.get(name) for name in ("x", "y", "width", "height")] == ["10.5", "10.5", "31", "31"]
    (line,) = root.findall(f"{SVG}polyline")
    assert line.get("points") == "60.00,60.00 90.00,80.00"
    assert len(root.findall(f"{SVG}circle")) == 2


def test_a_title_with_a_character_that_xml_has_not_is_told_as_an_escape(page, tmp_path):
    save_svg(page, tmp_path / "x.svg", {"Title": "a\x1bb"}, 100)
    assert tree.parse(tmp_path / "x.svg").getroot().findtext(f"{SVG}title") == "a\\x1bb"


def test_in_pdf_text_is_text_and_pictures_are_embedded_without_loss(page, tmp_path):
    for name in ("x.pdf", "again.pdf"):
        save_pdf(page, tmp_path / name, CHUNKS, 100)
    content = (tmp_path / "x.pdf").read_bytes()
    assert content == (tmp_path / "again.pdf").read_bytes()
    assert re.search(rb"/MediaBox \[0 0 216(\.0+)? 108(\.0+)?\]", content)  # 3 x 1.5 inches
    assert content.count(b"/Subtype /Image") == 1
    assert b"DCTDecode" not in content
    assert b"Aileron" in content
    streams = []
    for packed in re.findall(rb"(?s)stream\n(.*?)\nendstream", content):
        try:
            streams.append(zlib.decompress(packed))
        except zlib.error:
            continue
    pixels = page.crop((11, 11, 41, 41)).tobytes()
    rows = [pixels[start : start + 90] for start in range(0, len(pixels), 90)]
    assert b"".join(b"\0" + row for row in rows) in streams  # each row begins with how it is packed: as it is
    (drawing,) = (stream for stream in streams if b" Tj" in stream or b" TJ" in stream)
    assert len(re.findall(rb"T[jJ]\b", drawing)) == 2


@pytest.mark.parametrize("save", [save_svg, save_pdf])
def test_a_file_says_where_it_came_from_as_a_png_does(page, tmp_path, save):
    path = tmp_path / f"x.{save.__name__[-3:]}"
    save(page, path, CHUNKS, 150)
    assert read_chunks(path) == CHUNKS
    path.write_bytes(b'<chunks xmlns="urn:zfexplore">[1, 2</chunks>')
    assert read_chunks(path) == {}
    path.unlink()
    assert read_chunks(path) == {}


def test_an_image_that_remembers_nothing_is_one_picture(tmp_path):
    save_svg(Image.new("RGB", (20, 10), "red"), tmp_path / "x.svg", {}, 10)
    root = tree.parse(tmp_path / "x.svg").getroot()
    (picture,) = root.findall(f"{SVG}image")
    assert [picture.get(name) for name in ("x", "y", "width", "height")] == ["0", "0", "20", "10"]


def test_without_fpdf2_the_remedy_is_named(page, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fpdf", None)
    with pytest.raises(ExploreError, match=r"PDF needs fpdf2: pip install 'zfexplore\[pdf\]'"):
        save_pdf(page, tmp_path / "x.pdf", {}, 150)
    assert not list(tmp_path.iterdir())
