"""Which calls rectify."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode

from tests.foreign import FORMS
from zfexplore.nets.relu import is_relu, works_in_place


class Calls(TorchFunctionMode):
    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.seen.append((is_relu(func, args, kwargs or {}), works_in_place(func, args, kwargs or {})))
        return func(*args, **(kwargs or {}))


def calls_of(function):
    x = torch.tensor([[-2.0, 0.0, 3.0]])
    with Calls() as calls:
        function(x)
    return calls.seen


@pytest.mark.parametrize("form", FORMS)
def test_every_form_rectifies(form):
    in_place = "in place" in form or form.endswith("_")

    assert calls_of(FORMS[form]) == [(True, in_place)]


@pytest.mark.parametrize("form", [nn.ReLU6(), F.relu6, lambda x: F.hardtanh(x, 0.0, 6.0)])
def test_a_relu_that_is_cut_off_above_counts(form):
    assert [rectifies for rectifies, _ in calls_of(form)] == [True]


@pytest.mark.parametrize(
    "form",
    [
        F.leaky_relu, F.silu, F.gelu, F.elu, torch.sigmoid, F.hardtanh, lambda x: x.clamp(min=-1),
        lambda x: x.clamp(0, 1), lambda x: x.clamp(max=0), lambda x: F.threshold(x, 0.1, 0.0),
        lambda x: x + 1,
    ],
)  # fmt: skip
def test_others_do_not(form):
    assert not any(rectifies for rectifies, _ in calls_of(form))
