"""Every form that a ReLU takes in a forward: a module, a function, a method, in place, clipped, a clamp.

A ``torch.overrides.TorchFunctionMode`` sees each of them as one call of a function. A module's call ends
in one of these functions too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

_ALWAYS = {F.relu, F.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_, F.relu6}
_HARDTANH = {F.hardtanh, F.hardtanh_}  # nn.ReLU6 calls one of these, from 0 to 6
_CLAMP = {
    torch.clamp,
    torch.clamp_,
    torch.clip,
    torch.clip_,
    Tensor.clamp,
    Tensor.clamp_,
    Tensor.clip,
    Tensor.clip_,
}
_CLAMP_MIN = {torch.clamp_min, torch.clamp_min_, Tensor.clamp_min, Tensor.clamp_min_}
_THRESHOLD: set[Any] = {F.threshold, torch.threshold, torch.threshold_}


def is_relu(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Tell whether a call rectifies: whether it puts zero in place of what is below, and keeps the rest.

    ReLU6, which also cuts off what is above 6, counts as one.
    """
    if function in _ALWAYS:
        return True
    given = _arguments(function, args, kwargs)
    if function in _HARDTANH:
        return given.get("min_val", -1.0) == 0
    if function in _CLAMP or function in _CLAMP_MIN:
        lowest = given.get("min")
        return isinstance(lowest, int | float) and lowest == 0 and given.get("max") is None
    return function in _THRESHOLD and given.get("threshold") == 0 and given.get("value") == 0


def works_in_place(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Tell whether a call that rectifies changes its input."""
    if getattr(function, "__name__", "").endswith("_"):
        return True
    return bool(_arguments(function, args, kwargs).get("inplace"))


def _arguments(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Give the arguments behind the first by their names."""
    return dict(zip(_names(function), args[1:], strict=False)) | dict(kwargs)


def _names(function: Any) -> tuple[str, ...]:
    if function in _HARDTANH:
        return ("min_val", "max_val", "inplace")
    if function in _CLAMP:
        return ("min", "max")
    if function in _CLAMP_MIN:
        return ("min",)
    if function in _THRESHOLD:
        return ("threshold", "value", "inplace")
    return ("inplace",)
