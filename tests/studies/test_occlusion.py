from __future__ import annotations

import itertools
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tests.support import checkpoint_of, noise_picture
from zfexplore import progress
from zfexplore.errors import ExploreError
from zfexplore.images.transforms import normalise
from zfexplore.progress import Finished, Progress, finish
from zfexplore.studies.occlusion import Grid, OcclusionPartial, last_convolution, occlude
from zfexplore.units import Unit


@st.composite
def grids(draw):
    size = draw(st.integers(1, 24))
    square = draw(st.integers(1, size))
    return Grid(size, square, draw(st.integers(1, square)))


@settings(max_examples=40, deadline=None)
@given(grids())
def test_cells_tile_the_input_and_each_lies_inside_its_square(grid):
    covered = np.zeros((grid.size, grid.size), int)
    for row, column in grid.coarse_to_fine():
        cell, square = grid.cell(row, column), grid.window(row, column)
        covered[cell.y0 : cell.y1, cell.x0 : cell.x1] += 1
        assert 0 <= square.y0 <= cell.y0 < cell.y1 <= square.y1 <= grid.size
        assert 0 <= square.x0 <= cell.x0 < cell.x1 <= square.x1 <= grid.size
        assert square.height <= grid.square
        assert square.width <= grid.square
    assert (covered == 1).all()


@settings(max_examples=40, deadline=None)
@given(grids())
def test_a_square_away_from_the_border_is_whole_and_centred_on_its_cell(grid):
    for place in range(grid.places):
        window, cell = grid.window(place, place), grid.cell(place, place)
        if window.y0 > 0 and window.y1 < grid.size and cell.height == grid.stride:
            assert window.height == grid.square
            assert abs((window.y0 + window.y1) - (cell.y0 + cell.y1)) <= 1


@settings(max_examples=40, deadline=None)
@given(grids())
def test_every_place_is_visited_once_the_wide_mesh_first(grid):
    order = grid.coarse_to_fine()
    assert sorted(order) == [(row, column) for row in range(grid.places) for column in range(grid.places)]
    assert order[0] == (0, 0)


def test_a_mesh_comes_before_the_places_between():
    order = Grid(8, 1, 1).coarse_to_fine()
    assert order[:4] == [(0, 0), (0, 2), (0, 4), (0, 6)]
    assert {place for place in order[:16]} == {(y, x) for y in range(0, 8, 2) for x in range(0, 8, 2)}


@pytest.mark.parametrize(
    ("square", "stride", "message"),
    [
        (21, 4, "a square of 21 pixels does not fit the network's input of 20: give 1 to 20"),
        (0, 1, "a square of 0 pixels"),
        (6, 7, "a stride of 7 pixels does not go with a square of 6: give 1 to 6"),
        (6, 0, "a stride of 0 pixels"),
    ],
)
def test_impossible_squares_and_strides_are_refused(tiny, square, stride, message):
    with pytest.raises(ExploreError, match=message) as caught:
        finish(occlude(tiny, noise_picture(20), square=square, stride=stride))
    assert caught.value.exit_code == 2


@pytest.fixture
def counting():
    """A net whose one channel sums the pixels' colours, and whose two logits are that channel's corners."""
    net = nn.Sequential(nn.Conv2d(3, 1, 1), nn.ReLU(), nn.Flatten(), nn.Linear(12 * 12, 2))
    net[0].weight.data.fill_(1.0)
    net[0].bias.data.zero_()
    net[3].weight.data.zero_()
    net[3].weight.data[0, 0] = net[3].weight.data[1, -1] = 0.01
    net[3].bias.data.zero_()
    return checkpoint_of(net, 12, classes=("first corner", "last corner"))


def test_what_is_hidden_is_missing_from_the_sum(counting):
    picture = noise_picture(12)
    colours = np.asarray(picture).astype(int).sum(2)
    found = finish(occlude(counting, picture, square=4, stride=2))
    assert found.total.shape == found.peak.shape == (6, 6)
    assert found.intact.total == colours.sum()
    assert found.intact.peak == colours.max()
    for row in range(6):
        for column in range(6):
            # Squares of 4 around cells of 2: from one pixel before the cell to one behind it.
            hidden = colours.copy()
            hidden[max(2 * row - 1, 0) : 2 * row + 3, max(2 * column - 1, 0) : 2 * column + 3] = 0
            assert found.total[row, column] == hidden.sum()
            assert found.peak[row, column] == hidden.max()
    assert found.most_needed() == np.unravel_index(found.total.argmin(), (6, 6))


