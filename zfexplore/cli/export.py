"""``zfexplore export grid|channel|figure|filters``: the papers' figures as PNG files.

Each file says in its text chunks what it was made of, and by which command.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zfexplore.choices import DEFAULT_IMAGES
from zfexplore.cli.options import (
    CheckpointOption,
    DeviceOption,
    DownloadOption,
    FitOption,
    ImagesOption,
    LimitOption,
    OutOption,
    SeedOption,
    png_path,
)

if TYPE_CHECKING:
    from PIL.Image import Image

    from zfexplore.cli.opened import Opened
    from zfexplore.figures.blocks import ChannelBlock
    from zfexplore.figures.grid import Page
    from zfexplore.figures.provenance import Provenance
    from zfexplore.progress import Progress

FILTERS_SHOWN = "top9"  # on the sheet of all layers, as in the replication

LayerOption = Annotated[
    str, typer.Option("--layer", metavar="conv5", help="Which layer; `zfexplore info` lists them.")
]
ChannelArgument = Annotated[
    str, typer.Argument(metavar="CHANNEL", help="A channel, as in conv5:130; of a unit, its channel.")
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


def export_grid(
    context: typer.Context,
    layer: LayerOption,
    channels: ChannelsOption = "top9",
    tile: TileOption = 112,
    columns: ColumnsOption = None,
    title: TitleOption = None,
    out: OutOption = None,
    npz: NpzOption = False,
    seed: SeedOption = 0,
    images: ImagesOption = DEFAULT_IMAGES,
    checkpoint: CheckpointOption = None,
    limit: LimitOption = None,
    fit: FitOption = "crop",
    device: DeviceOption = "auto",
    download: DownloadOption = False,
    dense: DenseOption = False,
) -> None:
    """Draw the paper's figure: nine projections of each channel, and beside them what the units saw.

    Example: zfexplore export grid --layer conv5 --channels top16 --out out/conv5.png
    """
    from zfexplore.atlas.select import select_channels
    from zfexplore.cli.opened import channel_blocks, open_all
    from zfexplore.figures.captions import stage_caption
    from zfexplore.figures.grid import Page
    from zfexplore.figures.tables import keep_arrays
    from zfexplore.units import Unit

    out = png_path(out, f"{layer}.png")
    opened = open_all(
        checkpoint,
        images,
        limit=limit,
        fit=fit,
        device=device,
        download=download,
        layer=layer,
        channels=channels,
        dense=dense,
    )
    chosen = select_channels(opened.atlas, layer, channels, seed)
    caption = stage_caption(layer, channels, len(chosen), opened.checkpoint, opened.atlas)
    page = Page(len(chosen), tile=tile, columns=columns, title=title or layer, subtitle=caption)
    blocks: Iterable[ChannelBlock | Progress] = channel_blocks(
        opened, [Unit(layer, channel) for channel in chosen]
    )
    if npz:
        blocks = keep_arrays(blocks, out.with_suffix(".npz"))
    made = _made(context, opened, title or layer)
    image = _draw(page, blocks, f"drawing {layer}", out, made)
    _save(image, out, made, [page])
    if npz:
        _tell(out.with_suffix(".npz"))


def export_channel(
    context: typer.Context,
    channel: Annotated[
        str, typer.Argument(metavar="CHANNEL", help="A channel, as in conv5:130; of a unit, its channel.")
    ],
    tile: TileOption = 224,
    title: TitleOption = None,
    out: OutOption = None,
    npz: NpzOption = False,
    images: ImagesOption = DEFAULT_IMAGES,
    checkpoint: CheckpointOption = None,
    limit: LimitOption = None,
    fit: FitOption = "crop",
    device: DeviceOption = "auto",
    download: DownloadOption = False,
    dense: DenseOption = False,
) -> None:
    """Draw one channel large, with the whole images, and write its table as CSV and JSON beside it.

    Example: zfexplore export channel conv5:130
    """
    from zfexplore.cli.invocation import typed_command
    from zfexplore.cli.opened import open_all, project_channel
    from zfexplore.cli.show import watch
    from zfexplore.figures.channel import save_channel
    from zfexplore.figures.tables import keep_arrays
    from zfexplore.units import Unit

    unit = replace(Unit.parse(channel), y=None, x=None)
    out = png_path(out, f"{unit.slug}.png")
    opened = open_all(
        checkpoint, images, limit=limit, fit=fit, device=device, download=download,
        layer=unit.stage, channels=str(unit.channel), dense=dense,
    )  # fmt: skip
    block = watch(project_channel(opened, unit))
    _warn_of_replacing(out, _made(context, opened, "").chunks())
    written = save_channel(
        block, out, checkpoint=opened.checkpoint, atlas=opened.atlas,
        command=typed_command(context), tile=tile, title=title,
    )  # fmt: skip
    if npz:
        written.append(out.with_suffix(".npz"))
        list(keep_arrays([block], written[-1]))
    _tell(*written)


def export_figure(
    context: typer.Context,
    channels: ChannelsOption = "top4",
    tile: TileOption = 96,
    title: TitleOption = None,
    out: OutOption = None,
    seed: SeedOption = 0,
    images: ImagesOption = DEFAULT_IMAGES,
    checkpoint: CheckpointOption = None,
    limit: LimitOption = None,
    fit: FitOption = "crop",
    device: DeviceOption = "auto",
    download: DownloadOption = False,
    dense: DenseOption = False,
) -> None:
    """Draw all layers on one sheet, as the papers do; for conv1 its filters, nine of them.

    Example: zfexplore export figure --images photos/ --out out/figure.png
    """
    from zfexplore.atlas.select import select_channels
    from zfexplore.cli.opened import channel_blocks, first_filters, next_blocks, open_all
    from zfexplore.figures.captions import images_in_words, in_the_papers
    from zfexplore.figures.grid import Page
    from zfexplore.figures.sheet import check_sheet, sheet
    from zfexplore.units import Unit

    out = png_path(out, "figure.png")
    opened = open_all(checkpoint, images, limit=limit, fit=fit, device=device, download=download, dense=dense)
    title = title or "What the strongest units look for, layer by layer"
    made = _made(context, opened, title)
    layers = [record.name for record in opened.atlas.stages.values() if record.kind != "fc"]
    chosen = {layer: select_channels(opened.atlas, layer, channels, seed) for layer in layers}
    chosen[layers[0]] = select_channels(opened.atlas, layers[0], FILTERS_SHOWN, seed)
    pages: list[Page] = []
    for layer in layers:
        first = layer == layers[0]
        # Nine small blocks of filters take the room of four blocks of projections.
        page = Page(
            len(chosen[layer]), tile=max(tile * 2 // 3, 16) if first else tile, columns=3 if first else 2,
            title=layer, subtitle=in_the_papers(layer, opened.checkpoint.metadata.architecture),
        )  # fmt: skip
        check_sheet([*pages, page])
        pages.append(page)
    units = [Unit(layer, channel) for layer in layers for channel in chosen[layer]]
    blocks = channel_blocks(opened, units, kernels=first_filters(opened))
    for layer, page in zip(layers, pages, strict=True):
        _draw(page, next_blocks(blocks, page.count), f"drawing {layer}", out, made)
    caption = f"each channel with its strongest of {images_in_words(opened.checkpoint, opened.atlas)}"
    _save(sheet([page.image for page in pages], title=title, subtitle=caption), out, made, pages)


def export_filters(
    context: typer.Context,
    channels: ChannelsOption = "top9",
    tile: TileOption = 63,
    title: TitleOption = None,
    out: OutOption = None,
    seed: SeedOption = 0,
    images: ImagesOption = DEFAULT_IMAGES,
    checkpoint: CheckpointOption = None,
    limit: LimitOption = None,
    fit: FitOption = "crop",
    device: DeviceOption = "auto",
    download: DownloadOption = False,
    dense: DenseOption = False,
) -> None:
    """Draw the first layer's filters: all of them, then the chosen ones with the patches they liked best.

    Example: zfexplore export filters --channels 0-8
    """
    from zfexplore.atlas.select import select_channels
    from zfexplore.cli.opened import channel_blocks, first_filters, open_all
    from zfexplore.figures.captions import filters_caption
    from zfexplore.figures.grid import Page
    from zfexplore.figures.sheet import kernel_sheet, sheet
    from zfexplore.units import Unit

    out = png_path(out, "filters.png")
    opened = open_all(checkpoint, images, limit=limit, fit=fit, device=device, download=download, dense=dense)
    layer, kernels = opened.checkpoint.trunk.names[0], first_filters(opened)
    chosen = select_channels(opened.atlas, layer, channels, seed)
    page = Page(len(chosen), tile=tile)
    title = title or f"The filters of {layer}"
    made = _made(context, opened, title)
    blocks = channel_blocks(opened, [Unit(layer, channel) for channel in chosen], kernels=kernels)
    patches = _draw(page, blocks, f"drawing {layer}", out, made)
    caption = filters_caption(layer, channels, len(chosen), opened.checkpoint, opened.atlas)
    image = sheet([kernel_sheet(kernels, patches.width), patches], columns=1, title=title, subtitle=caption)
    _save(image, out, made, [page])


def _made(context: typer.Context, opened: Opened, title: str) -> Provenance:
    from zfexplore.cli.invocation import typed_command
    from zfexplore.figures.provenance import provenance_of

    return provenance_of(opened.checkpoint, opened.atlas, command=typed_command(context), title=title)


def _draw(
    page: Page, blocks: Iterable[ChannelBlock | Progress], task: str, out: Path, made: Provenance
) -> Image:
    """Fill the page, showing progress; on Ctrl-C keep what is drawn, under a name of its own."""
    from zfexplore.cli.show import remarks, watch
    from zfexplore.figures.provenance import save_png

    try:
        return watch(page.fill(blocks, task))
    except KeyboardInterrupt:
        if page.drawn:
            partial = out.with_name(f"{out.stem}-partial.png")
            save_png(page.image, partial, made.chunks(page.tables))
            remarks().print(
                f"interrupted: {page.drawn} of {page.count} channels are in {partial}", markup=False
            )
        raise


def _save(image: Image, out: Path, made: Provenance, pages: Sequence[Page]) -> None:
    from zfexplore.figures.provenance import save_png

    chunks = made.chunks({name: rows for page in pages for name, rows in page.tables.items()})
    _warn_of_replacing(out, chunks)
    save_png(image, out, chunks)
    _tell(out)


def _warn_of_replacing(out: Path, chunks: Mapping[str, str]) -> None:
    from zfexplore.cli.show import remarks
    from zfexplore.figures.provenance import foreign

    if (difference := foreign(out, chunks)) is not None:
        remarks().print(f"replacing {out}, which {difference}", markup=False)


def _tell(*written: Path) -> None:
    from zfexplore.cli.show import output

    for path in written:
        output().print(f"wrote {path}", markup=False, soft_wrap=True)
