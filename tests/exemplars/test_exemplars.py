"""One channel against the atlas and the deconvnet; many channels at once against one by one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from zfexplore.atlas.build import build_atlas
from zfexplore.deconv import dense, windowed
from zfexplore.errors import ExploreError
from zfexplore.exemplars import exemplars as module
from zfexplore.exemplars.exemplars import exemplars
from zfexplore.exemplars.records import ChannelExemplars, Exemplar
from zfexplore.exemplars.seen import see
from zfexplore.figures.display import to_rgb
from zfexplore.images.open import open_images
from zfexplore.images.sources import UnreadableImage
from zfexplore.progress import Finished, Progress, Skipped, finish
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
    tiny.module[4].bias[7] = -1000.0  # conv2:7 never fires
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


def one_by_one(checkpoint, source, atlas, channel, **options):
    """One channel's exemplars, in the order in which they are found."""
    events = exemplars(checkpoint, source, atlas, [channel], **options)
    return [event for event in events if isinstance(event, Exemplar)]


def assert_equal(found, wanted):
    assert found.place == wanted.place
    assert found.window == wanted.window
    assert found.activation == pytest.approx(wanted.activation, rel=1e-5)
    np.testing.assert_array_equal(found.image, wanted.image)
    np.testing.assert_allclose(found.crop, wanted.crop, rtol=0, atol=1e-5 * np.abs(wanted.crop).max())


def test_every_channel_of_every_stage_is_the_same_as_one_by_one(checkpoint, source, atlas, everything):
    found = gathered(exemplars(checkpoint, source, atlas, everything))
    assert [one.channel for one in found] == everything
    for one in found:
        alone = one_by_one(checkpoint, source, atlas, one.channel)
        assert len(one.exemplars) == len(alone)
        for exemplar, wanted in zip(one.exemplars, alone, strict=True):
            assert_equal(exemplar, wanted)


def test_images_that_go_together_give_the_same(checkpoint, folder, source, atlas, everything, monkeypatch):
    bad = atlas.top("conv2", 0)[0]
    (folder / bad.name).write_bytes(b"no longer an image")
    alone = list(exemplars(checkpoint, source, atlas, everything))
    source.read.clear()
    monkeypatch.setitem(module.IMAGES_AT_ONCE, "cpu", 5)
    together = list(exemplars(checkpoint, source, atlas, everything))
    assert set(source.read.values()) == {1}
    for kind in (Skipped, Finished):
        assert [event for event in together if isinstance(event, kind)] == [
            event for event in alone if isinstance(event, kind)
        ]
    for one, wanted in zip(gathered(together), gathered(alone), strict=True):
        assert (one.channel, one.unreadable) == (wanted.channel, wanted.unreadable)
        for exemplar, expected in zip(one.exemplars, wanted.exemplars, strict=True):
            assert_equal(exemplar, expected)
            assert exemplar.crop.base is None
    monkeypatch.setitem(module.IMAGES_AT_ONCE, "cpu", 64)
    ranks = [exemplar.rank for exemplar in one_by_one(checkpoint, source, atlas, Unit("conv2", 1))]
    assert ranks == sorted(ranks)


def test_each_image_is_read_once(checkpoint, source, atlas, everything):
    finish(exemplars(checkpoint, source, atlas, everything))
    assert set(source.read.values()) == {1}
    assert len(source.read) > PICTURES // 2


def test_channels_come_in_the_order_asked_for_each_with_its_ranks_in_order(checkpoint, source, atlas):
    channels = [Unit("pool2", 3), Unit("conv1", 5), Unit("conv2", 7), Unit("conv1", 0)]
    found = gathered(exemplars(checkpoint, source, atlas, channels))
    assert [one.channel for one in found] == channels
    for one in found:
        assert [exemplar.rank for exemplar in one.exemplars] == list(range(len(one.exemplars)))
    assert found[2].exemplars == ()  # a channel that never fires has its turn too


