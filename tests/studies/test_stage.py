"""Many channels at once against the same channels one by one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from zfexplore.atlas.build import build_atlas
from zfexplore.deconv import dense
from zfexplore.errors import ExploreError
from zfexplore.images.open import open_images
from zfexplore.images.sources import UnreadableImage
from zfexplore.progress import Finished, Progress, finish
from zfexplore.studies.channel import exemplars
from zfexplore.studies.stage import ChannelExemplars, channels_exemplars
from zfexplore.units import Unit

PICTURES = 12


class CountingSource:
    """A source that counts how often each image is read."""

    def __init__(self, source):
        self._source, self.read = source, Counter()

    def __getattr__(self, name):
        return getattr(self._source, name)

    def __getitem__(self, index):
        self.read[index] += 1
        return self._source[index]

    def __len__(self):
        return len(self._source)


@pytest.fixture
def folder(tmp_path):
    generator = np.random.default_rng(0)
    for number in range(PICTURES):
        pixels = generator.integers(0, 256, (20, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    return tmp_path


@pytest.fixture
def source(folder):
    return CountingSource(open_images(folder))


@pytest.fixture
def checkpoint(tiny):
    tiny.net[4].bias[7] = -1000.0  # conv2:7 never fires
    return tiny


@pytest.fixture
def atlas(checkpoint, source):
    atlas = finish(build_atlas(checkpoint, source))
    source.read.clear()
    return atlas


@pytest.fixture
def everything(atlas):
    """Every channel of every stage, the fully connected ones included."""
    return [
        Unit(name, channel) for name, record in atlas.stages.items() for channel in range(record.channels)
    ]


def gathered(events):
    return [event for event in events if isinstance(event, ChannelExemplars)]


def assert_equal(found, wanted):
    assert found.place == wanted.place
    assert found.window == wanted.window
    assert found.activation == pytest.approx(wanted.activation, rel=1e-5)
    np.testing.assert_array_equal(found.image, wanted.image)
    np.testing.assert_allclose(found.crop, wanted.crop, rtol=0, atol=1e-5 * np.abs(wanted.crop).max())


def test_every_channel_of_every_stage_is_the_same_as_one_by_one(checkpoint, source, atlas, everything):
    found = gathered(channels_exemplars(checkpoint, source, atlas, everything))
    assert [one.channel for one in found] == everything
    for one in found:
        alone = list(exemplars(checkpoint, source, atlas, one.channel.stage, one.channel.channel))
        assert len(one.exemplars) == len(alone)
        for exemplar, wanted in zip(one.exemplars, alone, strict=True):
            assert_equal(exemplar, wanted)


def test_each_image_is_read_once(checkpoint, source, atlas, everything):
    finish(channels_exemplars(checkpoint, source, atlas, everything))
    assert set(source.read.values()) == {1}
    assert len(source.read) > PICTURES // 2


def test_channels_come_in_the_order_asked_for_each_with_its_ranks_in_order(checkpoint, source, atlas):
    channels = [Unit("pool2", 3), Unit("conv1", 5), Unit("conv2", 7), Unit("conv1", 0)]
    found = gathered(channels_exemplars(checkpoint, source, atlas, channels))
    assert [one.channel for one in found] == channels
    for one in found:
        assert [exemplar.rank for exemplar in one.exemplars] == list(range(len(one.exemplars)))
    assert found[2].exemplars == ()  # a channel that never fires has its turn too


def test_a_channel_is_given_before_images_that_it_does_not_need_are_read(checkpoint, source, atlas):
    channels = [Unit("conv1", channel) for channel in range(6)]
    events = channels_exemplars(checkpoint, source, atlas, channels)
    first = next(event for event in events if isinstance(event, ChannelExemplars))
    assert set(source.read) == {exemplar.place.image for exemplar in first.exemplars}


def test_progress_counts_projections_and_the_last_event_tells_how_many(checkpoint, source, atlas, everything):
    *events, last = channels_exemplars(checkpoint, source, atlas, everything)
    total = sum(int((record.value > 0).sum()) for record in atlas.stages.values())
    assert last == Finished(total)
    progress = [event for event in events if isinstance(event, Progress)]
    assert (progress[-1].done, progress[-1].total, progress[-1].unit) == (total, total, "projections")
    assert [event.done for event in progress] == sorted(event.done for event in progress)


def test_little_memory_reads_images_again_and_gives_the_same(checkpoint, source, atlas, everything):
    some = everything[::4]
    plenty = gathered(channels_exemplars(checkpoint, source, atlas, some))
    source.read.clear()
    little = gathered(channels_exemplars(checkpoint, source, atlas, some, memory=1))
    assert max(source.read.values()) > len(some) // 2
    assert [one.channel for one in little] == some
    for one, other in zip(little, plenty, strict=True):
        assert len(one.exemplars) == len(other.exemplars)
        for exemplar, wanted in zip(one.exemplars, other.exemplars, strict=True):
            assert_equal(exemplar, wanted)


def test_what_waits_fits_into_the_memory_given(checkpoint, source, atlas):
    channels = [Unit("conv2", channel) for channel in range(8)]
    memory = 30_000
    held, given = [], set()

    def projector(trunk, image, stage, numbers, positions):
        waiting = [one for one in held if one[0] not in given]
        assert sum(size for _, size in waiting) <= memory
        projection = dense.project(trunk, image, stage, numbers, positions)
        areas = (projection.window[:, 2:] - projection.window[:, :2]).prod(1).tolist()
        held.extend((number, 3 * 4 * area) for number, area in zip(numbers, areas, strict=True))
        return projection

    for event in channels_exemplars(checkpoint, source, atlas, channels, projector=projector, memory=memory):
        if isinstance(event, ChannelExemplars):
            given.add(event.channel.channel)
    assert sum(size for _, size in held) > memory


def test_exemplars_hold_their_windows_and_no_more(checkpoint, source, atlas):
    (one,) = gathered(channels_exemplars(checkpoint, source, atlas, [Unit("conv1", 0)]))
    for exemplar in one.exemplars:
        assert exemplar.crop.base is None
        assert exemplar.crop.shape == (3, exemplar.window.height, exemplar.window.width)


def test_a_projector_given_is_the_one_used(checkpoint, source, atlas, everything):
    asked = []

    def projector(trunk, image, stage, numbers, positions):
        asked.append((stage, len(image)))
        return dense.project(trunk, image, stage, numbers, positions)

    forced = gathered(channels_exemplars(checkpoint, source, atlas, everything, projector=projector))
    assert {stage for stage, _ in asked} == set(atlas.stages)
    assert {images for _, images in asked} == {1}
    for one, other in zip(
        forced, gathered(channels_exemplars(checkpoint, source, atlas, everything)), strict=True
    ):
        for exemplar, wanted in zip(one.exemplars, other.exemplars, strict=True):
            assert_equal(exemplar, wanted)


def test_an_atlas_of_other_weights_is_found_out(checkpoint, source, atlas, everything):
    checkpoint.net[4].weight.mul_(1.01)
    with pytest.raises(ExploreError, match=r"does not belong to this checkpoint.*conv2:\d@\d+,\d+ is"):
        finish(channels_exemplars(checkpoint, source, atlas, [Unit("conv1", 0), Unit("conv2", 0)]))


def test_the_tolerance_is_that_of_a_single_channel(checkpoint, source, atlas):
    record = atlas.stages["conv2"]
    shifted = replace(record, value=(record.value * 1.0012).astype(np.float32))
    other = replace(atlas, stages={**atlas.stages, "conv2": shifted})
    with pytest.raises(ExploreError, match="in the atlas"):
        finish(channels_exemplars(checkpoint, source, other, [Unit("conv2", 0)]))
    assert gathered(channels_exemplars(checkpoint, source, other, [Unit("conv2", 0)], tolerance=2e-3))


def test_an_image_that_has_gone_bad_is_named(checkpoint, folder, source, atlas):
    first = atlas.top("conv2", 0)[0]
    (folder / first.name).write_bytes(b"no longer an image")
    with pytest.raises(UnreadableImage, match=first.name):
        finish(channels_exemplars(checkpoint, source, atlas, [Unit("conv2", 0)]))


def test_what_is_not_there_is_refused_before_any_image_is_read(checkpoint, source, atlas):
    for channel, complaint in (
        (Unit("conv2", 8), "conv2 has no channel 8"),
        (Unit("conv9", 0), "no layer 'conv9'"),
    ):
        with pytest.raises(ExploreError, match=complaint):
            finish(channels_exemplars(checkpoint, source, atlas, [Unit("conv1", 0), channel]))
    assert not source.read


def test_the_net_and_the_settings_are_left_as_they_were(checkpoint, source, atlas, everything):
    weights = [parameter.clone() for parameter in checkpoint.net.parameters()]
    events = channels_exemplars(checkpoint, source, atlas, everything)
    next(events)
    assert torch.is_grad_enabled()
    events.close()
    for parameter, before in zip(checkpoint.net.parameters(), weights, strict=True):
        assert torch.equal(parameter, before)
