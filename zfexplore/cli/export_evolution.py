"""``zfexplore export evolution``: how a training's features came about, and how early its layers settled."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from zfexplore.cli.export import ByOption, tell
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
    with_settings_but,
)
from zfexplore.cli.replacing import OverwriteOption, check_replacing
from zfexplore.errors import ExploreError
from zfexplore.settings import Settings


@with_settings_but("checkpoint", "net", "weights", "stage")
def export_evolution(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN|FILE",
            help="The folder of a run with snapshots, or files of weights from one training; or `shipped`.",
            show_default=False,
        ),
    ],
    layer: Annotated[
        str | None,
        typer.Option("--layer", metavar="conv5", help="Channels of this layer only.", show_default="all"),
    ] = None,
    channels: Annotated[
        str,
        typer.Option(
            "--channels", metavar="0-15|top16|7,130|all|random16",
            help="Of each layer: numbers and ranges, the highest by the last weights, or a draw by --seed.",
        ),
    ] = "random6",
    by: ByOption = "mean",
    tile: TileOption = 72,
    title: TitleOption = None,
    out: OutOption = None,
    seed: SeedOption = 0,
    settings: Settings = DEFAULTS,
    form: FormatOption = None,
    dpi: DpiOption = None,
    font: FontOption = None,
    overwrite: OverwriteOption = False,
) -> None:  # fmt: skip
    """Draw each channel's strongest activation after each epoch: channels as rows, epochs as columns.

    Indexes the images by each of the weights. Prints how early the filters of each layer settled, and writes
    the table as CSV and JSON beside the figure.

    Examples: zfexplore export evolution runs/a; zfexplore export evolution epoch-*.safetensors shipped
    """
    from zfexplore.explorer import Explorer
    from zfexplore.nets.checkpoint import load_checkpoint
    from zfexplore.showing import output, settling_table, watch
    from zfexplore.studies.evolution import in_order, weights_in
    from zfexplore.study_figures import draw_evolution

    path = figure_path(out, "evolution.png", form, font, beside=[".csv", ".json"])
    *earlier, last = in_order(weights_in(runs), load_checkpoint)
    if not earlier:
        raise ExploreError(f"{last.name} is all: give weights of two epochs or more", usage=True)
    explorer = Explorer.open(replace(settings, checkpoint=last.name), layer, channels, pixels=True)
    drawing = draw_evolution(
        explorer, earlier, channels, layer=layer, by=by, tile=tile, title=title, seed=seed, words=runs
    )
    beside = [path.with_suffix(ending) for ending in (".csv", ".json")]
    check_replacing(drawing.made.chunks(path), path, *beside, overwrite=overwrite)
    figure = watch(drawing.events())
    output().print(settling_table(figure.filters))
    tell(*figure.printed(form, dpi, font).save(path))
