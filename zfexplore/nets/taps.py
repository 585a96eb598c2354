"""Taking maps out of a running module: the output of one of its modules, or of one of its ReLU calls.

The module runs in eval mode, without compilation, and is left as it was found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from zfexplore.errors import ExploreError
from zfexplore.nets.relu import is_relu


@dataclass(frozen=True, slots=True)
class Tap:
    """Where a map is taken: call number ``call`` of a module, or, without a name, of all ReLU calls."""

    module: str | None
    call: int


class _Enough(BaseException):
    """All maps are taken. (No ``Exception``: a forward that catches these must not swallow it.)"""


def tapped(module: nn.Module, images: Tensor, taps: Mapping[str, Tap]) -> dict[str, Tensor]:
    """Run ``images [n, c, h, w]`` forward, up to the last of ``taps``, and give the map at each.

    Raises ExploreError where the module does not run on such images, or does not come to a tap.
    """
    if len(images) > 1 and _mixes_images(module):
        parts = [tapped(module, image[None], taps) for image in images]
        return {name: torch.cat([part[name] for part in parts]) for name in taps}
    taken: dict[str, Tensor] = {}
    at = {tap: name for name, tap in taps.items()}
    calls: dict[str | None, int] = {}

    def take(where: str | None, values: Any) -> None:
        tap = Tap(where, calls.get(where, 0))
        calls[where] = tap.call + 1
        if tap in at and isinstance(values, Tensor):
            taken[at[tap]] = values.clone()  # what follows may work in place
            if len(taken) == len(taps):
                raise _Enough

    with ExitStack() as stack:
        stack.enter_context(left_as_found(module))
        for name in {tap.module for tap in taps.values() if tap.module is not None}:
            part = module.get_submodule(name)
            hook = part.register_forward_hook(lambda _part, _inputs, output, name=name: take(name, output))
            stack.callback(hook.remove)
        stack.enter_context(_ReluCalls(lambda output: take(None, output)))
        with suppress(_Enough):
            run(module, images)
    missing = [name for name in taps if name not in taken]
    if missing:
        raise ExploreError(
            f"{type(module).__name__} did not come to {missing[0]} on this input: "
            "its forward does not always run the same layers"
        )
    return taken


def run(module: nn.Module, images: Tensor) -> Any:
    """Run the module's forward; what it raises becomes an ExploreError that names the input."""
    try:
        return module(images)
    except (ExploreError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # a foreign forward may raise anything
        shape = " x ".join(map(str, images.shape[1:]))
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ExploreError(
            f"{type(module).__name__} does not run on an image of {shape}: {reason}"
        ) from error


@contextmanager
def left_as_found(module: nn.Module) -> Iterator[None]:
    """Run a module in eval mode and without compilation; put every part's mode back afterwards."""
    modes = [(part, part.training) for part in module.modules()]
    with ExitStack() as stack:
        if any(_is_compiled(part) for part, _ in modes):
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        try:
            for part, training in modes:
                if training:
                    part.training = False
            yield
        finally:
            for part, training in modes:
                part.training = training


class _ReluCalls(TorchFunctionMode):
    """Tells of the output of every call that rectifies, in order."""

    def __init__(self, tell: Callable[[Tensor], None]) -> None:
        super().__init__()
        self._tell = tell

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        output = func(*args, **kwargs)
        if is_relu(func, args, kwargs):
            self._tell(output)
        return output


def _is_compiled(part: nn.Module) -> bool:
    compiled: Any = part
    return type(part).__name__ == "OptimizedModule" or compiled._compiled_call_impl is not None


def _mixes_images(module: nn.Module) -> bool:
    """Whether a batch normalisation without statistics of its own makes an image depend on its batch."""
    kinds = nn.modules.batchnorm._BatchNorm
    return any(isinstance(part, kinds) and part.running_mean is None for part in module.modules())
