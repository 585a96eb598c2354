"""A figure's numbers, saved beside it: tables as CSV and JSON, raw arrays as npz."""

from __future__ import annotations

import csv
import io
import json
import os
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from zfexplore.figures.blocks import FIELDS, BlockUnit, ChannelBlock
from zfexplore.files import atomic_path, write_text
from zfexplore.printable import printable_json
from zfexplore.progress import Progress, Skipped
from zfexplore.units import Unit


def write_tables(
    path: str | os.PathLike[str], rows: list[dict[str, Any]], about: dict[str, Any], *, called: str = "units"
) -> list[Path]:
    """Write ``rows`` as CSV, and together with ``about`` as JSON, beside the figure ``path``.

    ``called`` is what the rows are, in the JSON.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    table, record = Path(path).with_suffix(".csv"), Path(path).with_suffix(".json")
    write_text(table, text.getvalue())
    text_of_all = json.dumps(about | {called: rows}, indent=2, ensure_ascii=False)
    write_text(record, printable_json(text_of_all) + "\n")
    return [table, record]


def keep_arrays(
    blocks: Iterable[ChannelBlock | Progress | Skipped], path: str | os.PathLike[str]
) -> Iterator[ChannelBlock | Progress | Skipped]:
    """Pass ``blocks`` on, and write the raw arrays of each to the ``.npz`` at ``path``.

    For channel conv5:130 these are ``conv5-130.pixels`` float32 ``[n, 3, side, side]`` (projections, zero
    outside the window) and ``.patches`` uint8 ``[n, side, side, 3]``; ``.activation``, ``.scale`` and
    ``.image`` ``[n]``; ``.position [n, 2]`` (y, x) and ``.window [n, 4]`` (y0, x0, y1, x1). Memory holds
    one channel at a time. If the generator is closed early, it leaves no file.
    """
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for block in blocks:
            if isinstance(block, ChannelBlock):
                _write_block(block, archive)
            yield block


def _block_arrays(block: ChannelBlock) -> dict[str, Any]:
    """Give a block's arrays, each unit at its place in a square of ``block.side`` pixels."""
    units, count, side = block.units, len(block.units), block.side
    pixels = np.zeros((count, 3, side, side), np.float32)
    patches = np.zeros((count, side, side, 3), np.uint8)
    for index, unit in enumerate(units):
        rows, columns = _extent(unit)
        pixels[index, :, rows, columns] = unit.projection
        patches[index, rows, columns] = unit.patch
    return {
        "pixels": pixels,
        "patches": patches,
        "activation": np.array([unit.value for unit in units], np.float32),
        "scale": np.array([unit.scale for unit in units], np.float32),
        "image": np.array([unit.index for unit in units], np.int64),
        "position": np.array([(unit.y, unit.x) for unit in units], np.int32).reshape(count, 2),
        "window": np.array([tuple(unit.window) for unit in units], np.int32).reshape(count, 4),
    }


def _write_block(block: ChannelBlock, archive: zipfile.ZipFile) -> None:
    for name, array in _block_arrays(block).items():
        entry = zipfile.ZipInfo(f"{Unit.parse(block.name).slug}.{name}.npy")  # no date: same bytes again
        entry.compress_type = zipfile.ZIP_DEFLATED
        with archive.open(entry, "w", force_zip64=True) as file:
            np.lib.format.write_array(file, array, allow_pickle=False)


def _extent(unit: BlockUnit) -> tuple[slice, slice]:
    return (
        slice(unit.top, unit.top + unit.window.height),
        slice(unit.left, unit.left + unit.window.width),
    )
