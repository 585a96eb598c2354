"""``zfexplore export curves``: loss, accuracy and learning rate of a training, epoch by epoch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zfexplore.cli.export import tell
from zfexplore.cli.options import DpiOption, FontOption, FormatOption, OutOption, TitleOption, figure_path
from zfexplore.cli.replacing import OverwriteOption, check_replacing


def export_curves(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run, complete or not.")],
    title: TitleOption = None,
    out: OutOption = None,
    form: FormatOption = None,
    dpi: DpiOption = None,
    font: FontOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Draw the curves of a training from its log, and write its epochs as CSV.

    Example: zfexplore export curves runs/photos --format svg
    """
    from zfexplore.curves import draw_curves

    figure = draw_curves(run, title=title)
    path = figure_path(out, figure.made.name, form, font, beside=[".csv"])
    figure = figure.printed(form, dpi, font)
    check_replacing(figure.chunks(path), path, path.with_suffix(".csv"), overwrite=overwrite)
    tell(*figure.save(path))