def test_class_and_probability_follow_what_is_hidden(counting):
    picture = noise_picture(12)
    picture.putpixel((0, 0), (200, 200, 200))
    picture.putpixel((11, 11), (100, 100, 100))
    found = finish(occlude(counting, picture, square=3, stride=3))
    assert (found.label, found.class_name) == (0, "first corner")
    assert found.intact.probability == pytest.approx(1 / (1 + np.exp(-3)))
    assert found.intact.best_class == 0
    # With its corner hidden the first class has logit 0 against 3, with the other's 6 against 0.
    expected = np.full((4, 4), 1 / (1 + np.exp(-3)))
    expected[0, 0], expected[3, 3] = 1 / (1 + np.exp(3)), 1 / (1 + np.exp(-6))
    np.testing.assert_allclose(found.probability, expected, rtol=1e-5)
    assert found.best_class.tolist() == [[1, 0, 0, 0]] + [[0] * 4] * 3


def test_the_true_class_may_be_given_by_number_or_name(counting):
    by_number = finish(occlude(counting, noise_picture(12), label=1))
    by_name = finish(occlude(counting, noise_picture(12), label="last corner"))
    assert by_number.class_name == by_name.class_name == "last corner"
    np.testing.assert_array_equal(by_number.probability, by_name.probability)


@pytest.mark.parametrize("stage", ["conv1", "pool1", "conv2", "fc3", "fc4"])
def test_maps_equal_pictures_hidden_by_hand(tiny, stage):
    """The grey of the convention's mean, painted on the picture, gives the same answers."""
    found = finish(occlude(tiny, noise_picture(20), stage, 3, square=7, stride=5, label=2))
    assert found.unit == Unit(stage, 3)
    for row, column in [(0, 0), (1, 2), (3, 3)]:
        y0, x0, y1, x1 = found.grid.window(row, column)
        painted = found.image.copy()
        painted[y0:y1, x0:x1] = (120, 110, 100)  # the mean
        maps = tiny.net.maps(normalise(painted[None], tiny.metadata.input))
        answer = maps[stage][0, 3]
        assert found.total[row, column] == pytest.approx(float(answer.sum()), rel=1e-5)
        assert found.peak[row, column] == pytest.approx(float(answer.max()), rel=1e-5)
        share = maps["fc4"].softmax(1)[0, 2]
        assert found.probability[row, column] == pytest.approx(float(share), rel=1e-5)
        assert found.best_class[row, column] == int(maps["fc4"].argmax())


def test_by_default_the_last_convolution_and_its_strongest_channel(tiny):
    picture = noise_picture(20)
    found = finish(occlude(tiny, picture))
    batch = normalise(np.array(picture)[None], tiny.metadata.input)
    totals = tiny.net.maps(batch, ["conv2"])["conv2"].sum((2, 3))[0]
    assert found.unit == Unit("conv2", int(totals.argmax()))
    assert found.intact.total == pytest.approx(float(totals.max()), rel=1e-5)
    assert found.label == found.intact.best_class
    assert (found.grid.square, found.grid.stride) == (3, 1)  # 20 // 14 = 1


def test_square_and_stride_by_default_at_224_pixels():
    checkpoint = checkpoint_of(nn.Sequential(nn.Conv2d(3, 1, 1, stride=32)), 224)
    event = next(occlude(checkpoint, noise_picture(224)))
    assert event.total == 14 * 14
    found = finish(occlude(checkpoint, noise_picture(224)))
    assert (found.grid.square, found.grid.stride) == (48, 16)


def test_hidden_pixels_are_the_mean_image_where_there_is_one():
    """On a picture equal to the mean image nothing changes, wherever the square is."""
    picture = noise_picture(12)
    mean = torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1).float()
    net = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU())
    net[0].bias.data.fill_(1.0)
    found = finish(occlude(checkpoint_of(net, 12, mean_image=mean), picture, square=4, stride=4))
    assert (found.total == 100).all()
    assert (found.peak == 1).all()


def test_a_net_without_classes_has_no_probabilities():
    checkpoint = checkpoint_of(nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU()), 12)
    found = finish(occlude(checkpoint, noise_picture(12)))
    assert found.probability is found.best_class is found.label is found.class_name is None
    assert found.intact.probability is found.intact.best_class is None
    with pytest.raises(ExploreError, match="this net has no classes"):
        finish(occlude(checkpoint, noise_picture(12), label=1))


def test_the_size_of_a_batch_changes_nothing(tiny):
    one = finish(occlude(tiny, noise_picture(20), square=6, stride=5, batch_size=1))
    many = finish(occlude(tiny, noise_picture(20), square=6, stride=5, batch_size=16))
    np.testing.assert_allclose(one.total, many.total, rtol=1e-5)
    np.testing.assert_allclose(one.probability, many.probability, rtol=1e-5)


