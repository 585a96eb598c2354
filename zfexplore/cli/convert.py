"""``zfexplore convert``: turns another program's state dict into a zfexplore checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from zfexplore.choices import Normalisation

if TYPE_CHECKING:
    from zfexplore.convention import InputConvention


def convert(
    file: Annotated[Path, typer.Argument(metavar="FILE.pth", help="A state dict saved by torch.")],
    out: Annotated[Path, typer.Option("--out", metavar="X.safetensors", help="The checkpoint to write.")],
    norm: Annotated[
        Literal[Normalisation, "none"],
        typer.Option("--norm", help="Whose constants the contrast normalisation has."),
    ] = "replication",
    scale: Annotated[
        float, typer.Option("--scale", help="What the net was fed for a white pixel: 1, or 255.")
    ] = 1.0,
    mean: Annotated[
        str | None,
        typer.Option(
            "--mean",
            metavar="R,G,B",
            help="The mean subtracted from red, green and blue, in the scale's units.",
            show_default="ImageNet's: 0.485,0.456,0.406 times the scale",
        ),
    ] = None,
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

    The replication (Yao 2024) fed BGR images and subtracted means in RGB order: --bgr, and means turned.

    Example: zfexplore convert zfnet.pth --out zfnet.safetensors --bgr --mean 0.406,0.456,0.485
    """
    from zfexplore.nets.convert import convert_state_dict
    from zfexplore.showing import remarks

    convention = _convention(scale, mean, std)
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


def _convention(scale: float, mean: str | None, std: str) -> InputConvention:
    from zfexplore.convention import InputConvention
    from zfexplore.errors import ExploreError

    red, green, blue = _three("0.485,0.456,0.406" if mean is None else mean, "--mean")
    unit = scale if mean is None else 1.0
    try:
        return InputConvention(
            scale=scale, mean=(red * unit, green * unit, blue * unit), std=_three(std, "--std")
        )
    except ValueError as error:
        raise ExploreError(f"--scale, --mean or --std: {error}", usage=True) from None


def _three(text: str, option: str) -> tuple[float, float, float]:
    from zfexplore.errors import ExploreError

    try:
        red, green, blue = (float(part) for part in text.split(","))
    except ValueError:
        raise ExploreError(
            f"{option} takes three numbers, as in 0.485,0.456,0.406; not {text!r}", usage=True
        ) from None
    return red, green, blue
