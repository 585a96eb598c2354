"""The curves of a training: loss, accuracy and learning rate of a run, epoch by epoch."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from zfexplore.arguments import path_text, text_or_none
from zfexplore.errors import ExploreError
from zfexplore.figures.figure import Made
from zfexplore.figures.plots import curves
from zfexplore.figures.provenance import Origin
from zfexplore.figures.rows import FigureWithRows
from zfexplore.files import expanded
from zfexplore.settings import Command
from zfexplore.training.run import RunReader

COLUMNS = (
    "epoch", "loss", "held_out_loss", "top1", "top5", "per_class", "lr", "size", "seconds",
    "images_per_second", "waiting",
)  # fmt: skip


def draw_curves(run: str | os.PathLike[str], *, title: str | None = None) -> FigureWithRows:
    """Draw the curves of the training in the folder ``run``, complete or not; its rows are the epochs.

    Raises ExploreError for a folder that holds no run, or a run without an epoch.
    """
    path, title = Path(path_text(run, "the folder of a run")), text_or_none(title, "a title")
    reader = RunReader(expanded(path))
    reader.read()  # raises for a folder that holds no run
    settings, records = reader.folder.read_settings(), reader.folder.records()
    if not records:
        raise ExploreError(f"{reader.folder.log} has no epoch yet: there is nothing to draw", usage=True)
    made = _made(path, settings, title)
    rows = [{name: record.get(name) for name in COLUMNS} for record in records]
    image = curves(records, title=made.title, subtitle=_caption(settings))
    return FigureWithRows(image, made, {}, rows)


def _made(run: Path, settings: dict[str, Any], title: str | None) -> Made:
    """Give the origin of the figure: the images, the seed and the recipe, for the weights change yet."""
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
