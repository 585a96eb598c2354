"""A net by a name that the user gives: of the zoo, of timm, or made by the user's own code.

``resnet18`` is a net of the zoo, ``timm:NAME`` one of timm's where timm is installed, and
``package.module:factory`` what the user's own function, class or module makes. Code is imported only
where the user names it on the command line or in Python, never because a file does.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.nets import zoo
from zfexplore.nets.checkpoint import (
    Checkpoint,
    Metadata,
    checkpoint_of,
    current_versions,
    fingerprint_of,
    is_checkpoint,
    pretrained_module,
    read_checkpoint,
)
from zfexplore.nets.fitting import fit_module, fit_named, fitted, put_into
from zfexplore.nets.foreign import read_weights
from zfexplore.nets.stages import unwrapped

TIMM = "timm:"
SIZES = (28, 32, 64, 96, 128, 160, 192, 227, 256, 299, 384, 448, 512)  # tried where 224 does not do
UNCROPPED = 160  # nets of smaller inputs are not fed the middle of a larger picture


@dataclass(frozen=True)
class NamedNet:
    """A net in eval mode with its weights, and what is known of it without a checkpoint.

    ``architecture`` and ``arguments`` are those of a checkpoint's metadata. ``notes`` say, a sentence
    each, what the user should know: that the weights are random, or what was found by trying. ``random`` is
    whether they are; of the user's own code nobody knows.
    """

    module: nn.Module
    architecture: str
    classes: tuple[str, ...]
    input: InputConvention
    notes: tuple[str, ...] = ()
    arguments: dict[str, Any] = field(default_factory=dict)
    random: bool = False

    def checkpoint(self, device: str | torch.device = "cpu") -> Checkpoint:
        """Give the net as if it had been loaded from a checkpoint."""
        metadata = Metadata(
            architecture=self.architecture,
            arguments=self.arguments,
            classes=self.classes,
            input=self.input,
            versions=current_versions(),
            weights_fingerprint=fingerprint_of(self.module.state_dict()),
        )
        return checkpoint_of(self.module, metadata, device)._replace(notes=self.notes, random=self.random)


def open_named(spec: str, weights: str | None = None, *, seed: int = 0) -> NamedNet:
    """Make the net that ``spec`` names: a name of the zoo, ``timm:NAME`` or ``package.module:factory``.

    ``weights`` is a file of weights of any kind that ``convert`` reads, or a checkpoint of ours, whose
    classes and input are taken; ``torchvision`` (for timm's nets: ``timm``) downloads pretrained ones.
    Without it, the weights are random from ``seed``, or what the user's code gives them. Raises
    ExploreError, one line, whatever is wrong with the name, the code or the file.
    """
    made = _made(spec, pretrained=weights in ("timm", "torchvision"), seed=seed, weights=weights)
    made.module.eval().requires_grad_(False)
    return made


def is_code(spec: str) -> bool:
    """Whether ``spec`` names code (``package.module:factory``, ``timm:NAME``) and not a net of the zoo."""
    return ":" in spec


def _made(spec: str, *, pretrained: bool, seed: int, weights: str | None) -> NamedNet:
    file = None if weights is None or pretrained else Path(weights)
    if not is_code(spec):
        if weights == "timm":
            raise ExploreError(f"--weights timm is for timm's nets, as in timm:{spec}", usage=True)
        return _of_zoo(spec, file, pretrained=pretrained, seed=seed)
    if spec.startswith(TIMM):
        if weights == "torchvision":
            raise ExploreError(
                f"--weights torchvision is for the zoo's nets; for {spec} give timm", usage=True
            )
        made = _of_timm(spec, file, pretrained=pretrained, seed=seed)
    else:
        if pretrained:
            raise ExploreError(
                f"{spec} has no pretrained weights to download: give --weights FILE", usage=True
            )
        made = _of_user(spec, seed=seed)
    return made if file is None else _with_weights(made, file)


# -- the zoo's ------------------------------------------------------------------------------------------


def _of_zoo(name: str, file: Path | None, *, pretrained: bool, seed: int) -> NamedNet:
    if name not in zoo.NETS:
        own = "a net of your own is package.module:factory"
        raise ExploreError(f"{zoo.unknown_net(name)}; {own}", usage=True)
    if pretrained:
        if name not in zoo.PRETRAINED:
            raise ExploreError(
                f"torchvision has no weights for {name}: without --net, the shipped ones are used", usage=True
            )
        module, arguments = pretrained_module(name)
        return NamedNet(module, name, zoo.class_names(name), zoo.convention_of(name), (), arguments)
    if file is None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = zoo.make_net(name, {})
        remedy = "give --weights FILE" if name == "zfnet" else "give --weights FILE or torchvision"
        note = f"{name} has random weights (seed {seed}): {remedy}"
        return NamedNet(module, name, (), zoo.convention_of(name), (note,), {}, random=True)
    ours = _ours(file)
    read = read_weights(file)
    tensors = read.tensors if ours is None else ours[0]
    fit = fitted(file, fit_named(name, tensors))
    arguments = dict(fit.arguments)
    if name in zoo.TURNING_INPUT:
        arguments["transform_input"] = True
    if ours is not None and ours[1].architecture == name:
        arguments = ours[1].arguments
    with zoo.weightless():
        module = zoo.make_net(name, arguments)
    put_into(module, fit.tensors)
    usual = zoo.class_names(name)
    classes = usual if len(usual) == arguments.get("num_classes") else ()
    convention = zoo.convention_of(name)
    if ours is not None:
        classes, convention = ours[1].classes, ours[1].input
    return NamedNet(module, name, classes, convention, (*read.notes, *fit.notes), arguments)


# -- timm's ---------------------------------------------------------------------------------------------


def _of_timm(spec: str, file: Path | None, *, pretrained: bool, seed: int) -> NamedNet:
    name = spec.removeprefix(TIMM)
    try:
        timm: Any = importlib.import_module("timm")
        data: Any = importlib.import_module("timm.data")
    except ImportError as error:
        raise ExploreError(
            f"{spec} needs timm, which is not installed: pip install timm ({error})"
        ) from error
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = _run(spec, lambda: timm.create_model(name, pretrained=pretrained))
        if file is not None and (classes := _other_head(module, file)):
            module = _run(spec, lambda: timm.create_model(name, pretrained=False, num_classes=classes))
    convention = _run(spec, lambda: _timm_convention(data.resolve_model_data_config(module)))
    notes = () if pretrained else (f"{spec} has random weights (seed {seed}): give --weights FILE or timm",)
    known = pretrained and getattr(module, "num_classes", 0) == 1000
    names = zoo.class_names("resnet18") if known else ()
    return NamedNet(module, spec, names, convention, notes, random=not pretrained)


def _other_head(module: nn.Module, file: Path) -> int | None:
    """Give the width of the file's head, where it is not the one that timm makes by default."""
    head = (getattr(module, "default_cfg", None) or {}).get("classifier")
    ours = module.state_dict().get(f"{head}.weight")
    theirs = [
        tensor
        for name, tensor in read_weights(file).tensors.items()
        if f".{name}".endswith(f".{head}.weight")
    ]
    if ours is None or len(theirs) != 1 or theirs[0].shape == ours.shape:
        return None
    return int(theirs[0].shape[0])


def _timm_convention(config: dict[str, Any]) -> InputConvention:
    size = int(config["input_size"][-1])
    return InputConvention(
        size=size,
        resize=max(size, round(size / float(config.get("crop_pct") or 1.0))),
        scale=1.0,
        mean=tuple(float(value) for value in config["mean"]),
        std=tuple(float(value) for value in config["std"]),
    )


# -- the user's own -------------------------------------------------------------------------------------


def _of_user(spec: str, *, seed: int) -> NamedNet:
    path, _, attribute = spec.partition(":")
    if path.endswith(".py") and attribute:
        module = ".".join(Path(path).with_suffix("").parts)
        raise ExploreError(f"{spec!r} names a file: give its module, as in {module}:{attribute}", usage=True)
    if not attribute or not all(part.isidentifier() for part in (*path.split("."), *attribute.split("."))):
        raise ExploreError(
            f"{spec!r} names no code: write package.module:factory, as in mynet:make, or a net of the zoo",
            usage=True,
        )
    _look_in_this_folder()
    target: Any = _imported(spec, path)
    for part in attribute.split("."):
        if not hasattr(target, part):
            raise ExploreError(f"{path} has no {attribute!r}{_callables(target)}")
        target = getattr(target, part)
    given = isinstance(target, nn.Module)
    if not given and not callable(target):
        raise ExploreError(f"{spec} is a {type(target).__name__} and neither an nn.Module nor a function")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = target if given else _run(spec, target)
    if not isinstance(module, nn.Module):
        raise ExploreError(f"{spec} gives a {type(module).__name__} and no nn.Module")
    net = unwrapped(module).eval()
    convention, found = input_of(spec, net)
    if any(tensor.is_floating_point() and tensor.dtype != torch.float32 for tensor in net.parameters()):
        found.append(f"{spec} is explored in float32, which its weights are not in")
    own = "" if given else f", random ones from seed {seed}"
    note = f"{spec} has the weights that its code gives it{own}: give --weights FILE for others"
    return NamedNet(net, spec, (), convention, (note, *found))


def _look_in_this_folder() -> None:
    """Let modules of the current folder be imported, as ``python -m`` does."""
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)


