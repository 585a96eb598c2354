"""What comes back through a ReLU of any net: the deconvnet, guided or gradient, by automatic derivatives.

A net's own forward runs with one function in place of every ReLU call, whose derivative is the rule's
(Zeiler & Fergus, section 2.1; Springenberg et al. 2014, "Striving for simplicity", figure 1):

- ``deconv``: the rectified signal from above, wherever the ReLU itself was silent;
- ``guided``: the same, and only where the ReLU let its input through;
- ``gradient``: the derivative (Simonyan et al. 2013), and ``input-gradient`` the same times the image.

Everything else keeps its derivative. That of a maximum pool is the unpooling through the switches, that of
a convolution the transposed filter. With ``deconv`` the contrast normalisation counts as the identity, as
in ``dense.py``, which gives the same numbers for plain stacks.

``deconv`` and ``guided`` start from the unit's activation, the gradients from 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, get_args

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from zfexplore.choices import Rule
from zfexplore.deconv.request import Projection, Request, input_windows, join, strongest
from zfexplore.errors import ExploreError
from zfexplore.nets.device import exact_arithmetic
from zfexplore.nets.net import Net
from zfexplore.nets.relu import is_relu, works_in_place
from zfexplore.nets.zfnet import contrast_norm

# Images whose forward is kept together. A ResNet-18 keeps 60 MB an image at 224 pixels, a VGG-16 220 MB.
IMAGES_AT_ONCE = {"cpu": 2, "cuda": 16}


def check_rule(net: Net, rule: Rule) -> None:
    """Raise ExploreError for a rule that there is not, or that needs ReLUs in a net that has none."""
    if rule not in get_args(Rule):
        raise ExploreError(f"rule must be {', '.join(get_args(Rule))}; not {rule!r}", usage=True)
    if rule in ("deconv", "guided") and not net.rectifies:
        raise ExploreError(
            f"{type(net.module).__name__} has no ReLU, which is where the {rule} rule differs from the "
            "gradient: take --rule gradient",
            usage=True,
        )


def project_request(net: Net, images: Tensor, request: Request, rule: Rule) -> Projection:
    """Bring the rows of a checked request back to pixels by a rule.

    A row's window is the rectangle around all pixels that are not zero, inside what the unit can see.
    """
    check_rule(net, rule)
    parts, order = [], []
    with exact_arithmetic(net.device), torch.enable_grad():
        for rows in _by_images(request, IMAGES_AT_ONCE.get(net.device.type, IMAGES_AT_ONCE["cpu"])):
            parts.append(_project_rows(net, images, request.take(torch.tensor(rows)), rule))
            order += rows
    return join(parts, torch.tensor(order))


def _by_images(request: Request, count: int) -> Iterator[list[int]]:
    """Give the rows of ``count`` images at a time."""
    rows_of: dict[int, list[int]] = {}
    for row, image in enumerate(request.image.tolist()):
        rows_of.setdefault(image, []).append(row)
    every = list(rows_of.values())
    for start in range(0, len(every), count):
        yield sorted(row for rows in every[start : start + count] for row in rows)


def _project_rows(net: Net, images: Tensor, request: Request, rule: Rule) -> Projection:
    """Run the images of these rows forward once, and each row back."""
    used, row_image = request.image.unique(return_inverse=True)
    # On a CPU convolutions run a third faster in this layout.
    pictures = images[used].detach().clone(memory_format=torch.channels_last).requires_grad_()
    with _ruled(rule):
        top = net.maps(pictures, [request.stage.name])[net.stage(request.stage.name).name]
    maps = top.reshape(*top.shape[:2], *(top.shape[2:] or (1, 1)))  # fc: 1 x 1
    rows = torch.arange(len(request))
    chosen = maps.detach()[row_image, request.channel]  # [n, h, w]
    position = strongest(chosen) if request.position is None else request.position
    activation = chosen[rows, position[:, 0], position[:, 1]]
    pixels = torch.zeros((len(request), *images.shape[1:]), dtype=images.dtype, device=images.device)
    for turn in _turns(row_image.tolist()):
        seed = torch.zeros_like(maps)
        for row in turn:
            y, x = position[row].tolist()
            where = (slice(None), slice(None)) if request.whole_map else (y, x)
            start = F.relu(chosen[row]) if rule in ("deconv", "guided") else torch.ones_like(chosen[row])
            seed[(int(row_image[row]), int(request.channel[row]), *where)] = start[where]
        (back,) = torch.autograd.grad(maps, pictures, seed, retain_graph=True, allow_unused=True)
        if back is not None:
            pixels[turn] = back[row_image[turn]]
    if rule == "input-gradient":
        pixels = pixels * images[request.image]
    window = _around(pixels, input_windows(net, request, position))
    return Projection(request.stage.name, request.channel.clone(), pixels, activation, position, window)


def _turns(row_image: list[int]) -> Iterator[list[int]]:
    """Share the rows out so that in a turn no image comes twice."""
    left = list(range(len(row_image)))
    while left:
        first = {row_image[row]: row for row in reversed(left)}
        turn = sorted(first.values())
        yield turn
        left = [row for row in left if row not in set(turn)]


def _around(pixels: Tensor, windows: Tensor) -> Tensor:
    """Shrink each window ``[n, 4]`` to the rectangle around what is not zero; keep it where all is zero."""
    shrunk = windows.clone()
    for row, there in enumerate((pixels != 0).any(1).cpu()):
        if there.any():
            y0, x0, y1, x1 = windows[row].tolist()
            (top, bottom), (left, right) = (_ends(there.any(1)), _ends(there.any(0)))
            shrunk[row] = torch.tensor([max(top, y0), max(left, x0), min(bottom, y1), min(right, x1)])
    return shrunk


def _ends(there: Tensor) -> tuple[int, int]:
    places = there.nonzero().flatten()
    return int(places[0]), int(places[-1]) + 1


@contextmanager
def _ruled(rule: Rule) -> Iterator[None]:
    with ExitStack() as stack:
        if rule in ("deconv", "guided"):
            stack.enter_context(_Ruled(guided=rule == "guided"))
        yield


class _Ruled(TorchFunctionMode):
    """Puts the rule's ReLU in place of every one, and an identity on the way back of contrast norms."""

    def __init__(self, *, guided: bool) -> None:
        super().__init__()
        self._guided = guided

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if is_relu(func, args, kwargs):
            x = args[0] if args else kwargs["input"]
            return _Relu.apply(x, func, args[1:], kwargs, works_in_place(func, args, kwargs), self._guided)
        if not self._guided and func in (F.local_response_norm, contrast_norm):
            x = args[0] if args else kwargs["input"]
            return _PassedBack.apply(x, func(*args, **kwargs))
        return func(*args, **kwargs)


class _Relu(torch.autograd.Function):
    """A ReLU call as it was written, whose derivative is the rectified signal from above."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, func: Any, args: Any, kwargs: dict[str, Any], in_place: bool, guided: bool
    ) -> Tensor:
        others = {name: value for name, value in kwargs.items() if name != "input"}
        output = func(x, *args, **others)
        if in_place:
            ctx.mark_dirty(x)
        ctx.passed = output > 0 if guided else None  # not the output: what follows may change it in place
        return output

    @staticmethod
    def backward(ctx: Any, signal: Tensor) -> tuple[Tensor | None, ...]:
        rectified = F.relu(signal)
        return rectified if ctx.passed is None else rectified * ctx.passed, None, None, None, None, None


class _PassedBack(torch.autograd.Function):
    """Gives ``output`` forward, and backward the signal unchanged."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, output: Tensor) -> Tensor:
        return output.clone()

    @staticmethod
    def backward(ctx: Any, signal: Tensor) -> tuple[Tensor | None, ...]:
        return signal, None
