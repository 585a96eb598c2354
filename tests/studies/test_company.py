from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform

from tests.studies.test_comparison import IMAGES, atlas_of, noisy
from zfexplore.errors import ExploreError
from zfexplore.studies.company import alike, average_linkage, tree
from zfexplore.units import Unit


def test_synonyms_come_first_with_the_correlation_that_numpy_finds():
    maxima = noisy([0, 1, 0, 2, 0])
    maxima[3, :10] = -1  # a logit may be below zero
    found = alike(atlas_of(maxima), "conv1", 2)
    by_numpy = np.corrcoef(maxima)[2]
    assert (found.unit, found.images, found.fires) == (Unit("conv1", 2), IMAGES, int((maxima[2] > 0).sum()))
    assert {one.unit.channel for one in found.others[:2]} == {0, 4}
    assert all(one.correlation > 0.9 for one in found.others[:2])
    for one in found.others:
        assert one.correlation == pytest.approx(by_numpy[one.unit.channel], abs=2e-3)  # float16
        assert one.both == int(((maxima[one.unit.channel] > 0) & (maxima[2] > 0)).sum())
    assert [one.correlation for one in found.others] == sorted(
        (one.correlation for one in found.others), reverse=True
    )


def test_channels_that_tell_no_images_apart_take_no_part():
    maxima = noisy([0, 1, 0, 0])
    maxima[1], maxima[3] = 0, 7
    atlas = atlas_of(maxima)
    assert [one.unit.channel for one in alike(atlas, "conv1", 0).others] == [2]
    found = tree(atlas, "conv1")
    assert (found.channels, found.silent) == ((0, 2), (1, 3))
    assert found.nearest[0].unit == Unit("conv1", 2)
    with pytest.raises(ExploreError, match="conv1:3 answers to all images alike"):
        alike(atlas, "conv1", 3)
    alone = tree(atlas, "conv1", [2])
    assert (alone.joins, alone.groups(0.4), alone.leaves(0), alone.nearest) == ((), (0,), (2,), {2: None})


def test_what_an_index_did_not_keep_is_told():
    with pytest.raises(ExploreError, match="of an older version"):
        tree(atlas_of(noisy([0, 1]), kept=False), "conv1")
    with pytest.raises(ExploreError, match="has 2 images"):
        alike(atlas_of(np.eye(2)), "conv1", 0)


def test_a_tree_on_paper():
    """1 and 2 join at .8; 0 joins them at the mean of .4 and .6; 3 at the mean of .1, .2 and .3."""
    likeness = np.array([[1, 0.4, 0.6, 0.1], [0.4, 1, 0.8, 0.2], [0.6, 0.8, 1, 0.3], [0.1, 0.2, 0.3, 1]])
    joins = average_linkage(likeness)
    assert [(join.left, join.right, join.size) for join in joins] == [(1, 2, 2), (0, 4, 3), (3, 5, 4)]
    assert [join.likeness for join in joins] == pytest.approx([0.8, 0.5, 0.2])


@pytest.mark.parametrize("count", [2, 3, 60])
def test_the_tree_is_the_one_that_scipy_joins(count):
    likeness = np.corrcoef(np.random.default_rng(count).normal(size=(count, 9)))
    joins = average_linkage(likeness)
    expected = linkage(squareform(1 - likeness, checks=False), "average")
    assert [1 - join.likeness for join in joins] == pytest.approx(expected[:, 2], abs=1e-12)
    assert [(join.left, join.right) for join in joins] == [tuple(sorted(row)) for row in expected[:, :2]]
    assert [join.size for join in joins] == expected[:, 3].tolist()


def test_equal_likenesses_still_make_one_tree():
    joins = average_linkage(np.ones((5, 5)))
    assert [join.size for join in joins][-1] == 5
    assert sorted(side for join in joins for side in (join.left, join.right)) == list(range(8))


def test_a_cut_gives_the_groups_that_were_put_in():
    found = tree(atlas_of(noisy([0, 1, 0, 2, 1, 0])), "conv1")
    groups = [set(found.leaves(group)) for group in found.groups(0.7)]
    assert groups == [{0, 2, 5}, {1, 4}, {3}]
    assert [found.size(group) for group in found.groups(0.7)] == [3, 2, 1]
    (whole,) = found.groups(-1)
    assert sorted(found.leaves(whole)) == [0, 1, 2, 3, 4, 5]
