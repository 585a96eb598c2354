from __future__ import annotations

from types import SimpleNamespace

import pytest

from zfexplore.training.evaluate import Evaluation
from zfexplore.training.recipe import recipe
from zfexplore.training.record import epoch_record
from zfexplore.training.state import Position

RECIPE = recipe("default", epochs=2, lr=0.5, schedule="constant", warmup=0)
PLAN = SimpleNamespace(recipe=RECIPE, steps_per_epoch=4)
AT_THE_END = Position(epoch=1, step=4, loss_sum=30.0, images=20, seconds=8.0, waited=2.0)


def test_sums_become_means_and_rates():
    record = epoch_record(PLAN, AT_THE_END, 64, None)
    assert (record.epoch, record.size, record.loss) == (2, 64, 1.5)
    assert (record.images_per_second, record.waiting, record.seconds) == (2.5, 0.25, 8.0)
    assert record.lr == pytest.approx(0.5)


def test_without_held_out_images_nothing_is_said_of_them():
    record = epoch_record(PLAN, AT_THE_END, 64, None)
    assert (record.held_out_loss, record.top1, record.top5, record.per_class, record.dead) == (None,) * 5


def test_with_them_it_holds_what_was_measured():
    record = epoch_record(PLAN, AT_THE_END, 64, Evaluation(10, 1.25, 0.5, 1.0, 0.25, {"conv1": 3}))
    assert (record.held_out_loss, record.top1, record.top5, record.per_class) == (1.25, 0.5, 1.0, 0.25)
    assert record.dead == {"conv1": 3}


def test_an_epoch_that_read_no_image_has_a_record_too():
    record = epoch_record(PLAN, Position(epoch=0), 64, None)
    assert (record.loss, record.images_per_second, record.waiting) == (0.0, 0.0, 0.0)
