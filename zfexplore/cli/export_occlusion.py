"""``zfexplore export occlusion``: which part of a picture matters to a channel and a class (ZF figure 7)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zfexplore.cli.export import tell
from zfexplore.cli.options import (
    DEFAULTS,
    DpiOption,
    FontOption,
    FormatOption,
    OutOption,
    TileOption,
    TitleOption,
    figure_path,
    with_settings,
)
from zfexplore.cli.pictures import check_readable, pictures_of
from zfexplore.cli.replacing import OverwriteOption, check_replacing
from zfexplore.errors import ExploreError
from zfexplore.settings import Settings


@with_settings
def export_occlusion(
    picture: Annotated[str, typer.Argument(metavar="IMAGE", help="A picture of your own.")],
    unit: Annotated[
        str | None,
        typer.Option(
            "--unit", metavar="CHANNEL", help="The channel watched, as in conv5:130; of a unit, its channel.",
            show_default="the strongest of the last convolution",
        ),
    ] = None,
    patch: Annotated[
        int | None,
        typer.Option(
            "--patch", min=1, metavar="PIXELS", help="Edge of the grey square, in the network's pixels.",
            show_default="48 of 224",
        ),
    ] = None,
    stride: Annotated[
        int | None,
        typer.Option(
            "--stride", min=1, metavar="PIXELS", help="From place to place.", show_default="16 of 224"
        ),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(
            "--label", metavar="CLASS", help="Whose probability is shown: a class by name or number.",
            show_default="the most probable",
        ),
    ] = None,
    tile: TileOption = 280,
    title: TitleOption = None,
    out: OutOption = None,
    settings: Settings = DEFAULTS,
    form: FormatOption = None,
    dpi: DpiOption = None,
    font: FontOption = None,
    overwrite: OverwriteOption = False,
) -> None:  # fmt: skip
    """Hide parts of a picture and draw what a channel and a class make of it, with CSV and JSON beside it.

    Example: zfexplore export occlusion me.jpg --unit conv5:130 --patch 48 --stride 16
    """
    from zfexplore.explorer import Explorer
    from zfexplore.images.naming import shown
    from zfexplore.occluded import default_name, made_of
    from zfexplore.on_pictures import PictureName
    from zfexplore.units import Unit

    paths = pictures_of([picture])
    if len(paths) != 1:
        raise ExploreError("one picture is occluded at a time", usage=True)
    channel = None
    if unit is not None:
        named = Unit.parse(unit)
        channel = Unit(named.stage, named.channel)
    name = PictureName(shown(Path(paths[0]).name), paths[0])
    out = figure_path(out, default_name(channel, name.name), form, font, beside=[".csv", ".json"])
    check_readable(paths)
    which = ("all",) if channel is None else (str(channel.channel),)
    explorer = Explorer.open(settings, None if channel is None else channel.stage, *which, pixels=True)
    asked = class_of(label, explorer.checkpoint.metadata.classes)
    made = made_of(explorer, name, channel, asked, patch, stride).printed(form, dpi, font)
    check_replacing(
        made.chunks(out), out, out.with_suffix(".csv"), out.with_suffix(".json"), overwrite=overwrite
    )
    found = explorer.occluded(paths[0], channel, label=asked, square=patch, stride=stride)
    tell(*found.figure(tile=tile, title=title).printed(form, dpi, font).save(out))


def class_of(label: str | None, classes: tuple[str, ...]) -> int | str | None:
    """Read a class as it was typed: a name that the net has, else a number."""
    if label is None or label in classes or not label.isdecimal():
        return label
    return int(label)
