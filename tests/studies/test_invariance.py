# tests zfexplore/studies/courses.py too: they are its records

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from tests.support import checkpoint_of, noise_picture
from zfexplore import progress
from zfexplore.errors import ExploreError
from zfexplore.images.moved import move
from zfexplore.images.transforms import normalise
from zfexplore.progress import Finished, Progress, finish
from zfexplore.studies.invariance import KINDS, usual_amounts, vary


@pytest.fixture
def summing():
    """A net whose first stage sums the colours of blocks of 4 x 4 pixels; its first logit is all of it."""
    net = nn.Sequential(nn.Conv2d(3, 1, 4, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(9, 2))
    net[0].weight.data.fill_(1.0)
    net[0].bias.data.zero_()
    net[3].weight.data.zero_()
    net[3].weight.data[0, :] = 1e-4  # the sum of all; the other logit stays zero
    net[3].bias.data.zero_()
    return checkpoint_of(net, 12, classes=("bright", "dark"))


def test_a_shift_by_the_stride_shifts_the_map_of_a_convolution(summing):
    """By one unit: what stays of it has moved, and what comes in is the mean, here black."""
    picture = noise_picture(12)
    blocks = np.asarray(picture).astype(float).sum(2).reshape(3, 4, 3, 4).sum((1, 3))  # [3, 3]
    found = finish(vary(summing, picture, ["conv1"], amounts={"translation": [-4, 0, 4, 8, 12]}))
    (course,) = found.courses
    empty = np.zeros((1, 3))
    expected = [np.concatenate([blocks[1:], empty]), blocks, np.concatenate([empty, blocks[:-1]])]
    expected += [np.concatenate([empty, empty, blocks[:1]]), 0 * blocks]
    distances = [np.linalg.norm(one - blocks) for one in expected]
    np.testing.assert_allclose(course.distance[:, 0], distances, rtol=1e-6)
    assert course.distance[1, 0] == 0
    assert found.norm[0] == pytest.approx(np.linalg.norm(blocks), rel=1e-6)
    np.testing.assert_allclose(
        course.probability, [1 / (1 + np.exp(-one.sum() * 1e-4)) for one in expected], rtol=1e-5
    )
    assert (found.class_name, found.probability) == ("bright", pytest.approx(course.probability[1]))


def test_a_sum_is_invariant_to_quarter_turns_and_a_map_only_where_the_picture_is_symmetric(summing):
    half = np.asarray(noise_picture(12))[:6]
    picture = np.concatenate([half, half[::-1, ::-1]])  # the same after a half turn
    found = finish(vary(summing, noise_picture(12), ["fc2"], amounts={"rotation": [0, 90, 180, 270]}))
    np.testing.assert_allclose(found.courses[0].distance, 0, atol=1e-5)  # the sum of all blocks
    found = finish(vary(summing, Image.fromarray(picture), ["conv1"], amounts={"rotation": [90, 180]}))
    assert found.courses[0].distance[1, 0] == 0
    assert found.courses[0].distance[0, 0] > 1


def test_moving_by_nothing_gives_distance_nothing_and_the_same_probability(tiny):
    nothing = {"translation": [0], "scale": [1.0], "rotation": [0.0]}
    found = finish(vary(tiny, noise_picture(20), ["conv1", "conv2", "fc3"], amounts=nothing))
    assert [course.kind for course in found.courses] == list(KINDS)
    for course in found.courses:
        assert (course.distance == 0).all()
        assert (course.probability == found.probability).all()


def test_distances_are_those_of_pictures_moved_by_hand(tiny):
    amounts = {"translation": [-3, 7], "scale": [0.5, 1.4], "rotation": [10.0, 90.0, 200.0]}
    picture = noise_picture(20)
    found = finish(vary(tiny, picture, ["conv2", "fc4"], label="cat", amounts=amounts))
    intact = tiny.net.maps(normalise(found.image[None], tiny.metadata.input), ["conv2", "fc4"])
    for course in found.courses:
        for place, amount in enumerate(course.amounts):
            shown = found.moved(course.kind, amount)
            inside = move(found.image, course.kind, amount).inside
            assert (shown[~inside] == (120, 110, 100)).all()  # the mean
            maps = tiny.net.maps(normalise(shown[None], tiny.metadata.input), ["conv2", "fc4"])
            for number, stage in enumerate(("conv2", "fc4")):
                apart = float((maps[stage] - intact[stage]).norm())
                assert course.distance[place, number] == pytest.approx(apart, rel=1e-4)
            share = float(maps["fc4"].softmax(1)[0, 2])
            assert course.probability[place] == pytest.approx(share, rel=1e-4)


def test_by_default_the_first_and_the_last_stage_and_the_papers_amounts(tiny):
    found = finish(vary(tiny, noise_picture(20), amounts={"scale": [1.0]}))
    assert found.stages == ("conv1", "fc3")
    usual = usual_amounts(224)
    assert usual["translation"] == tuple(range(-60, 61, 4))
    assert (usual["scale"][0], usual["scale"][-1], len(usual["scale"])) == (1.0, 1.8, 17)
    assert (usual["rotation"][0], usual["rotation"][-1]) == (0.0, 350.0)
    assert usual_amounts(20)["translation"] == tuple(range(-15, 16))


def test_what_comes_in_is_the_mean_image_where_there_is_one():
    """A picture equal to the mean image is nothing but mean: shifted, its own pixels stand out."""
    picture = noise_picture(12)
    mean = torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1).float()
    net = nn.Sequential(nn.Conv2d(3, 1, 1), nn.ReLU())
    net[0].weight.data.fill_(1.0)
    net[0].bias.data.zero_()
    checkpoint = checkpoint_of(net, 12, mean_image=mean)
    found = finish(vary(checkpoint, picture, amounts={"translation": [0, 12, 4]}))
    (course,) = found.courses
    assert course.amounts == (0, 4, 12)
    assert course.distance[:, 0].tolist()[::2] == [0, 0]
    assert course.probability is found.probability is found.label is None
    pixels = np.asarray(picture).astype(float)
    apart = np.maximum((pixels[:-4] - pixels[4:]).sum(2), 0)  # the mean of the place is subtracted
    assert course.distance[1, 0] == pytest.approx(np.linalg.norm(apart), rel=1e-5)


