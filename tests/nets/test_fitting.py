from __future__ import annotations

import re

import pytest
import torch
from torch import nn

from zfexplore.errors import ExploreError
from zfexplore.nets import zoo
from zfexplore.nets.fit import Fit, Misfit
from zfexplore.nets.fitting import expected_of, find_net, fit_module, fit_named, fitted, put_into


def state_of(name: str, classes: int = 5) -> dict[str, torch.Tensor]:
    """The tensors of a net, without memory."""
    with zoo.weightless():
        return dict(zoo.make_net(name, {"num_classes": classes}).state_dict())


@pytest.mark.parametrize(
    "name",
    [
        "alexnet", "vgg16", "vgg13_bn", "resnet18", "resnet50", "wide_resnet50_2", "resnext50_32x4d",
        "squeezenet1_0", "densenet121", "googlenet", "inception_v3", "mobilenet_v2", "mobilenet_v3_small",
        "shufflenet_v2_x1_5", "mnasnet0_75", "regnet_x_400mf", "regnet_y_800mf",
    ],
)  # fmt: skip
def test_a_net_is_found_by_its_tensors_with_a_head_of_any_width(name):
    fit = find_net(state_of(name), "x.pth")
    assert fit.architecture == name
    assert fit.arguments == {"num_classes": 5}
    assert fit.notes == ()


@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.", "model.", "net.backbone.", "_orig_mod.module.a.b."]
)
def test_what_wrapped_a_net_stands_before_its_names_and_is_taken_off(prefix):
    wrapped = {prefix + name: tensor for name, tensor in state_of("squeezenet1_1").items()}
    fit = find_net(wrapped, "x.pth")
    assert fit.tensors.keys() == state_of("squeezenet1_1").keys()
    assert fit.theirs["classifier.1.bias"] == f"{prefix}classifier.1.bias"


def test_a_wrapper_inside_a_net_is_taken_off_too():
    state = {
        name.replace("features.", "features.module."): tensor for name, tensor in state_of("alexnet").items()
    }
    assert find_net(state, "x.pth").architecture == "alexnet"


def test_what_is_no_part_of_the_net_is_said_to_be_left_out():
    wrapped = {f"model.{name}": tensor for name, tensor in state_of("squeezenet1_1").items()}
    wrapped |= {"loss.weight": torch.zeros(2), "a": torch.zeros(1), "b": torch.zeros(1)}
    assert find_net(wrapped, "x.pth").notes == (
        "left out: loss.weight, a (and 1 more): no part of squeezenet1_1",
    )


def test_a_tensor_too_many_within_the_net_is_another_net():
    state = state_of("squeezenet1_1") | {"features.3.gate.weight": torch.zeros(2)}
    with pytest.raises(
        ExploreError, match=r"nearest is squeezenet1_1 .*features\.3\.gate\.weight is no part of it"
    ):
        find_net(state, "x.pth")


def test_counts_of_batch_normalisation_may_be_missing():
    state = {
        name: tensor for name, tensor in state_of("shufflenet_v2_x0_5").items() if "num_batches" not in name
    }
    fit = find_net(state, "x.pth")
    assert fit.tensors["conv1.1.num_batches_tracked"] == 0


def test_densenets_old_names_are_known():
    state = state_of("densenet121")
    old = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", name): tensor
        for name, tensor in state.items()
    }
    assert old.keys() != state.keys()
    assert find_net(old, "x.pth").tensors.keys() == state.keys()


@pytest.mark.parametrize(
    ("name", "head", "put"),
    [
        ("resnet18", "fc", "fc.1"),
        ("alexnet", "classifier.6", "classifier.6.0"),
        ("mobilenet_v2", "classifier.1", "classifier"),
        ("densenet121", "classifier", "classifier.2"),
    ],
)
def test_a_last_layer_put_in_place_of_the_head_is_taken_for_it_and_that_is_said(name, head, put):
    state = state_of(name)
    for part in ("weight", "bias"):
        state[f"{put}.{part}"] = state.pop(f"{head}.{part}")
    fit = find_net(state, "x.pth")
    assert fit.arguments == {"num_classes": 5}
    assert fit.notes == (f"{put} is taken for the last layer, {head}",)


