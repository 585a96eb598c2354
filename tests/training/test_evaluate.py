from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from tests.support import Transfers, result_of
from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.images.transforms import normalise, prepare_large, ten_crop
from zfexplore.nets.checkpoint import Checkpoint, Metadata
from zfexplore.nets.trunk import Trunk
from zfexplore.nets.zfnet import ZFNet, initialise
from zfexplore.progress import Note, Skipped
from zfexplore.training import data
from zfexplore.training import evaluate as evaluation
from zfexplore.training.evaluate import class_map, evaluate, evaluate_checkpoint
from zfexplore.training.machine import choose_machine

CPU = choose_machine("cpu", amp=False, workers=0)
SMALL = InputConvention(size=56, resize=64, mean=(120.0, 120.0, 120.0), std=(60.0, 60.0, 60.0))


@pytest.fixture
def net(stripes):
    net = ZFNet(3, 8)
    squares = np.stack([prepare_large(stripes[index].image, SMALL) for index in range(18)])
    initialise(net, "he-scaled", seed=1, batch=normalise(squares, SMALL))
    return net.eval()


def logits(net, stripes, crops):
    """By another route: one image at a time through the module itself."""
    shares = []
    for index in range(len(stripes)):
        large = normalise(prepare_large(stripes[index].image, SMALL)[None], SMALL)
        views = ten_crop(large, 56)[0] if crops == 10 else large[:, :, 4:60, 4:60]
        with torch.no_grad():
            shares.append(net(views).softmax(1).mean(0))
    return torch.stack(shares).log()


@pytest.mark.parametrize("crops", [1, 10])
def test_figures_equal_those_of_one_image_at_a_time(net, stripes, crops):
    squares = data.Streamed(stripes, SMALL, 0)
    found, _ = result_of(evaluate(Trunk(net), squares, range(18), SMALL, CPU, crops=crops))
    expected, labels = logits(net, stripes, crops), torch.arange(18) % 3
    right = expected.argmax(1) == labels
    assert found.count == 18
    assert found.loss == pytest.approx(float(nn.functional.nll_loss(expected, labels)), rel=1e-5)
    assert found.top1 == pytest.approx(float(right.float().mean()))
    assert found.top5 == 1.0  # of three classes
    shares = [float(right[labels == label].float().mean()) for label in range(3)]
    assert found.per_class == pytest.approx(sum(shares) / 3)


def test_mean_per_class_accuracy_weighs_classes_equally(net, stripes):
    with torch.no_grad():
        net.fc8.weight.zero_()
        net.fc8.bias.copy_(torch.tensor([2.0, 1.0, 0.0]))  # always the first class
    squares = data.Streamed(stripes, SMALL, 0)
    found, _ = result_of(evaluate(Trunk(net), squares, [0, 3, 6, 9, 1, 2], SMALL, CPU))
    assert found.top1 == pytest.approx(4 / 6)
    assert found.per_class == pytest.approx(1 / 3)
    normaliser = math.log(math.exp(2) + math.exp(1) + 1)
    assert found.loss == pytest.approx(normaliser - (4 * 2 + 1) / 6, rel=1e-5)


def test_channels_without_a_positive_value_are_dead(net, stripes):
    with torch.no_grad():
        for layer, count in ((net.conv1, 5), (net.conv4, 2), (net.fc7, 3)):
            layer.weight[:count] = 0.0
            layer.bias[:count] = -1.0
    squares = data.Streamed(stripes, SMALL, 0)
    before, _ = result_of(evaluate(Trunk(net), squares, range(18), SMALL, CPU))
    assert list(before.dead) == ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7"]
    assert before.dead["conv1"] == 5
    with torch.no_grad():
        maps = Trunk(net).maps(
            normalise(
                np.stack([prepare_large(stripes[i].image, SMALL)[4:60, 4:60] for i in range(18)]), SMALL
            )
        )
    for name, dead in before.dead.items():
        assert dead == int((maps[name].movedim(1, 0).flatten(1).amax(1) <= 0).sum())


def test_unreadable_images_are_named_and_do_not_count(net, make_stripes):
    source = make_stripes(6, broken=[4])
    found, events = result_of(evaluate(Trunk(net), data.Streamed(source, SMALL, 0), range(6), SMALL, CPU))
    assert found.count == 5
    assert [event for event in events if isinstance(event, Skipped)] == [Skipped("down/4.png", "it is torn")]


