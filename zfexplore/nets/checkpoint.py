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
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from zfexplore.arguments import path_text, shown
from zfexplore.choices import SHIPPED_NET
from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.files import atomic_path
from zfexplore.nets import zoo
from zfexplore.nets.device import move
from zfexplore.nets.fitting import (
    COUNT_TYPES,
    WEIGHT_TYPES,
    find_net,
    fit_named,
    fitted,
    is_numbers,
    put_into,
)
from zfexplore.nets.foreign import TENSORS, kind_of, read_weights
from zfexplore.nets.header import METADATA_KEY, shipped_checkpoint
from zfexplore.nets.net import Net
from zfexplore.nets.stages import net_over
from zfexplore.nets.tensors import UNREADABLE, opened_tensors
from zfexplore.opening import strange
from zfexplore.plain import UNFIT, entry, mapping, number, parse, text, texts

FORMAT = 1
MEAN_IMAGE = "input.mean"


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

    ``notes`` say what a user should know of how it was loaded. ``random`` is whether the weights were drawn
    at random and are of no training.
    """

    module: nn.Module
    net: Net
    metadata: Metadata
    notes: tuple[str, ...] = ()
    random: bool = False

    def class_names(self, stage: str) -> tuple[str, ...]:
        """Give the classes that the channels of ``stage`` stand for; only the logits stand for any."""
        heads = self.net.heads
        return self.metadata.classes if heads and heads[-1].name == stage else ()


def load_checkpoint(
    path: str | os.PathLike[str] | None = None, device: str | torch.device = "cpu"
) -> Checkpoint:
    """Load a checkpoint: a file, the name of one of torchvision's pretrained nets, or the shipped one.

    That one is ``shipped``, or None.

    The net is in eval mode and float32 on ``device``. Raises ExploreError, one line, for a file that is
    missing, truncated or not a checkpoint, or whose tensors do not fit its architecture, and for a device
    that is not there.
    """
    path = None if path is None else path_text(path, "the checkpoint")
    if path is not None and path in zoo.PRETRAINED and not Path(path).is_file():
        return _load_pretrained(path, device)
    shipped = path is None or (path == SHIPPED_NET and not Path(path).is_file())
    file = shipped_checkpoint() if shipped else Path(path or "")
    tensors, metadata = read_checkpoint(file)
    module = _assemble(file, metadata, tensors)
    checkpoint = checkpoint_of(module, metadata, device)
    _check_classes(file, metadata, checkpoint.net)
    return checkpoint


def checkpoint_of(module: nn.Module, metadata: Metadata, device: str | torch.device = "cpu") -> Checkpoint:
    """Give a module with its weights as a checkpoint, in eval mode and float32 on ``device``."""
    move(module.eval().requires_grad_(False).float(), device)
    return Checkpoint(module, net_over(module, metadata.input), metadata)


def save_checkpoint(
    path: str | os.PathLike[str], net: nn.Module, metadata: Metadata, *, half: bool = False
) -> None:
    """Write the net's weights and metadata to ``path``, whole or not at all; ``half`` stores fp16.

    ``metadata.versions`` is filled in if it is empty. The net may be a trunk alone, without its heads.
    Batch normalisation's statistics stay float32, which fp16 may not hold, and its counts integers.
    """
    learned = {name for name, _ in net.named_parameters()} if half else set()
    tensors = {
        name: _stored(tensor, half=name in learned).contiguous() for name, tensor in net.state_dict().items()
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


def _stored(tensor: Tensor, *, half: bool) -> Tensor:
    kind = torch.float16 if half else torch.float32
    return tensor.detach().to("cpu", kind if tensor.is_floating_point() else tensor.dtype)


def _load_pretrained(name: str, device: str | torch.device) -> Checkpoint:
    module, arguments = pretrained_module(name)
    metadata = Metadata(
        architecture=name,
        arguments=arguments,
        classes=zoo.class_names(name),
        input=zoo.convention_of(name),
        images={"name": "ImageNet"},
        versions=current_versions(),
        weights_fingerprint=fingerprint_of(module.state_dict()),
    )
    return checkpoint_of(module, metadata, device)


def pretrained_module(name: str) -> tuple[nn.Module, dict[str, Any]]:
    """Give one of torchvision's nets with its ImageNet weights, and the arguments that make it.

    The first use downloads them. Raises ExploreError, which says what to do, when that fails or the file
    that was downloaded is not of this net.
    """
    state = zoo.pretrained_state(name)
    file = zoo.pretrained_file(name)
    try:
        fit = fitted(file, fit_named(name, state))
        count, usual = fit.arguments["num_classes"], len(zoo.class_names(name))
        if count != usual:
            raise ExploreError(f"{file} is of a {name} of {count} classes and not of {usual}")
    except ExploreError as error:
        raise ExploreError(f"{error}: {zoo.again(name)}") from error
    arguments = {} if name not in zoo.TURNING_INPUT else {"transform_input": True}
    with zoo.weightless():
        module = zoo.make_net(name, arguments)
    put_into(module, fit.tensors)
    return module, arguments


def read_checkpoint(file: Path) -> tuple[dict[str, Tensor], Metadata]:
    """Read a checkpoint's tensors and its metadata, before they are held against any net.

    Raises ExploreError, one line, for anything that is no checkpoint; where it is a file of weights, the
    line has the command that makes a checkpoint of it.
    """
    if not file.is_file():
        what = "is a folder, not a checkpoint" if file.is_dir() else "is not there"
        if (odd := strange(file)) is not None:
            raise ExploreError(f"{file} is {odd}, not a checkpoint; name a .safetensors file")
        or_net = "" if file.suffix else f", or a net: {zoo.choices(str(file), zoo.PRETRAINED)}"
        raise ExploreError(f"{file} {what}; name a .safetensors file written by zfexplore{or_net}")
    if file.suffix != ".safetensors" and (kind := kind_of(file)).name != "safetensors":
        if kind.name not in TENSORS:
            raise ExploreError(f"{file} is {kind.words}; {kind.do}")
        raise ExploreError(f"{file} is {kind.words}; {_convert_hint(file)} reads it once")
    try:
        with opened_tensors(file, "pt") as opened:
            described = (opened.metadata() or {}).get(METADATA_KEY)
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except UNREADABLE as error:
        raise ExploreError(f"{file} is {_instead(file)} ({error})") from error
    if described is None:
        raise ExploreError(f"{file} holds tensors but no zfexplore metadata; {_convert_hint(file)} adds it")
    for name, tensor in tensors.items():
        if tensor.dtype not in WEIGHT_TYPES and tensor.dtype not in COUNT_TYPES:
            raise ExploreError(
                f"{file}: {_short(name)} holds {tensor.dtype} values that are not finite numbers"
            )
    found = fingerprint_of(tensors)
    mean_image = tensors.pop(MEAN_IMAGE, None)
    return tensors, _parse(file, described, mean_image, found)


def _instead(file: Path) -> str:
    """Say what a file is that is called .safetensors and is none."""
    kind = kind_of(file)
    told = kind.name not in ("safetensors", "unknown", "empty", "damaged")
    return f"{kind.words}; {kind.do}" if told else "not a safetensors file, or is cut short"


def is_checkpoint(file: Path) -> bool:
    """Whether a file is a checkpoint of ours, whole or not, of a net that is known or not."""
    try:
        with opened_tensors(file, "pt") as opened:
            return METADATA_KEY in (opened.metadata() or {})
    except UNREADABLE:
        return False


def convert_command(file: Path, *, own_code: bool = False) -> str:
    """Give the command that makes a checkpoint of a file of weights; it writes over no file that is there."""
    names = (file.with_suffix(".safetensors").name, f"{file.stem}-zfexplore.safetensors")
    out = next((name for name in names if not Path(name).exists() and name != file.name), names[-1])
    command = f"zfexplore convert {shlex.quote(str(file))} --out {shlex.quote(out)}"
    return f"{command} --net package.module:factory" if own_code else command


def _convert_hint(file: Path) -> str:
    try:
        fit = find_net(read_weights(file).tensors, file)
    except ExploreError:
        return f"it fits no net of the zoo: `{convert_command(file, own_code=True)}`"
    return f"it fits {fit.architecture}: `{convert_command(file)}`"


def _parse(file: Path, described: str, mean_image: Tensor | None, fingerprint: str) -> Metadata:
    try:
        values = parse(described)
        if (form := entry(values, "format")) != FORMAT:
            raise ExploreError(
                f"{file} has checkpoint format {shown(form)}; this zfexplore reads {FORMAT}: update it"
            )
        return Metadata(
            architecture=text(values, "architecture"),
            arguments=mapping(values, "arguments"),
            classes=texts(values, "classes"),
            input=read_input(entry(values, "input"), mean_image),
            recipe=mapping(values, "recipe"),
            images=mapping(values, "images"),
            epochs=number(values, "epochs", least=0),
            accuracy=mapping(values, "accuracy"),
            versions=mapping(values, "versions"),
            weights_fingerprint=fingerprint,
        )
    except UNFIT as error:
        raise ExploreError(f"{file} has unreadable metadata ({error})") from error


def read_input(values: Any, mean_image: Tensor | None) -> InputConvention:
    """Read a convention and the per-pixel mean stored beside it; raises ValueError where the two disagree."""
    convention = InputConvention.from_json(values, mean_image)
    announced = bool(values.get("per_pixel_mean"))
    _check_mean_image(announced, mean_image, convention.channels, convention.resize)
    return convention


def _check_mean_image(announced: bool, mean_image: Tensor | None, channels: int, side: int) -> None:
    if mean_image is None:
        if announced:
            raise ValueError("the per-pixel mean is missing")
        return
    if not announced:
        raise ValueError("there is a per-pixel mean that the input does not mention")
    if mean_image.shape != (channels, side, side) or not is_numbers(mean_image):
        raise ValueError(f"the per-pixel mean is not {channels} x {side} x {side} finite numbers")


def _assemble(file: Path, metadata: Metadata, tensors: dict[str, Tensor]) -> nn.Module:
    """Make the net without memory, compare every name and shape, and only then load the values."""
    architecture = metadata.architecture
    if ":" in architecture:  # code, which a file may not have imported
        raise ExploreError(
            f"{file} holds weights of {architecture}, which is no net of the zoo: "
            f"give --net {shlex.quote(architecture)} --weights {shlex.quote(str(file))}"
        )
    try:
        with zoo.weightless():
            net = zoo.make_net(metadata.architecture, metadata.arguments)
    except ExploreError as error:
        raise ExploreError(f"{file}: {error}") from error
    state = net.state_dict()
    expected = {name: tuple(tensor.shape) for name, tensor in state.items()}
    complaints = [f"{name} is missing" for name in expected if name not in tensors]
    complaints += [f"{_short(name)} is not part of the net" for name in tensors if name not in expected]
    complaints += [
        f"{name} is {tuple(tensor.shape)} and not {expected[name]}"
        for name, tensor in tensors.items()
        if name in expected and tuple(tensor.shape) != expected[name]
    ]
    complaints += [
        f"{_short(name)} holds {tensor.dtype} values that are not finite numbers"
        for name, tensor in tensors.items()
        if not is_numbers(tensor, counts=name in state and not state[name].is_floating_point())
    ]
    if complaints:
        more = f" (and {len(complaints) - 3} more)" if len(complaints) > 3 else ""
        some = "; ".join(complaints[:3])
        raise ExploreError(f"{file} does not fit {metadata.architecture}: {some}{more}")
    put_into(net, tensors)
    return net


def _short(name: str) -> str:
    """Give a tensor's name for an error, however long a hostile file makes it."""
    return name if len(name) <= 120 else f"{name[:120]}..."


def _check_classes(file: Path, metadata: Metadata, net: Net) -> None:
    """Compare the number of class names with the logits; snapshots have class names but no logits."""
    named = len(metadata.classes)
    if named and net.heads and named != (told := net.heads[-1].channels):
        raise ExploreError(f"{file} names {named} classes, but its net tells {told} apart")


def fingerprint_of(tensors: Mapping[str, Tensor]) -> str:
    """Give the SHA-256 of every tensor's name, type, shape and values."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        digest.update(tensor.view(-1).view(torch.uint8).numpy().data if tensor.numel() else b"")
    return digest.hexdigest()
