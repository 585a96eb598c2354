"""Pictures made of characters: an RGB array becomes a grid of glyphs with two colours each.

A terminal cell holds one glyph in one colour on another, so each cell is a small two-colour
picture: 2x2 blocks for quadrants, 1x2 for half blocks, 2x3 for sextants, 2x4 for octants. For every cell the
split of its blocks into two groups is chosen that leaves the least squared error, and each group
takes its mean colour. Colours keep 5 bits a channel, which lets flat neighbours share one style and
halves what is sent to the terminal; no eye sees the difference at this size.

Arrays only, no terminal: ``to_image`` draws the cells back, which is how the tests judge them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from zfexplore.units import Window

BLOCKS = {  # rows, columns a cell
    "octants": (4, 2), "sextants": (3, 2), "quadrants": (2, 2), "halves": (2, 1), "ascii": (1, 1)
}  # fmt: skip
BOX_COLOUR = (220, 38, 38)
RAMP = " .:-=+*#%@"
QUADRANTS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"  # bit b of the place: 1 upper left, 2 upper right, 4 and 8 below
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)


@dataclass(frozen=True)
class Cells:
    """A picture in cells: ``glyph`` [rows, columns] code points, ``fore`` and ``back`` [rows, columns, 3]."""

    glyph: np.ndarray
    fore: np.ndarray
    back: np.ndarray


def to_cells(image: np.ndarray, rows: int, columns: int, mode: str = "quadrants") -> Cells:
    """Draw ``image`` (uint8, [h, w, 3]) with ``rows`` x ``columns`` cells, stretched to fill them."""
    high, wide = BLOCKS[mode]
    blocks = resize(image, rows * high, columns * wide)  # [rows * high, columns * wide, 3]
    blocks = blocks.reshape(rows, high, columns, wide, 3).swapaxes(1, 2)
    blocks = blocks.reshape(rows * columns, high * wide, 3)
    glyph, fore, back = _shades(blocks) if mode == "ascii" else _two_colours(blocks, mode)
    return Cells(glyph.reshape(rows, columns), fore.reshape(rows, columns, 3), back.reshape(rows, columns, 3))


def drawable(pixels: np.ndarray, rows: int, columns: int, mode: str) -> np.ndarray:
    """Give colours for ``pixels`` [h, w, 3]: a projection's signed values (float) are scaled now.

    They are averaged down to the blocks first: the finest noise, which averaging removes, would
    otherwise set the scale, and a thumbnail be grey on grey. Zero stays mid-grey.
    """
    if pixels.dtype.kind != "f":
        return pixels
    from zfexplore.figures.display import to_rgb

    high, wide = BLOCKS[mode]
    return to_rgb(resize(pixels, rows * high, columns * wide))[0]


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Average (or repeat) the pixels of ``image`` [h, w, 3] into float32 [height, width, 3]."""
    down = _weights(image.shape[0], height)
    across = _weights(image.shape[1], width)
    rows = down @ image.reshape(image.shape[0], -1).astype(np.float32)  # [height, w * 3]
    rows = rows.reshape(height, image.shape[1], 3)
    return np.einsum("yxc,ax->yac", rows, across, optimize=True)


