"""What the head of a checkpoint tells of its layers, without torch: a wrong layer is told early.

A safetensors file begins with the length of a JSON object, then the object: the tensors' shapes, and the
metadata. Only ZFNet's layers are read off it. They bear the names of their tensors.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

from zfexplore.errors import ExploreError

SHIPPED = "zfnet.safetensors"
LONGEST = 2**24  # bytes of a header that is read here
LENGTH = struct.Struct("<Q")


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
        with open(shipped_checkpoint() if checkpoint is None else checkpoint, "rb") as file:
            (length,) = LENGTH.unpack(file.read(LENGTH.size))
            if length > LONGEST:
                return {}
            header = json.loads(file.read(length))
            if json.loads(header["__metadata__"]["zfexplore"])["architecture"] != "zfnet":
                return {}
            weights = {name: entry["shape"] for name, entry in header.items() if name.endswith(".weight")}
            return {name.removesuffix(".weight"): int(shape[0]) for name, shape in weights.items()}
    except (ExploreError, OSError, ValueError, TypeError, KeyError, IndexError, struct.error, RecursionError):
        return {}
