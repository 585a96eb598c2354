"""Another program's weights as a checkpoint of ours: any net of the zoo, or a net of the user's own.

Which net a file holds is found by the names and shapes of its tensors (``fitting``). A file is only ever
read with ``weights_only=True`` (``foreign``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from zfexplore.choices import Normalisation
from zfexplore.convention import InputConvention, Values
from zfexplore.errors import ExploreError
from zfexplore.files import check_file
from zfexplore.nets import zoo
from zfexplore.nets.checkpoint import Metadata, read_checkpoint, write_checkpoint
from zfexplore.nets.fitting import find_net
from zfexplore.nets.foreign import read_weights
from zfexplore.nets.named import NamedNet, open_named
from zfexplore.opening import read_text


@dataclass(frozen=True)
class Fed:
    """What a net was fed, where it differs from what its kind is usually fed; None is as usual.

    A single number of ``mean`` or ``std`` stands for every channel. ``bgr`` means that the net was
    trained on BGR images. Raises ExploreError (usage) for numbers that no input can have.
    """

    scale: float | None = None
    mean: Values | None = None
    std: Values | None = None
    size: int | None = None
    bgr: bool = False

    def __post_init__(self) -> None:
        scale = 1.0 if self.scale is None else self.scale
        mean, std = self.mean or (0.0,), self.std or (1.0,)
        try:
            InputConvention(scale=scale, mean=mean, std=(1.0,) * len(mean))
            InputConvention(mean=(0.0,) * len(std), std=std)
        except ValueError as error:
            raise ExploreError(f"--scale, --mean or --std: {error}", usage=True) from None


@dataclass(frozen=True)
class Converted:
    """The metadata of the checkpoint that was written, and what there is to say, a sentence each."""

    metadata: Metadata
    notes: tuple[str, ...]


def convert_state_dict(
    file: Path,
    out: Path,
    *,
    net: str | None = None,
    norm: Normalisation | Literal["none"] | None = None,
    fed: Fed | None = None,
    classes: Path | None = None,
) -> Converted:
    """Read the state dict ``file``, write the checkpoint ``out``, and say what it is.

    ``net`` is a name of the zoo, or ``package.module:factory``; without it, the net is found. ``norm``
    is zfnet's alone: whose constants its contrast normalisation has, by default the replication's.
    ``classes`` is a text file of class names, one a line. Raises ExploreError when the file is not a
    state dict, or fits no net. ``out`` is written only after all checks.
    """
    fed = fed or Fed()
    _check_target(file, out)
    named = open_named(net or find_net(read_weights(file).tensors, file).architecture, str(file))
    arguments = dict(named.arguments)
    # What was found about the input is not said where something else was said about it.
    notes = [note for note in named.notes if fed == Fed() or not note.startswith(f"{net} is fed ")]
    if named.architecture == "zfnet":
        arguments["norm"] = None if norm == "none" else norm or arguments["norm"]
    elif norm is not None:
        raise ExploreError(f"--norm is for zfnet alone, and {file} holds {named.architecture}", usage=True)
    if named.architecture in zoo.TURNING_INPUT:
        # What torchvision's own weights do to ImageNet's input; not where it is said what the net was fed.
        arguments["transform_input"] = fed.mean is None and fed.std is None
    convention = _convention(named.input, fed)
    if fed.size is not None:
        _told(named, convention)
    names = named.classes
    if classes is not None:
        names = _class_names(classes, named, convention)
    elif names and names == zoo.class_names("resnet18"):
        notes.append(f"its {len(names)} classes are taken for ImageNet's; --classes FILE names others")
    metadata = Metadata(
        architecture=named.architecture,
        arguments=arguments,
        classes=names,
        input=convention,
        recipe={"name": "converted", "file": file.name},
    )
    tensors = dict(named.module.state_dict())
    if fed.bgr:
        tensors |= _turned(named)
    # Copies: tensors that share memory cannot be written.
    write_checkpoint(out, {name: tensor.clone() for name, tensor in tensors.items()}, metadata)
    return Converted(read_checkpoint(out)[1], tuple(notes))


def _check_target(file: Path, out: Path) -> None:
    if out.suffix != ".safetensors":
        raise ExploreError(f"a checkpoint's name ends in .safetensors: {out} does not", usage=True)
    check_file(out)
    if out.exists() and file.exists() and out.samefile(file):
        raise ExploreError(f"{out} is the file to read; name another one to write", usage=True)


def _convention(usual: InputConvention, fed: Fed) -> InputConvention:
    """Change what is usual as far as it was said; mean and std are in the scale's units."""
    scale = usual.scale if fed.scale is None else fed.scale
    unit = scale / usual.scale
    mean = _spread("--mean", fed.mean, usual.channels) or tuple(value * unit for value in usual.mean)
    # A std of 1 divides by nothing, whatever the scale.
    divided = tuple(1.0 if set(usual.std) == {1.0} else value * unit for value in usual.std)
    std = _spread("--std", fed.std, usual.channels) or divided
    size = fed.size or usual.size
    resize = usual.resize if fed.size is None else round(size * usual.resize / usual.size)
    return replace(usual, size=size, resize=resize, scale=scale, mean=mean, std=std)


def _spread(option: str, values: Values | None, channels: int) -> Values | None:
    if values is None or len(values) == channels:
        return values
    if len(values) == 1:
        return values * channels
    few = {1: "one number", 3: "three numbers"}.get(channels, f"{channels} numbers")
    raise ExploreError(f"{option} takes {few} for this net; not {len(values)}", usage=True)


def _turned(named: NamedNet) -> dict[str, Tensor]:
    """Turn the first convolution's input channels round, so that a net of BGR images takes RGB."""
    weights = dict(named.module.named_parameters())
    first = next((name for name, weight in weights.items() if weight.ndim == 4), None)
    if first is None or weights[first].shape[1] != 3:
        raise ExploreError(
            f"--bgr is for nets of three colours, and {named.architecture} is none", usage=True
        )
    return {first: weights[first].flip(1)}


def _class_names(file: Path, named: NamedNet, convention: InputConvention) -> tuple[str, ...]:
    try:
        names = tuple(line.strip() for line in read_text(file).splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise ExploreError(f"the class names {file} cannot be read ({error})") from error
    count = named.arguments.get("classes") or named.arguments.get("num_classes") or _told(named, convention)
    if count and len(names) != count:
        raise ExploreError(f"{file} names {len(names)} classes, the net has {count}")
    return names


def _told(named: NamedNet, convention: InputConvention) -> int:
    """Count the classes that a net tells apart; 0 where it gives something else.

    Raises ExploreError where it does not take inputs of ``convention``.
    """
    try:
        given = named.module(torch.zeros(1, convention.channels, convention.size, convention.size))
    except Exception as error:
        raise ExploreError(
            f"{named.architecture} fails on an input of {convention.channels} x {convention.size} x "
            f"{convention.size} with {type(error).__name__}: {' '.join(str(error).split())}"
        ) from error
    return int(given.shape[1]) if isinstance(given, Tensor) and given.ndim == 2 else 0
