"""Files of tensors, opened to be read: plain safetensors files, and none whose head would fill the memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from safetensors import SafetensorError, safe_open

from zfexplore.files import in_letters
from zfexplore.nets.header import LONGEST, length_of_head
from zfexplore.opening import open_plain
from zfexplore.plain import UNFIT

UNREADABLE = (SafetensorError, OSError, RuntimeError, *UNFIT)  # what reading such a file can raise


@contextmanager
def opened_tensors(path: str | os.PathLike[str], framework: str) -> Iterator[Any]:
    """Open a safetensors file for its metadata and its tensors; raises one of ``UNREADABLE``.

    ``framework`` is "pt" or "numpy".
    """
    with open_plain(path) as file:
        length = length_of_head(file)
        if LONGEST < length < file.seek(0, os.SEEK_END):
            raise ValueError(f"its head of {length // 2**20:,} MB exceeds the limit of {LONGEST // 2**20} MB")
    with in_letters(path) as letters, safe_open(letters, framework=framework) as opened:
        yield opened
