"""What a slice asks of its device, counted without a GPU: on one whose tensors hold no numbers."""

# tests zfexplore/atlas/taking.py too: it takes the slices that are counted

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache

import pytest
import torch

from tests.support import Transfers
from zfexplore.atlas import maxima, taking, tally
from zfexplore.atlas.feeding import Faults, Feeder
from zfexplore.atlas.maxima import Layout
from zfexplore.atlas.reading import Slice
from zfexplore.atlas.state import State
from zfexplore.atlas.tally import Tally
from zfexplore.errors import ExploreError
from zfexplore.nets.ranks import ALONE

SIZE = 20


def test_a_slice_on_a_gpu_brings_nothing_down_and_waits_for_nothing(make, monkeypatch):
    """A pretended tensor has no number to give, so asking for one (item, nonzero, a branch) would fail."""
    fake = pytest.importorskip("torch._subclasses.fake_tensor")
    for module in (maxima, tally):
        monkeypatch.setattr(module, "kernels_for", lambda device: None)
    monkeypatch.setattr(tally, "_edges", lru_cache(tally._edges.__wrapped__))  # one that goes with the test
    monkeypatch.setitem(taking.SLICE, "cuda", 8)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    source = make.ArraySource(make.random_images(29, SIZE), labels=[n % 3 for n in range(29)], classes="abc")
    layout = Layout.of(net := make.random_checkpoint(SIZE).net, net.watched, SIZE)
    real = Tally.empty(layout.channels, k=9, classes=3, images=29)
    with fake.FakeTensorMode(allow_non_fake_inputs=True):
        with torch.device("cuda"):
            checkpoint = make.random_checkpoint(SIZE)
        state = State(real)
        for part in fields(Tally):
            value = getattr(real, part.name)
            if part.name != "sample":
                setattr(real, part.name, torch.empty(value.shape, dtype=value.dtype, device="cuda"))
        take = taking.Taker(checkpoint, layout, "float32", source, ALONE)
        pixels = torch.zeros((29, SIZE, SIZE, 3), dtype=torch.uint8, device="cuda")
        take(state, Slice(8, list(range(8)), pixels[:8]))  # what lies on the device from now on comes to it
        with Transfers() as transfers:
            for start, end in ((8, 16), (16, 24), (24, 29)):
                take(state, Slice(end, list(range(start, end)), pixels[start:end]))
        with pytest.raises(fake.DataDependentOutputException):
            take.check(state)
    assert state.end == 29
    assert set(transfers.noted) == {("cpu", "cuda", False)}
    # A slice's numbers, twice, and how many images there are of each class.
    assert len(transfers.noted) == 3 * 3


def test_the_images_of_a_slice_come_first_and_the_rest_is_to_be_ignored():
    feeder = Feeder(3, 2, torch.device("cpu"))
    pixels = torch.arange(2 * 2 * 2 * 3, dtype=torch.uint8).view(2, 2, 2, 3)
    for given in (pixels, list(pixels.numpy())):
        assert torch.equal(feeder.pixels(Slice(2, [0, 1], given))[:2], pixels)
    assert feeder.pixels(Slice(0)).shape == (3, 2, 2, 3)


def test_squares_on_the_device_are_not_copied():
    pixels = torch.zeros((3, 2, 2, 3), dtype=torch.uint8)
    found = Feeder(3, 2, torch.device("cpu")).pixels(Slice(3, [0, 1, 2], pixels))
    assert found.data_ptr() == pixels.data_ptr()


def test_the_first_activation_that_is_no_number_is_named(make):
    source, net = make.ArraySource(make.random_images(9)), make.random_checkpoint().net
    layout = Layout.of(net, ["conv1", "conv2"], 20)
    faults = Faults(layout, torch.device("cpu"))
    maxima = torch.zeros(3, layout.channels)
    faults.look(maxima, torch.tensor([0, 1, 2]))
    faults.check(source)
    maxima[1, 8], maxima[2, 0] = torch.inf, torch.nan
    faults.look(maxima, torch.tensor([3, 5, 6]))
    faults.look(torch.full_like(maxima, torch.nan), torch.tensor([7, 8, 9]))
    with pytest.raises(ExploreError, match=r"conv2:2 is inf on image5\.png"):
        faults.check(source)
