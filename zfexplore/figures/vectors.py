"""A page as SVG or PDF: pictures embedded without loss, lines as lines, text as text in its own font.

Where the figure came from stands in the file's metadata, as in a PNG's text chunks: the same words, as JSON.
Both formats let metadata be any XML. ``dpi`` pixels of the page are an inch. PDF is written by fpdf2, an
extra: it embeds fonts, of which only the letters that are used; by hand that would be hundreds of lines.
"""

from __future__ import annotations

import base64
import html
import io
import json
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from PIL import Image

from zfexplore.errors import ExploreError
from zfexplore.figures.paper import Box, Line, Paper, Picture, Text, Thing
from zfexplore.figures.text import typeface
from zfexplore.files import atomic_path, write_text
from zfexplore.opening import open_plain
from zfexplore.plain import UNFIT, parse
from zfexplore.printable import printable

DPI = 150  # the captions' 14 pixels are then 6.7 points
POINTS = 72  # an inch
MOST_READ = 64 * 2**20  # bytes of a file in which its metadata is looked for
FAMILY = "zfexplore-letters"
_CHUNKS = re.compile(rb"<chunks xmlns=\"urn:zfexplore\">([^<]*)</chunks>")
# Every PDF has a date; one of its own would make other bytes each time. This is the paper's, on arXiv.
_DATE = datetime(2013, 11, 12, tzinfo=UTC)


def save_svg(image: Image.Image, path: str | os.PathLike[str], chunks: Mapping[str, str], dpi: int) -> None:
    """Write ``image`` as SVG to ``path``, whole or not at all; raises NotWritten."""
    width, height = image.size
    font = base64.b64encode(typeface().content).decode()
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width / dpi:.4f}in" height="{height / dpi:.4f}in" '
        f'viewBox="0 0 {width} {height}">',
        f"<title>{html.escape(printable(chunks.get('Title', '')))}</title>",
        f"<metadata>{_metadata(chunks)}</metadata>",
        f'<style>@font-face {{ font-family: "{FAMILY}"; src: url("data:font/ttf;base64,{font}"); }} '
        f'text {{ font-family: "{FAMILY}", Helvetica, Arial, sans-serif; white-space: pre; }}</style>',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        *(_element(thing, image) for thing in _things(image)),
        "</svg>",
    ]
    write_text(path, "\n".join(lines) + "\n")


def save_pdf(image: Image.Image, path: str | os.PathLike[str], chunks: Mapping[str, str], dpi: int) -> None:
    """Write ``image`` as a PDF of one page to ``path``, whole or not at all.

    Raises ExploreError without fpdf2, and NotWritten.
    """
    FPDF = check_pdf()
    scale = POINTS / dpi
    pdf = FPDF(unit="pt", format=tuple(scale * edge for edge in image.size))
    pdf.set_auto_page_break(False)
    pdf.set_image_filter("FlateDecode")
    pdf.set_creation_date(_DATE)
    pdf.set_title(chunks.get("Title", ""))
    pdf.set_creator(chunks.get("Software", ""))
    pdf.set_xmp_metadata(
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="">{_metadata(chunks)}</rdf:Description></rdf:RDF></x:xmpmeta>'
    )
    pdf.add_page()
    with atomic_path(path) as temporary:
        letters = temporary.with_name(f"letters{typeface().ending}")
        letters.write_bytes(typeface().content)
        pdf.add_font(FAMILY, fname=letters)
        for thing in _things(image):
            _put(pdf, thing, image, scale)
        temporary.write_bytes(bytes(pdf.output()))


def check_pdf() -> Any:
    """Give fpdf2's class of documents; raises ExploreError where it is not installed."""
    try:
        from fpdf import FPDF
    except ImportError:
        raise ExploreError(
            "PDF needs fpdf2: pip install 'zfexplore[pdf]', or give --format svg", usage=True
        ) from None
    return FPDF


def read_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """Give what ``save_svg`` or ``save_pdf`` said about a file's origin; nothing of any other file."""
    try:
        with open_plain(path) as file:
            found = _CHUNKS.search(file.read(MOST_READ))
        told = {} if found is None else parse(html.unescape(found[1].decode("utf-8")))
        return {str(key): str(value) for key, value in told.items()} if isinstance(told, dict) else {}
    except (OSError, *UNFIT):
        return {}


