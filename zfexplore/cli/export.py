"""``zfexplore export grid|channel|figure|filters``: the papers' figures as PNG files.

The text chunks of each file say what it was made from, and by which command.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from zfexplore.cli.options import (
    DEFAULTS,
    OutOption,
    SeedOption,
    png_path,
    with_settings,
)
from zfexplore.settings import Settings

if TYPE_CHECKING:
    from zfexplore.figures.figure import Drawing, Figure

LayerOption = Annotated[
    str, typer.Option("--layer", metavar="conv5", help="Which layer; `zfexplore info` lists them.")
]
ChannelsOption = Annotated[
    str,
    typer.Option(
        "--channels",
        metavar="0-15|top16|7,130|all|random16",
        help="Numbers and ranges, the highest by mean of the image maxima, all, or a draw by --seed.",
    ),
]
TileOption = Annotated[
    int, typer.Option("--tile", min=16, max=512, metavar="PIXELS", help="Edge of one picture in the figure.")
]
ColumnsOption = Annotated[
    int | None,
    typer.Option("--columns", min=1, metavar="N", help="Channels in a row.", show_default="a page near 3:2"),
]
TitleOption = Annotated[
    str | None, typer.Option("--title", help="The heading.", show_default="what is shown")
]
NpzOption = Annotated[bool, typer.Option("--npz", help="Write the raw arrays beside the figure.")]
DenseOption = Annotated[
    bool, typer.Option("--dense", help="Project by the textbook deconvnet: the same figure, slower.")
]


@with_settings
def export_grid(
    layer: LayerOption,
    channels: ChannelsOption = "top9",
    tile: TileOption = 112,
    columns: ColumnsOption = None,
    title: TitleOption = None,
    out: OutOption = None,
    npz: NpzOption = False,
    seed: SeedOption = 0,
    settings: Settings = DEFAULTS,
    dense: DenseOption = False,
) -> None:
    """Draw the paper's figure: nine projections of each channel, and beside them what the units saw.

    Example: zfexplore export grid --layer conv5 --channels top16 --out out/conv5.png
    """
    from zfexplore.drawings import draw_grid
    from zfexplore.explorer import Explorer

    out = png_path(out, f"{layer}.png", beside=[".npz"] if npz else [])
    arrays = out.with_suffix(".npz") if npz else None
    explorer = Explorer.open(settings, layer, channels, pixels=True)
    drawing = draw_grid(
        explorer,
        layer,
        channels,
        tile=tile,
        columns=columns,
        title=title,
        arrays=arrays,
        seed=seed,
        method=_method(dense),
    )
    _save(_draw(drawing, out), out)
    if arrays is not None:
        _tell(arrays)


@with_settings
def export_channel(
    channel: Annotated[
        str, typer.Argument(metavar="CHANNEL", help="A channel, as in conv5:130; of a unit, its channel.")
    ],
    tile: TileOption = 224,
    title: TitleOption = None,
    out: OutOption = None,
    npz: NpzOption = False,
    settings: Settings = DEFAULTS,
    dense: DenseOption = False,
) -> None:
    """Draw one channel large, with the whole images, and write its table as CSV and JSON beside it.

    Example: zfexplore export channel conv5:130
    """
    from zfexplore.explorer import Explorer
    from zfexplore.showing import remarks
    from zfexplore.units import Unit

    unit = Unit.parse(channel)
    name = f"{Unit(unit.stage, unit.channel).slug}.png"
    out = png_path(out, name, beside=[".csv", ".json", *([".npz"] if npz else [])])
    explorer = Explorer.open(settings, unit.stage, str(unit.channel), pixels=True)
    shown = explorer.channel(unit, method=_method(dense))
    if shown.known["dead"]:
        remarks().print(shown.places.title, markup=False, soft_wrap=True)
    figure = shown.figure(tile=tile, title=title)
    _warn_of_replacing(figure, out)
    _tell(*figure.save(out, npz=npz))


@with_settings
def export_figure(
    channels: ChannelsOption = "top4",
    tile: TileOption = 96,
    title: TitleOption = None,
    out: OutOption = None,
    seed: SeedOption = 0,
    settings: Settings = DEFAULTS,
    dense: DenseOption = False,
) -> None:
    """Draw all layers on one sheet, as the papers do; for conv1 its filters, nine of them.

    Example: zfexplore export figure --images photos/ --out out/figure.png
    """
    from zfexplore.drawings import draw_layers
    from zfexplore.explorer import Explorer

    out = png_path(out, "figure.png")
    explorer = Explorer.open(settings, pixels=True)
    drawing = draw_layers(explorer, channels, tile=tile, title=title, seed=seed, method=_method(dense))
    _save(_draw(drawing, out), out)


@with_settings
def export_filters(
    channels: ChannelsOption = "top9",
    tile: TileOption = 63,
    title: TitleOption = None,
    out: OutOption = None,
    seed: SeedOption = 0,
    settings: Settings = DEFAULTS,
    dense: DenseOption = False,
) -> None:
    """Draw the first layer's filters: all of them, then the chosen ones with the patches they liked best.

    Example: zfexplore export filters --channels 0-8
    """
    from zfexplore.drawings import draw_filters
    from zfexplore.explorer import Explorer

    out = png_path(out, "filters.png")
    explorer = Explorer.open(settings, pixels=True)
    drawing = draw_filters(explorer, channels, tile=tile, title=title, seed=seed, method=_method(dense))
    _save(_draw(drawing, out), out)


def _method(dense: bool) -> Literal["auto", "dense"]:
    return "dense" if dense else "auto"


def _draw(drawing: Drawing, out: Path) -> Figure:
    """Draw and show progress; on Ctrl-C save what is drawn so far, under another name."""
    from zfexplore.showing import remarks, watch

    try:
        return watch(drawing.events())
    except KeyboardInterrupt:
        if (partial := drawing.keep(out)) is not None:
            page = drawing.page
            told = f"interrupted: {page.drawn} of {page.count} channels are in {partial}"
            remarks().print(told, markup=False)
        raise


def _save(figure: Figure, out: Path) -> None:
    _warn_of_replacing(figure, out)
    _tell(*figure.save(out))


def _warn_of_replacing(figure: Figure, out: Path) -> None:
    from zfexplore.showing import remarks

    if (difference := figure.made.replaces(out)) is not None:
        remarks().print(f"replacing {out}, which {difference}", markup=False)


def _tell(*written: Path) -> None:
    from zfexplore.showing import output

    for path in written:
        output().print(f"wrote {path}", markup=False, soft_wrap=True)
