"""A net is known by the weights that it has now, not by those that were loaded."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.support import tiny_checkpoint, write_zfnet
from zfexplore.convention import InputConvention
from zfexplore.nets.checkpoint import Metadata, load_checkpoint, save_checkpoint
from zfexplore.nets.fingerprint import of_no_training, weights_in_use
from zfexplore.nets.named import open_named
from zfexplore.nets.zfnet import ZFNet


@pytest.fixture(params=["float32", "half", "mean image"])
def checkpoint(request, tmp_path):
    path = tmp_path / "net.safetensors"
    if request.param == "float32":
        return load_checkpoint(write_zfnet(path))
    net = ZFNet(classes=2, fc=8)
    mean = torch.rand(3, 72, 72) if request.param == "mean image" else None
    convention = InputConvention(size=64, resize=72, mean_image=mean)
    metadata = Metadata("zfnet", net.arguments, ("a", "b"), convention)
    save_checkpoint(path, net, metadata, half=request.param == "half")
    return load_checkpoint(path)


def test_weights_that_were_loaded_have_the_fingerprint_of_their_file(checkpoint):
    assert weights_in_use(checkpoint) == checkpoint.metadata.weights_fingerprint
    checkpoint.module.double()
    assert weights_in_use(checkpoint) == checkpoint.metadata.weights_fingerprint


@pytest.mark.parametrize(
    "change",
    [
        lambda net: net.conv3.weight.data.view(-1)[7].add_(0.5),
        lambda net: net.fc6.bias.numpy().__setitem__(0, 3.0),
        lambda net: net.conv1.weight.copy_(net.conv1.weight.flip(0)),
        lambda net: net.half().float().conv2.bias.fill_(1e-9),
    ],
)
def test_changed_weights_have_another_and_the_old_ones_the_old(checkpoint, change):
    before = {name: tensor.clone() for name, tensor in checkpoint.module.state_dict().items()}
    change(checkpoint.module)
    changed = weights_in_use(checkpoint)
    assert changed != checkpoint.metadata.weights_fingerprint
    assert weights_in_use(checkpoint) == changed
    checkpoint.module.load_state_dict(before)
    assert weights_in_use(checkpoint) == checkpoint.metadata.weights_fingerprint


def test_a_fingerprint_that_is_not_the_tensors_still_counts():
    one = tiny_checkpoint()
    other = one._replace(metadata=replace(one.metadata, weights_fingerprint="other"))
    assert weights_in_use(one) == weights_in_use(tiny_checkpoint()) != weights_in_use(other)


def test_random_weights_are_of_no_training_until_they_are_changed(checkpoint):
    drawn = open_named("squeezenet1_1").checkpoint()
    assert of_no_training(drawn, weights_in_use(drawn))
    drawn.module.features[0].weight.data += 1
    assert not of_no_training(drawn, weights_in_use(drawn))
    assert not of_no_training(checkpoint, weights_in_use(checkpoint))
