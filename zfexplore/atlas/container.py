"""The file format of atlases and unfinished passes: named arrays and a JSON header in safetensors.

Nothing is pickled. A file is written whole or not at all, and checked when it is read.
"""

from __future__ import annotations

import json
import os
import struct
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from zfexplore.errors import ExploreError
from zfexplore.files import atomic_path, in_letters
from zfexplore.opening import check_plain, open_plain
from zfexplore.plain import UNFIT, mapping, parse, text

FORMAT = 1
METADATA_KEY = "zfexplore-atlas"
# A longer header is not one of ours: whatever grows with the images is stored as an array.
LONGEST_HEADER = 64 * 2**20

AnyPath = str | os.PathLike[str]


def write_arrays(path: AnyPath, arrays: dict[str, np.ndarray], header: dict[str, Any]) -> None:
    """Write ``arrays`` and ``header`` (plain values) to ``path``."""
    described = json.dumps({**header, "format": FORMAT})
    solid = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    with atomic_path(path) as temporary:
        save_file(solid, temporary, metadata={METADATA_KEY: described})


def read_arrays(path: AnyPath) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read what ``write_arrays`` wrote; raises ExploreError if the file is missing, damaged or foreign."""
    try:
        check_plain(path)
        with in_letters(path) as letters, safe_open(letters, framework="numpy") as file:
            described = (file.metadata() or {}).get(METADATA_KEY)
            if described is None:
                raise ExploreError(f"{path} is no atlas of zfexplore's")
            header = parse(described)
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, *UNFIT) as error:
        raise ExploreError(f"{path} is no atlas, or is damaged ({error})") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ExploreError(f"{path} is an atlas of another version of zfexplore")
    return arrays, header


def read_header(path: AnyPath) -> dict[str, Any] | None:
    """Read the header alone, without the arrays; None if the file is not one of ours."""
    try:
        with open_plain(path) as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > LONGEST_HEADER:
                return None
            head = parse(file.read(length))
            header = parse(text(mapping(head, "__metadata__"), METADATA_KEY))
    except (OSError, struct.error, *UNFIT):
        return None
    return header if isinstance(header, dict) and header.get("format") == FORMAT else None
