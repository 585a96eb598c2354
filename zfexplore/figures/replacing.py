"""What is about to be replaced: whose the files are that a command would write over.

A figure says in its text chunks which weights and images it is of, and so do its JSON and an exported
atlas (JSON, npz). A table (CSV) and a figure's arrays (npz) do not: they belong to the figure or the JSON
of the same name beside them.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zfexplore.figures.provenance import ATLAS, CHECKPOINT, COMMAND, NOT_OURS, foreign, read_chunks
from zfexplore.opening import open_plain, read_text
from zfexplore.plain import UNFIT, mapping, parse, text

LONGEST = 4 * 2**20  # bytes of the header in an npz, which has a thousandth
SILENT = "does not say which weights and images it is of"
LONGEST_LINE = 2**16  # characters of a table's first line that are looked at
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # as numpy does
# How numpy begins such an array. Its own reader lets many errors and warnings out.
_ONE_TEXT = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '([<>])U(\d{1,9})', 'fortran_order': False, 'shape': \(\), \} *\n",
    re.DOTALL,
)
# How the first line of a table of ours begins.
_TABLES = (
    "rank",
    "picture",
    "channel,max",
    "channel,epoch",
    "channel,group",
    "layer,part",
    "row,column,y0",
    "stage,features",
    "init,input",
    "net,filter",
    "epoch,loss",
)


def difference(path: Path, chunks: Mapping[str, str], form: str | None = None) -> str | None:
    """Give how the origin of the file at ``path`` differs from that in ``chunks``; None if it does not.

    Also None if there is no such file. ``form`` is png, svg, pdf, csv, json or npz, by default what the name
    ends in. The command that made the file follows, where the file knows it.
    """
    if not path.exists():
        return None
    form = form or path.suffix.lower().lstrip(".")
    if form in ("png", "svg", "pdf"):
        return _with_command(foreign(path, chunks), read_chunks(path))
    if not path.is_file():
        return NOT_OURS
    told = _of_json(path) if form == "json" else _of_arrays(path) if form == "npz" else _of_table(path)
    if told is None:
        return NOT_OURS
    if told:
        others = [key for key in (CHECKPOINT, ATLAS) if told.get(key, "") != chunks.get(key, "")]
        return _with_command(f"came from another {others[0]}", told) if others else None
    figures = [path.with_suffix(ending) for ending in (".png", ".svg", ".pdf")]
    record = path.with_suffix(".json")
    beside = next((figure for figure in figures if figure.exists()), record)
    if not beside.exists() or beside == path:
        return SILENT
    return difference(beside, chunks) and SILENT


def _with_command(reason: str | None, told: Mapping[str, str]) -> str | None:
    return f"{reason} ({told[COMMAND]})" if reason and COMMAND in told else reason


def _of_json(path: Path) -> dict[str, str] | None:
    """Give the origin in a figure's or an atlas's JSON; None if it is neither."""
    try:
        values = parse(read_text(path))
        if CHECKPOINT in values:
            return {key: text(values, key) if key in values else "" for key in (CHECKPOINT, ATLAS, COMMAND)}
        return _of_header(values)
    except (OSError, *UNFIT):
        return None


def _of_arrays(path: Path) -> dict[str, str] | None:
    """Give the origin in an atlas's npz, nothing for a figure's; None if it is neither."""
    try:
        with open_plain(path) as packed, zipfile.ZipFile(packed) as archive:
            names = archive.namelist()
            if "header.npy" in names:
                if archive.getinfo("header.npy").compress_type not in _PACKED:
                    return None
                with archive.open("header.npy") as file:
                    return _of_header({"header": parse(_text_in(file.read(LONGEST + 1)))})
            return {} if any(name.endswith(".pixels.npy") for name in names) else None
    except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error, struct.error, *UNFIT):
        return None


def _text_in(data: bytes) -> str:
    """Give the one text of an array as numpy writes it; raises ValueError for anything else."""
    told = _ONE_TEXT.match(data)
    if told is None or len(data) != told.end() + 4 * int(told[2]):
        raise ValueError("no text")
    return data[told.end() :].decode("utf-32-le" if told[1] == b"<" else "utf-32-be", "surrogatepass")


def _of_header(values: Any) -> dict[str, str]:
    header = mapping(values, "header")
    return {CHECKPOINT: text(header, "weights"), ATLAS: text(header, "fingerprint")}


def _of_table(path: Path) -> dict[str, str] | None:
    try:
        with open_plain(path, "r", encoding="utf-8") as file:
            return {} if file.readline(LONGEST_LINE).startswith(_TABLES) else None
    except (OSError, ValueError):
        return None
