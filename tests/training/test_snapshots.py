from __future__ import annotations

import pytest

from zfexplore.errors import ExploreError
from zfexplore.training.snapshots import MOST, Keeping, keeping, spread_out


def kept(wanted, epochs, since=0.0):
    times = keeping(wanted)
    return [epoch for epoch in range(1, epochs + 1) if times.after(epoch, epochs, since)]


def test_epochs_are_kept_as_they_are_asked_for():
    assert kept([5, 1, 5], 9) == kept("1,5", 9) == kept("5, 1", 9) == [1, 5]
    assert kept("every 3", 7) == kept("every3", 7) == kept("every 3 epochs", 7) == [3, 6, 7]
    assert kept("none", 3) == kept([], 3) == []
    assert keeping("5m") == keeping("every 5 minutes") == Keeping(minutes=5)


def test_minutes_are_kept_amid_an_epoch_and_at_the_end():
    five = keeping("5m")
    assert [five.within(since, 9999) for since in (299, 300)] == [False, True]
    assert (kept("5m", 3, since=299), kept("5m", 3, since=300)) == ([3], [1, 2, 3])
    assert not keeping("every 2").within(9999, 9999)


def test_auto_keeps_all_of_a_short_run_and_few_of_a_long_one_most_at_the_start():
    assert kept("auto", 12) == list(range(1, 13))
    for epochs in (21, 58, 1000):
        assert len(spread_out(epochs)) <= MOST
        assert {1, 2, epochs} <= set(spread_out(epochs))
        steps = [b - a for a, b in zip(spread_out(epochs), spread_out(epochs)[1:], strict=False)]
        assert steps == sorted(steps) or epochs < 100  # rounding aside they grow
    auto = keeping("auto")
    assert [auto.within(300, 1200), auto.within(300, 1201), auto.within(299, 600)] == [True, False, False]


@pytest.mark.parametrize("words", ["1,x", "0", "every", "every 0", "0m", "5h", "", "-1"])
def test_other_words_are_refused(words):
    with pytest.raises(ExploreError, match=r"--snapshots takes epochs such as 1,2,5, .*, not ") as caught:
        keeping(words)
    assert caught.value.usage


@pytest.mark.parametrize(("wanted", "told"), [([1, 0], "0"), ([1.5], "1.5"), (["a"], "'a'")])
def test_epochs_begin_at_1_and_are_whole_numbers_of_a_list(wanted, told):
    with pytest.raises(ExploreError, match=rf"after epochs 1, 2, ..., not {told}"):
        keeping(wanted)
    with pytest.raises(ExploreError, match=r"a list of epochs, such as \[1, 5\], not 5"):
        keeping(5)