def test_nothing_readable_is_an_error(net, make_stripes):
    source = make_stripes(2, broken=[0, 1])
    with pytest.raises(ExploreError, match="no readable labelled image"):
        result_of(evaluate(Trunk(net), data.Streamed(source, SMALL, 0), range(2), SMALL, CPU))


def test_classes_are_matched_by_name():
    assert class_map(["dog", "cat", "cow"], ["cat", "dog"]) == [1, 0, -1]
    assert class_map(["n01440764", "n02085620-Chihuahua", "dog"], ["Chihuahua", "tench"]) == [1, 0, -1]
    with pytest.raises(
        ExploreError, match="the net knows cat, dog, and none of these images' classes: they are of cow"
    ):
        class_map(["cow"], ["cat", "dog"])
    with pytest.raises(ExploreError, match="they have no classes"):
        class_map([], ["cat"])


@pytest.fixture
def checkpoint(net, stripes):
    images = {
        "name": "stripes",
        "fingerprint": stripes.fingerprint(),
        "held_out": {"fraction": 0.34, "seed": 7},
    }
    return Checkpoint(
        net, Trunk(net), Metadata("zfnet", {}, ("across", "down", "slanted"), SMALL, images=images)
    )


def test_a_checkpoint_finds_its_held_out_images_again(checkpoint, stripes):
    held_out = data.split(stripes, 0.34, seed=7).held_out
    found, _ = result_of(evaluate_checkpoint(checkpoint, stripes, CPU, held_out=True))
    expected, _ = result_of(evaluate(checkpoint.net, data.Streamed(stripes, SMALL, 0), held_out, SMALL, CPU))
    assert found == expected
    assert found.count == 6


def test_held_out_images_are_not_guessed_among_other_images(checkpoint, make_stripes):
    with pytest.raises(ExploreError, match=r"not the images \(stripes\) that the checkpoint was trained on"):
        result_of(evaluate_checkpoint(checkpoint, make_stripes(21), CPU, held_out=True))
    for images in ({}, {"held_out": {"fraction": 0.0, "seed": 7}}):
        without = checkpoint._replace(metadata=Metadata("zfnet", {}, ("across",), SMALL, images=images))
        with pytest.raises(ExploreError, match="held no part of its images out"):
            result_of(evaluate_checkpoint(without, make_stripes(), CPU, held_out=True))


def test_a_trunk_alone_cannot_be_evaluated(checkpoint, stripes):
    alone = ZFNet(0)
    snapshot = checkpoint._replace(module=alone, net=Trunk(alone))
    with pytest.raises(ExploreError, match="a trunk alone, as snapshots are: it cannot tell classes"):
        result_of(evaluate_checkpoint(snapshot, stripes, CPU))


def test_images_of_unknown_classes_are_left_out_aloud(checkpoint, make_stripes):
    source = make_stripes(6, ("down", "sideways", "across"))
    found, events = result_of(evaluate_checkpoint(checkpoint, source, CPU))
    assert found.count == 4
    assert Note("2 images are of classes that the net does not know: left out") in events


def test_on_a_gpu_the_counts_come_down_once_at_the_end(stripes, monkeypatch):
    """A pretended tensor has no number to give: what asked for one would fail."""
    fake = pytest.importorskip("torch._subclasses.fake_tensor")
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor)
    monkeypatch.setattr(evaluation, "VIEWS_AT_ONCE", 6)
    monkeypatch.setattr(evaluation._Counts, "result", lambda counts: len(torch.cat(counts._ranks)))
    order = data.in_batches(range(18), 6)
    ready = SimpleNamespace(batches=lambda _: iter(batches))
    batches = list(data.Streamed(stripes, SMALL, 0).batches(order))
    with fake.FakeTensorMode(allow_non_fake_inputs=True):
        with torch.device("cuda"):
            net = Trunk(ZFNet(3, 8).eval())
        machine = replace(CPU, device=torch.device("cuda"))
        with Transfers() as transfers:
            found, _ = result_of(evaluate(net, ready, range(18), SMALL, machine, class_map=[2, 0, 1]))
    assert found == 18
    moved = [(before, after, waits) for before, after, waits in transfers.noted if before != after]
    up, constant, down = ("cpu", "cuda", False), ("cpu", "cuda", True), ("cuda", "cpu", True)
    # Of each batch the pixels and the labels, of the first the mean and the spread; then three counts.
    assert moved == [up, constant, constant, up, *[up] * 2 * 2, *[down] * 3]
