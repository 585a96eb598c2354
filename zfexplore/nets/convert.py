"""Another ZFNet's state dict as a checkpoint of ours, by the order and shape of its tensors.

Names differ from one replication to the next (``features.0.weight``, ``conv1.0.weight``,
``module.layer1.weight``); order and shape do not. A file is only ever read with ``weights_only=True``.
"""

from __future__ import annotations

import pickle
import re
import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from zfexplore.choices import Normalisation
from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.nets import zoo
from zfexplore.nets.checkpoint import Metadata, load_checkpoint, write_checkpoint

NESTED_UNDER = ("state_dict", "model_state_dict", "model", "net")


def convert_state_dict(
    file: Path,
    out: Path,
    *,
    norm: Normalisation | None = "replication",
    convention: InputConvention | None = None,
    bgr: bool = False,
    classes: Path | None = None,
) -> Metadata:
    """Read the state dict ``file``, write the checkpoint ``out``, and give its metadata.

    ``bgr`` reverses the input channels of conv1, for nets that were trained on BGR images. ``classes``
    is a text file of class names, one a line. Raises ExploreError when the file is not a state dict,
    or its tensors are not those of a ZFNet. ``out`` is written only after all checks.
    """
    _check_target(file, out)
    ours = _match(file, _tensors(file))
    if bgr:
        ours["conv1.weight"] = ours["conv1.weight"].flip(1)
    count, fc = ours["fc8.weight"].shape
    metadata = Metadata(
        architecture="zfnet",
        arguments={"classes": count, "fc": fc, "norm": norm, "dropout": 0.5},
        classes=_class_names(classes, count),
        input=convention or InputConvention(scale=1.0),
        recipe={"name": "converted", "file": file.name},
    )
    write_checkpoint(out, ours, metadata)
    return load_checkpoint(out).metadata


def _check_target(file: Path, out: Path) -> None:
    if out.suffix != ".safetensors":
        raise ExploreError(f"a checkpoint's name ends in .safetensors: {out} does not", usage=True)
    if out.is_dir():
        raise ExploreError(f"{out} is a folder; name a file to write", usage=True)
    if out.exists() and file.exists() and out.samefile(file):
        raise ExploreError(f"{out} is the file to read; name another one to write", usage=True)


def _tensors(file: Path) -> list[tuple[str, Tensor]]:
    if not file.is_file():
        raise ExploreError(f"{file} is not there; name a file written by torch.save")
    try:
        loaded = _loaded(file)
    except pickle.UnpicklingError as error:
        raise ExploreError(
            f"{file} holds more than tensors, which is refused because loading it could run code; "
            "save its state_dict() alone with torch.save"
        ) from error
    except Exception as error:  # torch raises nearly every type there is on damaged files
        raise ExploreError(f"{file} is not a torch file, or is cut short ({type(error).__name__})") from error
    for _ in NESTED_UNDER:  # each at most once: a hostile file may hold itself
        if isinstance(loaded, dict) and (key := next((key for key in NESTED_UNDER if key in loaded), None)):
            loaded = loaded[key]
    if not isinstance(loaded, dict):
        raise ExploreError(f"{file} holds a {type(loaded).__name__} and not a state dict")
    tensors = [(str(name), value) for name, value in loaded.items() if isinstance(value, Tensor)]
    if not tensors:
        raise ExploreError(f"{file} holds no tensors")
    return tensors


def _loaded(file: Path) -> Any:
    if file.suffix == ".safetensors":
        return _in_layer_order(load_file(file))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's remarks on pickles; what matters comes as an error
        return torch.load(file, map_location="cpu", weights_only=True)


def _in_layer_order(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Undo safetensors' alphabetical order: layers by number, a weight before its bias."""

    def place(name: str) -> tuple[list[tuple[bool, int, str]], bool]:
        layer, _, part = name.rpartition(".")
        pieces = re.split(r"(\d+)", layer)
        return [
            (piece.isdigit(), int(piece) if piece.isdigit() else 0, piece) for piece in pieces
        ], part == "bias"

    return {name: tensors[name] for name in sorted(tensors, key=place)}


def _match(file: Path, tensors: list[tuple[str, Tensor]]) -> dict[str, Tensor]:
    """Name the tensors as ours, weight and bias of eight layers in order; refuse any shape that differs."""
    matrices = [tensor for _, tensor in tensors if tensor.ndim == 2]
    fc = matrices[0].shape[0] if matrices else 4096
    classes = matrices[-1].shape[0] if matrices else 1000
    with torch.device("meta"):
        expected = zoo.make_net("zfnet", {"classes": classes, "fc": fc}).state_dict()
    if len(tensors) != len(expected):
        raise ExploreError(
            f"{file} is no ZFNet: it has {len(tensors)} tensors where eight layers have {len(expected)}"
        )
    matched: dict[str, Tensor] = {}
    for (ours, wanted), (theirs, tensor) in zip(expected.items(), tensors, strict=True):
        if tensor.shape != wanted.shape:
            raise ExploreError(
                f"{file} is no ZFNet: {theirs} is {tuple(tensor.shape)} where {ours} is {tuple(wanted.shape)}"
            )
        if not tensor.is_floating_point() or not bool(torch.isfinite(tensor.float()).all()):
            raise ExploreError(f"{file}: {theirs} holds {tensor.dtype} values that are not finite numbers")
        matched[ours] = tensor.float().contiguous()
    return matched


def _class_names(file: Path | None, count: int) -> tuple[str, ...]:
    if file is None:
        return ()
    try:
        names = tuple(line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise ExploreError(f"the class names {file} cannot be read ({error})") from error
    if len(names) != count:
        raise ExploreError(f"{file} names {len(names)} classes, the net has {count}")
    return names
