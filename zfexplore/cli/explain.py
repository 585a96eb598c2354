"""``zfexplore explain``: what a net makes of a picture of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zfexplore.cli.export import tell, warn_of_replacing
from zfexplore.cli.options import DEFAULTS, JsonOption, png_path, with_settings
from zfexplore.errors import ExploreError
from zfexplore.settings import Settings

if TYPE_CHECKING:
    from zfexplore.explorer import Explorer
    from zfexplore.images.pictures import OwnPictures


@with_settings
def explain(
    pictures: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGE...",
            help="Pictures, or folders, archives and named sets of them.",
            show_default=False,
        ),
    ],
    layer: Annotated[
        str | None,
        typer.Option("--layer", metavar="conv5", help="Channels of this layer only.", show_default="all"),
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, metavar="N", help="How many channels.")] = 20,
    tile: Annotated[
        int, typer.Option("--tile", min=16, max=512, metavar="PIXELS", help="Edge of one tile in the figure.")
    ] = 96,
    title: Annotated[
        str | None, typer.Option("--title", help="The figure's heading.", show_default="the picture's name")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE|FOLDER",
            help="Draw the figure to this PNG file; of several pictures, one each into this folder.",
            show_default="no figure",
        ),
    ] = None,
    json: JsonOption = False,
    settings: Settings = DEFAULTS,
) -> None:  # fmt: skip
    """Say what the net takes a picture for, and which channels it excites most unusually.

    Examples: zfexplore explain me.jpg --out out/me.png; zfexplore explain photos/ --layer conv5
    """
    from zfexplore.arguments import pasted_paths
    from zfexplore.explorer import Explorer
    from zfexplore.images.pictures import OwnPictures
    from zfexplore.showing import output, print_json

    own = OwnPictures([path for given in pictures for path in pasted_paths(given) or (given,)])
    out = _checked(out, own)
    explorer = Explorer.open(settings, layer)
    if not own.alone:
        _many(explorer, own, layer, count, tile, out, json)
        return
    explained = explorer.explain(own[0].spec, layer, count)
    if json:
        print_json(explained.record())
    else:
        output().print(explained.shown())
    if out is not None:
        figure = explained.figure(tile=tile, title=title)
        warn_of_replacing(figure, out)
        tell(*figure.save(out), aside=json)


def _checked(out: Path | None, own: OwnPictures) -> Path | None:
    """Check what --out names before the work: a PNG file, or for several pictures a folder."""
    if out is None or own.alone:
        return out and png_path(out, "explained.png")
    if out.suffix.lower() == ".png" or (out.exists() and not out.is_dir()):
        raise ExploreError(
            f"several pictures are drawn into a folder, one figure each: --out {out} names a file", usage=True
        )
    return out


def _many(
    explorer: Explorer, own: OwnPictures, layer: str | None, count: int, tile: int, folder: Path | None,
    json: bool,
) -> None:  # fmt: skip
    """Show a row for each picture, and draw each into ``folder``."""
    from zfexplore.explained import Explained, summary_table
    from zfexplore.progress import Note, finish
    from zfexplore.showing import output, print_json, remarks, watch

    records: list[dict[str, Any]] = []

    def shown() -> Iterator[Any]:
        yield from (Note(line) for line in own.remarks())
        for event in explorer.explaining(own, layer, count):
            if not isinstance(event, Explained):
                yield event
                continue
            records.append(event.record())
            if folder is not None:
                figure, path = finish(event.drawing(tile=tile)), folder / event.made.name
                warn_of_replacing(figure, path)
                figure.save(path)
        yield from (Note(line) for line in own.depth_remarks())

    watch(shown())
    if not records:
        raise ExploreError(f"none of the {len(own):,} pictures could be read")
    if json:
        print_json(records)
    else:
        output().print(summary_table(records, f"{len(records):,} of {len(own):,} pictures"))
    if folder is not None:
        told = f"wrote {len(records):,} figures into {folder}"
        (remarks() if json else output()).print(told, markup=False, soft_wrap=True)
