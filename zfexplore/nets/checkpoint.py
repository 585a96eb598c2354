"""Checkpoints: one safetensors file with the weights, and JSON inside it that says what they are.

Nothing is unpickled. A file is checked before it is trusted: architecture and arguments against the
zoo, every tensor's name and shape against the net, every value for being finite. The net is first made
on torch's meta device, so that a hostile header cannot ask for memory.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.files import atomic_path, printable
from zfexplore.nets import zoo
from zfexplore.nets.net import Net
from zfexplore.nets.trunk import Trunk

FORMAT = 1
SHIPPED = "zfnet.safetensors"
MEAN_IMAGE = "input.mean"
METADATA_KEY = "zfexplore"
WEIGHT_TYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


@dataclass(frozen=True)
class Metadata:
    """What a checkpoint says about itself.

    ``images`` holds name, count and fingerprint of the training images, and which were held out.
    ``accuracy`` holds what was measured on the images held out. ``weights_fingerprint`` is computed
    from the tensors when a file is loaded, and never read from it.
    """

    architecture: str
    arguments: dict[str, Any]
    classes: tuple[str, ...] = ()
    input: InputConvention = field(default_factory=InputConvention)
    recipe: dict[str, Any] = field(default_factory=dict)
    images: dict[str, Any] = field(default_factory=dict)
    epochs: float = 0
    accuracy: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    weights_fingerprint: str = ""

    def to_json(self) -> str:
        """Write everything but the mean image and the fingerprint."""
        return json.dumps(
            {
                "format": FORMAT,
                "architecture": self.architecture,
                "arguments": self.arguments,
                "classes": list(self.classes),
                "input": self.input.to_json(),
                "recipe": self.recipe,
                "images": self.images,
                "epochs": self.epochs,
                "accuracy": self.accuracy,
                "versions": self.versions,
            }
        )


class Checkpoint(NamedTuple):
    """A loaded module in eval mode and float32, the net of named stages over it, and its metadata.

    ``notes`` say what a user should know of how it was loaded.
    """

    module: nn.Module
    net: Net
    metadata: Metadata
    notes: tuple[str, ...] = ()

    def class_names(self, stage: str) -> tuple[str, ...]:
        """Give the classes that the channels of ``stage`` stand for; only the logits stand for any."""
        heads = self.net.heads
        return self.metadata.classes if heads and heads[-1].name == stage else ()


def shipped_checkpoint() -> Path:
    """Give the file of weights that comes with zfexplore, in a clone or in an installed wheel."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "checkpoints", package.parent / "checkpoints"):
        if (folder / SHIPPED).is_file():
            return folder / SHIPPED
    raise ExploreError(
        f"the shipped weights {SHIPPED} are not beside this installation; name a file with --checkpoint"
    )


def load_checkpoint(
    path: str | os.PathLike[str] | None = None, device: str | torch.device = "cpu"
) -> Checkpoint:
    """Load a checkpoint: a file, the name of one of torchvision's pretrained nets, or (None) the shipped one.

    The net is in eval mode and float32 on ``device``. Raises ExploreError, one line, for a file that is
    missing, truncated or not a checkpoint, or whose tensors do not fit its architecture.
    """
    if path is not None and str(path) in zoo.PRETRAINED and not Path(path).exists():
        return _load_pretrained(str(path), device)
    file = shipped_checkpoint() if path is None else Path(path)
    tensors, metadata = _read(file)
    net = _assemble(file, metadata, tensors)
    net.eval().requires_grad_(False).to(device)
    trunk = Trunk(net)
    _check_classes(file, metadata, trunk)
    return Checkpoint(net, trunk, metadata)


def save_checkpoint(
    path: str | os.PathLike[str], net: nn.Module, metadata: Metadata, *, half: bool = False
) -> None:
    """Write the net's weights and metadata to ``path``, whole or not at all; ``half`` stores fp16.

    ``metadata.versions`` is filled in if it is empty. The net may be a trunk alone, without its heads.
    """
    tensors = {
        name: tensor.detach().to("cpu", torch.float16 if half else torch.float32).contiguous()
        for name, tensor in net.state_dict().items()
    }
    write_checkpoint(path, tensors, metadata)


def write_checkpoint(path: str | os.PathLike[str], tensors: dict[str, Tensor], metadata: Metadata) -> None:
    """Write ``tensors`` by name with ``metadata``; a mean image is stored beside them as ``input.mean``."""
    tensors = dict(tensors)
    if metadata.input.mean_image is not None:
        tensors[MEAN_IMAGE] = torch.as_tensor(metadata.input.mean_image, dtype=torch.float32).contiguous()
    described = json.loads(metadata.to_json()) | {"versions": metadata.versions or current_versions()}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata={METADATA_KEY: json.dumps(described)})


def current_versions() -> dict[str, str]:
    """Give the versions to record in a checkpoint that is written now."""
    from zfexplore import __version__

    return {"zfexplore": __version__, "torch": torch.__version__, "python": platform.python_version()}


