from __future__ import annotations

import multiprocessing
import os
import signal

import numpy as np
import pytest
import torch

from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.images.sources import UnreadableImage
from zfexplore.images.transforms import prepare_large
from zfexplore.progress import Skipped
from zfexplore.training import data

SMALL = InputConvention(size=56, resize=64)


def decoded(source, indices, workers=0):
    *events, held = data.decode(source, indices, SMALL, workers=workers, task="decoding")
    return held, [event for event in events if isinstance(event, Skipped)]


def test_joined_unites_classes_and_leaves_some_out(make_stripes):
    first = make_stripes(6, ("a", "b", "c"), name="first")
    second = make_stripes(4, ("c", "d"), name="second")
    joined = data.Joined([first, second], exclude=["b"])
    assert joined.classes == ("a", "first/c", "second/c", "d")
    assert joined.name == "first + second"
    assert [joined.label(index) for index in range(len(joined))] == [0, 1, 0, 1, 2, 3, 2, 3]
    assert [joined.image_name(index) for index in (0, 1, 4)] == ["a/0.png", "c/2.png", "c/0.png"]
    assert joined[5].label == 3
    assert np.array_equal(joined[5].image, second[1].image)


def test_joined_leaves_out_classes_without_images(make_stripes):
    assert data.Joined([make_stripes(2, ("a", "b", "empty"))]).classes == ("a", "b")


def test_joined_names_an_unreadable_image_by_its_own_index(make_stripes):
    joined = data.Joined([make_stripes(6), make_stripes(6, broken=[2])])
    with pytest.raises(
        UnreadableImage, match=r"image 8 \(slanted/2.png\) cannot be read: it is torn"
    ) as caught:
        joined[8]
    assert caught.value.index == 8


def test_joined_differs_by_what_is_left_out(make_stripes):
    whole, part = data.Joined([make_stripes()]), data.Joined([make_stripes()], exclude=["down"])
    assert whole.fingerprint() != part.fingerprint()
    assert whole.fingerprint() == data.Joined([make_stripes()]).fingerprint()


def test_joined_refuses_sources_without_classes_and_unknown_classes(make_stripes):
    flat = make_stripes()
    flat.classes = ()
    with pytest.raises(
        ExploreError, match="stripes has no classes: training needs a folder with one subfolder"
    ):
        data.Joined([flat])
    with pytest.raises(ExploreError, match="no class 'sideways' to leave out"):
        data.Joined([make_stripes()], exclude=["sideways"])


def test_split_holds_out_a_part_of_every_class(make_stripes):
    source = make_stripes(60)
    parts = data.split(source, 0.1, seed=0)
    assert sorted(parts.training + parts.held_out) == list(range(60))
    assert [sum(source.label(i) == label for i in parts.held_out) for label in range(3)] == [2, 2, 2]
    assert parts == data.split(source, 0.1, seed=0)
    assert parts.held_out != data.split(source, 0.1, seed=1).held_out


def test_split_caps_the_training_images_but_not_the_held_out_ones(make_stripes):
    source = make_stripes(60)
    parts = data.split(source, 0.1, seed=0, per_class=5)
    assert [sum(source.label(i) == label for i in parts.training) for label in range(3)] == [5, 5, 5]
    assert parts.held_out == data.split(source, 0.1, seed=0).held_out


def test_split_leaves_a_training_image_in_every_class(make_stripes):
    assert len(data.split(make_stripes(6), 0.9, seed=0).training) == 3
    single = data.split(make_stripes(3), 0.5, seed=0)
    assert (len(single.training), single.held_out) == (3, ())
    assert data.split(make_stripes(6), 0.0, seed=0).held_out == ()


@pytest.mark.parametrize("fraction", [-0.1, 1.0, 20])
def test_split_refuses_other_fractions(make_stripes, fraction):
    with pytest.raises(ExploreError, match="at least 0 and below 1"):
        data.split(make_stripes(), fraction, seed=0)


def test_split_refuses_images_without_labels(make_stripes):
    source = make_stripes()
    source.label = lambda index: None
    with pytest.raises(ExploreError, match="stripes has no labels: put each class's images into a subfolder"):
        data.split(source, 0.1, seed=0)


def test_orders_differ_by_epoch_and_seed_and_hold_every_image():
    orders = [
        data.epoch_order(range(5, 25), seed=seed, epoch=epoch).tolist()
        for seed, epoch in ((0, 0), (0, 1), (1, 0))
    ]
    assert all(sorted(order) == list(range(5, 25)) for order in orders)
    assert len({tuple(order) for order in orders}) == 3
    assert orders[0] == data.epoch_order(range(5, 25), seed=0, epoch=0).tolist()


