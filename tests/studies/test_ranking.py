from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn

from tests.support import checkpoint_of, noise_picture
from zfexplore.atlas.build import build_atlas
from zfexplore.atlas.records import StageRecord
from zfexplore.atlas.tally import Tally
from zfexplore.errors import ExploreError
from zfexplore.images.open import open_images
from zfexplore.images.transforms import normalise
from zfexplore.nets.fingerprint import weights_in_use
from zfexplore.progress import finish
from zfexplore.studies.ranking import class_probabilities, percentiles, rank_channels, rank_picture
from zfexplore.units import Unit


def record_of(maxima, k=9):
    """The record of one channel whose maxima on the images were these."""
    tally = Tally.empty(1, k=k, classes=0)
    values = torch.tensor(maxima, dtype=torch.float32)[:, None]
    tally.merge(values, torch.zeros_like(values, dtype=torch.int64), range(len(values)), [])
    arrays = tally.arrays()
    return StageRecord(
        name="conv1", kind="conv", map_size=(1, 1), value=arrays["value"], image=arrays["image"],
        y=arrays["place"].astype(np.int32), x=arrays["place"].astype(np.int32),
        mean=arrays["total"] / len(maxima), share_firing=np.zeros(1), histogram=arrays["histogram"],
    )  # fmt: skip


def percentile(maxima, activation, **options):
    """The estimate, its bounds and the rank, of one channel."""
    found = percentiles(record_of(maxima), np.array([activation], np.float32), len(maxima), **options)
    return tuple(float(part[0]) for part in (found.estimate, found.lowest, found.highest, found.rank))


activations = st.one_of(
    st.just(0.0),
    st.floats(2.0**-14, 2.0**22, width=32),
    st.floats(1.0, 2.0, width=32),  # many in a few bins
    st.sampled_from([1.0, 1.5, 2.0]),  # ties, and edges of bins
)


@settings(max_examples=80, deadline=None)
@given(st.lists(activations, min_size=1, max_size=60), activations)
def test_the_truth_lies_within_the_bounds(maxima, activation):
    estimate, lowest, highest, rank = percentile(maxima, activation)
    weaker = sum(value < activation for value in maxima)
    truth = 100 * weaker / len(maxima)
    assert lowest - 1e-9 <= truth <= highest + 1e-9
    assert lowest - 1e-9 <= estimate <= highest + 1e-9
    ninth = sorted(maxima, reverse=True)[8] if len(maxima) >= 9 else -np.inf
    if activation > max(ninth, 0.0):
        assert estimate == lowest == highest == pytest.approx(truth)
        assert rank == len(maxima) - weaker + 1
    else:
        assert rank == 0


@settings(max_examples=40, deadline=None)
@given(st.lists(activations, min_size=1, max_size=60), activations, activations)
def test_a_stronger_activation_never_stands_lower(maxima, one, other):
    weak, strong = sorted((one, other))
    for below, above in zip(percentile(maxima, weak)[:3], percentile(maxima, strong)[:3], strict=True):
        assert below <= above + 1e-9


def test_above_the_ninth_the_percentile_is_counted():
    maxima = [float(value) for value in range(1, 101)]
    assert percentile(maxima, 101) == (100, 100, 100, 1)
    assert percentile(maxima, 100) == (99, 99, 99, 2)  # an equal one is not weaker, and came first
    assert percentile(maxima, 97.5) == (97, 97, 97, 4)
    assert percentile(maxima, 92.5)[3] == 9
    # Equal to the ninth: others equal to it could have been left out.
    assert percentile(maxima, 92)[3] == 0


def test_below_the_ninth_the_bin_bounds_it():
    maxima = [1.05] * 10 + [1.1] * 10 + [1.3] * 10 + [50.0] * 10
    # 1.1 lies in the bin from 1 to 2^(1/4) = 1.189, which holds 20 images, all of them below the ninth.
    estimate, lowest, highest, _ = percentile(maxima, 1.1)
    assert (lowest, highest) == (0, 50)
    assert estimate == pytest.approx(50 * 4 * np.log2(1.1))
    # 1.3 lies in the next one, which ends at 2^(1/2).
    estimate, lowest, highest, _ = percentile(maxima, 1.3)
    assert (lowest, highest) == (50, 75)
    assert estimate == pytest.approx(50 + 25 * (4 * np.log2(1.3) - 1))


