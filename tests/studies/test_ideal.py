from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from tests.support import checkpoint_of, result_of, small_net
from zfexplore.errors import ExploreError
from zfexplore.images.transforms import normalise
from zfexplore.studies.ideal import Ascent, Ideal, ideals
from zfexplore.units import Unit

PLAIN = Ascent(starts=2, steps=80, contrast=0.04, decay=0.0, natural_colours=False, shift=0, zoom=0, turn=0)
FEW = Ascent(starts=2, steps=3)


def found(checkpoint, units, ascent):
    count, events = result_of(ideals(checkpoint, units, ascent))
    pictures = [event for event in events if isinstance(event, Ideal)]
    assert count == len(pictures) == len(units)
    assert [picture.unit for picture in pictures] == units
    return pictures


@pytest.fixture(scope="module")
def filters():
    """One convolution of 5 x 5, whose stage is linear, about grey; its filters are continuous noise."""
    torch.manual_seed(3)
    return checkpoint_of(nn.Sequential(nn.Conv2d(3, 4, 5, stride=2)), 31, mean=(127.5, 127.5, 127.5))


def test_the_best_input_of_fixed_norm_for_a_linear_unit_is_its_filter(filters):
    for ideal in found(filters, [Unit("conv1", channel) for channel in (2, 0)], PLAIN):
        kernel = filters.module[0].weight[ideal.unit.channel].permute(1, 2, 0).flatten().double()
        assert ideal.images.shape == (2, 5, 5, 3)
        for image in ideal.images:
            away = torch.from_numpy(image.astype(float) - 127.5).flatten()
            assert torch.nn.functional.cosine_similarity(away, kernel, dim=0) > 0.99  # levels are whole


def test_activations_are_those_of_the_pictures_given_and_the_strongest_comes_first(filters):
    (ideal,) = found(filters, [Unit("conv1", 1)], FEW)
    with torch.no_grad():
        again = filters.module(normalise(ideal.images, filters.metadata.input))[:, 1, 0, 0]
    np.testing.assert_allclose(ideal.activations, again.numpy(), rtol=1e-5, atol=1e-4)
    assert ideal.activations[0] >= ideal.activations[1]


def test_a_unit_alone_is_that_of_the_whole_net(tiny):
    """A picture laid where a unit inside the map sees it excites that unit exactly as much."""
    (ideal,) = found(tiny, [Unit("conv2", 6)], FEW)
    window = tiny.net.window("conv2", 3, 3, (20, 20))
    canvas = np.random.default_rng(0).integers(0, 256, (2, 20, 20, 3), dtype=np.uint8)
    canvas[:, window.y0 : window.y1, window.x0 : window.x1] = ideal.images
    maps = tiny.net.maps(normalise(canvas, tiny.metadata.input), ["conv2"])["conv2"]
    np.testing.assert_allclose(ideal.activations, maps[:, 6, 3, 3], rtol=1e-5, atol=1e-6)


def test_a_silent_channel_is_woken():
    """Of a net whose every ReLU is silent on grey, no gradient comes back."""
    net = small_net()
    with torch.no_grad():
        for layer in (net[0], net[4]):
            layer.bias.fill_(-0.3)
    checkpoint = checkpoint_of(net, 20, mean=(127.5,) * 3, std=(70.0,) * 3)
    grey = normalise(np.full((1, 20, 20, 3), 127, np.uint8), checkpoint.metadata.input)
    assert checkpoint.net.maps(grey, ["conv2"])["conv2"][0, 3].max() == 0
    (ideal,) = found(checkpoint, [Unit("conv2", 3)], Ascent(starts=1, steps=30))
    assert ideal.activations[0] > 0.1


def test_pictures_depend_on_the_seed_and_not_on_the_company(tiny):
    channels = [Unit("conv2", 5), Unit("conv2", 1), Unit("fc4", 2)]
    together = found(tiny, channels, FEW)
    for ideal in together:
        (alone,) = found(tiny, [ideal.unit], FEW)
        assert np.abs(alone.images.astype(int) - ideal.images).max() <= 1
    (other,) = found(tiny, channels[:1], Ascent(starts=2, steps=3, seed=1))
    assert np.abs(other.images.astype(int) - together[0].images).max() > 5
    assert np.abs(together[0].images[0].astype(int) - together[0].images[1]).max() > 5  # starts differ


def test_a_picture_covers_what_the_unit_sees(tiny):
    inner, corner, head = found(tiny, [Unit("conv2", 0), Unit("conv2", 0, 0, 0), Unit("fc4", 1)], FEW)
    field = tiny.net.receptive_field("conv2")
    assert inner.images.shape[1:3] == field.size
    window = tiny.net.window("conv2", 0, 0, (20, 20))
    assert corner.images.shape[1:3] == (window.height, window.width)
    assert head.images.shape[1:3] == (20, 20)
    with pytest.raises(ExploreError, match="channel 8 is not there"):
        next(ideals(tiny, [Unit("conv2", 8)]))


def test_the_net_and_its_modes_stay_as_they_were(tiny):
    before = {name: tensor.clone() for name, tensor in tiny.module.state_dict().items()}
    found(tiny, [Unit("conv1", 0)], FEW)
    assert all(torch.equal(tensor, before[name]) for name, tensor in tiny.module.state_dict().items())
    assert not any(parameter.requires_grad or parameter.grad for parameter in tiny.module.parameters())
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("wrong", [{"starts": 0}, {"steps": 1.5}, {"seed": -1}])
def test_an_ascent_of_nothing_is_refused(wrong):
    with pytest.raises(ExploreError):
        Ascent(**wrong)


def test_the_callers_settings_hold_between_events(tiny):
    events = ideals(tiny, [Unit("conv1", 0)], FEW)
    assert all(torch.is_grad_enabled() for _ in events)
