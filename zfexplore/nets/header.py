"""What the head of a safetensors file tells, without torch: a wrong layer is told early, a cut file too.

The file begins with the length of a JSON object, then the object: each tensor's shape and where it lies,
and the metadata of zfexplore. Of a checkpoint only ZFNet's layers are read off it. They bear the names of
their tensors.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from zfexplore.errors import ExploreError
from zfexplore.opening import open_plain
from zfexplore.plain import UNFIT, listed, mapping, parse, text, whole

SHIPPED = "zfnet.safetensors"
METADATA_KEY = "zfexplore"
# Bytes of a head that is read, for its values take twenty times as much. A thousand layers of an atlas and
# 22,000 classes need 2.5 MB, 100,000 images that cannot be read 10 MB.
LONGEST = 2**24
LENGTH = struct.Struct("<Q")


@dataclass(frozen=True)
class Head:
    """A checkpoint's metadata, its tensors' entries by name, and how many bytes the file should have."""

    metadata: Mapping[str, Any]
    tensors: Mapping[str, Mapping[str, Any]]
    size: int


def read_head(path: str | os.PathLike[str]) -> Head:
    """Read the head of a checkpoint of zfexplore.

    Raises OSError for a file that cannot be read, EOFError for a head that is cut short, and ValueError for
    what is no checkpoint of zfexplore.
    """
    try:
        tensors, length = values_at_head(path)
        metadata = parse(text(mapping(tensors, "__metadata__"), METADATA_KEY))
        del tensors["__metadata__"]
        ends = [whole({"end": listed(entry, "data_offsets")[1]}, "end") for entry in tensors.values()]
    except UNFIT as error:
        raise ValueError("no checkpoint of zfexplore") from error
    if not isinstance(metadata, dict):
        raise ValueError("no checkpoint of zfexplore")
    return Head(metadata, tensors, LENGTH.size + length + max(ends, default=0))


def values_at_head(path: str | os.PathLike[str]) -> tuple[Any, int]:
    """Give what the JSON at the head of a safetensors file holds, and its length; raises as ``read_head``."""
    with open_plain(path) as file:
        length = length_of_head(file)
        if not 2 <= length <= LONGEST:
            raise ValueError("no safetensors file")
        described = file.read(length)
    if len(described) < length:
        raise EOFError("the head is cut short")
    return parse(described), length


def length_of_head(file: IO[bytes]) -> int:
    """Give how long an open safetensors file says that its head is; 0 where it does not come to that."""
    start = file.read(LENGTH.size)
    length: int = LENGTH.unpack(start)[0] if len(start) == LENGTH.size else 0
    return length


def shipped_checkpoint() -> Path:
    """Give the file of weights that comes with zfexplore, in a clone or in an installed wheel."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "checkpoints", package.parent / "checkpoints"):
        if (folder / SHIPPED).is_file():
            return folder / SHIPPED
    raise ExploreError(
        f"the shipped weights {SHIPPED} are not beside this installation; name a file with --checkpoint"
    )


def channels_of(checkpoint: str | None = None) -> dict[str, int]:
    """Give the number of channels of each convolution and fully connected layer of a ZFNet's checkpoint.

    None is the shipped one. Empty for another net, and for a file that cannot be read: what is wrong with
    it is told when it is loaded.
    """
    try:
        head = read_head(shipped_checkpoint() if checkpoint is None else checkpoint)
        if head.metadata["architecture"] != "zfnet":
            return {}
        weights = {name: entry["shape"] for name, entry in head.tensors.items() if name.endswith(".weight")}
        counts = {name: whole({"channels": shape[0]}, "channels") for name, shape in weights.items()}
        return {name.removesuffix(".weight"): count for name, count in counts.items()}
    except (ExploreError, OSError, EOFError, *UNFIT):
        return {}
