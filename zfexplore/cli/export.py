"""``zfexplore export grid|channel|unit|figure|filters``: the papers' figures as PNG files.

The text chunks of each file say what it was made from, and by which command.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from zfexplore.choices import FigureFormat, RankedBy
from zfexplore.cli.options import (
    DEFAULTS,
    DpiOption,
    FontOption,
    FormatOption,
    OutOption,
    SeedOption,
    TileOption,
    TitleOption,
    figure_path,
    with_settings,
)
from zfexplore.cli.pictures import check_readable, pictures_of
from zfexplore.cli.replacing import OverwriteOption, check_replacing
from zfexplore.errors import ExploreError
from zfexplore.settings import Settings

if TYPE_CHECKING:
    from zfexplore.figures.figure import Drawing, Figure
    from zfexplore.units import Unit

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
ByOption = Annotated[
    RankedBy,
    typer.Option(
        "--by", help="What top16 goes by: as in `zfexplore top`; striking ones are worth a look first."
    ),
]
ColumnsOption = Annotated[
    int | None,
    typer.Option("--columns", min=1, metavar="N", help="Channels in a row.", show_default="a page near 3:2"),
]
NpzOption = Annotated[bool, typer.Option("--npz", help="Write the raw arrays beside the figure.")]
DenseOption = Annotated[
    bool, typer.Option("--dense", help="Project by the textbook deconvnet: the same figure, slower.")
]


@with_settings
def export_grid(
    layer: LayerOption,
    channels: ChannelsOption = "top9",
    by: ByOption = "mean",
    tile: TileOption = 112,
    columns: ColumnsOption = None,
    title: TitleOption = None,
    out: OutOption = None,
    npz: NpzOption = False,
    seed: SeedOption = 0,
    settings: Settings = DEFAULTS,
    dense: DenseOption = False,
    form: FormatOption = None,
    dpi: DpiOption = None,
    font: FontOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Draw the paper's figure: nine projections of each channel, and beside them what the units saw.

    Example: zfexplore export grid --layer conv5 --channels top16 --out out/conv5.png
    """
    from zfexplore.drawings import draw_grid
    from zfexplore.explorer import Explorer

    out = figure_path(out, f"{layer}.png", form, font, beside=[".npz"] if npz else [])
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
        by=by,
    )
    files = (out,) if arrays is None else (out, arrays)
    drawing.made = drawing.made.printed(form, dpi, font)
    check_replacing(drawing.made.chunks(out), *files, overwrite=overwrite)
    tell(*_draw(drawing, out).save(out))
    if arrays is not None:
        tell(arrays)


@with_settings
def export_channel(
    channel: Annotated[
        str, typer.Argument(metavar="CHANNEL", help="A channel, as in conv5:130; of a unit, its channel.")
    ],
    tile: TileOption = 224,
    title: TitleOption = None,
    on: Annotated[
        list[str] | None,
        typer.Option(
            "--on", metavar="IMAGE", show_default="its strongest images",
            help="A picture of your own: the channel's strongest unit there; may be given again.",
        ),
    ] = None,
    ideal: Annotated[
        bool, typer.Option("--ideal", help="Add pictures that the channel would like best, made by ascent.")
    ] = False,
    out: OutOption = None,
    npz: NpzOption = False,
    settings: Settings = DEFAULTS,
    dense: DenseOption = False,
    form: FormatOption = None,
    dpi: DpiOption = None,
    font: FontOption = None,
    overwrite: OverwriteOption = False,
) -> None:  # fmt: skip
    """Draw one channel large, with the whole images, and write its table as CSV and JSON beside it.

    Examples: zfexplore export channel conv5:130; zfexplore export channel conv5:130 --on me.jpg
    """
    from zfexplore.explorer import Explorer
    from zfexplore.showing import remarks
    from zfexplore.units import Unit

    unit = Unit.parse(channel)
    if on and ideal:
        raise ExploreError("--ideal is for a channel's own figure: leave out --on or --ideal", usage=True)
    if on:
        unit = Unit(unit.stage, unit.channel)
        _on_pictures(unit, on, tile, title, out, npz, settings, dense, overwrite, form, dpi, font)
        return
    name = f"{Unit(unit.stage, unit.channel).slug}.png"
    beside = _beside(npz)
    out = figure_path(out, name, form, font, beside=beside)
    explorer = Explorer.open(settings, unit.stage, str(unit.channel), pixels=True)
    files = [out.with_suffix(ending) for ending in beside]
    check_replacing(explorer.made(unit).chunks(out), out, *files, overwrite=overwrite)
    shown = explorer.channel(unit, method=_method(dense))
    shown = replace(shown, made=shown.made.printed(form, dpi, font))
    if shown.known["dead"]:
        remarks().print(shown.places.title, markup=False, soft_wrap=True)
    best = explorer.ideal_block(explorer.ideal(unit)) if ideal else None
    tell(*shown.figure(tile=tile, title=title, ideal=best).save(out, npz=npz))


