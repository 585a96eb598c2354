from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from zfexplore.atlas.build import build_atlas
from zfexplore.convention import InputConvention
from zfexplore.deconv import dense
from zfexplore.errors import ExploreError
from zfexplore.images.open import open_images
from zfexplore.images.sources import UnreadableImage
from zfexplore.nets.checkpoint import Checkpoint, Metadata
from zfexplore.nets.trunk import Trunk
from zfexplore.progress import finish
from zfexplore.studies.channel import exemplars

SIZE = 40


@pytest.fixture
def checkpoint():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 6, 5, stride=2), nn.ReLU(), nn.MaxPool2d(3, 2, 1), nn.LocalResponseNorm(5),
        nn.Conv2d(6, 8, 3), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Flatten(), nn.Linear(8 * 3 * 3, 10), nn.ReLU(), nn.Linear(10, 5),
    )  # fmt: skip
    net.eval().requires_grad_(False)
    net[4].bias[7] = -1000.0  # a dead channel
    convention = InputConvention(size=SIZE, resize=SIZE + 4, mean=(120.0, 110.0, 100.0), std=(60.0,) * 3)
    return Checkpoint(net, Trunk(net), Metadata("tiny", {}, input=convention, weights_fingerprint="w"))


@pytest.fixture
def folder(tmp_path):
    generator = np.random.default_rng(0)
    for number in range(12):
        small = generator.integers(0, 256, (12, 15, 3), dtype=np.uint8)
        Image.fromarray(small).resize((60, 50)).save(tmp_path / f"{number}.png")
    return tmp_path


@pytest.fixture
def source(folder):
    return open_images(folder)


@pytest.fixture
def atlas(checkpoint, source):
    return finish(build_atlas(checkpoint, source))


@pytest.mark.parametrize("stage", ["conv1", "conv2", "pool2", "fc3", "fc4"])
def test_the_places_of_the_atlas_come_in_order_with_their_own_activation(checkpoint, source, atlas, stage):
    channel = int(np.argmax(atlas.stages[stage].mean))
    found = list(exemplars(checkpoint, source, atlas, stage, channel))
    assert [exemplar.rank for exemplar in found] == list(range(len(found)))
    assert [exemplar.place for exemplar in found] == [p for p in atlas.top(stage, channel) if p.value > 0]
    for exemplar in found:
        assert exemplar.activation == pytest.approx(exemplar.place.value, rel=1e-5)


def test_image_patch_and_projection_belong_together(checkpoint, source, atlas):
    for exemplar in exemplars(checkpoint, source, atlas, "conv2", 0):
        window = exemplar.window
        inside = np.s_[window.y0 : window.y1, window.x0 : window.x1]
        assert exemplar.image.shape == (SIZE, SIZE, 3)
        assert exemplar.image.dtype == np.uint8
        np.testing.assert_array_equal(exemplar.patch, exemplar.image[inside])
        np.testing.assert_array_equal(exemplar.crop, exemplar.pixels[:, inside[0], inside[1]])
        outside = exemplar.pixels.copy()
        outside[:, inside[0], inside[1]] = 0
        assert not outside.any()
        assert exemplar.crop.any()
        # The image is the one the place names, as the net sees it.
        original = source[exemplar.place.image].image
        box = (5, 0, 55, 50)  # the centre square of 60 x 50
        square = np.asarray(original.crop(box).resize((SIZE + 4,) * 2, Image.Resampling.BILINEAR))
        difference = np.abs(square[2:-2, 2:-2].astype(int) - exemplar.image)
        assert difference.max() <= 1


def test_projecting_several_at_a_time_gives_the_same(checkpoint, source, atlas):
    single = list(exemplars(checkpoint, source, atlas, "conv2", 1, projector=dense.project))
    batch = list(exemplars(checkpoint, source, atlas, "conv2", 1, projector=dense.project, batch_size=4))
    assert [exemplar.place for exemplar in batch] == [exemplar.place for exemplar in single]
    for one, other in zip(single, batch, strict=True):
        np.testing.assert_allclose(one.pixels, other.pixels, rtol=1e-4, atol=1e-6)


def test_one_projection_is_made_at_a_time(checkpoint, source, atlas):
    calls = []

    def projector(trunk, images, *arguments):
        calls.append(len(images))
        return dense.project(trunk, images, *arguments)

    found = exemplars(checkpoint, source, atlas, "conv1", 2, projector=projector)
    next(found)
    assert calls == [1]
    next(found)
    assert calls == [1, 1]


def test_a_dead_channel_has_no_exemplars(checkpoint, source, atlas):
    assert atlas.stages["conv2"].dead[7]
    assert list(exemplars(checkpoint, source, atlas, "conv2", 7)) == []


def test_an_atlas_of_other_weights_is_found_out(checkpoint, source, atlas):
    checkpoint.net[4].weight.mul_(1.01)
    with pytest.raises(ExploreError, match=r"does not belong to this checkpoint.*conv2:0@\d+,\d+ is"):
        list(exemplars(checkpoint, source, atlas, "conv2", 0))


def test_an_atlas_of_other_images_is_found_out(checkpoint, folder, source, atlas):
    first = atlas.top("conv2", 0)[0]
    Image.new("RGB", (60, 50), "green").save(folder / first.name)
    with pytest.raises(ExploreError, match="does not belong to this checkpoint and these images"):
        list(exemplars(checkpoint, source, atlas, "conv2", 0))


def test_the_tolerance_is_one_in_a_thousand(checkpoint, source, atlas):
    record = atlas.stages["conv2"]
    for factor, accepted in ((1.0009, True), (1.0012, False)):
        shifted = replace(record, value=(record.value * factor).astype(np.float32))
        other = replace(atlas, stages={**atlas.stages, "conv2": shifted})
        if accepted:
            assert list(exemplars(checkpoint, source, other, "conv2", 0))
        else:
            with pytest.raises(ExploreError, match="in the atlas"):
                list(exemplars(checkpoint, source, other, "conv2", 0))


def test_an_atlas_in_reduced_precision_is_accepted(checkpoint, source):
    atlas = finish(build_atlas(checkpoint, source, precision="bfloat16"))
    assert len(list(exemplars(checkpoint, source, atlas, "conv2", 0))) > 0


def test_an_image_that_has_gone_bad_is_named(checkpoint, folder, source, atlas):
    first = atlas.top("conv2", 0)[0]
    (folder / first.name).write_bytes(b"no longer an image")
    with pytest.raises(UnreadableImage, match=first.name):
        list(exemplars(checkpoint, source, atlas, "conv2", 0))


def test_what_is_not_there_is_refused(checkpoint, source, atlas):
    with pytest.raises(ExploreError, match="conv2 has no channel 8"):
        list(exemplars(checkpoint, source, atlas, "conv2", 8))
    with pytest.raises(ExploreError, match="there is no layer 'conv9'"):
        list(exemplars(checkpoint, source, atlas, "conv9", 0))
