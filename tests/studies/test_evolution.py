from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from tests.support import checkpoint_of, result_of, small_net
from zfexplore.atlas.open import open_or_build
from zfexplore.errors import ExploreError
from zfexplore.images.sources import Picture, UnreadableImage
from zfexplore.progress import Progress, Skipped, finish
from zfexplore.studies.evolution import correlation, evolve, filters_of, in_order, weights_in
from zfexplore.units import Unit

CHANNELS = (Unit("conv1", 0), Unit("conv1", 1))
# By epoch, what the two channels of a net without biases take of red, green and blue.
WEIGHTS = {
    1: [[1, 0, 0], [0, 1, 0]],
    2: [[0, 2, 0], [0, 1, 0]],
    3: [[0, 3, -1], [0, -1, 0]],
}


class Pixels:
    """Black pictures of 4 x 4: on the first a pixel is red, on the second one green; the third is broken."""

    name, classes = "pixels", ()
    lit = ((1, 2, 0, 200), (3, 0, 1, 100))  # row, column, colour, value

    def __len__(self):
        return 3

    def __getitem__(self, index):
        if index == 2:
            raise UnreadableImage(2, "2.png", "it is cut short")
        y, x, colour, value = self.lit[index]
        pixels = np.zeros((4, 4, 3), np.uint8)
        pixels[y, x, colour] = value
        return Picture(Image.fromarray(pixels), None, self.image_name(index))

    def label(self, index):
        return None

    def image_name(self, index):
        return f"{index}.png"

    def fingerprint(self):
        return "pixels"


def at_epoch(epoch):
    net = nn.Sequential(nn.Conv2d(3, 2, 1, bias=False), nn.ReLU())
    net[0].weight.data = torch.tensor(WEIGHTS[epoch], dtype=torch.float32)[:, :, None, None]
    opened = checkpoint_of(net, 4, weights=f"weights-{epoch}")
    return opened._replace(metadata=replace(opened.metadata, epochs=epoch))


def load(name):
    return at_epoch(int(name.removesuffix(".safetensors")))


@pytest.fixture
def found(tmp_path, monkeypatch):
    """What the events before it are, too."""
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(tmp_path))
    last, source = at_epoch(3), Pixels()
    atlas = finish(open_or_build(last, source))
    return result_of(evolve(["2.safetensors", "1.safetensors"], last, atlas, source, CHANNELS, load=load))


def test_a_linear_nets_channels_are_followed_as_by_hand(found):
    evolution, events = found
    assert [moment.epochs for moment in evolution.moments] == [1, 2, 3]
    assert [moment.weights for moment in evolution.moments] == ["weights-1", "weights-2", "weights-3"]
    first, second = evolution.strongest
    # The first channel jumps from the red pixel to the green one: value and projection are products.
    assert [(one.place.image, one.place.y, one.place.x) for one in first] == [(0, 1, 2), (1, 3, 0), (1, 3, 0)]
    assert [one.activation for one in first] == [200, 200, 300]
    crops = [one.crop.reshape(3).tolist() for one in first]
    assert crops == [[200, 0, 0], [0, 400, 0], [0, 900, -300]]
    # The second dies at the end.
    assert [one and one.activation for one in second] == [100, 100, None]
    told = {event.task for event in events if isinstance(event, Progress)}
    assert {"epoch 1: index", "epoch 2: projecting"} <= told
    assert "epoch 3: index" not in told  # that atlas is there
    assert sum(isinstance(event, Skipped) for event in events) == 1  # and not once an epoch


def test_filters_settle_as_by_hand(found):
    (conv1,) = found[0].settling
    assert conv1.stage == "conv1"
    # The first channel's cosines of centred weights; the second's are 1, 1 and -1.
    turned, back, whole = -6 / 12, 42 / np.sqrt(24 * 78), -6 / np.sqrt(6 * 78)
    assert conv1.with_next == pytest.approx([(turned + 1) / 2, (back - 1) / 2], abs=1e-12)
    assert conv1.with_last == pytest.approx([(whole - 1) / 2, (back - 1) / 2], abs=1e-12)


def test_the_correlation_is_numpys_and_sees_neither_size_nor_offset():
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 5, 12))
    each = [np.corrcoef(one, other)[0, 1] for one, other in zip(a, b, strict=True)]
    assert correlation(a, b) == pytest.approx(np.mean(each), abs=1e-12)
    assert correlation(a, 0.1 * a + 7) == pytest.approx(1, abs=1e-12)
    flat = np.ones((1, 3))
    assert (correlation(flat, flat), correlation(flat, 2 * flat)) == (1, 0)


def test_every_layer_with_weights_has_filters():
    net = checkpoint_of(small_net(), 20).net
    shapes = {name: filters.shape for name, filters in filters_of(net).items()}
    assert shapes == {"conv1": (6, 27), "conv2": (8, 54), "fc3": (10, 128), "fc4": (5, 10)}


@pytest.mark.parametrize(
    ("earlier", "message"),
    [
        ([], "takes weights of two epochs or more"),
        (["1", "1"], "1 and 1 are both of epoch 1: give one"),
        (["3"], "3 is of epoch 3, and shipped of epoch 3: give weights from before the last ones"),
    ],
)
def test_weights_that_are_no_story_are_refused_before_the_work(earlier, message):
    with pytest.raises(ExploreError, match=message):
        next(evolve(earlier, at_epoch(3), None, Pixels(), CHANNELS, load=load))


def test_nets_of_two_trainings_are_refused():
    def other(name):
        opened = checkpoint_of(small_net(), 20)
        return opened._replace(metadata=replace(opened.metadata, epochs=1))

    with pytest.raises(ExploreError, match="a has 6 channels in conv1, where shipped has 2: they are not of"):
        next(evolve(["a"], at_epoch(3), None, Pixels(), CHANNELS, load=other))


@pytest.mark.parametrize("later", [nn.Conv2d(2, 3, 1), nn.Conv2d(2, 2, 3)])
def test_nets_that_differ_in_a_stage_that_is_not_drawn_are_refused_too(later):
    def of(second, epochs):
        opened = checkpoint_of(nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(), second, nn.ReLU()), 4)
        return opened._replace(metadata=replace(opened.metadata, epochs=epochs))

    last = of(nn.Conv2d(2, 2, 1), 3)
    with pytest.raises(ExploreError, match="the filters of conv2 in a have another shape than in shipped"):
        next(evolve(["a"], last, None, Pixels(), CHANNELS, load=lambda name: of(later, 1)))


def test_files_come_in_the_order_of_their_epochs_and_folders_must_be_runs(tmp_path):
    assert [moment.epochs for moment in in_order(["3", "1", "2"], load)] == [1, 2, 3]
    assert weights_in(["b", "a", "b"]) == ["b", "a"]
    with pytest.raises(ExploreError, match="holds no run"):
        weights_in([tmp_path])
    (tmp_path / "log.jsonl").write_text("")
    with pytest.raises(ExploreError, match="has kept no weights: .zfexplore train --snapshots. says when"):
        weights_in([tmp_path])
