"""``zfexplore export gallery``: a page of every channel, as a folder to hand on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zfexplore.choices import RankedBy
from zfexplore.cli.options import DEFAULTS, SeedOption, TitleOption, with_settings
from zfexplore.cli.replacing import OverwriteOption, check_replacing
from zfexplore.settings import Settings


@with_settings
def export_gallery(
    channels: Annotated[
        str,
        typer.Option(
            "--channels",
            metavar="0-15|top16|7,130|all|random16",
            help="Which of each layer: all, or for a small page such as top64.",
        ),
    ] = "all",
    by: Annotated[RankedBy, typer.Option("--by", help="What top64 goes by.")] = "mean",
    ideal: Annotated[
        str | None,
        typer.Option(
            "--ideal",
            metavar="0-15|top16|7,130|all|random16",
            help="Which of them also get their ideal images, in the same words, such as top2; up to ten "
            "seconds each on two cores.",
            show_default="none",
        ),
    ] = None,
    title: TitleOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="The folder to write.", show_default="out/gallery"),
    ] = None,
    seed: SeedOption = 0,
    settings: Settings = DEFAULTS,
    overwrite: OverwriteOption = False,
) -> None:
    """Write a page of every channel to hand on: a folder that any browser shows, with no server.

    Examples: zfexplore export gallery --out out/gallery;
    zfexplore export gallery --channels top64 --ideal top2
    """
    from zfexplore.explorer import Explorer
    from zfexplore.figures.figure import FOLDER
    from zfexplore.figures.gallery.folder import RECORD, check_gallery
    from zfexplore.files import check_folder
    from zfexplore.gallery import NAME, made_gallery, make_gallery
    from zfexplore.showing import output, watch

    out = check_folder(out if out is not None else FOLDER / NAME)
    check_gallery(out)
    explorer = Explorer.open(settings, pixels=True)
    made = made_gallery(explorer, channels, by=by, ideal=ideal, title=title, seed=seed)
    check_replacing(made.chunks(out), out / RECORD, overwrite=overwrite)
    done = watch(make_gallery(explorer, out, channels, by=by, ideal=ideal, title=title, seed=seed))
    told = f"{done.channels:,} channels, {done.images:,} images, {done.size / 1e6:.1f} MB"
    output().print(f"wrote {done.page}: {told}", markup=False, soft_wrap=True)