def test_two_layers_in_place_of_the_head_are_another_net():
    state = state_of("resnet18")
    del state["fc.weight"], state["fc.bias"]
    for layer, shape in (("fc.0", (64, 512)), ("fc.2", (5, 64))):
        state |= {f"{layer}.weight": torch.zeros(shape), f"{layer}.bias": torch.zeros(shape[0])}
    with pytest.raises(
        ExploreError, match=r"nearest is resnet18 \(120 of 122 tensors\): fc\.weight is missing"
    ):
        find_net(state, "x.pth")


def test_the_nearest_net_is_named_and_what_differs():
    state = state_of("resnet50") | {"conv1.weight": torch.zeros(64, 1, 7, 7)}
    with pytest.raises(ExploreError) as caught:
        find_net(state, "x.pth")
    assert str(caught.value) == (
        "x.pth fits no net that zfexplore knows; the nearest is resnet50 (319 of 320 tensors): conv1.weight "
        "is (64, 1, 7, 7) and not (64, 3, 7, 7); give --net package.module:factory for a net of your own"
    )


def test_names_in_a_file_cannot_speak_to_the_terminal():
    with pytest.raises(ExploreError) as caught:
        find_net({"\x1b[31m": torch.zeros(2)}, "x.pth")
    assert "\x1b" not in str(caught.value)


class Counting(nn.Module):
    """A net with a whole number among its tensors, and a part that is called module."""

    def __init__(self) -> None:
        super().__init__()
        self.module = nn.Conv2d(1, 2, 3)
        self.register_buffer("table", torch.arange(3))


def test_a_users_module_must_fit_name_by_name():
    module, state = Counting(), Counting().state_dict()
    fit = fitted(
        "x.pth", fit_module("a:b", module, {f"model.{name}": tensor for name, tensor in state.items()})
    )
    put_into(module, fit.tensors)
    assert torch.equal(module.module.weight, state["module.weight"])
    assert module.table.dtype == torch.int64
    del state["module.bias"]
    misfit = fit_module("a:b", module, state)
    assert isinstance(misfit, Misfit)
    with pytest.raises(ExploreError, match=r"^x\.pth does not fit a:b: module\.bias is missing$"):
        fitted("x.pth", misfit)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_no_numbers_are_named(value):
    state = Counting().state_dict()
    state["module.weight"][0] = value
    with pytest.raises(ExploreError, match=r"module\.weight holds torch\.float32 values that are not finite"):
        fitted("x.pth", fit_module("a:b", Counting(), state))


@pytest.mark.parametrize(
    "spoil",
    [lambda weight: weight.to_sparse(), lambda weight: weight.to("meta"), lambda weight: weight.int()],
)
def test_tensors_that_are_no_plain_numbers_are_refused(spoil):
    state = Counting().state_dict()
    state["module.weight"] = spoil(state["module.weight"])
    with pytest.raises(ExploreError, match=r"module\.weight holds torch\.\w+ values that are not finite"):
        fitted("x.pth", fit_module("a:b", Counting(), state))


def test_old_files_of_mnasnet_do_not_change_the_net():
    torch.manual_seed(0)
    net = zoo.make_net("mnasnet0_5", {"num_classes": 2})
    fit = fit_named("mnasnet0_5", dict(net.state_dict()))
    assert isinstance(fit, Fit)
    with zoo.weightless():
        other = zoo.make_net("mnasnet0_5", {"num_classes": 2})
    put_into(other, fit.tensors)
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(other.eval()(images), net.eval()(images))


def test_what_is_expected_of_a_net_takes_no_memory():
    weights = [tensor for name, tensor in expected_of("vgg16").items() if name.endswith("weight")]
    assert all(weight.is_meta for weight in weights)
