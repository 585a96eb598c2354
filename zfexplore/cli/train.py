"""``zfexplore train``: trains a ZFNet from images and a recipe, and shows progress.

Ctrl-C saves the run and says how to continue it. So does SIGTERM, which SLURM, Docker and systemd send
to end a program.
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zfexplore.choices import DEFAULT_IMAGES, FirstLayer, Initialisation, RecipeName
from zfexplore.cli.options import (
    DeviceOption,
    DownloadOption,
    LabelsOption,
    LimitOption,
    SeedOption,
    name_over_folder,
    open_joined,
    typed,
)
from zfexplore.cli.ranks import together
from zfexplore.errors import ExploreError
from zfexplore.training.snapshots import AUTO

if TYPE_CHECKING:
    from zfexplore.images.sources import Source
    from zfexplore.nets.ranks import Ranks
    from zfexplore.training.loop import TrainingResult
    from zfexplore.training.recipe import Recipe
    from zfexplore.training.record import EpochRecord

# Stored options that --resume may change. Apart from --epochs, all others stay as the run was started.
ON_THE_MACHINE = ("device", "amp", "compiled", "workers")
SECONDS_OF_ONE_SIGNAL = 5.0  # torchrun passes on what the terminal or SLURM has sent to the ranks already


@together
def train(
    context: typer.Context,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="RUN",
            help="The folder of the run. [required, but for --dry-run]",
            show_default=False,
        ),
    ] = None,
    images: Annotated[
        list[str],
        typer.Option(
            "--images",
            metavar="DIR|NAME",
            help="Images in classes: a folder of subfolders, or a named set; may be repeated.",
            callback=name_over_folder,
        ),
    ] = [DEFAULT_IMAGES],  # noqa: B006
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", metavar="CLASS", help="Leave a class out; may be repeated."),
    ] = None,
    recipe: Annotated[RecipeName, typer.Option("--recipe", help="Whose settings to start from.")] = "default",
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs", min=1, metavar="N", help="How long; more of them with --resume lengthen a run."
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option("--batch-size", min=1, metavar="N", help="Images a step, of all ranks together."),
    ] = None,
    lr: Annotated[float | None, typer.Option("--lr", metavar="X", help="The learning rate.")] = None,
    weight_decay: Annotated[
        float | None,
        typer.Option(
            "--weight-decay", metavar="X", help="Shrinks the weights: more of it, with time, cleaner filters."
        ),
    ] = None,
    init: Annotated[Initialisation | None, typer.Option("--init", help="How the weights begin.")] = None,
    fc: Annotated[
        int | None, typer.Option("--fc", min=1, metavar="N", help="The width of fc6 and fc7.")
    ] = None,
    first: Annotated[
        FirstLayer | None,
        typer.Option(
            "--first", help="conv1's kernel and stride: the paper's, or Krizhevsky's.", show_default="7x7/2"
        ),
    ] = None,
    widths: Annotated[
        str | None,
        typer.Option(
            "--widths",
            metavar="96,256,384,384,256",
            help="The channels of conv1 to conv5.",
            show_default="the paper's",
        ),
    ] = None,
    without: Annotated[
        str | None,
        typer.Option(
            "--without",
            metavar="3,4|6,7|3,4,6,7",
            help="Layers to leave out, as the paper does.",
            show_default="none",
        ),
    ] = None,
    max_rms: Annotated[
        float | None,
        typer.Option(
            "--max-rms",
            metavar="X",
            help="Renormalise filters to this root mean square, 0.1 in the paper; 0 leaves them as they are.",
        ),
    ] = None,
    size: Annotated[int | None, typer.Option("--size", metavar="PIXELS", help="The network's input.")] = None,
    dropout: Annotated[float | None, typer.Option("--dropout", metavar="X", help="On fc6 and fc7.")] = None,
    spread: Annotated[
        float | None,
        typer.Option("--spread", metavar="X", help="Bring the input to this standard deviation."),
    ] = None,
    colour: Annotated[
        float | None,
        typer.Option("--colour", metavar="X", help="Vary each colour channel of an image by this share."),
    ] = None,
    val: Annotated[
        str,
        typer.Option(
            "--val", metavar="DIR|FRACTION", help="Held-out images: a folder, or a part of each class."
        ),
    ] = "0.1",
    per_class: Annotated[
        int | None, typer.Option("--per-class", min=1, metavar="N", help="At most N training images a class.")
    ] = None,
    limit: LimitOption = None,
    download: DownloadOption = False,
    labels: LabelsOption = None,
    snapshots: Annotated[
        str,
        typer.Option(
            "--snapshots",
            metavar="1,2,5|'every 2'|5m|auto|none",
            help="Keep the trunk (fp16, 7.5 MB each) after these epochs, or so often, to follow the run; "
            "auto keeps at most 20 epochs.",
        ),
    ] = AUTO,
    half: Annotated[bool, typer.Option("--half", help="Store the checkpoint in fp16.")] = False,
    device: DeviceOption = "auto",
    amp: Annotated[
        bool | None,
        typer.Option(
            "--amp/--no-amp", help="bf16 autocast. [default: where it is native]", show_default=False
        ),
    ] = None,
    compiled: Annotated[bool, typer.Option("--compile", help="Compile the net with torch.compile.")] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", min=0, metavar="N", help="Processes that decode, of each rank. [default: one a core]"
        ),
    ] = None,
    seed: SeedOption = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --out as it was started.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only tell what it would read and how long it would take."),
    ] = False,
    hours: Annotated[
        float | None,
        typer.Option("--hours", metavar="X", help="With --dry-run: the images/s that so many hours need."),
    ] = None,
) -> None:
    """Train a ZFNet; writes checkpoint, log, curves and the state to resume from into a folder of its own.

    On many GPUs: torchrun --nproc-per-node 8 -m zfexplore train ... They share each batch, so that the run is
    that of one, and may be resumed on another number.

    Example: zfexplore train --images photos/ --fc 1024 --epochs 40 --out runs/photos
    """
    from zfexplore.cli.ranks import this_rank
    from zfexplore.files import check_folder, expanded
    from zfexplore.images.workers import WorkerFailed
    from zfexplore.nets.ranks import join
    from zfexplore.progress import finish
    from zfexplore.showing import remarks, watch
    from zfexplore.training.folder import RunFolder
    from zfexplore.training.loop import train as training
    from zfexplore.training.recipe import recipe as find_recipe

    ranks = this_rank()
    if out is None and (resume or not dry_run):
        raise ExploreError("--out is missing: name a folder for the run, as in --out runs/photos", usage=True)
    if hours is not None and not dry_run:
        raise ExploreError("--hours needs --dry-run", usage=True)
    out = out or Path()  # of a dry run nothing is written
    if not dry_run:
        check_folder(out)
    if ranks.first and not dry_run:
        RunFolder(out).check_free()
    machine: dict[str, Any] = {"device": device, "amp": amp, "compiled": compiled, "workers": workers}
    if resume:
        asked, chosen = _what_was_asked(context, out)
        chosen = replace(chosen, epochs=epochs or chosen.epochs)
        machine |= {
            name: asked[name] for name in ON_THE_MACHINE if name in asked and not typed(context, name)
        }
    else:
        asked = {
            "images": [_lasting(spec) for spec in images],
            "exclude": exclude or [],
            "limit": limit,
            "labels": None if labels is None else str(expanded(labels).resolve()),
            "val": _lasting(val),
            "per_class": per_class,
            "snapshots": _snapshots(snapshots),
            "half": half,
            "seed": seed,
            **machine,
        }
        chosen = find_recipe(
            recipe,
            epochs=epochs,
            batch_size=batch_size,
            lr=lr,
            init=init,
            fc=fc,
            size=size,
            dropout=dropout,
            weight_decay=weight_decay,
            spread=spread,
            colour=colour,
            max_rms=max_rms or None,
            first=first,
            widths=_numbers(widths, "--widths"),
            without=_numbers(without, "--without"),
        )
        if max_rms == 0:
            chosen = replace(chosen, max_rms=None)
    if dry_run:
        if ranks.first:
            _tell(asked, chosen, download, hours, ranks)
        return
    join(ranks, machine["device"])
    events = training(
        open_joined(
            asked["images"],
            asked["exclude"],
            asked["limit"],
            download,
            asked.get("labels"),
            tell=ranks.first,
        ),
        chosen,
        out=out,
        val=_held_out(asked["val"]),
        seed=asked["seed"],
        per_class=asked["per_class"],
        snapshots=asked["snapshots"],
        half=asked["half"],
        resume=resume,
        asked=asked,
        ranks=ranks,
        **machine,
    )
    if ranks.first:
        remarks().print(_heading(chosen), style="dim")
    command = shlex.join(["zfexplore", "train", "--resume", "--out", str(out)])
    try:
        if not ranks.first:
            finish(_until_interrupted(events, ranks))
            return
        result = watch(_until_interrupted(events, ranks), other=_row)
    except WorkerFailed as error:
        raise ExploreError(f"{error}; go on with: {command} --workers 0") from error
    except KeyboardInterrupt:
        if ranks.first:
            remarks().print(f"stopped; go on with: {command}", markup=False, soft_wrap=True)
        raise
    _show_result(result, out)


def _tell(asked: dict[str, Any], recipe: Recipe, download: bool, hours: float | None, ranks: Ranks) -> None:
    """Print what a training would be, as far as it can be known and measured in seconds."""
    from zfexplore.cli.dry_run import table
    from zfexplore.showing import output, remarks, watch
    from zfexplore.training.dry_run import dry_run, plan_of
    from zfexplore.training.machine import choose_machine

    source = open_joined(asked["images"], asked["exclude"], asked["limit"], download, asked.get("labels"))
    machine = choose_machine(**{name: asked[name] for name in ON_THE_MACHINE}, ranks=ranks)
    plan = plan_of(
        source, recipe, val=_held_out(asked["val"]), seed=asked["seed"], per_class=asked["per_class"],
        machine=machine,
    )  # fmt: skip
    remarks().print(_heading(recipe), style="dim")
    output().print(table(watch(dry_run(plan, hours=hours)), hours=hours))


def _what_was_asked(context: typer.Context, out: Path) -> tuple[dict[str, Any], Recipe]:
    """Read the settings of a run to resume; raise ExploreError for any option that would change it."""
    from zfexplore.training.asked import read_asked
    from zfexplore.training.folder import RunFolder
    from zfexplore.training.recipe import Recipe

    for name in context.params:
        if name not in ("out", "resume", "epochs", *ON_THE_MACHINE) and typed(context, name):
            option = name.replace("_", "-")
            raise ExploreError(
                f"--{option} cannot be given with --resume: the run in {out} goes on as it was started",
                usage=True,
            )
    settings = RunFolder(out).read_settings()
    try:
        return read_asked(settings["asked"]), Recipe.from_json(settings["recipe"])
    except ValueError as error:
        raise ExploreError(
            f"{RunFolder(out).settings} does not say what the run was asked for ({error}): "
            "a run that was begun from Python is resumed from Python"
        ) from error


def _numbers(text: str | None, option: str) -> tuple[int, ...] | None:
    """Read whole numbers with commas between them."""
    if text is None:
        return None
    words = [word.strip() for word in text.split(",")]
    if not all(word.isascii() and word.isdigit() and len(word) < 10 for word in words):
        raise ExploreError(f"{option} takes whole numbers with commas between them, not {text!r}", usage=True)
    return tuple(map(int, words))


def _lasting(spec: str) -> str:
    """Make the path of a folder, an archive or shards absolute: the run can be resumed from anywhere."""
    from zfexplore.files import expanded
    from zfexplore.images.open import is_name
    from zfexplore.images.shards import is_pattern

    if not is_name(spec) and is_pattern(spec):
        return str(expanded(spec).absolute())
    return spec if is_name(spec) or not Path(spec).exists() else str(Path(spec).resolve())


def _held_out(val: str) -> float | Source:
    from zfexplore.images.open import open_images

    try:
        return float(val)
    except ValueError:
        return open_images(val)


def _snapshots(text: str) -> str:
    """Give the words as they are, once they can be read."""
    from zfexplore.training.snapshots import keeping

    keeping(text)
    return text


def _until_interrupted(events: Any, ranks: Ranks) -> Any:
    """Pass events on; at Ctrl-C or SIGTERM let the step end, close the work (which saves) and raise.

    Ranks end at the same step: they tell each other.

    A second signal stops at once; the run then falls back to the last saved state. Worker processes
    ignore both, so they go on decoding until they are stopped.
    """
    import signal
    import time

    received: list[float] = []

    def note(_number: int, _frame: Any) -> None:
        received.append(time.monotonic())
        ranks.stopping = ranks.many
        if len(received) > 1 and not (ranks.many and received[-1] - received[0] < SECONDS_OF_ONE_SIGNAL):
            raise KeyboardInterrupt

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for event in events:
            yield event
            if received and not ranks.many:
                raise KeyboardInterrupt
    finally:
        events.close()
        for number, handler in before.items():
            signal.signal(number, handler)


def _heading(recipe: Recipe) -> str:
    epochs = "1 epoch" if recipe.epochs == 1 else f"{recipe.epochs} epochs"
    return (
        f"recipe {recipe.name}: init {recipe.init}, lr {recipe.lr:g}, weight decay {recipe.weight_decay:g}, "
        f"batch {recipe.batch_size}, {epochs}, {recipe.size} px, fc {recipe.fc}{_other_net(recipe)}"
    )


def _other_net(recipe: Recipe) -> str:
    """Tell how the net differs from the paper's."""
    other = recipe.architecture()
    told = [f", conv1 {other['first']}"] if "first" in other else []
    for name in ("widths", "without"):
        if name in other:
            told.append(f", {name} {','.join(map(str, other[name]))}")
    return "".join(told)