def _metadata(chunks: Mapping[str, str]) -> str:
    return f'<chunks xmlns="urn:zfexplore">{html.escape(json.dumps(dict(chunks)), quote=False)}</chunks>'


def _things(image: Image.Image) -> list[Thing]:
    """Give what is on a page; of an image that does not remember that, one picture of it all."""
    return image.things if isinstance(image, Paper) else [Picture(0, 0, *image.size)]


def _cut(image: Image.Image, picture: Picture) -> Image.Image:
    box = (picture.x, picture.y, picture.x + picture.width, picture.y + picture.height)
    return Image.Image.crop(image, box).convert("RGB")


def _element(thing: Thing, image: Image.Image) -> str:
    """Write a thing as an element of SVG."""
    if isinstance(thing, Text):
        anchor = {"l": "", "m": ' text-anchor="middle"', "r": ' text-anchor="end"'}[thing.anchor]
        # A program that does not take the font from the file keeps the width all the same.
        length = typeface().length(thing.text, thing.size)
        return (
            f'<text x="{thing.x:g}" y="{thing.y:g}" font-size="{thing.size:g}" fill="{_hex(thing.colour)}"'
            f'{anchor} textLength="{length:.2f}" '
            f'lengthAdjust="spacingAndGlyphs">{html.escape(thing.text, quote=False)}</text>'
        )
    if isinstance(thing, Box):
        inset = thing.line / 2 if thing.outline else 0
        stroke = f' stroke="{_hex(thing.outline)}" stroke-width="{thing.line:g}"' if thing.outline else ""
        fill = _hex(thing.fill) if thing.fill else "none"
        return (
            f'<rect x="{thing.x + inset:g}" y="{thing.y + inset:g}" width="{thing.width - 2 * inset:g}" '
            f'height="{thing.height - 2 * inset:g}" fill="{fill}"{stroke}/>'
        )
    if isinstance(thing, Line):
        points = " ".join(f"{x:.2f},{y:.2f}" for x, y in thing.points)
        dots = [
            f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{thing.dot:g}" fill="{_hex(thing.colour)}"/>'
            for x, y in (thing.points if thing.dot else ())
        ]
        line = (
            f'<polyline points="{points}" fill="none" stroke="{_hex(thing.colour)}" '
            f'stroke-width="{thing.width:g}" stroke-linejoin="round"/>'
        )
        return "\n".join([line, *dots] if len(thing.points) > 1 else dots)
    file = io.BytesIO()
    _cut(image, thing).save(file, "PNG")
    content = base64.b64encode(file.getvalue()).decode()
    return (
        f'<image x="{thing.x}" y="{thing.y}" width="{thing.width}" height="{thing.height}" '
        f'href="data:image/png;base64,{content}"/>'
    )


def _put(pdf: Any, thing: Thing, image: Image.Image, scale: float) -> None:
    """Put a thing on the page of a PDF."""
    if isinstance(thing, Text):
        pdf.set_font(FAMILY, size=scale * thing.size)
        pdf.set_text_color(*thing.colour)
        back = {"l": 0.0, "m": 0.5, "r": 1.0}[thing.anchor] * pdf.get_string_width(thing.text)
        pdf.text(scale * thing.x - back, scale * thing.y, thing.text)
    elif isinstance(thing, Box):
        inset = thing.line / 2 if thing.outline else 0
        if thing.fill:
            pdf.set_fill_color(*thing.fill)
        if thing.outline:
            pdf.set_draw_color(*thing.outline)
            pdf.set_line_width(scale * thing.line)
        style = ("D" if thing.outline else "") + ("F" if thing.fill else "")
        sides = (thing.x + inset, thing.y + inset, thing.width - 2 * inset, thing.height - 2 * inset)
        if style:
            pdf.rect(*(scale * side for side in sides), style=style)
    elif isinstance(thing, Line):
        pdf.set_draw_color(*thing.colour)
        pdf.set_fill_color(*thing.colour)
        pdf.set_line_width(scale * thing.width)
        points = [(scale * x, scale * y) for x, y in thing.points]
        if len(points) > 1:
            pdf.polyline(points)
        for x, y in points if thing.dot else ():
            pdf.circle(x, y, scale * thing.dot, style="F")
    else:
        sides = (thing.x, thing.y, thing.width, thing.height)
        pdf.image(_cut(image, thing), *(scale * side for side in sides))


def _hex(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
