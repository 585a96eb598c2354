"""What is about to be replaced: whose the files are that a command would write over.

A figure says in its text chunks which weights and images it is of, and so do its JSON and an exported
atlas (JSON, npz). A table (CSV) and a figure's arrays (npz) do not: they belong to the figure or the JSON
of the same name beside them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from zfexplore.figures.provenance import ATLAS, CHECKPOINT, COMMAND, NOT_OURS, foreign, read_chunks
from zfexplore.opening import open_plain, read_text

SILENT = "does not say which weights and images it is of"
LARGEST_HEADER = 2**28  # bytes of an atlas's header in an npz, unpacked
LONGEST_LINE = 2**16  # characters of a table's first line that are looked at
_TABLES = ("rank", "picture", "channel,max")  # how the first line of a table of ours begins


def difference(path: Path, chunks: Mapping[str, str], form: str | None = None) -> str | None:
    """Give how the origin of the file at ``path`` differs from that in ``chunks``; None if it does not.

    Also None if there is no such file. ``form`` is png, csv, json or npz, by default what the name ends in.
    The command that made the file follows, where the file knows it.
    """
    if not path.exists():
        return None
    form = form or path.suffix.lower().lstrip(".")
    if form == "png":
        return _with_command(foreign(path, chunks), read_chunks(path))
    if not path.is_file():
        return NOT_OURS
    told = _of_json(path) if form == "json" else _of_arrays(path) if form == "npz" else _of_table(path)
    if told is None:
        return NOT_OURS
    if told:
        others = [key for key in (CHECKPOINT, ATLAS) if told.get(key, "") != chunks.get(key, "")]
        return _with_command(f"came from another {others[0]}", told) if others else None
    figure, record = path.with_suffix(".png"), path.with_suffix(".json")
    beside = figure if figure.exists() else record
    if not beside.exists() or beside == path:
        return SILENT
    return difference(beside, chunks) and SILENT


def _with_command(reason: str | None, told: Mapping[str, str]) -> str | None:
    return f"{reason} ({told[COMMAND]})" if reason and COMMAND in told else reason


def _of_json(path: Path) -> dict[str, str] | None:
    """Give the origin in a figure's or an atlas's JSON; None if it is neither."""
    try:
        values: Any = json.loads(read_text(path))
        if CHECKPOINT in values:
            return {key: str(values.get(key, "")) for key in (CHECKPOINT, ATLAS, COMMAND)}
        return _of_header(values["header"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def _of_arrays(path: Path) -> dict[str, str] | None:
    """Give the origin in an atlas's npz, nothing for a figure's; None if it is neither."""
    try:
        with open_plain(path) as file, np.load(file, allow_pickle=False) as arrays:
            if "header" in arrays.files:
                if arrays.zip.getinfo("header.npy").file_size > LARGEST_HEADER:
                    return None
                return _of_header(json.loads(str(arrays["header"])))
            return {} if any(name.endswith(".pixels") for name in arrays.files) else None
    except (OSError, EOFError, ValueError, TypeError, KeyError, AttributeError, MemoryError, BadZipFile):
        return None


def _of_header(header: Mapping[str, Any]) -> dict[str, str]:
    return {CHECKPOINT: str(header["weights"]), ATLAS: str(header["fingerprint"])}


def _of_table(path: Path) -> dict[str, str] | None:
    try:
        with open_plain(path, "r", encoding="utf-8") as file:
            return {} if file.readline(LONGEST_LINE).startswith(_TABLES) else None
    except (OSError, ValueError):
        return None
