"""Nets by what a user gives: modules stay as they are, weights tell nets apart."""

import pytest
import torch

from tests import foreign
from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.nets.open import open_module, open_net

INPUT = InputConvention(size=24, resize=24, scale=1.0)


def test_a_module_is_explored_as_it_is():
    module = foreign.seeded(foreign.Residual).train()

    opened = open_module(module, INPUT, classes=("a", "b", "c", "d"))

    assert opened.module is module
    assert module.training
    assert opened.metadata.architecture == "Residual"
    assert opened.class_names("fc") == ("a", "b", "c", "d")
    assert opened.class_names("blocks.1.conv2") == ()
    assert opened.notes == ()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_another_precision_is_copied_to_float32_with_a_note(dtype):
    module = foreign.seeded(foreign.Residual).to(dtype)

    opened = open_module(module, INPUT)

    assert opened.net.dtype == torch.float32
    assert next(module.parameters()).dtype == dtype
    assert opened.notes == ("Residual is explored in float32, which its weights are not in",)


def test_grey_nets_get_plain_values_and_colour_nets_imagenet_s():
    grey = open_module(foreign.seeded(foreign.Residual, colours=1)).metadata.input
    assert (grey.channels, grey.scale, grey.mean, grey.std) == (1, 1.0, (0.0,), (1.0,))
    assert open_module(foreign.seeded(foreign.Residual)).metadata.input.mean == (0.485, 0.456, 0.406)


def test_what_does_not_go_together_is_refused():
    with pytest.raises(ExploreError, match="--weights go with --net"):
        open_net(weights="a.pth")
    with pytest.raises(ExploreError, match="give --checkpoint or --net, not both"):
        open_net("a.safetensors", "resnet18")
    with pytest.raises(ExploreError, match="a net is an nn.Module, a name or a file; not int"):
        open_module(3)
