"""``zfexplore export curves``: loss, accuracy and learning rate of a training, epoch by epoch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zfexplore.cli.export import tell
from zfexplore.cli.options import DpiOption, FontOption, FormatOption, OutOption, TitleOption, figure_path
from zfexplore.cli.replacing import OverwriteOption, check_replacing
from zfexplore.errors import ExploreError

if TYPE_CHECKING:
    from zfexplore.figures.figure import Made

COLUMNS = (
    "epoch", "loss", "held_out_loss", "top1", "top5", "per_class", "lr", "size", "seconds",
    "images_per_second", "waiting",
)  # fmt: skip


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
    from zfexplore.figures.plots import curves
    from zfexplore.figures.rows import FigureWithRows
    from zfexplore.files import expanded
    from zfexplore.training.run import RunReader

    reader = RunReader(expanded(run))
    reader.read()  # raises for a folder that holds no run
    folder = reader.folder
    settings, records = folder.read_settings(), folder.records()
    if not records:
        raise ExploreError(f"{folder.log} has no epoch yet: there is nothing to draw", usage=True)
    made = _made(run, settings, title)
    path = figure_path(out, made.name, form, font, beside=[".csv"])
    made = made.printed(form, dpi, font)
    check_replacing(made.chunks(path), path, path.with_suffix(".csv"), overwrite=overwrite)
    rows = [{name: record.get(name) for name in COLUMNS} for record in records]
    figure = FigureWithRows(curves(records, title=made.title, subtitle=_caption(settings)), made, {}, rows)
    tell(*figure.save(path))


def _made(run: Path, settings: dict[str, Any], title: str | None) -> Made:
    """Give the origin of the figure: the images, the seed and the recipe, for the weights change yet."""
    import hashlib
    import json

    from zfexplore.figures.figure import Made
    from zfexplore.figures.provenance import Origin
    from zfexplore.settings import Command

    recipe = {name: value for name, value in settings["recipe"].items() if name != "epochs"}  # may grow
    decisive = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:16]
    count, images = (settings["images"].get(key) for key in ("count", "fingerprint"))
    origin = Origin(
        "zfnet", f"a training of seed {settings['seed']} by recipe {decisive}", str(images or ""),
        str(images or "not recorded"), count if isinstance(count, int) else 0,
    )  # fmt: skip
    name = run.resolve().name
    command = Command(("export", "curves", str(run)), {"--title": title, "--out": None})
    return Made(origin, command, title or f"The training {name}", f"{name}-curves.png")


def _caption(settings: dict[str, Any]) -> str:
    """Tell the recipe in a line, and how many images trained the net."""
    recipe, images = settings["recipe"], settings["images"]
    told = [
        f"recipe {recipe['name']}", f"batches of {recipe['batch_size']}", f"{recipe['size']} pixels",
        f"fc {recipe['fc']:,}", f"seed {settings['seed']}",
    ]  # fmt: skip
    if isinstance(count := images.get("training"), int):
        told.append(f"{count:,} training images of {images.get('name')}")
    return " · ".join(told)