def test_where_the_nine_best_share_the_bin_they_narrow_it():
    maxima = [1.01] * 3 + [1.15] * 9
    assert percentile(maxima, 1.005)[1:3] == (0, 25)  # of twelve in the bin, nine are known to be stronger
    assert percentile(maxima, 1.0) == (0, 0, 25, 0)
    assert percentile(maxima, 1.16) == (100, 100, 100, 1)


def test_few_images_are_all_known():
    assert percentile([3.0, 1.0, 2.0], 1.5) == pytest.approx((100 / 3, 100 / 3, 100 / 3, 3))


def test_the_silent_stand_at_zero():
    assert percentile([0.0] * 20, 0.0) == (0, 0, 0, 0)
    assert percentile([0.0] * 3 + [1.0] * 20, 0.0) == (0, 0, 0, 0)
    assert percentile([0.0] * 20, 0.5) == (100, 100, 100, 1)


def test_of_negative_logits_only_bounds_are_known():
    maxima = [-3.0] * 10 + [-1.0] * 10 + [2.0] * 20
    assert percentile(maxima, -2.0, rectified=False) == (25, 0, 50, 0)
    assert percentile([-3.0, -1.0], -2.0, rectified=False)[:3] == (50, 50, 50)  # all are among the nine


@pytest.fixture
def folder(tmp_path):
    generator = np.random.default_rng(0)
    for number in range(30):
        contrast = generator.uniform(0.2, 1)
        small = (128 + contrast * generator.uniform(-128, 127, (8, 8, 3))).astype(np.uint8)
        Image.fromarray(small).resize((20, 20)).save(tmp_path / f"{number}.png")
    return tmp_path


@pytest.fixture
def source(folder):
    return open_images(folder)


@pytest.fixture
def atlas(tiny, source):
    return finish(build_atlas(tiny, source))


def maxima_of(checkpoint, image):
    batch = normalise(np.array(image)[None], checkpoint.metadata.input)
    return {
        name: maps.flatten(2).amax(2)[0] if maps.ndim == 4 else maps[0]
        for name, maps in checkpoint.net.maps(batch).items()
    }


def test_every_channel_is_ranked_by_how_many_images_excite_it_less(tiny, source, atlas):
    image = noise_picture(20, seed=5)
    ranked = rank_channels(tiny, atlas, image)
    own, others = maxima_of(tiny, image), [maxima_of(tiny, picture.image) for picture in source]
    assert len(ranked) == 6 + 8 + 10 + 5
    assert {channel.unit.stage for channel in ranked} == {"conv1", "conv2", "fc3", "fc4"}
    for found in ranked:
        stage, channel = found.unit.stage, found.unit.channel
        value = own[stage][channel]
        assert found.activation == pytest.approx(float(value), rel=1e-5)
        truth = 100 * sum(bool(maxima[stage][channel] < value) for maxima in others) / len(others)
        assert found.lowest - 1e-6 <= truth <= found.highest + 1e-6
        assert (found.rank == 1) == all(bool(maxima[stage][channel] < value) for maxima in others)
    order = [channel.percentile for channel in ranked]
    assert order == sorted(order, reverse=True)
    surpassing = [channel.strength for channel in ranked if channel.rank == 1]
    assert surpassing == sorted(surpassing, reverse=True)


def test_a_unit_is_where_the_channel_is_strongest(tiny, atlas):
    image = noise_picture(20, seed=5)
    batch = normalise(np.array(image)[None], tiny.metadata.input)
    maps = tiny.net.maps(batch, ["conv2"])["conv2"][0]
    for found in rank_channels(tiny, atlas, image, stage="conv2"):
        unit = found.unit
        if found.activation > 0:
            assert float(maps[unit.channel, unit.y, unit.x]) == pytest.approx(found.activation, rel=1e-5)
    assert all(found.unit.y is None for found in rank_channels(tiny, atlas, image, stage="fc3"))