def test_the_maps_come_as_they_grow(tiny, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_EVENTS", 0.0)
    events = list(occlude(tiny, noise_picture(20), square=5, stride=5, batch_size=6))  # 16 places
    assert [type(event) for event in events] == [
        Progress, OcclusionPartial, Progress, OcclusionPartial, Progress, Finished,
    ]  # fmt: skip
    first, second, last = events[1].result, events[3].result, events[5].result
    assert (first.done, second.done, last.done) == (6, 12, 16)
    visited = np.isfinite(first.total)
    assert {tuple(place) for place in np.argwhere(visited)} == set(first.grid.coarse_to_fine()[:6])
    assert (first.best_class[~visited] == -1).all()
    assert np.isnan(first.probability[~visited]).all()
    for name in ("total", "peak", "probability", "best_class"):
        np.testing.assert_array_equal(getattr(first, name)[visited], getattr(last, name)[visited])
    assert first.intact == last.intact
    assert [event.done for event in events[::2][:3]] == [6, 12, 16]


def test_events_are_no_more_than_ten_a_second(tiny, monkeypatch):
    clock = itertools.count(step=0.02)  # seconds: every look at it takes a fiftieth
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    events = list(occlude(tiny, noise_picture(20), square=5, stride=2, batch_size=1))  # 100 places, 2 seconds
    shown = [event for event in events if isinstance(event, Progress)]
    assert 15 <= len(shown) <= 21
    assert sum(isinstance(event, OcclusionPartial) for event in events) == len(shown) - 1


def test_it_can_be_left_and_leaves_the_callers_settings_alone(tiny):
    before = torch.backends.cudnn.deterministic, torch.is_grad_enabled()
    events = occlude(tiny, noise_picture(20), square=5, stride=5, batch_size=1)
    next(events)
    assert (torch.backends.cudnn.deterministic, torch.is_grad_enabled()) == before
    events.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stage": "conv9"}, "there is no layer 'conv9'"),
        ({"stage": "conv2", "channel": 8}, "conv2 has no channel 8: it has 0-7"),
        ({"label": 5}, "the net has no class 5: it has 0-4"),
        ({"label": "fox"}, "the net knows no class 'fox' among its 5"),
    ],
)
def test_what_is_not_there_is_refused(tiny, options, message):
    with pytest.raises(ExploreError, match=message):
        finish(occlude(tiny, noise_picture(20), **options))


def test_a_net_that_overflows_is_told(tiny):
    tiny.module[0].weight.data.fill_(3e38)
    with pytest.raises(ExploreError, match="not a finite number"):
        finish(occlude(tiny, noise_picture(20), "conv1", 0))


def test_the_square_looks_like_the_mean(tiny):
    found = finish(occlude(tiny, noise_picture(20), square=6, stride=6))
    shown = found.with_square(1, 2)
    y0, x0, y1, x1 = found.grid.window(1, 2)
    assert (shown[y0:y1, x0:x1] == (120, 110, 100)).all()
    shown[y0:y1, x0:x1] = found.image[y0:y1, x0:x1]
    np.testing.assert_array_equal(shown, found.image)


def test_what_it_is_of_is_told_in_plain_values(tiny):
    found = finish(occlude(tiny, noise_picture(20), "conv1", 2, label="cat", square=6, stride=6))
    told = json.loads(json.dumps(found.described()))
    assert (told["channel"], told["square"], told["stride"], told["class"]) == ("conv1:2", 6, 6, "cat")
    assert told["intact"]["probability"] == found.intact.probability


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"square": "a"}, "the square must be a whole number, not 'a'"),
        ({"square": 3.0}, "the square must be a whole number, not 3.0"),
        ({"stride": 1.5}, "the stride must be a whole number, not 1.5"),
        ({"label": 1.5}, "a class must be a whole number, not 1.5"),
        ({"stage": "conv1", "channel": "1"}, "a channel must be a whole number, not '1'"),
        ({"batch_size": 0}, "batch_size must be at least 1, not 0"),
        ({"batch_size": 2.5}, "batch_size must be a whole number, not 2.5"),
    ],
)
def test_what_is_no_number_is_refused(tiny, options, message):
    with pytest.raises(ExploreError, match=message):
        finish(occlude(tiny, noise_picture(20), **options))


def test_a_folder_of_imagenet_is_the_class_that_the_net_calls_otherwise():
    net = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(200, 2))
    checkpoint = checkpoint_of(net, 12, classes=("goldfish", "tench"))

    found = finish(occlude(checkpoint, noise_picture(12), label="n01440764", square=6, stride=6))

    assert found.class_name == "tench"


@pytest.mark.parametrize(
    ("kinds", "expected"), [(["conv", "conv", "pool", "fc"], 1), (["fc", "fc"], 1), (["pool"], 0)]
)
def test_by_default_the_last_convolution_or_else_the_last_layer(kinds, expected):
    names = tuple(map(str, range(len(kinds))))
    net = SimpleNamespace(watched=names, stage=lambda name: SimpleNamespace(kind=kinds[int(name)]))
    assert last_convolution(net) == str(expected)
