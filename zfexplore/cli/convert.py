"""``zfexplore convert``: turns another program's state dict into a zfexplore checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from zfexplore.choices import Normalisation


def convert(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.pth", help="A state dict saved by torch, or a .safetensors file.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="X.safetensors", help="The checkpoint to write.")],
    net: Annotated[
        str | None,
        typer.Option(
            "--net",
            metavar="NAME|MODULE:FACTORY",
            help="The net: a name (resnet18), timm:NAME, or your own code, package.module:factory.",
            show_default="found by the names and shapes of the tensors",
        ),
    ] = None,
    norm: Annotated[
        Literal[Normalisation, "none"] | None,
        typer.Option(
            "--norm",
            help="zfnet alone: whose constants the contrast normalisation has.",
            show_default="replication",
        ),
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option(
            "--scale", help="What the net was fed for a white pixel: 1, or 255.", show_default="the net's: 1"
        ),
    ] = None,
    mean: Annotated[
        str | None,
        typer.Option(
            "--mean",
            metavar="R,G,B",
            help="The mean subtracted from red, green and blue, in the scale's units.",
            show_default="the net's; ImageNet's are 0.485,0.456,0.406 times the scale",
        ),
    ] = None,
    std: Annotated[
        str | None,
        typer.Option(
            "--std",
            metavar="R,G,B",
            help="What was divided by afterwards.",
            show_default="the net's; 1,1,1 for zfnet",
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            "--size",
            min=1,
            max=4096,
            metavar="N",
            help="The input's side, in pixels.",
            show_default="the net's",
        ),
    ] = None,
    bgr: Annotated[
        bool,
        typer.Option("--bgr", help="The net was trained on BGR images: turn its first layer round to RGB."),
    ] = False,
    classes: Annotated[
        Path | None, typer.Option("--classes", metavar="FILE", help="Class names, one a line, in order.")
    ] = None,
) -> None:
    """Turn a state dict (.pth, .safetensors) into a zfexplore checkpoint.

    The net is found by the names and shapes of its tensors: zfnet, or any of torchvision's that
    classify with ReLUs, with a head of any width. For a net of your own, name the code that makes it:
    --net package.module:factory. The file is read with weights_only=True: nothing in it can run.

    The replication (Yao 2024) fed BGR images and subtracted means in RGB order: --bgr, and means turned.

    Example: zfexplore convert zfnet.pth --out zfnet.safetensors --bgr --mean 0.406,0.456,0.485
    """
    from zfexplore.nets.convert import Fed, convert_state_dict
    from zfexplore.showing import remarks

    fed = Fed(scale, _numbers(mean, "--mean"), _numbers(std, "--std"), size, bgr)
    converted = convert_state_dict(file, out, net=net, norm=norm, fed=fed, classes=classes)
    metadata = converted.metadata
    arguments = ", ".join(f"{name}={value}" for name, value in metadata.arguments.items())
    name = "ZFNet" if metadata.architecture == "zfnet" else metadata.architecture
    for note in converted.notes:
        remarks().print(note, markup=False)
    remarks().print(f"wrote {out}: {name}({arguments})", markup=False)


def _numbers(text: str | None, option: str) -> tuple[float, ...] | None:
    from zfexplore.errors import ExploreError

    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ExploreError(
            f"{option} takes three numbers, as in 0.485,0.456,0.406; not {text!r}", usage=True
        ) from None
