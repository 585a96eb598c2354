from __future__ import annotations

import numpy as np
import pytest

from zfexplore.atlas.records import StageRecord
from zfexplore.atlas.store import Atlas
from zfexplore.errors import ExploreError
from zfexplore.studies import comparison
from zfexplore.studies.comparison import compare, most_alike
from zfexplore.units import Unit

IMAGES = 40
PROTOTYPES = np.random.default_rng(1).random((6, IMAGES))


def atlas_of(maxima, stage="conv1", *, images="i", sample=None, kept=True):
    """An atlas whose channels had these maxima ``[c, n]``."""
    maxima = np.asarray(maxima, float)
    count, seen = maxima.shape
    places = np.zeros((count, 1), np.int32)
    largest = np.abs(maxima).max(axis=1, keepdims=True)
    record = StageRecord(
        stage, "conv", (1, 1), value=maxima.max(axis=1, keepdims=True).astype(np.float32),
        image=places.astype(np.int64), y=places, x=places, mean=maxima.mean(axis=1),
        share_firing=(maxima > 0).mean(axis=1), histogram=np.zeros((count, 123), np.int64),
        response=(maxima / np.where(largest > 0, largest, 1)).astype(np.float16) if kept else None,
    )  # fmt: skip
    header = {"fingerprint": "f", "k": 1, "images": images, "images_name": "album", "architecture": "tiny"}
    sample = np.arange(seen) if sample is None else np.array(sample)
    names = tuple(f"{number}.png" for number in range(IMAGES))
    return Atlas(
        {stage: record}, names, np.full(IMAGES, -1, np.int32), (), IMAGES, (), header,
        sample=sample if kept else None,
    )  # fmt: skip


def noisy(channels, scale=10.0, seed=2):
    noise = np.random.default_rng(seed).normal(size=(len(channels), IMAGES))
    return scale * (PROTOTYPES[channels] + 0.05 * noise)


def pairs(matches):
    return [(match.unit.channel, match.other.channel) for match in matches]


def test_channels_are_found_again_at_other_numbers_and_scales():
    a, b = atlas_of(noisy([0, 1, 2, 3])), atlas_of(noisy([3, 2, 0, 1], scale=900, seed=3), "layer1")
    found = compare(a, b, "conv1", other_stage="layer1")
    assert sorted(pairs(found.matches)) == [(0, 2), (1, 3), (2, 1), (3, 0)]
    assert found.unmatched_a == found.unmatched_b == found.dead_a == found.dead_b == ()
    assert (found.stage, found.other_stage, found.images) == ("conv1", "layer1", IMAGES)
    correlations = [match.correlation for match in found.matches]
    assert correlations == sorted(correlations, reverse=True)
    by_numpy = np.corrcoef(noisy([0, 1, 2, 3])[0], noisy([3, 2, 0, 1], seed=3)[2])[0, 1]
    one = most_alike(a, b, "conv1", 0, other_stage="layer1")
    assert (one.unit, one.other) == (Unit("conv1", 0), Unit("layer1", 2))
    assert one.correlation == pytest.approx(by_numpy, abs=1e-3)  # the atlas keeps float16
    assert {match.unit: match.correlation for match in found.matches}[one.unit] == pytest.approx(
        one.correlation, abs=1e-6
    )


def test_of_two_alike_channels_the_more_alike_is_matched_and_the_other_listed_with_what_it_is_like():
    exact = 10 * PROTOTYPES[[0]]
    a, b = (
        atlas_of(np.concatenate([noisy([0, 4]), exact])),
        atlas_of(np.concatenate([exact, noisy([5], seed=3)])),
    )
    found = compare(a, b, "conv1")
    assert pairs(found.matches) == [(2, 0)]
    assert found.matches[0].correlation == pytest.approx(1)
    assert [match.unit.channel for match in found.unmatched_a] == [0, 1]
    assert found.unmatched_a[0].other == Unit("conv1", 0)
    assert found.unmatched_a[0].correlation > 0.9
    assert [match.unit for match in found.unmatched_b] == [Unit("conv1", 1)]


def test_what_is_alike_by_accident_is_no_match():
    random = np.random.default_rng(5)
    found = compare(atlas_of(random.random((300, IMAGES))), atlas_of(random.random((300, IMAGES))), "conv1")
    assert 0.4 < found.chance < 0.8  # the best of 300 in 40 images: three and a half deviations of 1/sqrt(40)
    assert len(found.matches) <= 6
    assert len(found.matches) + len(found.unmatched_a) == 300


def test_channels_that_never_change_take_no_part():
    still = np.stack([np.zeros(IMAGES), np.full(IMAGES, 7.0)])
    a, b = (
        atlas_of(np.concatenate([noisy([0]), still])),
        atlas_of(np.concatenate([still, noisy([0], seed=3)])),
    )
    found = compare(a, b, "conv1")
    assert pairs(found.matches) == [(0, 2)]
    assert found.dead_a == (Unit("conv1", 1), Unit("conv1", 2))
    assert found.dead_b == (Unit("conv1", 0), Unit("conv1", 1))
    assert most_alike(a, b, "conv1", 0).other == Unit("conv1", 2)
    with pytest.raises(ExploreError, match="conv1:2 answers to all images alike"):
        most_alike(a, b, "conv1", 2)
    dead = atlas_of(still)
    assert compare(a, dead, "conv1").matches == ()
    with pytest.raises(ExploreError, match="no channel of the other net's conv1 fires"):
        most_alike(a, dead, "conv1", 0)


def test_taken_in_parts_the_result_is_the_same(monkeypatch):
    a, b = atlas_of(noisy([0, 1, 2, 3, 4, 5])), atlas_of(noisy([5, 4, 3, 2, 1, 0], seed=3))
    whole = compare(a, b, "conv1")
    monkeypatch.setattr(comparison, "ROWS", 2)
    assert pairs(compare(a, b, "conv1").matches) == pairs(whole.matches)


def test_only_images_that_both_have_seen_count():
    a, b = noisy([0, 1]), noisy([1, 0], seed=3)
    found = compare(atlas_of(a[:, :30], sample=range(30)), atlas_of(b[:, 10:], sample=range(10, 40)), "conv1")
    assert found.images == 20
    by_numpy = np.corrcoef(a[0, 10:30], b[1, 10:30])[0, 1]
    assert {match.unit.channel: match.correlation for match in found.matches}[0] == pytest.approx(
        by_numpy, abs=1e-3
    )
    with pytest.raises(ExploreError, match="have 2 images in common: to compare takes 3"):
        compare(atlas_of(a[:, :6], sample=range(6)), atlas_of(b[:, 4:], sample=range(4, 40)), "conv1")


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (
            {"images": "other"},
            "over different images .40 of album and 40 of album.: index both over the same",
        ),
        ({"kept": False}, "the index of tiny is of an older version.*zfexplore index --again"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(other, told):
    a, b = atlas_of(noisy([0, 1])), atlas_of(noisy([0, 1]), **other)
    for attempt in (lambda: compare(a, b, "conv1"), lambda: most_alike(a, b, "conv1", 0)):
        with pytest.raises(ExploreError, match=told) as error:
            attempt()
        assert "\n" not in str(error.value)


def test_a_layer_or_channel_that_is_not_there_is_refused():
    a, b = atlas_of(noisy([0, 1])), atlas_of(noisy([0, 1]))
    with pytest.raises(ExploreError, match="no layer 'conv9'"):
        compare(a, b, "conv1", other_stage="conv9")
    with pytest.raises(ExploreError, match="conv1 has no channel 2"):
        most_alike(a, b, "conv1", 2)
