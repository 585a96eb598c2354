from __future__ import annotations

import re

import pytest
import torch

from zfexplore.nets import zoo
from zfexplore.nets.fit import Fit, Misfit
from zfexplore.nets.zfnet_fitting import fit_zfnet

# Layer by layer, the names that other programs have given.
LAYERS = {
    "the replication's": [*(f"layer{number}.0" for number in range(5)), "fc1.0", "fc2.0", "fc3"],
    "one sequence": [f"features.{number}" for number in (0, 3, 7, 9, 11, 20, 23, 26)],
    "ours": ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"],
}


def named(layers: list[str], classes: int = 3, fc: int = 4) -> dict[str, torch.Tensor]:
    """ZFNet's tensors without memory under other names, in the order in which safetensors would give them."""
    with zoo.weightless():
        net = zoo.make_net("zfnet", {"classes": classes, "fc": fc})
    names = [f"{layer}.{part}" for layer in layers for part in ("weight", "bias")]
    return dict(sorted(zip(names, net.state_dict().values(), strict=True)))


@pytest.mark.parametrize("classes", [3, 4])  # with 4 classes, fc7 and fc8 have the same shape
@pytest.mark.parametrize("whose", LAYERS)
def test_every_tensor_finds_its_place_whatever_the_order(whose, classes):
    fit = fit_zfnet(named(LAYERS[whose], classes))
    assert isinstance(fit, Fit)
    expected = [f"{layer}.{part}" for layer in LAYERS[whose] for part in ("weight", "bias")]
    assert [fit.theirs[name] for name in fit.tensors] == expected
    assert (fit.arguments["classes"], fit.arguments["fc"]) == (classes, 4)


def test_a_bias_goes_with_the_weight_of_its_name():
    tensors = named(LAYERS["ours"])
    for ours, theirs in (("conv2", "z.second"), ("conv5", "a.fifth")):
        tensors |= {f"{theirs}.{part}": tensors.pop(f"{ours}.{part}") for part in ("weight", "bias")}
    fit = fit_zfnet(tensors)
    assert isinstance(fit, Fit)
    assert (fit.theirs["conv2.bias"], fit.theirs["conv5.bias"]) == ("z.second.bias", "a.fifth.bias")


def test_numbers_count_as_numbers():
    layers = [f"layer{number}" for number in (2, 4, 6, 8, 10, 12, 14, 16)]
    fit = fit_zfnet(named(layers, classes=4))
    assert isinstance(fit, Fit)
    assert fit.theirs["fc7.weight"] == "layer14.weight"


def test_layers_that_nothing_tells_apart_are_named():
    layers = [*LAYERS["ours"][:6], "hidden", "last"]
    misfit = fit_zfnet(named(layers, classes=4))
    assert isinstance(misfit, Misfit)
    told = (
        r"(hidden|last)\.weight and (hidden|last)\.weight have the same shape, .* fc7\.weight and which fc8"
    )
    assert re.match(told, str(misfit))