@with_settings
def export_unit(
    unit: Annotated[
        str, typer.Argument(metavar="UNIT", help="A unit, as in conv5:130@6,7; of a channel, its strongest.")
    ],
    pictures: Annotated[
        list[str], typer.Argument(metavar="IMAGE", help="Pictures of your own.", show_default=False)
    ],
    tile: TileOption = 448,
    title: TitleOption = None,
    out: OutOption = None,
    npz: NpzOption = False,
    settings: Settings = DEFAULTS,
    dense: DenseOption = False,
    form: FormatOption = None,
    dpi: DpiOption = None,
    font: FontOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Draw one unit on a picture of your own: its projection, what it saw, and where; with its table.

    Example: zfexplore export unit conv5:130@6,7 me.jpg
    """
    from zfexplore.units import Unit

    _on_pictures(
        Unit.parse(unit), pictures, tile, title, out, npz, settings, dense, overwrite, form, dpi, font
    )


@with_settings
def export_figure(
    channels: ChannelsOption = "top4",
    tile: TileOption = 96,
    title: TitleOption = None,
    out: OutOption = None,
    seed: SeedOption = 0,
    settings: Settings = DEFAULTS,
    dense: DenseOption = False,
    form: FormatOption = None,
    dpi: DpiOption = None,
    font: FontOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Draw all layers on one sheet, as the papers do; for conv1 its filters, nine of them.

    Example: zfexplore export figure --images photos/ --out out/figure.png
    """
    from zfexplore.drawings import draw_layers
    from zfexplore.explorer import Explorer

    out = figure_path(out, "figure.png", form, font)
    explorer = Explorer.open(settings, pixels=True)
    drawing = draw_layers(explorer, channels, tile=tile, title=title, seed=seed, method=_method(dense))
    drawing.made = drawing.made.printed(form, dpi, font)
    check_replacing(drawing.made.chunks(out), out, overwrite=overwrite)
    tell(*_draw(drawing, out).save(out))


@with_settings
def export_filters(
    channels: ChannelsOption = "top9",
    tile: TileOption = 63,
    title: TitleOption = None,
    out: OutOption = None,
    seed: SeedOption = 0,
    settings: Settings = DEFAULTS,
    dense: DenseOption = False,
    form: FormatOption = None,
    dpi: DpiOption = None,
    font: FontOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Draw the first layer's filters: all of them, then the chosen ones with the patches they liked best.

    Example: zfexplore export filters --channels 0-8
    """
    from zfexplore.drawings import draw_filters
    from zfexplore.explorer import Explorer

    out = figure_path(out, "filters.png", form, font)
    explorer = Explorer.open(settings, pixels=True)
    drawing = draw_filters(explorer, channels, tile=tile, title=title, seed=seed, method=_method(dense))
    drawing.made = drawing.made.printed(form, dpi, font)
    check_replacing(drawing.made.chunks(out), out, overwrite=overwrite)
    tell(*_draw(drawing, out).save(out))


def _on_pictures(
    unit: Unit, pictures: list[str], tile: int, title: str | None, out: Path | None, npz: bool,
    settings: Settings, dense: bool, overwrite: bool,
    form: FigureFormat | None, dpi: int | None, font: Path | None,
) -> None:  # fmt: skip
    from zfexplore.explorer import Explorer
    from zfexplore.on_pictures import default_name

    paths = pictures_of(pictures)
    beside = _beside(npz)
    out = figure_path(out, default_name(unit, paths), form, font, beside=beside)
    check_readable(paths)
    explorer = Explorer.open(settings, unit.stage, str(unit.channel))
    found = explorer.on(unit, *paths, method=_method(dense))
    found = replace(found, made=found.made.printed(form, dpi, font))
    files = [out.with_suffix(ending) for ending in beside]
    check_replacing(found.made.chunks(out), out, *files, overwrite=overwrite)
    tell(*found.figure(tile=tile, title=title).save(out, npz=npz))


def _beside(npz: bool) -> list[str]:
    """Give the endings of the tables, and of the arrays, that lie beside a figure."""
    return [".csv", ".json", *([".npz"] if npz else [])]


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


def tell(*written: Path, aside: bool = False) -> None:
    """Name the files written; ``aside`` on stderr, where stdout is for other programs."""
    from zfexplore.showing import output, remarks

    for path in written:
        (remarks() if aside else output()).print(f"wrote {path}", markup=False, soft_wrap=True)
