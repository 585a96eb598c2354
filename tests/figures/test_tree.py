from __future__ import annotations

import numpy as np

from zfexplore.figures.text import INK
from zfexplore.figures.tree import BRANCHES, Branch, Group, Leaf, tree_page


def leaf(number, told=""):
    return Leaf(str(number), np.full((5, 5, 3), 30 + number, np.uint8), told)


def test_every_channel_stands_there_once_with_its_patch():
    pair = Group((leaf(0), leaf(1, "wheel")), (Branch(0, 1, 0.8),))
    page = np.asarray(tree_page([pair, Group((leaf(2),), ()), Group((Leaf("3", None),), ())], 0.5, tile=20))
    for number in range(3):
        assert (page == 30 + number).all(axis=2).sum() == 20 * 20


def test_branches_meet_at_their_likeness():
    """A join at .75 lies halfway between the cut of .5 and 1; one at .5 at the left edge."""
    group = Group((leaf(0), leaf(1), leaf(2)), (Branch(0, 1, 0.75), Branch(2, 3, 0.5)))
    page = np.asarray(tree_page([group], 0.5, tile=40))
    dark = (page == INK).all(axis=2)
    dark[:, 28 + BRANCHES :] = False  # right of the branches are frames and letters
    upright = [column - 28 for column in range(dark.shape[1]) if dark[:, column].sum() > 20]
    assert upright == [0, BRANCHES // 2]
    rows = np.flatnonzero(dark[:, 28 + BRANCHES // 2])
    assert rows[44] - rows[0] == 44  # from the middle of one tile to that of the next
    assert len(rows) == 44 + 1 + 1  # and the third's branch passes