def test_events_tell_how_far_it_is_and_batches_change_nothing(tiny, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_EVENTS", 0.0)
    amounts = {"rotation": [0, 30, 60, 90, 120]}
    events = list(vary(tiny, noise_picture(20), amounts=amounts, batch_size=2))
    assert [type(event) for event in events] == [Progress, Progress, Progress, Finished]
    assert [event.done for event in events[:-1]] == [2, 4, 5]
    at_once = finish(vary(tiny, noise_picture(20), amounts=amounts, batch_size=8))
    np.testing.assert_allclose(events[-1].result.courses[0].distance, at_once.courses[0].distance, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stages": ["conv9"]}, "there is no layer 'conv9'"),
        ({"stages": "conv1"}, "the layers are a list of names"),
        ({"label": "fox"}, "the net knows no class 'fox' among its 5"),
        ({"amounts": {"scale": []}}, "a scale needs one amount or more"),
        ({"amounts": {"scale": 3}}, "a scale needs one amount or more"),
        ({"batch_size": 0}, "batch_size must be at least 1, not 0"),
        ({"amounts": {}}, "no move was named"),
        ({"amounts": [1, 2]}, "the amounts go by kind of move, as in"),
        ({"amounts": {"shear": [1]}}, "a move is translation, scale, rotation"),
    ],
)
def test_what_is_not_there_is_refused(tiny, options, message):
    with pytest.raises(ExploreError, match=message):
        finish(vary(tiny, noise_picture(20), **options))


def test_a_net_that_overflows_is_told(tiny):
    tiny.module[0].weight.data.fill_(3e38)
    with pytest.raises(ExploreError, match="not finite numbers"):
        finish(vary(tiny, noise_picture(20), ["conv1"]))