def test_an_image_of_the_atlas_does_not_surpass_itself(tiny, source, atlas):
    """Its activations are computed in another batch and may differ in the last bits."""
    for stage in ("conv2", "fc3", "fc4"):
        for channel in range(atlas.stage(stage).channels):
            place = atlas.top(stage, channel)[0]
            if place.value <= 0:
                continue
            ranked = rank_channels(tiny, atlas, source[place.image].image, stage=stage)
            found = next(each for each in ranked if each.unit.channel == channel)
            assert found.rank == 2
            assert found.strength == 1.0
            assert found.percentile == pytest.approx(100 * 29 / 30)


def test_one_stage_may_be_asked_for_a_pool_too(tiny, atlas):
    ranked = rank_channels(tiny, atlas, noise_picture(20), stage="pool2")
    assert sorted(found.unit.channel for found in ranked) == list(range(8))
    assert ranked[0].unit == Unit("pool2", ranked[0].unit.channel, ranked[0].unit.y, ranked[0].unit.x)


def test_a_channel_that_no_image_of_the_atlas_excites(tmp_path):
    net = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU())
    net[0].weight.data = torch.tensor([[1.0, 0, 0], [0, 0, 1.0]]).view(2, 3, 1, 1)
    net[0].bias.data = torch.tensor([0.0, -100.0])
    checkpoint = checkpoint_of(net, 4)
    for number in range(12):
        Image.new("RGB", (4, 4), (number, 0, number)).save(tmp_path / f"{number}.png")
    atlas = finish(build_atlas(checkpoint, open_images(tmp_path)))
    blue, red = rank_channels(checkpoint, atlas, Image.new("RGB", (4, 4), (5, 0, 200)))
    assert (blue.unit.channel, blue.percentile, blue.rank) == (1, 100, 1)
    assert (blue.activation, blue.strength) == (100, float("inf"))
    assert red.lowest == pytest.approx(100 * 5 / 12)
    assert red.rank != 1
    assert red.strength == pytest.approx(5 / 11)
    _, silent = rank_channels(checkpoint, atlas, Image.new("RGB", (4, 4), (5, 0, 0)))
    assert (silent.percentile, silent.highest, silent.strength, silent.rank) == (0, 0, 0, None)


def test_among_equals_a_channel_without_a_scale_of_its_own_comes_last(tmp_path):
    net = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU())
    net[0].weight.data = torch.tensor([[0, 0, 1.0], [1.0, 0, 0]]).view(2, 3, 1, 1)
    net[0].bias.data = torch.tensor([-100.0, 0.0])
    checkpoint = checkpoint_of(net, 4)
    Image.new("RGB", (4, 4), (10, 0, 0)).save(tmp_path / "red.png")
    atlas = finish(build_atlas(checkpoint, open_images(tmp_path)))
    both = rank_channels(checkpoint, atlas, Image.new("RGB", (4, 4), (11, 0, 200)))
    assert [(found.unit.channel, found.percentile) for found in both] == [(1, 100), (0, 100)]


def test_the_picture_is_fitted_as_the_atlass_images_were(tiny, source):
    atlas = finish(build_atlas(tiny, source, fit="whole"))
    wide = Image.new("RGB", (40, 20), "orange")
    as_atlas = rank_channels(tiny, atlas, wide, stage="conv2")
    assert as_atlas == rank_channels(tiny, atlas, wide, stage="conv2", fit="whole")
    assert as_atlas != rank_channels(tiny, atlas, wide, stage="conv2", fit="crop")


def test_an_atlas_of_other_weights_is_refused(tiny, atlas):
    other = tiny._replace(metadata=replace(tiny.metadata, weights_fingerprint="other"))
    with pytest.raises(ExploreError, match="another checkpoint's weights: index the images again"):
        rank_channels(other, atlas, noise_picture(20))