def test_a_channel_is_given_before_images_that_it_does_not_need_are_read(checkpoint, source, atlas):
    channels = [Unit("conv1", channel) for channel in range(6)]
    events = exemplars(checkpoint, source, atlas, channels)
    first = next(event for event in events if isinstance(event, ChannelExemplars))
    assert set(source.read) == {exemplar.place.image for exemplar in first.exemplars}


def test_progress_counts_projections_and_the_last_event_tells_how_many(checkpoint, source, atlas, everything):
    *events, last = exemplars(checkpoint, source, atlas, everything)
    total = sum(int((record.value > 0).sum()) for record in atlas.stages.values())
    assert last == Finished(total)
    progress = [event for event in events if isinstance(event, Progress)]
    assert (progress[-1].done, progress[-1].total, progress[-1].unit) == (total, total, "projections")
    assert [event.done for event in progress] == sorted(event.done for event in progress)


def test_little_memory_reads_images_again_and_gives_the_same(checkpoint, source, atlas, everything):
    some = everything[::4]
    plenty = gathered(exemplars(checkpoint, source, atlas, some))
    source.read.clear()
    little = gathered(exemplars(checkpoint, source, atlas, some, memory=1))
    assert max(source.read.values()) > len(some) // 2
    assert [one.channel for one in little] == some
    for one, other in zip(little, plenty, strict=True):
        assert len(one.exemplars) == len(other.exemplars)
        for exemplar, wanted in zip(one.exemplars, other.exemplars, strict=True):
            assert_equal(exemplar, wanted)


def test_what_waits_fits_into_the_memory_given(checkpoint, source, atlas):
    channels = [Unit("conv2", channel) for channel in range(8)]
    memory = 30_000
    waiting, total = {}, 0
    for event in exemplars(checkpoint, source, atlas, channels, memory=memory):
        if isinstance(event, Exemplar):
            waiting[event.channel] = waiting.get(event.channel, 0) + event.crop.nbytes
            total += event.crop.nbytes
            assert sum(waiting.values()) <= memory
        elif isinstance(event, ChannelExemplars):
            waiting.pop(event.channel, None)
    assert total > memory


def test_at_half_the_size_twice_as_much_waits_and_looks_the_same(checkpoint, source, atlas):
    channels = [Unit("conv2", channel) for channel in range(7)]
    whole = gathered(exemplars(checkpoint, source, atlas, channels, memory=50_000))
    assert max(source.read.values()) == 2
    source.read.clear()
    half = gathered(exemplars(checkpoint, source, atlas, channels, memory=50_000, half=True))
    assert max(source.read.values()) == 1
    for found, again in zip(whole, half, strict=True):
        for one, other in zip(found.exemplars, again.exemplars, strict=True):
            assert (other.crop.dtype, float(np.abs(other.crop).max())) == (np.float16, 1.0)
            np.testing.assert_allclose(other.crop * np.abs(one.crop).max(), one.crop, rtol=2e-3, atol=1e-6)
            drawn = [to_rgb(each.crop)[0].astype(int) for each in (one, other)]
            assert np.abs(drawn[0] - drawn[1]).max() <= 1
            assert one.window == other.window
            # Another batch: some processors multiply it by another kernel, which rounds otherwise.
            assert other.activation == pytest.approx(one.activation, rel=1e-5)


def test_exemplars_hold_their_windows_and_no_more(checkpoint, source, atlas):
    (one,) = gathered(exemplars(checkpoint, source, atlas, [Unit("conv1", 0)]))
    for exemplar in one.exemplars:
        assert exemplar.crop.base is None
        assert exemplar.crop.shape == (3, exemplar.window.height, exemplar.window.width)


