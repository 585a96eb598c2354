"""Pictures and films of a terminal: cells of characters to pixels, and frames to an animated GIF.

A ``Shot`` is what a Textual app shows at one moment. It is drawn here, not by a browser: block
glyphs become rectangles, so that pictures made of them have no seams whatever the font, and all
other characters are set in a monospaced font of the system (DejaVu Sans Mono, Menlo or Consolas,
else Pillow's own).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import GifImagePlugin, Image, ImageDraw, ImageFont
from rich.cells import cell_len
from rich.color import Color
from textual.app import App

from zfexplore.files import atomic_path, write_bytes
from zfexplore.tui.drawing.cells import codes

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
FONTS = {
    False: ("DejaVuSansMono.ttf", "Menlo.ttc", "consola.ttf", "LiberationMono-Regular.ttf"),
    True: ("DejaVuSansMono-Bold.ttf", "Menlo.ttc", "consolab.ttf", "LiberationMono-Bold.ttf"),
}
PAPER = (16, 18, 20)  # the explorer's background, around the screen
INK = (216, 212, 204)
AMBER = (224, 164, 88)
EDGE = (58, 63, 69)


PLAINER = {"🔎": "⌕"}  # what no monospaced font has

# -- what the screen shows -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Shot:
    """One screen: ``glyph`` [rows, columns] characters, ``fore`` and ``back`` [rows, columns, 3] uint8,
    ``bold`` [rows, columns]."""

    glyph: np.ndarray
    fore: np.ndarray
    back: np.ndarray
    bold: np.ndarray


def shoot(app: App) -> Shot:
    """Take what ``app`` shows now, as ``App.export_screenshot`` does, but as cells and not as SVG."""
    columns, rows = app.size
    update: Any = app.screen._compositor.render_update(full=True, screen_stack=app._background_screens)
    shot = Shot(
        np.full((rows, columns), " "),
        np.full((rows, columns, 3), INK, np.uint8),
        np.full((rows, columns, 3), PAPER, np.uint8),
        np.zeros((rows, columns), bool),
    )
    for y, line in enumerate(update.strips[:rows]):
        x = 0
        for text, style, _ in (segment for strip in line for segment in strip):
            fore, back = _rgb(style and style.color, INK), _rgb(style and style.bgcolor, PAPER)
            if style and style.reverse:
                fore, back = back, fore
            for character in text:
                wide = cell_len(character)
                if x < columns:
                    shot.glyph[y, x] = PLAINER.get(character, character)
                    shot.fore[y, x : x + wide], shot.back[y, x : x + wide] = fore, back
                    shot.bold[y, x] = bool(style and style.bold)
                x += wide
    return shot


def _rgb(color: Color | None, otherwise: tuple[int, int, int]) -> tuple[int, int, int]:
    if color is None or color.is_default:
        return otherwise
    red, green, blue = color.get_truecolor()
    return red, green, blue


# -- cells to pixels -----------------------------------------------------------------------------------


def draw(shot: Shot, wide: int) -> np.ndarray:
    """Draw a shot, cells ``wide`` pixels wide: uint8 [rows * 2 wide, columns * wide, 3]."""
    rows, columns = shot.glyph.shape
    cells = zip(shot.glyph.ravel().tolist(), shot.bold.ravel().tolist(), strict=True)
    ink = np.stack([_ink(character, bold, wide) for character, bold in cells])  # [cells, 2 wide, wide]
    ink = ink.reshape(rows, columns, 2 * wide, wide, 1)
    fore, back = (part[:, :, None, None].astype(np.float32) for part in (shot.fore, shot.back))
    pixels = (back + (fore - back) * ink).round().astype(np.uint8)
    return pixels.swapaxes(1, 2).reshape(rows * 2 * wide, columns * wide, 3)


@lru_cache(maxsize=2048)
def _ink(character: str, bold: bool, wide: int) -> np.ndarray:
    """The share of each pixel of a cell that a character covers, float32 [2 wide, wide]."""
    ink = np.zeros((2 * wide, wide), np.float32)
    if character in OCTANTS:
        pattern, middle = OCTANTS[character], wide // 2
        edges = [_edge(block / 4, 2 * wide) for block in range(5)]
        for block in range(8):
            rows = slice(edges[block // 2], edges[block // 2 + 1])
            ink[rows, slice(middle, wide) if block % 2 else slice(middle)] = pattern >> block & 1
    elif "\u2800" <= character <= "\u28ff":
        for bit, (row, column) in enumerate(DOTS):
            y, x = _edge((row + 0.5) / 4, 2 * wide), _edge((column + 0.5) / 2, wide)
            ink[y - 1 : y + 1, x - 1 : x + 1] = ord(character) >> bit & 1
    elif character in LINES:
        top, left, bottom, right = LINES[character]
        ink[_edge(top, 2 * wide) : _edge(bottom, 2 * wide), _edge(left, wide) : _edge(right, wide)] = 1
    else:
        ink = _letter(character, bold, wide)
    return ink


# By character, bit b for block b: 1 upper left, 2 upper right, then the rows below. Quadrants are among them.
OCTANTS = {chr(code): pattern for pattern, code in enumerate(codes("octants").tolist())}
DOTS = ((0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (3, 0), (3, 1))  # of braille, by bit: row, column
# Top, left, bottom and right as shares of the cell, of glyphs that must meet those of the next cell.
LINES = {
    "─": (0.47, 0, 0.53, 1),
    "━": (0.44, 0, 0.56, 1),
    "│": (0, 0.44, 1, 0.56),
    "┃": (0, 0.38, 1, 0.62),
    "▔": (0, 0, 0.125, 1),
    "▕": (0, 0.875, 1, 1),
    **{chr(0x2580 + eighths): (1 - eighths / 8, 0, 1, 1) for eighths in range(1, 8) if eighths != 4},
    **{chr(0x2590 - eighths): (0, 0, 1, eighths / 8) for eighths in range(1, 8) if eighths != 4},
}


def _edge(share: float, side: int) -> int:
    return int(share * side + 0.5)


BASELINE = 0.78  # of the cell's height, from its top
SHADES = 8  # of a letter's edge; more would only take colours from the pictures of a GIF


def _letter(character: str, bold: bool, wide: int) -> np.ndarray:
    """Set one character in its cell."""
    font = _font(bold, wide)
    picture = Image.new("L", (wide, 2 * wide))
    left, baseline = (wide - font.getlength(character)) / 2, round(BASELINE * 2 * wide)
    ImageDraw.Draw(picture).text((left, baseline), character, fill=255, font=font, anchor="ls")
    return (np.asarray(picture, np.float32) / 255 * SHADES).round() / SHADES


@lru_cache(maxsize=8)
def _font(bold: bool, wide: int) -> Font:
    """A font whose characters are ``wide`` pixels wide."""
    for name in FONTS[bold]:
        try:
            return ImageFont.truetype(name, 100 * wide / ImageFont.truetype(name, 100).getlength("M"))
        except OSError:
            continue
    return ImageFont.load_default(1.6 * wide)


# -- a still -------------------------------------------------------------------------------------------


def save_still(shot: Shot, path: Path, wide: int = 16) -> None:
    """Write a PNG of a shot, a margin around it and its corners round."""
    screen = Image.fromarray(draw(shot, wide))
    margin, radius = wide, wide
    picture = Image.new("RGB", (screen.width + 2 * margin, screen.height + 2 * margin), PAPER)
    picture.paste(screen, (margin, margin))
    picture.putalpha(_rounded(picture.size, radius))
    with atomic_path(path) as temporary:
        picture.save(temporary, format="PNG", optimize=True)


def _rounded(size: tuple[int, int], radius: int) -> Image.Image:
    """A mask with round corners, drawn four times as large and averaged down."""
    mask = Image.new("L", (4 * size[0], 4 * size[1]))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, mask.width - 1, mask.height - 1), 4 * radius, fill=255)
    return mask.resize(size, Image.Resampling.BOX)


# -- a film --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Frame:
    """A shot, for how many seconds it is shown, and what stands below it: keys and what they do."""

    shot: Shot
    seconds: float
    keys: tuple[str, ...]
    says: str


def save_film(frames: Sequence[Frame], path: Path, wide: int = 10) -> None:
    """Write an animated GIF that goes round for ever.

    A frame holds only the pixels that changed, in the 255 colours that suit them best: what stays is
    never touched again, so nothing flickers although each frame has colours of its own.
    """
    pictures = [_captioned(frame, wide) for frame in frames]
    height, width, _ = pictures[0].shape
    parts = [struct.pack("<6sHHBBB", b"GIF89a", width, height, 0, 0, 0)]
    parts.append(b"!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00")  # for ever
    panes = _pane_colours(frames)
    before = np.zeros_like(pictures[0])
    for number, (frame, picture) in enumerate(zip(frames, pictures, strict=True)):
        changed = (picture != before).any(axis=2) if number else np.ones((height, width), bool)
        parts += _gif_frame(picture, changed, frame.seconds, panes)
        before = picture
    write_bytes(path, b"".join([*parts, b";"]))


def _pane_colours(frames: Sequence[Frame]) -> np.ndarray:
    """Give the colours of letters and what they stand on, packed into one number each."""
    colours = [np.array([PAPER, INK, AMBER, EDGE])]
    for shot in (frame.shot for frame in frames):
        letters = np.char.isalnum(shot.glyph)
        colours += [shot.fore[letters], shot.back[letters]]
    return np.unique(np.concatenate(colours) @ PACKED)


def _gif_frame(
    picture: np.ndarray, changed: np.ndarray, seconds: float, panes: np.ndarray
) -> Iterable[bytes]:
    """Encode the pixels of ``picture`` [h, w, 3] where ``changed`` [h, w], within the box around them."""
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    top, bottom = (rows[0], rows[-1] + 1) if len(rows) else (0, 1)
    left, right = (columns[0], columns[-1] + 1) if len(columns) else (0, 1)
    box, mask = picture[top:bottom, left:right], changed[top:bottom, left:right]
    index = np.full(mask.shape, CLEAR, np.uint8)
    palette = bytes(3 * 256)
    if mask.any():
        index[mask], palette = _reduced(box[mask], panes)
    encoded = Image.fromarray(index)
    encoded.putpalette(palette)
    return GifImagePlugin.getdata(
        encoded,
        (int(left), int(top)),
        duration=round(1000 * seconds),
        transparency=CLEAR,
        disposal=1,  # the next frame is drawn over this one
        include_color_table=True,
    )


CLEAR = 255  # the palette's place that shows what was there before
EXACT = 160  # colours kept as they are: those of the panes, and the most frequent
PACKED = np.array([1 << 16, 1 << 8, 1])  # red, green and blue in one number


def _reduced(pixels: np.ndarray, panes: np.ndarray) -> tuple[np.ndarray, bytes]:
    """Give each of ``pixels`` [n, 3] a place in a palette of 255 colours: uint8 [n], and the palette.

    The colours of ``panes`` and the most frequent stay exact, for a background a shade off would show
    as a ghost of what stood there before; the others, of pictures, share the places that are left.
    """
    packed = pixels.astype(np.int64) @ PACKED
    colours, place, count = np.unique(packed, return_inverse=True, return_counts=True)
    order = np.lexsort((-count, ~np.isin(colours, panes)))
    colours = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=1).astype(np.uint8)
    exact, others = (order, order[:0]) if len(order) <= CLEAR else (order[:EXACT], order[EXACT:])
    index = np.zeros(len(colours), np.uint8)
    index[exact] = np.arange(len(exact))
    palette = colours[exact].tobytes()
    if len(others):
        few = Image.fromarray(colours[others][None]).quantize(CLEAR - EXACT, kmeans=2)
        index[others] = EXACT + np.asarray(few)[0]
        palette += bytes(few.getpalette() or [])
    return index[place], palette.ljust(3 * 256, b"\0")


def _captioned(frame: Frame, wide: int) -> np.ndarray:
    """Draw a frame: the screen in a margin, below it the keys as caps and the words."""
    screen = Image.fromarray(draw(frame.shot, wide))
    margin, strip = wide, 4 * wide
    picture = Image.new("RGB", (screen.width + 2 * margin, screen.height + margin + strip), PAPER)
    picture.paste(screen, (margin, margin))
    pen = ImageDraw.Draw(picture)
    line = margin + screen.height
    pen.line((0, line + wide // 2, picture.width, line + wide // 2), fill=EDGE)
    middle = line + wide // 2 + (strip - wide // 2) // 2
    x, bold, plain = 2 * margin, _font(True, wide), _font(False, wide)
    for key in frame.keys:
        right = x + max(3 * wide, round(bold.getlength(key)) + 2 * wide)
        pen.rounded_rectangle((x, middle - wide * 1.25, right, middle + wide * 1.25), wide // 2, fill=AMBER)
        pen.text(((x + right) / 2, middle), key, fill=PAPER, font=bold, anchor="mm")
        x = right + wide
    pen.text((x + (wide if frame.keys else 0), middle), frame.says, fill=INK, font=plain, anchor="lm")
    return np.asarray(picture)
