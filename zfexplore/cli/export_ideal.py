"""``zfexplore export ideal``: what channels would like best, made by ascent."""

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
def export_ideal(
    channels: Annotated[
        list[str],
        typer.Argument(
            metavar="CHANNEL", show_default=False,
            help="A channel (conv5:130), a unit (conv5:130@6,7), or several, as in conv5:top9 or conv5:0-15.",
        ),
    ],
    starts: Annotated[
        int, typer.Option("--starts", min=1, max=16, metavar="N", help="How many pictures of each.")
    ] = 3,
    steps: Annotated[
        int, typer.Option("--steps", min=1, metavar="N", help="How long each picture is improved.")
    ] = 64,
    tile: TileOption = 160,
    title: TitleOption = None,
    out: OutOption = None,
    seed: SeedOption = 0,
    settings: Settings = DEFAULTS,
    form: FormatOption = None,
    dpi: DpiOption = None,
    font: FontOption = None,
    overwrite: OverwriteOption = False,
) -> None:  # fmt: skip
    """Draw what channels would like best: pictures made by ascent, and their table as CSV and JSON.

    Such a picture shows what is enough to excite a channel, and not what does so in photographs.

    Examples: zfexplore export ideal conv5:130; zfexplore export ideal conv5:top9 --out out/ideal.png
    """
    from zfexplore.explorer import Explorer
    from zfexplore.showing import watch
    from zfexplore.studies.ideal import Ascent
    from zfexplore.study_figures import chosen_units, draw_ideals, ideal_made

    ascent = Ascent(starts=starts, steps=steps, seed=seed)
    explorer = Explorer.open(settings, channels[0].partition(":")[0])
    chosen_units(explorer, channels, seed)
    made = ideal_made(explorer, channels, tile=tile, title=title, ascent=ascent)
    beside = [".csv", ".json"]
    out = figure_path(out, made.name, form, font, beside=beside)
    check_replacing(made.chunks(out), out, *(out.with_suffix(each) for each in beside), overwrite=overwrite)
    figure = watch(draw_ideals(explorer, channels, tile=tile, title=title, ascent=ascent))
    tell(*figure.printed(form, dpi, font).save(out))