def test_of_many_shards_a_few_are_mixed_at_a_time_and_every_image_comes_once():
    shards = [number // 5 for number in range(200)]  # 40 of 5 images
    order = data.epoch_order(range(200), seed=0, epoch=3, shards=shards)
    assert sorted(order) == list(range(200))
    at_once = [{shards[index] for index in part} for part in (order[:80], order[80:160], order[160:])]
    assert [len(each) for each in at_once] == [16, 16, 8]
    assert len(set.union(*at_once)) == 40
    assert len({shards[index] for index in order[:16]}) > 5  # and not one after the other
    assert not (order == data.epoch_order(range(200), seed=0, epoch=4, shards=shards)).all()
    few = [number // 20 for number in range(200)]
    assert (
        data.epoch_order(range(200), seed=0, epoch=3, shards=few)
        == data.epoch_order(range(200), seed=0, epoch=3)
    ).all()


def test_the_shards_of_joined_sources_are_told_apart_unless_one_has_none(make_stripes):
    class Sharded(type(make_stripes())):
        def shard(self, index):
            return index // 9

    one, other = Sharded(name="one"), Sharded(name="other")
    assert data.shards_of(data.Joined([one, other]), [0, 17, 18, 35]) == (0, 1, 2, 3)
    assert data.shards_of(one, [0, 1, 17]) == (0, 0, 1)
    assert data.shards_of(data.Joined([one, make_stripes()]), [0, 17, 18, 35]) == ()


def test_an_image_that_comes_several_times_is_decoded_once(make_stripes):
    source = make_stripes(18, broken=(3,))
    source.same = lambda index: index % 6
    convention = InputConvention(size=56, resize=64)
    *_, decoded = data.decode(source, [1, 7, 3, 9, 13, 2], convention, workers=0, task="decoding")
    assert source.decoded == {1: 1, 3: 1, 2: 1}
    assert len(decoded.pixels) == 2
    assert decoded.rows(np.array([1, 7, 3, 9, 13, 2])).tolist() == [0, 0, -1, -1, 0, 1]


def test_batches_keep_the_order_and_the_last_is_shorter():
    assert data.in_batches([4, 1, 3, 0, 2], 2) == [[4, 1], [3, 0], [2]]


@pytest.mark.parametrize("workers", [0, 2])
def test_held_and_streamed_batches_are_the_same(stripes, workers):
    order = [[5, 1, 2], [0, 17], [9]]
    held, skipped = decoded(stripes, range(18), workers)
    assert skipped == []
    pairs = zip(held.batches(order), data.Streamed(stripes, SMALL, workers).batches(order), strict=True)
    for wanted, (ours, theirs) in zip(order, pairs, strict=True):
        expected = np.stack([prepare_large(stripes[index].image, SMALL) for index in wanted])
        assert np.array_equal(ours.pixels, expected)
        assert torch.equal(ours.pixels, theirs.pixels)
        assert ours.indices.tolist() == theirs.indices.tolist() == wanted
        assert ours.labels.tolist() == theirs.labels.tolist() == [index % 3 for index in wanted]


def test_unreadable_images_are_left_out_named_and_not_replaced(make_stripes):
    source = make_stripes(6, broken=[1, 3, 4])
    held, skipped = decoded(source, range(6))
    assert skipped == [Skipped(f"{name}.png", "it is torn") for name in ("down/1", "across/3", "down/4")]
    order = [[0, 1], [3, 4], [5, 2]]
    for batches in (held.batches(order), data.Streamed(source, SMALL, 0).batches(order)):
        assert [batch.indices.tolist() for batch in batches] == [[0], [], [5, 2]]


def test_streaming_leaves_the_random_state_alone(stripes):
    before = torch.get_rng_state()
    list(data.Streamed(stripes, SMALL, 2).batches([[0, 1], [2, 3]]))
    assert torch.equal(before, torch.get_rng_state())


def test_what_fits_in_memory_is_a_share_of_what_is_free(monkeypatch):
    monkeypatch.setattr(data, "free_memory", lambda: 2 * 10 * 64 * 64 * 3)
    assert data.fits_in_memory(10, SMALL)
    assert not data.fits_in_memory(11, SMALL)


def test_free_memory_is_told():
    assert 2**20 < data.free_memory() < 2**50


def test_workers_leave_sigterm_to_the_parent(make_stripes):
    streamed = data.Streamed(make_stripes(120), SMALL, workers=1)
    batches = streamed.batches([[index] for index in range(120)])
    seen = [next(batches).indices.item()]
    (worker,) = multiprocessing.active_children()
    os.kill(worker.pid, signal.SIGTERM)
    seen += [batch.indices.item() for batch in batches]
    assert seen == list(range(120))
