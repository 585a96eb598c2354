"""``zfexplore export atlas``: everything the index knows, for other programs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from zfexplore.cli.options import (
    CheckpointOption,
    DeviceOption,
    DownloadOption,
    Fit,
    FitOption,
    ImagesOption,
    LimitOption,
    OutOption,
)


class Format(StrEnum):
    """How an atlas is written."""

    csv = "csv"
    json = "json"
    npz = "npz"


def export_atlas(
    form: Annotated[
        Format | None,
        typer.Option("--format", help="[default: what --out ends in, or csv]", show_default=False),
    ] = None,
    out: OutOption = None,
    images: ImagesOption = "specimens",
    checkpoint: CheckpointOption = None,
    limit: LimitOption = None,
    fit: FitOption = Fit.crop,
    device: DeviceOption = "auto",
    download: DownloadOption = False,
) -> None:
    """Write every channel's strongest places and statistics as a table, as JSON, or as arrays.

    Example: zfexplore export atlas --out out/atlas.json
    """
    from zfexplore.atlas.tables import write_atlas
    from zfexplore.cli.opened import open_all
    from zfexplore.cli.show import output

    suffix = out.suffix.lower().lstrip(".") if out is not None else ""
    chosen = form or (Format(suffix) if suffix in list(Format) else Format.csv)
    path = out or Path("out") / f"atlas.{chosen.value}"
    opened = open_all(checkpoint, images, limit=limit, fit=fit, device=device, download=download)
    write_atlas(opened.atlas, opened.checkpoint.trunk, path, chosen.value)
    output().print(f"wrote {path}", markup=False, soft_wrap=True)
