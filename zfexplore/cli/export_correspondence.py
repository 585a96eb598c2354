"""``zfexplore export correspondence``: whether a net relates the same part of different images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from zfexplore.choices import Share
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
def export_correspondence(
    parts: Annotated[
        Path,
        typer.Argument(
            metavar="PARTS.json",
            help="Boxes: {image: {part: {left, top, right, bottom}}}, in the image's pixels. An image is one "
            "of --images by its name, or a file, from the folder of PARTS.json.",
            show_default=False,
        ),
    ],
    stages: Annotated[
        str | None,
        typer.Option(
            "--stages", metavar="conv5,fc7", help="Which layers.",
            show_default="the last convolution, and the last but one fully connected",
        ),
    ] = None,
    share: Annotated[
        Share,
        typer.Option("--share", help="A distance is of all features, or of those changed in either image."),
    ] = "all",
    within: Annotated[
        str | None,
        typer.Option(
            "--within", metavar="PART", help="Random parts lie within this part, which is not hidden itself.",
            show_default="anywhere",
        ),
    ] = None,
    draws: Annotated[
        int, typer.Option("--draws", min=1, metavar="N", help="How often random parts are drawn.")
    ] = 20,
    tile: TileOption = 150,
    title: TitleOption = None,
    out: OutOption = None,
    seed: SeedOption = 0,
    settings: Settings = DEFAULTS,
    form: FormatOption = None,
    dpi: DpiOption = None,
    font: FontOption = None,
    overwrite: OverwriteOption = False,
) -> None:  # fmt: skip
    """Hide the same part in several images, and compare how the features change: the lower, the more alike.

    Prints the table beside random parts of the same sizes, and draws it with the boxes; CSV and JSON beside.

    Example: zfexplore export correspondence faces.json --within face --stages conv5,fc7
    """
    from zfexplore.explorer import Explorer
    from zfexplore.open_settings import open_settings
    from zfexplore.showing import correspondence_table, output
    from zfexplore.studies.correspondence import NORMALISATIONS
    from zfexplore.study_figures import correspondence_made, draw_correspondence

    path = figure_path(out, f"{parts.stem}-correspondence.png", form, font, beside=[".csv", ".json"])
    chosen = None if stages is None else [name.strip() for name in stages.split(",")]
    explorer = Explorer.of(settings, *open_settings(settings))
    options: dict[str, Any] = {"share": share, "within": within, "draws": draws, "seed": seed}
    made = correspondence_made(explorer, str(parts), stages=chosen, tile=tile, title=title, **options)
    beside = [path.with_suffix(ending) for ending in (".csv", ".json")]
    check_replacing(made.chunks(path), path, *beside, overwrite=overwrite)
    found = explorer.correspond(parts, chosen, **options)
    figure = draw_correspondence(found, made, tile=tile)
    output().print(correspondence_table(figure.rows))
    output().print(NORMALISATIONS[share], markup=False, soft_wrap=True)
    tell(*figure.printed(form, dpi, font).save(path))
