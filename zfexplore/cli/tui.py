"""``zfexplore tui``: the explorer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from zfexplore.cli.options import CheckpointOption, DeviceOption, Fit, FitOption, ImagesOption, LimitOption


def tui(
    images: ImagesOption = "specimens",
    checkpoint: CheckpointOption = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where figures are saved.")] = Path("out"),
    device: DeviceOption = "auto",
    limit: LimitOption = None,
    fit: FitOption = Fit.crop,
) -> None:
    """Explore a net in the terminal: what every channel of every layer responds to.

    Example: zfexplore tui --images photos --limit 500
    """
    from zfexplore.errors import ExploreError

    if not (sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()):
        raise ExploreError(
            "the explorer needs a terminal; "
            "`zfexplore export grid --layer conv5` writes its pictures to a file instead",
            usage=True,
        )
    from zfexplore.tui.app import ExplorerApp
    from zfexplore.tui.engine import Engine
    from zfexplore.tui.messages import Setup
    from zfexplore.tui.terminal import own_terminal

    setup = Setup(images, checkpoint, out, device, limit, "whole" if fit is Fit.whole else "crop")
    with own_terminal():
        app = ExplorerApp(setup, Engine(setup))
        app.run()
    if app.return_code:
        raise ExploreError(app.failure or "the explorer failed")