@pytest.mark.parametrize("method", ["dense", "windowed"])
def test_the_method_asked_for_is_the_one_used(checkpoint, source, atlas, everything, monkeypatch, method):
    asked = []
    module = {"dense": dense, "windowed": windowed}[method]
    original = module.project_request
    monkeypatch.setattr(
        module, "project_request", lambda *given: asked.append(given[2].stage.name) or original(*given)
    )
    forced = gathered(exemplars(checkpoint, source, atlas, everything, method=method))
    assert set(asked) == set(atlas.stages)
    monkeypatch.undo()
    for one, other in zip(forced, gathered(exemplars(checkpoint, source, atlas, everything)), strict=True):
        for exemplar, wanted in zip(one.exemplars, other.exemplars, strict=True):
            assert_equal(exemplar, wanted)


def test_an_atlas_of_other_weights_is_found_out(checkpoint, source, atlas, everything):
    checkpoint.module[4].weight.mul_(1.01)
    with pytest.raises(ExploreError, match=r"does not belong to this checkpoint.*conv2:\d@\d+,\d+ is"):
        finish(exemplars(checkpoint, source, atlas, [Unit("conv1", 0), Unit("conv2", 0)]))


def test_the_tolerance_is_that_of_a_single_channel(checkpoint, source, atlas):
    record = atlas.stages["conv2"]
    shifted = replace(record, value=(record.value * 1.0012).astype(np.float32))
    other = replace(atlas, stages={**atlas.stages, "conv2": shifted})
    with pytest.raises(ExploreError, match="in the atlas"):
        finish(exemplars(checkpoint, source, other, [Unit("conv2", 0)]))
    assert gathered(exemplars(checkpoint, source, other, [Unit("conv2", 0)], tolerance=2e-3))


def test_an_image_that_has_gone_bad_is_named_once_and_left_out(checkpoint, folder, source, atlas, everything):
    before = gathered(exemplars(checkpoint, source, atlas, everything))
    bad = atlas.top("conv2", 0)[0]
    (folder / bad.name).write_bytes(b"no longer an image")
    events = list(exemplars(checkpoint, source, atlas, everything))
    named = [(event.name, bool(event.reason)) for event in events if isinstance(event, Skipped)]
    assert named == [(bad.name, True)]
    for one, whole in zip(gathered(events), before, strict=True):
        kept = [exemplar for exemplar in whole.exemplars if exemplar.place.image != bad.image]
        assert [exemplar.rank for exemplar in one.exemplars] == [exemplar.rank for exemplar in kept]
        assert one.unreadable == len(whole.exemplars) - len(kept)


def test_what_is_left_with_no_image_at_all_is_an_error(checkpoint, folder, source, atlas):
    names = {place.name for place in atlas.top("conv2", 0)}
    for name in names:
        (folder / name).write_bytes(b"no longer an image")
    with pytest.raises(UnreadableImage, match="cannot be read"):
        finish(exemplars(checkpoint, source, atlas, [Unit("conv2", 0)]))


def test_what_is_not_there_is_refused_before_any_image_is_read(checkpoint, source, atlas):
    for channel, complaint in (
        (Unit("conv2", 8), "conv2 has no channel 8"),
        (Unit("conv9", 0), "no layer 'conv9'"),
    ):
        with pytest.raises(ExploreError, match=complaint):
            finish(exemplars(checkpoint, source, atlas, [Unit("conv1", 0), channel]))
    assert not source.read


def test_the_net_and_the_settings_are_left_as_they_were(checkpoint, source, atlas, everything):
    weights = [parameter.clone() for parameter in checkpoint.module.parameters()]
    events = exemplars(checkpoint, source, atlas, everything)
    next(events)  # an exemplar: the generator stands in the middle of its work
    assert torch.is_grad_enabled()
    events.close()
    for parameter, before in zip(checkpoint.module.parameters(), weights, strict=True):
        assert torch.equal(parameter, before)