def _row(event: EpochRecord) -> str:
    """Give an epoch as a line of text."""
    parts = [f"epoch {event.epoch:>3}", f"{event.size} px", f"loss {event.loss:.3f}"]
    if event.top1 is not None and event.top5 is not None and event.held_out_loss is not None:
        parts += [f"held-out {event.held_out_loss:.3f}", f"top-1 {event.top1:.1%}", f"top-5 {event.top5:.1%}"]
    parts += [
        f"lr {event.lr:.2g}",
        f"{event.images_per_second:.0f} images/s",
        f"waiting {event.waiting:.0%}",
    ]
    if event.dead is not None:  # counted on held-out images, where there are any
        dead = (f"{name} {count}" for name, count in event.dead.items() if count)
        parts.append("dead " + (", ".join(dead) or "none"))
    return "  ".join(parts)


def _show_result(result: TrainingResult, out: Path) -> None:
    from zfexplore.cli.evaluate import accuracy_table
    from zfexplore.showing import output

    if result.metadata.accuracy:
        output().print(accuracy_table(result.metadata.accuracy, "held-out images"))
    if curves := _draw_curves(list(result.records), out):
        output().print(f"curves: {curves}", markup=False)
    output().print(f"checkpoint: {result.checkpoint}", markup=False)


def _draw_curves(records: list[dict[str, Any]], out: Path) -> Path | None:
    if not records:
        return None
    from zfexplore.figures.plots import curves
    from zfexplore.files import atomic_path

    path = out / "curves.png"
    with atomic_path(path) as temporary:
        curves(records).save(temporary)
    return path
