"""Which rank this is, and what is whose; what ranks make together is in ``tests/faults/test_kills.py``."""

from __future__ import annotations

import pytest

from zfexplore.errors import ExploreError
from zfexplore.nets.ranks import ALONE, Ranks, from_environment


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, (0, 1, 0, 1)),
        ({"RANK": "0", "WORLD_SIZE": "1"}, (0, 1, 0, 1)),
        (
            {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4", "MASTER_ADDR": "a"},
            (5, 8, 1, 4),
        ),
        ({"SLURM_PROCID": "5", "SLURM_STEP_NUM_TASKS": "8", "SLURM_LOCALID": "1"}, (0, 1, 0, 1)),
        (
            {
                "SLURM_PROCID": "5", "SLURM_STEP_NUM_TASKS": "8", "SLURM_LOCALID": "1", "MASTER_ADDR": "a",
                "SLURM_STEP_TASKS_PER_NODE": "4(x2)",
            },
            (5, 8, 1, 4),
        ),
    ],
    ids=["nothing", "one", "torchrun", "slurm without an address", "slurm"],
)  # fmt: skip
def test_the_environment_says_which_rank_this_is(said, expected):
    found = from_environment(said)
    assert (found.rank, found.size, found.local_rank, found.local_size) == expected


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"RANK": "1", "WORLD_SIZE": "2"}, "MASTER_ADDR does not say where"),
        ({"RANK": "2", "WORLD_SIZE": "2", "MASTER_ADDR": "a"}, "RANK is '2', not a number from 0 to 1"),
        ({"RANK": "0"}, "WORLD_SIZE is '', not a number from 1 on"),
    ],
)
def test_an_environment_that_cannot_be_is_an_error(said, told):
    with pytest.raises(ExploreError, match=told) as error:
        from_environment(said)
    assert error.value.usage


def test_parts_end_to_end_are_the_whole_and_batches_are_dealt_like_cards():
    three = [Ranks(rank, 3) for rank in range(3)]
    assert [list(ranks.part(range(4))) for ranks in three] == [[0], [1], [2, 3]]
    assert [list(ranks.part(range(1))) for ranks in three] == [[], [], [0]]
    batches = [[1, 2], [3, 4], [5, 6], [7]]
    assert [ranks.dealt(batches) for ranks in three] == [
        [(6, [1, 2]), (1, [7])], [(6, [3, 4]), (1, [])], [(6, [5, 6]), (1, [])],
    ]  # fmt: skip
    assert ALONE.dealt(batches) == [(2, [1, 2]), (2, [3, 4]), (2, [5, 6]), (1, [7])]