def test_a_stage_that_is_not_in_the_atlas_is_refused(tiny, atlas):
    with pytest.raises(ExploreError, match="no layer 'pool1' in this atlas"):
        rank_channels(tiny, atlas, noise_picture(20), stage="pool1")


@pytest.mark.parametrize("layer", [0, 10])
def test_an_atlas_of_the_weights_before_they_were_changed_is_refused(tiny, atlas, layer):
    tiny.module[layer].bias.data.add_(1)
    with pytest.raises(ExploreError, match="another checkpoint's weights: index the images again"):
        rank_channels(tiny, atlas, noise_picture(20))


def test_a_net_that_overflows_is_told(tiny, atlas):
    tiny.module[0].weight.data.fill_(3e38)
    atlas.header["weights"] = weights_in_use(tiny)
    with pytest.raises(ExploreError, match="not a finite number"):
        rank_channels(tiny, atlas, noise_picture(20))


# -- classes, from the same pass ---------------------------------------------------------------------


def test_the_most_probable_classes_are_the_softmax_of_the_logits(tiny, atlas):
    image = noise_picture(20, seed=5)
    expected = torch.softmax(maxima_of(tiny, image)["fc4"].double(), 0)
    found = class_probabilities(tiny, image, count=3)
    assert [each.index for each in found] == expected.topk(3).indices.tolist()
    assert [each.name for each in found] == [tiny.metadata.classes[each.index] for each in found]
    assert [each.probability for each in found] == pytest.approx(expected.topk(3).values.tolist(), abs=1e-6)
    assert len(class_probabilities(tiny, image)) == 5
    with pytest.raises(ExploreError, match="count must be at least 0"):
        class_probabilities(tiny, image, count=-1)


@pytest.mark.parametrize("stage", [None, "conv2"])
def test_a_ranking_has_the_classes_too(tiny, atlas, stage):
    image = noise_picture(20, seed=5)
    found = rank_picture(tiny, atlas, image, stage=stage, count=3)
    plain = class_probabilities(tiny, image, count=3)
    assert [each.index for each in found.classes] == [each.index for each in plain]
    values = [each.probability for each in plain]
    assert [each.probability for each in found.classes] == pytest.approx(values, abs=1e-6)
    every = rank_channels(tiny, atlas, image, stage=stage)
    assert sorted(map(repr, found.channels)) == sorted(map(repr, every))


def test_convolutional_channels_stand_before_fully_connected_ones(tiny, atlas):
    image = noise_picture(20, seed=5)
    channels = rank_picture(tiny, atlas, image).channels
    maps = [each.unit.stage.startswith("conv") for each in channels]
    assert maps == [True] * 14 + [False] * 15
    every = rank_channels(tiny, atlas, image)
    assert [*channels] == [each for each in every if each.window] + [
        each for each in every if not each.window
    ]
    names = {each.unit.channel: each.name for each in channels if each.unit.stage == "fc4"}
    assert names == dict(enumerate(tiny.metadata.classes))
    assert {each.name for each in channels if each.unit.stage != "fc4"} == {""}


def test_a_net_without_named_classes_gives_none(tiny, atlas):
    nameless = tiny._replace(metadata=replace(tiny.metadata, classes=()))
    assert class_probabilities(nameless, noise_picture(20)) == ()
    assert rank_picture(nameless, atlas, noise_picture(20)).classes == ()


def test_a_net_that_ends_in_a_relu_gives_no_classes():
    net = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(32, 2), nn.ReLU())
    checkpoint = checkpoint_of(net, 4, classes=("a", "b"))
    assert class_probabilities(checkpoint, noise_picture(4)) == ()


def test_probabilities_that_a_net_gives_itself_stay_as_they_are(tiny):
    tiny.module[10].weight.data.zero_()
    tiny.module[10].bias.data = torch.tensor([0.1, 0.6, 0.1, 0.15, 0.05])
    found = class_probabilities(tiny, noise_picture(20), count=2)
    assert [(each.name, round(each.probability, 6)) for each in found] == [("bee", 0.6), ("dog", 0.15)]
