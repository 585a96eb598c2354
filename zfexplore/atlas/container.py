"""The file format of atlases and unfinished passes: named arrays and a JSON header in safetensors.

Nothing is pickled. A file is written whole or not at all, and checked when it is read.
"""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from zfexplore.errors import ExploreError
from zfexplore.files import atomic_path
from zfexplore.nets.header import LONGEST, values_at_head
from zfexplore.nets.tensors import UNREADABLE, opened_tensors
from zfexplore.plain import UNFIT, mapping, parse, text

FORMAT = 1
METADATA_KEY = "zfexplore-atlas"
# Bytes of the header alone, so that the head of the file with every array's entry is read again.
LONGEST_HEADER = LONGEST - 2**21

AnyPath = str | os.PathLike[str]


def write_arrays(path: AnyPath, arrays: dict[str, np.ndarray], header: dict[str, Any]) -> None:
    """Write ``arrays`` and ``header`` (plain values) to ``path``; raises ExploreError if it cannot."""
    described = json.dumps({**header, "format": FORMAT})
    if (length := len(json.dumps(described))) > LONGEST_HEADER:
        raise ExploreError(
            f"{path} could not be read again: its header of {length // 2**20} MB exceeds the limit of "
            f"{LONGEST_HEADER // 2**20} MB; remove the images that cannot be read"
        )
    solid = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    with atomic_path(path) as temporary:
        save_file(solid, temporary, metadata={METADATA_KEY: described})


def read_arrays(path: AnyPath) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read what ``write_arrays`` wrote; raises ExploreError if the file is missing, damaged or foreign."""
    try:
        with opened_tensors(path, "numpy") as file:
            described = (file.metadata() or {}).get(METADATA_KEY)
            if described is None:
                raise ExploreError(f"{path} is no atlas of zfexplore's")
            header = parse(described)
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except UNREADABLE as error:
        raise ExploreError(f"{path} is no atlas, or is damaged ({error})") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ExploreError(f"{path} is an atlas of another version of zfexplore")
    return arrays, header


def read_header(path: AnyPath) -> dict[str, Any] | None:
    """Read the header alone, without the arrays; None if the file is not one of ours."""
    try:
        head, _ = values_at_head(path)
        header = parse(text(mapping(head, "__metadata__"), METADATA_KEY))
    except (OSError, EOFError, *UNFIT):
        return None
    return header if isinstance(header, dict) and header.get("format") == FORMAT else None