@pytest.mark.parametrize("stage", ["conv1", "conv2", "pool2", "fc3", "fc4"])
def test_a_channels_exemplars_come_in_order_with_their_own_activation(checkpoint, source, atlas, stage):
    channel = int(np.argmax(atlas.stages[stage].mean))
    found = one_by_one(checkpoint, source, atlas, Unit(stage, channel))
    assert [exemplar.rank for exemplar in found] == list(range(len(found)))
    assert [exemplar.place for exemplar in found] == [p for p in atlas.top(stage, channel) if p.value > 0]
    for exemplar in found:
        assert exemplar.activation == pytest.approx(exemplar.place.value, rel=1e-5)
        assert exemplar.unit == Unit(stage, channel, exemplar.place.y, exemplar.place.x)


def test_the_projection_is_the_textbooks(checkpoint, source, atlas):
    for exemplar in one_by_one(checkpoint, source, atlas, Unit("conv2", 0)):
        batch = see(checkpoint, source[exemplar.place.image].image).batch
        place = [(exemplar.place.y, exemplar.place.x)]
        wanted = dense.project(checkpoint.net, batch, "conv2", 0, place).pixels[0].numpy()
        np.testing.assert_allclose(exemplar.pixels, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


def test_image_patch_and_projection_belong_together(checkpoint, source, atlas):
    for exemplar in one_by_one(checkpoint, source, atlas, Unit("conv2", 0)):
        window = exemplar.window
        inside = np.s_[window.y0 : window.y1, window.x0 : window.x1]
        np.testing.assert_array_equal(exemplar.patch, exemplar.image[inside])
        np.testing.assert_array_equal(exemplar.crop, exemplar.pixels[:, inside[0], inside[1]])
        outside = exemplar.pixels.copy()
        outside[:, inside[0], inside[1]] = 0
        assert not outside.any()
        assert exemplar.crop.any()
        # The image is the one that the place names, as the net sees it: 20 x 24 pixels, its centre square.
        original = np.asarray(source[exemplar.place.image].image)
        np.testing.assert_array_equal(exemplar.image, original[:, 2:22])


def test_one_projection_is_made_at_a_time(checkpoint, source, atlas):
    events = exemplars(checkpoint, source, atlas, [Unit("conv1", 2)])
    next(events)
    assert sum(source.read.values()) == 1
    next(event for event in events if isinstance(event, Exemplar))
    assert sum(source.read.values()) == 2


def test_who_remembers_images_is_asked_for_them(checkpoint, source, atlas):
    asked = []

    def look(image):
        asked.append(image)
        return see(checkpoint, source[image].image)

    found = one_by_one(checkpoint, source, atlas, Unit("conv1", 2), look=look)
    assert asked == [exemplar.place.image for exemplar in found]


def test_an_atlas_of_other_images_is_found_out(checkpoint, folder, source, atlas):
    first = atlas.top("conv2", 0)[0]
    Image.new("RGB", (24, 20), "green").save(folder / first.name)
    with pytest.raises(ExploreError, match="does not belong to this checkpoint and these images"):
        one_by_one(checkpoint, source, atlas, Unit("conv2", 0))


def test_the_tolerance_is_one_in_a_thousand(checkpoint, source, atlas):
    record = atlas.stages["conv2"]
    for factor, accepted in ((1.0009, True), (1.0012, False)):
        shifted = replace(record, value=(record.value * factor).astype(np.float32))
        other = replace(atlas, stages={**atlas.stages, "conv2": shifted})
        if accepted:
            assert one_by_one(checkpoint, source, other, Unit("conv2", 0))
        else:
            with pytest.raises(ExploreError, match="in the atlas"):
                one_by_one(checkpoint, source, other, Unit("conv2", 0))


def test_an_atlas_in_reduced_precision_is_accepted(checkpoint, source):
    atlas = finish(build_atlas(checkpoint, source, precision="bfloat16"))
    assert one_by_one(checkpoint, source, atlas, Unit("conv2", 0))
