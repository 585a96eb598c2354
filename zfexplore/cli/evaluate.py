"""``zfexplore evaluate``: a checkpoint's accuracy on images, with one crop or ten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from zfexplore.choices import DEFAULT_IMAGES
from zfexplore.cli.options import (
    CheckpointOption,
    DeviceOption,
    DownloadOption,
    JsonOption,
    LabelsOption,
    LimitOption,
    name_over_folder,
    one_checkpoint,
    open_joined,
)

if TYPE_CHECKING:
    from rich.table import Table

CROPS = {"centre": "centre crop", "ten_crop": "ten crops"}


def evaluate(
    checkpoint: Annotated[
        str | None,
        typer.Argument(
            metavar="[CHECKPOINT]", help="A checkpoint. [default: the shipped one]", show_default=False
        ),
    ] = None,
    option: CheckpointOption = None,
    images: Annotated[
        list[str],
        typer.Option(
            "--images",
            metavar="DIR|NAME",
            help="Images in classes; given again, the classes are united.",
            callback=name_over_folder,
        ),
    ] = [DEFAULT_IMAGES],  # noqa: B006
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", metavar="CLASS", help="Leave a class out; may be repeated."),
    ] = None,
    held_out: Annotated[
        bool, typer.Option("--held-out", help="Only the images that the checkpoint's training held out.")
    ] = False,
    ten_crop: Annotated[
        bool, typer.Option("--ten-crop", help="Average ten crops as the papers do; ten times slower.")
    ] = False,
    limit: LimitOption = None,
    download: DownloadOption = False,
    labels: LabelsOption = None,
    device: DeviceOption = "auto",
    amp: Annotated[
        bool, typer.Option("--amp/--no-amp", help="bf16 autocast: faster, and less exact.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=0, metavar="N", help="Processes that decode. [default: one a core]"),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Measure top-1, top-5 and mean per-class accuracy of a checkpoint.

    Example: zfexplore evaluate runs/photos/checkpoint.safetensors --images photos/ --held-out --ten-crop
    """
    from zfexplore.nets.checkpoint import load_checkpoint
    from zfexplore.showing import output, print_json, watch
    from zfexplore.training.evaluate import evaluate_checkpoint
    from zfexplore.training.machine import choose_machine

    checkpoint = one_checkpoint(checkpoint, option)
    machine = choose_machine(device, amp=amp, workers=workers)
    source = open_joined(images, exclude or [], limit, download, labels)
    loaded = load_checkpoint(checkpoint, machine.device)
    crops = 10 if ten_crop else 1
    result = watch(evaluate_checkpoint(loaded, source, machine, crops=crops, held_out=held_out))
    accuracy = {"ten_crop" if ten_crop else "centre": result.to_json()}
    if json:
        print_json(accuracy)
    else:
        output().print(accuracy_table(accuracy, "held-out images" if held_out else "images given"))


def accuracy_table(accuracy: dict[str, dict[str, Any]], measured_on: str) -> Table:
    """Draw what was measured, one row per way of cropping."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column(measured_on, style="bold")
    for heading in ("images", "loss", "top-1", "top-5", "mean per class"):
        table.add_column(heading, justify="right")
    for name, values in accuracy.items():
        shares = (f"{values[key]:.1%}" for key in ("top1", "top5", "per_class"))
        table.add_row(CROPS.get(name, name), f"{values['count']:,}", f"{values['loss']:.3f}", *shares)
    return table
