"""Files of another net, of other images or of somebody else are not replaced unasked."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from zfexplore.errors import ExploreError
from zfexplore.printable import printable

OverwriteOption = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace files of other weights or images, or of another program, too."),
]


def check_replacing(
    chunks: Mapping[str, str], *paths: Path, overwrite: bool, form: str | None = None
) -> None:
    """Ask in a terminal, and refuse elsewhere, if one of ``paths`` has another origin than ``chunks``.

    ``chunks`` are the text chunks of the figure that is to be written. A file of the same weights and images
    is replaced in silence. Call it before the work. Raises ExploreError.
    """
    from zfexplore.figures.replacing import difference

    if overwrite:
        return
    for path in paths:
        if (reason := difference(path, chunks, form)) is None:
            continue
        if sys.stdin.isatty() and sys.stderr.isatty():
            if typer.confirm(printable(f"{path} {reason}. Replace it?"), err=True):
                continue
            raise ExploreError(f"{path} stays as it is")
        raise ExploreError(f"{path} {reason}: give another --out, or --overwrite to replace it")