def _imported(spec: str, path: str) -> Any:
    try:
        importlib.invalidate_caches()
        return importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name is not None and (path == error.name or path.startswith(f"{error.name}.")):
            raise ExploreError(
                f"there is no module {error.name!r} for {spec}, neither here nor installed: run zfexplore in "
                "the folder that holds it"
            ) from error
        raise _of_their_code(spec, error) from error
    except (Exception, SystemExit) as error:
        raise _of_their_code(spec, error) from error


def _run(spec: str, make: Callable[[], Any]) -> Any:
    try:
        return make()
    except (Exception, SystemExit) as error:
        raise _of_their_code(spec, error) from error


def _of_their_code(spec: str, error: BaseException) -> ExploreError:
    reason = " ".join(str(error).split())
    return ExploreError(f"{spec} fails with {type(error).__name__}: {reason} (--debug shows where)")


def _callables(target: Any) -> str:
    names = [
        name
        for name, value in vars(target).items()
        if not name.startswith("_")
        and (isinstance(value, nn.Module) or callable(value))
        and getattr(value, "__module__", None) == getattr(target, "__name__", "")
    ]
    return f"; it has {', '.join(names[:8])}" if names else ""


def input_of(spec: str, module: nn.Module) -> tuple[InputConvention, list[str]]:
    """Find channels and size of a module's input, by its first convolution and by trying; say what was found.

    Raises ExploreError, which calls the module ``spec``, if it takes no input of the sizes tried.
    """
    first = next((layer for layer in module.modules() if isinstance(layer, nn.Conv2d)), None)
    channels = 3 if first is None else first.in_channels
    size, failure = 224, _failure(module, channels, 224)
    if failure is not None:
        fitting = (each for each in SIZES if _failure(module, channels, each) is None)
        size = next(fitting, 0)
        if not size:
            tried = ", ".join(map(str, SIZES))
            raise ExploreError(
                f"{spec} takes no input of {channels} channels and 224 pixels, nor of {tried}: at 224 it "
                f"fails with {type(failure).__name__}: {' '.join(str(failure).split())}"
            ) from failure
    colours = zoo.IMAGENET_INPUT
    mean, std = (colours.mean, colours.std) if channels == 3 else ((0.0,) * channels, (1.0,) * channels)
    resize = size if size < UNCROPPED else round(size * 8 / 7)
    fed = "less ImageNet's mean, divided by its std" if channels == 3 else "0 to 1"
    found = f"{spec} is fed {channels} x {size} x {size}, {fed}"
    found += "; 224 pixels do not do, and of those tried this is the first that does" if failure else ""
    return InputConvention(size, resize, 1.0, mean, std), [found]


@torch.no_grad()
def _failure(module: nn.Module, channels: int, size: int) -> Exception | None:
    like = next(iter(module.parameters()), torch.zeros(()))
    try:
        module(torch.zeros(1, channels, size, size, device=like.device, dtype=like.dtype))
    except Exception as error:
        return error
    return None


# -- a file's weights -----------------------------------------------------------------------------------


def _with_weights(made: NamedNet, file: Path) -> NamedNet:
    ours = _ours(file)
    read = read_weights(file)
    tensors = read.tensors if ours is None else ours[0]
    fit = fitted(file, fit_module(made.architecture, made.module, tensors))
    put_into(made.module, fit.tensors)
    if ours is not None:
        return NamedNet(made.module, made.architecture, ours[1].classes, ours[1].input, fit.notes)
    notes = (*made.notes[1:], *read.notes, *fit.notes)  # the first says whose the weights were until now
    return NamedNet(made.module, made.architecture, made.classes, made.input, notes)


def _ours(file: Path) -> tuple[dict[str, torch.Tensor], Metadata] | None:
    """Read a checkpoint of ours; None for another program's file."""
    return read_checkpoint(file) if is_checkpoint(file) else None
