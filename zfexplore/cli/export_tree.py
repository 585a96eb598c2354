"""``zfexplore export tree``: which channels of a layer fire on the same images, as a tree."""

from __future__ import annotations

from typing import Annotated

import typer

from zfexplore.cli.export import tell
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
from zfexplore.cli.replacing import OverwriteOption, check_replacing
from zfexplore.settings import Settings


@with_settings
def export_tree(
    layer: Annotated[str, typer.Argument(metavar="LAYER", help="Which layer; `zfexplore info` lists them.")],
    channels: Annotated[
        str,
        typer.Option(
            "--channels", metavar="0-15|top16|7,130|all|random16", help="Which channels, as for export grid."
        ),
    ] = "all",
    likeness: Annotated[
        float,
        typer.Option(
            "--likeness", min=0.0, max=0.99, metavar="R", help="How alike a group's parts are at least."
        ),
    ] = 0.3,
    tile: TileOption = 48,
    title: TitleOption = None,
    out: OutOption = None,
    seed: SeedOption = 0,
    settings: Settings = DEFAULTS,
    form: FormatOption = None,
    dpi: DpiOption = None,
    font: FontOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Draw which channels fire on the same images: a tree of each group, and a table as CSV and JSON.

    Example: zfexplore export tree conv5 --out out/tree.png
    """
    from zfexplore.explorer import Explorer
    from zfexplore.showing import watch
    from zfexplore.tree_drawing import draw_tree, tree_made

    beside = [".csv", ".json"]
    out = figure_path(out, f"{layer}-tree.png", form, font, beside=beside)
    explorer = Explorer.open(settings, layer, channels, pixels=True)
    made = tree_made(explorer, layer, channels, likeness=likeness, tile=tile, title=title, seed=seed)
    check_replacing(made.chunks(out), out, *(out.with_suffix(each) for each in beside), overwrite=overwrite)
    drawing = draw_tree(explorer, layer, channels, likeness=likeness, tile=tile, title=title, seed=seed)
    tell(*watch(drawing).printed(form, dpi, font).save(out))