def boxed_blocks(image: np.ndarray, window: Window, rows: int, columns: int, mode: str) -> np.ndarray:
    """Give ``image`` [h, w, 3] as the blocks of ``rows`` x ``columns`` cells, a red line around ``window``.

    The line is a block thick, and about as wide: two blocks where these are half as wide as high. It lies
    around the blocks that the window touches, or inside where those end at the image's border.
    """
    high, wide = BLOCKS[mode]
    height, width = rows * high, columns * wide
    blocks = resize(image, height, width)  # [height, width, 3]
    across = max(1, 2 * wide // high)  # a cell is about half as wide as high
    y0, x0, y1, x1 = window
    top, bottom = y0 * height // image.shape[0], -(-y1 * height // image.shape[0])
    left, right = x0 * width // image.shape[1], -(-x1 * width // image.shape[1])
    top, bottom = max(0, top - 1), min(height, bottom + 1)
    left, right = max(0, left - across), min(width, right + across)
    for line in (
        (slice(top, top + 1), slice(left, right)),
        (slice(bottom - 1, bottom), slice(left, right)),
        (slice(top, bottom), slice(left, left + across)),
        (slice(top, bottom), slice(right - across, right)),
    ):
        blocks[line] = BOX_COLOUR
    return blocks


def to_image(cells: Cells, mode: str, scale: int = 1) -> np.ndarray:
    """Draw cells back into pixels, ``scale`` pixels a block: what an ideal font would show."""
    high, wide = BLOCKS[mode]
    known = codes(mode)
    pattern = np.array([np.flatnonzero(known == code)[0] for code in cells.glyph.ravel()])
    covered = (np.arange(len(RAMP)) / (len(RAMP) - 1))[:, None] if mode == "ascii" else _masks(mode)
    ink = covered[pattern][:, :, None]  # the share of each block that the glyph covers
    fore, back = cells.fore.reshape(-1, 1, 3), cells.back.reshape(-1, 1, 3)
    blocks = (ink * fore + (1 - ink) * back).round().astype(np.uint8)
    rows, columns = cells.glyph.shape
    blocks = blocks.reshape(rows, columns, high, wide, 3).swapaxes(1, 2)
    return blocks.reshape(rows * high, columns * wide, 3).repeat(scale, axis=0).repeat(scale, axis=1)


def _two_colours(blocks: np.ndarray, mode: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Split each cell's blocks [n, b, 3] in two groups with the least error; give glyphs and colours."""
    masks, (halves, worth) = _masks(mode), _splits(mode)
    mean = blocks.mean(axis=1, keepdims=True)  # [n, 1, 3]
    # About their mean the two groups' sums are opposite, and what a split leaves of the squared error is
    # what there was less |sum|^2 (1 / count + 1 / other count).
    sums = (blocks - mean).swapaxes(1, 2) @ halves.T  # [n, 3, p]
    best = (np.square(sums).sum(axis=1) * worth).argmax(axis=1)
    chosen, count = halves[best], np.maximum(halves[best].sum(axis=1, keepdims=True), 1)
    inked = np.einsum("nb,nbc->nc", chosen, blocks)
    fore, back = inked / count, (blocks.sum(axis=1) - inked) / (masks.shape[1] - chosen.sum(axis=1))[:, None]
    fore, back = five_bits(fore), five_bits(back)
    # The darker colour goes behind, so that neighbours agree more often and share one style.
    swap = (fore @ LUMINANCE) < (back @ LUMINANCE)
    fore[swap], back[swap] = back[swap], fore[swap]
    pattern = np.where(swap, len(masks) - 1 - best, best)
    flat = (fore == back).all(axis=1) | (best == 0)
    back[best == 0] = five_bits(mean[best == 0, 0])
    fore[flat] = back[flat]
    pattern[flat] = 0
    return codes(mode)[pattern], fore, back


def _shades(blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give each cell [n, 1, 3] a glyph as dense as it is bright, in its hue, on black."""
    colour = blocks[:, 0]
    brightness = colour @ LUMINANCE / 255
    level = np.clip((brightness * (len(RAMP) - 1)).round(), 0, len(RAMP) - 1).astype(int)
    strongest = np.maximum(colour.max(axis=1, keepdims=True), 1)
    fore = five_bits(colour / strongest * 255)
    return codes("ascii")[level], fore, np.zeros_like(fore)


def five_bits(colour: np.ndarray) -> np.ndarray:
    """Round values in [0, 255] to the 32 levels that are used, 0 and 255 among them."""
    level = np.clip(colour * (31 / 255) + 0.5, 0, 31).astype(np.uint8)
    return (level << 3) | (level >> 2)


@lru_cache(maxsize=256)
def _weights(source: int, target: int) -> np.ndarray:
    """The share of each source pixel in each target pixel, [target, source], rows summing to one."""
    edges = np.linspace(0, source, target + 1)
    pixel = np.arange(source)
    overlap = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    overlap = np.clip(overlap, 0, None)
    return (overlap / overlap.sum(axis=1, keepdims=True)).astype(np.float32)


@lru_cache(maxsize=8)
def _masks(mode: str) -> np.ndarray:
    """Which blocks each glyph fills, [patterns, blocks]: bit b of the pattern's number is block b."""
    high, wide = BLOCKS[mode]
    patterns = np.arange(2 ** (high * wide))
    return ((patterns[:, None] >> np.arange(high * wide)) & 1).astype(np.float32)


@lru_cache(maxsize=8)
def _splits(mode: str) -> tuple[np.ndarray, np.ndarray]:
    """Give one mask of each complementary pair, the first without a block, and what each split is worth."""
    masks = _masks(mode)
    halves = masks[: len(masks) // 2]
    count, others = halves.sum(axis=1), (1 - halves).sum(axis=1)
    worth = 1 / np.maximum(count, 1) + 1 / others
    return halves, np.where(count > 0, worth, 0).astype(np.float32)


@lru_cache(maxsize=8)
def codes(mode: str) -> np.ndarray:
    """Code points in the order of ``_masks``, or of brightness for ASCII."""
    if mode == "quadrants":
        glyphs = QUADRANTS
    elif mode == "halves":
        glyphs = " ▀▄█"
    elif mode == "sextants":
        # Unicode 13 leaves out those that existed already: blank, left half, right half, full.
        glyphs = _filled(0x1FB00, {0: " ", 0b010101: "▌", 0b101010: "▐", 0b111111: "█"}, 64)
    elif mode == "octants":
        glyphs = _filled(0x1CD00, _octants_of_old(), 256)
    else:
        glyphs = RAMP
    return np.array([ord(glyph) for glyph in glyphs])


def _filled(first: int, known: dict[int, str], count: int) -> str:
    """Give the glyph of each pattern: those ``known``, the others in order from code point ``first``."""
    following = iter(range(first, first + count))
    return "".join(known.get(pattern) or chr(next(following)) for pattern in range(count))


def _octants_of_old() -> dict[int, str]:
    """Give the 26 patterns of 2 x 4 blocks that Unicode 16 has elsewhere than among the octants."""
    known = {
        0b00000001: "\U0001cea8", 0b00000010: "\U0001ceab",
        0b01000000: "\U0001cea3", 0b10000000: "\U0001cea0",
        0b00000011: "\U0001fb82", 0b00111111: "\U0001fb85", 0b11000000: "▂", 0b11111100: "▆",
        0b00010100: "\U0001fbe6", 0b00101000: "\U0001fbe7",
    }  # fmt: skip
    for quadrants, glyph in enumerate(QUADRANTS):
        upper, lower = quadrants & 0b11, quadrants >> 2
        known[upper * 0b0101 | lower * 0b0101 << 4] = glyph  # a quadrant is two blocks high
    return known
