"""``zfexplore export atlas``: everything the index knows, for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from zfexplore.choices import AtlasFormat
from zfexplore.cli.options import DEFAULTS, OutOption, with_settings
from zfexplore.cli.replacing import OverwriteOption, check_replacing
from zfexplore.errors import ExploreError
from zfexplore.settings import Settings

if TYPE_CHECKING:
    from zfexplore.explorer import Explorer


@with_settings
def export_atlas(
    form: Annotated[
        AtlasFormat | None,
        typer.Option("--format", help="[default: what --out ends in, or csv]", show_default=False),
    ] = None,
    out: OutOption = None,
    settings: Settings = DEFAULTS,
    overwrite: OverwriteOption = False,
) -> None:
    """Write every channel's strongest places and statistics as a table, as JSON, or as arrays.

    Example: zfexplore export atlas --out out/atlas.json
    """
    from zfexplore.explorer import Explorer
    from zfexplore.files import check_file
    from zfexplore.showing import output

    chosen = form or _format_of(out)
    path = out if out is not None else Path("out") / f"atlas.{chosen}"
    check_file(path, example="atlas.csv")
    explorer = Explorer.open(settings)
    if not (chosen == "csv" and _is_the_same(explorer, path)):  # a table does not say what it is of
        made = explorer.origin.provenance(command="", title="").chunks()
        check_replacing(made, path, overwrite=overwrite, form=chosen)
        explorer.save_atlas(path, chosen)
    output().print(f"wrote {path}", markup=False, soft_wrap=True)


def _is_the_same(explorer: Explorer, path: Path) -> bool:
    """Whether the table of the atlas is already there, to the last byte."""
    from zfexplore.atlas.tables import as_csv
    from zfexplore.opening import open_plain

    try:
        with open_plain(path) as file:
            there = file.read()
    except OSError:
        return False
    return there == as_csv(explorer.atlas, explorer.checkpoint.net).encode("utf-8")


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
