"""``zfexplore top``: a layer's strongest channels, or the strongest places of one channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from zfexplore.choices import DEFAULT_IMAGES, RankedBy
from zfexplore.cli.options import (
    CheckpointOption,
    DeviceOption,
    DownloadOption,
    FitOption,
    ImagesOption,
    JsonOption,
    LimitOption,
)

if TYPE_CHECKING:
    from rich.table import Table


def top(
    what: Annotated[
        str,
        typer.Argument(metavar="LAYER|CHANNEL", help="A layer, as in conv5, or a channel, as in conv5:130."),
    ],
    by: Annotated[
        RankedBy,
        typer.Option(
            "--by",
            help="What channels are ranked by: mean or max of the image maxima, selectivity for one class, "
            "rarity of firing.",
        ),
    ] = "mean",
    count: Annotated[int, typer.Option("--count", min=1, metavar="N", help="How many channels.")] = 20,
    json: JsonOption = False,
    images: ImagesOption = DEFAULT_IMAGES,
    checkpoint: CheckpointOption = None,
    limit: LimitOption = None,
    fit: FitOption = "crop",
    device: DeviceOption = "auto",
    download: DownloadOption = False,
) -> None:
    """List the strongest channels of a layer, or the images and places that excite one channel most.

    Indexes the images first if that has not been done.

    Examples: zfexplore top conv5 --by selectivity; zfexplore top conv5:130 --images photos/
    """
    from zfexplore.atlas.select import ranked
    from zfexplore.atlas.tables import channel_row, place_rows
    from zfexplore.cli.opened import open_all
    from zfexplore.cli.show import output, print_json
    from zfexplore.units import Unit

    unit = Unit.parse(what) if ":" in what else None
    layer = what if unit is None else unit.stage
    opened = open_all(
        checkpoint,
        images,
        limit=limit,
        fit=fit,
        device=device,
        download=download,
        layer=layer,
        channels="all" if unit is None else str(unit.channel),
    )
    atlas, names = opened.atlas, opened.checkpoint.class_names(layer)

    def row_of(number: int) -> dict[str, Any]:
        return channel_row(atlas, layer, number) | ({"stands_for": names[number]} if names else {})

    if unit is None:
        rows = [row_of(number) for number in ranked(atlas, layer, by)[:count]]
        if json:
            print_json(rows)
            return
        title = f"{layer}: {len(rows)} of {atlas.stage(layer).channels} channels, by {by}"
        output().print(_channel_table(rows, title))
    else:
        places = place_rows(atlas, opened.checkpoint.trunk, layer, unit.channel)
        channel = row_of(unit.channel)
        if json:
            print_json(channel | {"places": places})
            return
        firing = f"fires on {channel['share_firing']:.0%} of {atlas.count:,} images"
        name = f"{channel['channel']} {channel.get('stands_for', '')}".rstrip()
        title = f"{name} {firing}, mean of image maxima {channel['mean']:.4g}"
        output().print(_place_table(places, title))


def _channel_table(rows: list[dict[str, Any]], title: str) -> Table:
    labelled = any(row["best_class"] is not None for row in rows)
    named = any("stands_for" in row for row in rows)
    table = _table(title)
    table.add_column("channel", style="bold")
    if named:
        table.add_column("stands for")
    for heading in ("max", "mean", "fires on"):
        table.add_column(heading, justify="right")
    if labelled:
        table.add_column("selectivity", justify="right")
        table.add_column("best class")
    for row in rows:
        cells = [row["channel"], *([_escaped(row["stands_for"])] if named else [])]
        cells += [f"{row['max']:.4g}", f"{row['mean']:.4g}", f"{row['share_firing']:.0%}"]
        if row["dead"]:
            cells[-1] = "nothing"
        elif labelled:
            cells += [f"{row['selectivity']:.2f}", _escaped(row["best_class"])]
        table.add_row(*cells)
    return table


def _place_table(rows: list[dict[str, Any]], title: str) -> Table:
    labelled = any(row["label"] is not None for row in rows)
    table = _table(title)
    table.add_column("", justify="right", style="dim")
    table.add_column("activation", justify="right", style="bold")
    table.add_column("image", overflow="fold")
    if labelled:
        table.add_column("class")
    table.add_column("y, x", justify="right")
    table.add_column("rows", justify="right")
    table.add_column("columns", justify="right")
    for row in rows:
        y0, x0, y1, x1 = row["window"]
        labels = [_escaped(row["label"] or "")] if labelled else []
        place = (f"{row['y']}, {row['x']}", f"{y0}-{y1 - 1}", f"{x0}-{x1 - 1}")
        table.add_row(str(row["rank"]), f"{row['value']:.4g}", _escaped(row["name"]), *labels, *place)
    return table


def _table(title: str) -> Table:
    from rich import box
    from rich.table import Table

    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
