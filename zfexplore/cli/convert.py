"""``zfexplore convert``: a foreign state dict becomes a checkpoint of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def convert(
    file: Annotated[Path, typer.Argument(metavar="FILE.pth", help="A state dict saved by torch.")],
    out: Annotated[Path, typer.Option("--out", metavar="X.safetensors", help="The checkpoint to write.")],
    norm: Annotated[
        Literal["krizhevsky", "replication", "none"],
        typer.Option("--norm", help="Whose constants the contrast normalisation has."),
    ] = "replication",
    scale: Annotated[
        float, typer.Option("--scale", help="What the net was fed for a white pixel: 1, or 255.")
    ] = 1.0,
    mean: Annotated[
        str, typer.Option("--mean", metavar="R,G,B", help="The mean subtracted, in the scale's units.")
    ] = "0.485,0.456,0.406",
    std: Annotated[
        str, typer.Option("--std", metavar="R,G,B", help="What was divided by afterwards.")
    ] = "1,1,1",
    bgr: Annotated[
        bool, typer.Option("--bgr", help="The net was trained on BGR images: turn conv1 round to RGB.")
    ] = False,
    classes: Annotated[
        Path | None, typer.Option("--classes", metavar="FILE", help="Class names, one a line, in order.")
    ] = None,
) -> None:
    """Turn a ZFNet's state dict (.pth) into a zfexplore checkpoint, by the order and shape of its tensors.

    The file is read with weights_only=True: nothing in it can run.

    Example: zfexplore convert zfnet.pth --out zfnet.safetensors --norm replication --bgr
    """
    from zfexplore.cli.show import remarks
    from zfexplore.convention import InputConvention
    from zfexplore.nets.convert import convert_state_dict

    convention = InputConvention(scale=scale, mean=_three(mean, "--mean"), std=_three(std, "--std"))
    metadata = convert_state_dict(
        file,
        out,
        norm=None if norm == "none" else norm,
        convention=convention,
        bgr=bgr,
        classes=classes,
    )
    arguments = ", ".join(f"{name}={value}" for name, value in metadata.arguments.items())
    remarks().print(f"wrote {out}: ZFNet({arguments})", markup=False)


def _three(text: str, option: str) -> tuple[float, float, float]:
    from zfexplore.errors import ExploreError

    try:
        red, green, blue = (float(part) for part in text.split(","))
    except ValueError:
        raise ExploreError(
            f"{option} takes three numbers, as in 0.485,0.456,0.406; not {text!r}", usage=True
        ) from None
    return red, green, blue
