"""``zfexplore tui``: the explorer."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from zfexplore.choices import Drawn
from zfexplore.cli.options import DEFAULTS, typed, with_settings
from zfexplore.settings import Settings

# Seconds for which one thread may keep another waiting: with Python's own 5 ms, a frame waited for the thread
# that writes it.
SWITCHING = 0.0005

# Python's own first threshold, of which a pass takes 0.1 ms. The larger passes take 20 ms, for which a key
# would wait: the app runs them when the user rests, and only without rest do these come.
COLLECTING = (700, 10_000, 10)


@with_settings
def tui(
    context: typer.Context,
    settings: Settings = DEFAULTS,
    start: Annotated[
        str | None,
        typer.Argument(
            metavar="[LAYER|CHANNEL]",
            help="Where to start: conv5 or conv5:130. [default: where you last were]",
            show_default=False,
        ),
    ] = None,
    checkpoint: Annotated[
        list[str] | None,
        typer.Option(
            "--checkpoint",
            metavar="FILE|NAME",
            help="A checkpoint (.safetensors), or one of torchvision's pretrained nets by name. "
            "Given again, another net to swap with: `w`. `shipped` is the one that comes along.",
            show_default="the shipped one",
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where figures are saved.")] = Path("out"),
    glyphs: Annotated[
        Drawn | None,
        typer.Option(
            "--glyphs",
            help="How pictures are drawn; `m` changes it.",
            show_default="as last time, else the finest that the terminal is known to have",
        ),
    ] = None,
    follow: Annotated[
        Path | None,
        typer.Option(
            "--follow",
            metavar="RUN",
            help="Follow a training, or walk one that has ended: the folder of its --out. Shown "
            "are the run's own images where there are at most 600, or else 200 built-in ones.",
        ),
    ] = None,
) -> None:
    """Explore a net in the terminal: what every channel of every layer responds to.

    Example: zfexplore tui conv5:130 --images photos --limit 500
    Two nets: zfexplore tui --checkpoint a.safetensors --checkpoint b.safetensors
    """
    from zfexplore.errors import ExploreError
    from zfexplore.files import check_folder

    checkpoints = tuple(checkpoint or ())
    check_different(checkpoints)
    place = None if start is None else starting_place(start, settings)
    if not (sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()):
        raise ExploreError(
            "the explorer needs a terminal; "
            "`zfexplore export grid --layer conv5` writes its pictures to a file instead",
            usage=True,
        )
    if out != Path("out"):  # one may look without being able to write here
        check_folder(out)
    if follow is not None:
        settings = _to_follow(follow, settings, context)
    gc.disable()  # imports make many objects and hardly any garbage
    sys.setswitchinterval(SWITCHING)
    from zfexplore.tui.terminal import own_terminal, speaks_utf8, suit_colours

    os.environ.setdefault("TEXTUAL_FPS", "250")  # with its own 60 a key waits longer for its frame
    if colours := suit_colours():
        os.environ["TEXTUAL_COLOR_SYSTEM"] = colours  # Textual reads it when it is imported
    from zfexplore.showing import remarks
    from zfexplore.tui.app import ExplorerApp
    from zfexplore.tui.client import EngineProcess
    from zfexplore.tui.messages import Setup

    utf8 = speaks_utf8()
    options = vars(settings) | {"checkpoint": checkpoints[0] if checkpoints else None}
    run = None if follow is None else str(follow)
    setup = Setup(**options, out=out, checkpoints=checkpoints if len(checkpoints) > 1 else (), follow=run)
    engine = EngineProcess(setup)
    with own_terminal(utf8=utf8):
        chosen = glyphs or ("" if utf8 else "ascii")
        app = ExplorerApp(setup, engine, mode=chosen, start=place)
        gc.freeze()  # what the imports made stays: looking through it would stop the keys for 0.1 s
        gc.set_threshold(*COLLECTING)
        gc.enable()
        app.run()
    for figure in engine.unsaved:
        remarks().print(f"{figure} was not saved: the explorer was left before it could be", markup=False)
    if app.return_code:
        raise ExploreError(app.failure or "the explorer failed")


def starting_place(text: str, settings: Settings) -> tuple[str, int | None]:
    """Read ``conv5`` or ``conv5:130``: a layer, and a channel of it if one is named.

    What ZFNet's file tells without torch is checked here; the explorer says the rest. Raises ExploreError.
    """
    from zfexplore.errors import ExploreError
    from zfexplore.nets.header import channels_of
    from zfexplore.units import Unit

    try:
        unit = Unit.parse(text if ":" in text else f"{text}:0")
    except ExploreError:
        raise ExploreError(
            f"the explorer starts at a layer or a channel, as in conv5 or conv5:130, not at {text!r}",
            usage=True,
        ) from None
    if unit.y is not None:
        raise ExploreError(f"the explorer starts at a channel: write {unit.stage}:{unit.channel}", usage=True)
    channel = unit.channel if ":" in text else None
    known = channels_of(settings.checkpoint) if settings.net is None else {}
    if known and unit.stage not in known and not unit.stage.startswith("pool"):
        raise ExploreError(f"there is no layer {unit.stage}: choose {', '.join(known)}", usage=True)
    count = known.get(unit.stage)
    if count is not None and channel is not None and channel >= count:
        raise ExploreError(f"{unit.stage} has no channel {channel}: it has 0-{count - 1}", usage=True)
    return unit.stage, channel


def _to_follow(run: Path, settings: Settings, context: typer.Context) -> Settings:
    """Give the settings for following a run, whose weights are trunks; raises ExploreError if it is none."""
    from zfexplore.errors import ExploreError
    from zfexplore.training.run import read_run

    for name in ("checkpoint", "net", "weights"):
        if typed(context, name):
            raise ExploreError(f"--follow shows the weights of its run: leave --{name} out", usage=True)
    images, limit, labels = read_run(run).seen_by
    if not settings.stages:
        settings = replace(settings, stages=("conv*",))
    if typed(context, "images"):
        return settings
    own = replace(settings, images=images or settings.images, labels=settings.labels or labels)
    return own if typed(context, "limit") else replace(own, limit=limit)


def check_different(checkpoints: Sequence[str]) -> None:
    """Raise ExploreError (usage) where one file is given twice."""
    from zfexplore.errors import ExploreError

    known: set[Path] = set()
    for each in checkpoints:
        path = Path(each).resolve()
        if path in known:
            raise ExploreError(f"--checkpoint {each} is given twice: each net once", usage=True)
        known.add(path)
