"""``zfexplore export atlas``: everything the index knows, for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import typer

from zfexplore.choices import AtlasFormat
from zfexplore.cli.options import DEFAULTS, OutOption, with_settings
from zfexplore.errors import ExploreError
from zfexplore.files import check_file
from zfexplore.settings import Settings


@with_settings
def export_atlas(
    form: Annotated[
        AtlasFormat | None,
        typer.Option("--format", help="[default: what --out ends in, or csv]", show_default=False),
    ] = None,
    out: OutOption = None,
    settings: Settings = DEFAULTS,
) -> None:
    """Write every channel's strongest places and statistics as a table, as JSON, or as arrays.

    Example: zfexplore export atlas --out out/atlas.json
    """
    from zfexplore.explorer import Explorer
    from zfexplore.showing import output

    chosen = form or _format_of(out)
    path = out if out is not None else Path("out") / f"atlas.{chosen}"
    check_file(path, example="atlas.csv")
    explorer = Explorer.open(settings)
    explorer.save_atlas(path, chosen)
    output().print(f"wrote {path}", markup=False, soft_wrap=True)


def _format_of(out: Path | None) -> AtlasFormat:
    """Give the format for the file's ending; raises ExploreError if it is not the ending of a format."""
    ending = out.suffix.lower().lstrip(".") if out is not None else ""
    if not ending:
        return "csv"
    formats: tuple[AtlasFormat, ...] = get_args(AtlasFormat)
    for form in formats:
        if form == ending:
            return form
    known = f"{', '.join(formats[:-1])} or {formats[-1]}"
    raise ExploreError(f"an atlas is written as {known}, not {ending}: give --format", usage=True)
