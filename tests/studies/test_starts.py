"""What became of a start, from numbers by hand."""

from __future__ import annotations

import math

import pytest

from zfexplore.studies.starts import STARTS, Beginnings, Start, StartRun, blind_loss

STAGES = ("conv1", "conv2", "fc8")


def run(losses, gradients, start=STARTS[0]):
    return StartRun(start, STAGES, tuple(losses), tuple(gradients), (1.0,) * 3, (0.0,) * 3)


def test_the_twelve_starts_are_the_issues():
    assert len(set(STARTS)) == 12
    assert str(STARTS[4]) == "normal 0.01, inputs in [0, 1], rate 0.01"
    assert str(STARTS[-1]) == "Xavier, inputs in [-128, 128], rate 0.0001"
    assert Start("xavier", 2.0, 1.0).input == "[0, 2]"


@pytest.mark.parametrize(
    ("losses", "last", "outcome"),
    [
        ([2.0, 1.0], (0.1, 0.5, 1.0), "learns"),
        ([2.0, 1.9], (0.1, 0.5, 1.0), "still guesses"),
        ([2.0, 1.48], (0.1, 0.5, 1.0), "still guesses"),  # within 2 % of the guess
        ([2.0, 1.9], (1e-4, 1e-3, 1.0), "vanishes"),  # the logits' own gradient does not count
        ([2.0, 41.0], (0.1, 0.5, 1.0), "explodes"),
        ([2.0, 41.0, 1.0], (0.0, 0.0, 1.0), "explodes, then is dead"),
        ([2.0, 1.9], (0.0, 0.0, 1.0), "is dead"),  # nothing that is small, but nothing at all
        ([2.0, 1.0], (0.0, 0.0, 1.0), "learns"),
        ([2.0, math.nan], (0.1, math.nan, 1.0), "explodes"),
        ([2.0, 1.0], (0.1, math.inf, 1.0), "explodes"),
    ],
)
def test_the_outcome_follows_from_losses_and_gradients(losses, last, outcome):
    assert run(losses, [last] * len(losses)).outcome(blind=1.5) == outcome


def test_a_net_is_dead_where_its_convolutions_are_whatever_moves_above_them():
    found = StartRun(STARTS[0], ("conv1", "fc6", "fc8"), (2.0, 99.0), ((0.0, 3.0, 1.0),), (), ())
    assert found.outcome(blind=1.5) == "explodes, then is dead"


def test_the_last_tenth_and_the_middle_gradient_are_taken():
    found = run([9.0] * 18 + [3.0, 1.0], [(number, 0.0, 99.0) for number in range(20)])
    assert found.last_loss == 2.0
    assert found.gradient == 9.5


def test_who_looks_at_no_image_guesses_by_frequency():
    assert blind_loss([5] * 8) == pytest.approx(math.log(8))
    assert blind_loss([2, 1, 1, 0]) == pytest.approx(1.5 * math.log(2))


def test_rows_are_one_a_step():
    two = Beginnings((run([2.0, 1.0], [(1.0, 2.0, 3.0)] * 2),), 1.5, 4, 2, 2, 64, 8, 0)
    assert two.rows()[1] == {
        "init": "constant", "input": "[0, 1]", "rate": 0.01, "outcome": "learns", "step": 2, "loss": 1.0,
        "conv1": 1.0, "conv2": 2.0, "fc8": 3.0,
    }  # fmt: skip