def _load_pretrained(name: str, device: str | torch.device) -> Checkpoint:
    net, classes = zoo.pretrained_net(name)
    net.requires_grad_(False).to(device)
    metadata = Metadata(
        architecture=name,
        arguments={},
        classes=classes,
        input=zoo.IMAGENET_INPUT,
        images={"name": "ImageNet"},
        versions=current_versions(),
        weights_fingerprint=fingerprint(net.state_dict()),
    )
    return Checkpoint(net, Trunk(net), metadata)


def _read(file: Path) -> tuple[dict[str, Tensor], Metadata]:
    if not file.is_file():
        what = "is a folder, not a checkpoint" if file.is_dir() else "is not there"
        raise ExploreError(f"{file} {what}; name a .safetensors file written by zfexplore")
    if file.suffix in (".pth", ".pt", ".ckpt", ".bin"):
        raise ExploreError(
            f"{file} is a torch file; `zfexplore convert {file} --out X.safetensors` reads it once"
        )
    try:
        with safe_open(file, framework="pt") as opened:
            described = (opened.metadata() or {}).get(METADATA_KEY)
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, RuntimeError, KeyError) as error:
        raise ExploreError(f"{file} is not a safetensors file, or is cut short ({error})") from error
    if described is None:
        raise ExploreError(
            f"{file} holds tensors but no zfexplore metadata; "
            f"`zfexplore convert {file} --out X.safetensors` adds it"
        )
    found = fingerprint(tensors)
    mean_image = tensors.pop(MEAN_IMAGE, None)
    return tensors, _parse(file, described, mean_image, found)


def _parse(file: Path, text: str, mean_image: Tensor | None, fingerprint: str) -> Metadata:
    try:
        values = json.loads(text)
        if values["format"] != FORMAT:
            raise ExploreError(
                f"{file} has checkpoint format {values['format']!r}; this zfexplore reads {FORMAT}: update it"
            )
        convention = InputConvention.from_json(values["input"], mean_image)
        if not 1 <= convention.size <= convention.resize <= 4096:
            raise ValueError(f"input size {convention.size}, resized to {convention.resize}")
        _check_mean_image(bool(values["input"].get("per_pixel_mean")), mean_image, convention.resize)
        return Metadata(
            architecture=str(values["architecture"]),
            arguments=dict(values["arguments"]),
            classes=tuple(printable(str(name)) for name in values["classes"]),
            input=convention,
            recipe=dict(values["recipe"]),
            images=dict(values["images"]),
            epochs=float(values["epochs"]),
            accuracy=dict(values["accuracy"]),
            versions=dict(values["versions"]),
            weights_fingerprint=fingerprint,
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ExploreError(f"{file} has unreadable metadata ({type(error).__name__}: {error})") from error


def _check_mean_image(announced: bool, mean_image: Tensor | None, side: int) -> None:
    if mean_image is None:
        if announced:
            raise ValueError("the per-pixel mean is missing")
        return
    if not announced:
        raise ValueError("there is a per-pixel mean that the input does not mention")
    if mean_image.shape != (3, side, side) or not _is_numbers(mean_image):
        raise ValueError(f"the per-pixel mean is not 3 x {side} x {side} finite numbers")


def _assemble(file: Path, metadata: Metadata, tensors: dict[str, Tensor]) -> nn.Module:
    """Make the net on the meta device, compare every name and shape, and only then load the values."""
    try:
        with torch.device("meta"):
            net = zoo.make_net(metadata.architecture, metadata.arguments)
    except ExploreError as error:
        raise ExploreError(f"{file}: {error}") from error
    expected = {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}
    complaints = [f"{name} is missing" for name in expected if name not in tensors]
    complaints += [f"{name} is not part of the net" for name in tensors if name not in expected]
    complaints += [
        f"{name} is {tuple(tensor.shape)} and not {expected[name]}"
        for name, tensor in tensors.items()
        if name in expected and tuple(tensor.shape) != expected[name]
    ]
    complaints += [
        f"{name} holds {tensor.dtype} values that are not finite numbers"
        for name, tensor in tensors.items()
        if not _is_numbers(tensor)
    ]
    if complaints:
        more = f" (and {len(complaints) - 3} more)" if len(complaints) > 3 else ""
        shown = "; ".join(complaints[:3])
        raise ExploreError(f"{file} does not fit {metadata.architecture}: {shown}{more}")
    net.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, assign=True)
    return net


def _check_classes(file: Path, metadata: Metadata, trunk: Trunk) -> None:
    """Compare the number of class names with the logits; snapshots have class names but no logits."""
    named = len(metadata.classes)
    if named and trunk.heads and named != (told := trunk.heads[-1].channels):
        raise ExploreError(f"{file} names {named} classes, but its net tells {told} apart")


def _is_numbers(tensor: Tensor) -> bool:
    """Whether every value is a finite number, in one of the floating-point types that weights may have."""
    return tensor.dtype in WEIGHT_TYPES and bool(torch.isfinite(tensor).all())


def fingerprint(tensors: Mapping[str, Tensor]) -> str:
    """Hash the names, types, shapes and values of a net's tensors."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        digest.update(tensor.view(-1).view(torch.uint8).numpy().data if tensor.numel() else b"")
    return digest.hexdigest()
