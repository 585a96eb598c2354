"""Plants: branches that fork and hang together, seeds, petals by number."""

from __future__ import annotations

import numpy as np

from zfexplore.images.specimens import canvas, plants


def generator() -> np.random.Generator:
    return np.random.default_rng(5)


def test_the_trunk_forks_into_three_and_every_branch_into_two():
    segments = plants._grow(generator(), 0.0, 0.8, 0.4)
    assert [len(order) for order in segments] == [1, *(3 * 2**order for order in range(7))]
    for parents, children in zip(segments, segments[1:], strict=False):
        forks = len(children) // len(parents)
        np.testing.assert_allclose(children[:, :2], np.repeat(parents[:, 2:4], forks, axis=0))
        assert children[:, 4].max() < parents[:, 4].max()


def test_seeds_fill_the_head_of_a_flower():
    seeds = plants._seeds()
    assert seeds.shape == (256, 256)
    assert 0 <= seeds.min() < seeds.max() <= 1
    x, y = canvas.plane()
    assert seeds[np.hypot(x, y) < 0.9].mean() > 0.2
    assert seeds[np.hypot(x, y) > 1.15].max() < 0.05


def test_a_whorl_has_as_many_petals_as_asked_for():
    turns = np.linspace(-np.pi, np.pi, 2000, endpoint=False)[None]
    circle = np.full_like(turns, 0.85), turns, canvas.PIXEL  # near the tips, where petals stand apart
    for petals in (5, 8, 13):
        picture = np.zeros((3, *turns.shape))
        plants._petals(picture, circle, petals, 0.0, 0.9, canvas.WHITE, canvas.WHITE)
        on = picture[0, 0] > 0.4
        assert np.count_nonzero(on & ~np.roll(on, 1)) == petals


def test_a_blossom_outside_the_picture_draws_nothing():
    picture = np.full((3, 256, 256), 0.5, np.float32)
    plants._blossom(picture, generator(), 5.0, 5.0, 0.5, 5, 1, plants.BLOOMS[0])
    assert (picture == 0.5).all()


def test_blooms_and_seasons_have_their_colours():
    white, orange = (plants.flowers(generator(), number) for number in (0, 5))
    assert white[2, 96:160, 96:160].mean() > orange[2, 96:160, 96:160].mean()
    bare, green = (plants.trees(generator(), number) for number in (0, 1))
    assert np.abs(bare - green).mean() > 0.02
