"""``zfexplore explain``: what a net makes of a picture of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zfexplore.choices import FigureFormat
from zfexplore.cli.export import tell
from zfexplore.cli.options import (
    DEFAULTS,
    DpiOption,
    FontOption,
    FormatOption,
    JsonOption,
    TileOption,
    path_if_drawn,
    take_print,
    with_settings,
)
from zfexplore.cli.pictures import check_readable, pictures_of
from zfexplore.cli.replacing import OverwriteOption, check_replacing
from zfexplore.errors import ExploreError
from zfexplore.settings import Command, Settings

if TYPE_CHECKING:
    from zfexplore.explorer import Explorer
    from zfexplore.images.pictures import OwnPictures


@with_settings
def explain(
    pictures: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGE",
            help="Pictures, or folders, archives and named sets of them.",
            show_default=False,
        ),
    ],
    layer: Annotated[
        str | None,
        typer.Option("--layer", metavar="conv5", help="Channels of this layer only.", show_default="all"),
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, metavar="N", help="How many channels.")] = 20,
    tile: TileOption = 96,
    title: Annotated[
        str | None, typer.Option("--title", help="The figure's heading.", show_default="the picture's name")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE|FOLDER",
            help="Draw the figure to this file; of several pictures, one each into this folder.",
            show_default="no figure",
        ),
    ] = None,
    json: JsonOption = False,
    settings: Settings = DEFAULTS,
    form: FormatOption = None,
    dpi: DpiOption = None,
    font: FontOption = None,
    overwrite: OverwriteOption = False,
) -> None:  # fmt: skip
    """Say what the net takes a picture for, and which channels it excites most unusually.

    Examples: zfexplore explain me.jpg --out out/me.png; zfexplore explain photos/ --layer conv5
    """
    from zfexplore.explorer import Explorer
    from zfexplore.images.pictures import OwnPictures
    from zfexplore.showing import output, print_json

    own = OwnPictures(pictures_of(pictures))
    out = _checked(out, own, form, dpi, font)
    if own.alone:
        check_readable([own[0].spec])
    elif title is not None:
        raise ExploreError("--title is for one picture: of several, each has its own name", usage=True)
    explorer = Explorer.open(settings, layer, pixels=out is not None)
    if not own.alone:
        _many(explorer, own, layer, count, tile, out, json, overwrite, form, dpi, font)
        return
    explained = explorer.explain(own[0].spec, layer, count)
    if out is not None:
        check_replacing(explained.made.chunks(out), out, overwrite=overwrite)
    if json:
        print_json(explained.record())
    else:
        output().print(explained.shown())
    if out is not None:
        figure = explained.figure(tile=tile, title=title).printed(form, dpi, font)
        tell(*figure.save(out), aside=json)


def _checked(
    out: Path | None, own: OwnPictures, form: FigureFormat | None, dpi: int | None, font: Path | None
) -> Path | None:
    """Check what --out names before the work: a file, or for several pictures a folder."""
    from zfexplore.files import check_folder

    if out is None or own.alone:
        return path_if_drawn(out, form, dpi, font)
    if out.suffix.lower() in (".png", ".svg", ".pdf") or (out.exists() and not out.is_dir()):
        raise ExploreError(
            f"several pictures are drawn into a folder, one figure each: --out {out} names a file", usage=True
        )
    take_print(form, font)
    return check_folder(out)


def _many(
    explorer: Explorer, own: OwnPictures, layer: str | None, count: int, tile: int, folder: Path | None,
    json: bool, overwrite: bool, form: FigureFormat | None, dpi: int | None, font: Path | None,
) -> None:  # fmt: skip
    """Show a row for each picture, and draw each into ``folder``."""
    from zfexplore.explained import Explained, called, figure_names, summary_table
    from zfexplore.figures.figure import Made
    from zfexplore.progress import Finished, Note, Skipped
    from zfexplore.showing import output, print_json, remarks, watch

    if folder is not None:
        for picture, name in zip(own, figure_names(own), strict=True):
            notes = {"picture": called(picture).path}
            made = Made(explorer.origin, Command(("explain",)), picture.name, name, notes).printed(
                form, dpi, font
            )
            path = folder / made.name
            check_replacing(made.chunks(path), path, overwrite=overwrite)
    records: list[dict[str, Any]] = []
    damaged: set[str] = set()

    def shown() -> Iterator[Any]:
        yield from (Note(line) for line in own.remarks())
        for event in explorer.explaining(own, layer, count):
            if not isinstance(event, Explained):
                yield event
                continue
            records.append(event.record())
            for step in event.drawing(tile=tile) if folder is not None else ():
                if isinstance(step, Finished) and folder is not None:
                    figure = step.result.printed(form, dpi, font)
                    figure.save(folder / figure.made.name)
                elif isinstance(step, Skipped):  # an image of the index, once for all pictures
                    if step.name not in damaged:
                        yield step
                    damaged.add(step.name)
        yield from (Note(line) for line in own.depth_remarks())

    watch(shown())
    if not records:
        raise ExploreError(f"none of the {len(own):,} pictures could be read")
    if json:
        print_json(records)
    else:
        output().print(summary_table(records, f"{len(records):,} of {len(own):,} pictures"))
    if folder is not None:
        told = f"wrote {len(records):,} {'figure' if len(records) == 1 else 'figures'} into {folder}"
        (remarks() if json else output()).print(told, markup=False, soft_wrap=True)
