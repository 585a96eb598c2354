from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from PIL import Image

from tests.support import checkpoint_of, result_of, small_net, tiny_checkpoint
from zfexplore.errors import ExploreError
from zfexplore.images.sources import Picture, UnreadableImage
from zfexplore.images.workers import WorkerFailed
from zfexplore.progress import Skipped
from zfexplore.studies import transfer as transfer_module
from zfexplore.studies.transfer import Drawn, draw, pooled, score, transfer


class Coloured:
    """Noise of 20 pixels in three classes, each of a colour of its own unless they are ``alike``."""

    name, classes = "coloured", ("red", "green", "blue")

    def __init__(self, count=36, *, alike=False, broken=None):
        self._count, self._alike, self._broken = count, alike, broken

    def __len__(self):
        return self._count

    def label(self, index):
        return index % 3

    def image_name(self, index):
        return f"{index}.png"

    def __getitem__(self, index):
        if index == self._broken:
            raise UnreadableImage(index, self.image_name(index), "it is torn")
        pixels = np.random.default_rng(index).integers(0, 90, (20, 20, 3))
        if not self._alike:
            pixels[..., self.label(index)] += 160
        return Picture(Image.fromarray(pixels.astype(np.uint8)), self.label(index), self.image_name(index))


def two_stages():
    """The tiny net, of which a convolution and a vector are measured."""
    checkpoint = tiny_checkpoint()
    checkpoint.net.watched = ("conv1", "fc3")
    return checkpoint


def test_every_class_trains_by_the_number_asked_and_is_tested_by_at_most_50_others():
    source = Coloured(3 * 70)
    drawn, again, other = (draw(source, 15, seed=0, split=split) for split in (0, 0, 1))
    assert drawn == again != other
    assert drawn != draw(source, 15, seed=1, split=0)
    for label, (training, test) in enumerate(zip(drawn.training, drawn.test, strict=True)):
        assert (len(training), len(test)) == (15, 50)
        assert len({*training, *test}) == 65
        assert {source.label(index) for index in (*training, *test)} == {label}
    within = drawn.within()
    for training, kept, judged in zip(drawn.training, within.training, within.test, strict=True):
        assert (len(kept), (*kept, *judged)) == (10, training)
    with pytest.raises(ExploreError, match="red has 70 images, too few to train on 70 .* --exclude"):
        draw(source, 70, seed=0, split=0)


def test_classes_that_a_colour_tells_apart_are_all_told_apart():
    found, events = result_of(transfer(two_stages(), Coloured(), per_class=[6, 3], splits=2))
    assert [event for event in events if isinstance(event, Skipped)] == []
    assert [(one.stage, one.per_class) for one in found.scores] == [
        ("conv1", 3), ("conv1", 6), ("fc3", 3), ("fc3", 6),
    ]  # fmt: skip
    assert {one.accuracies for one in found.scores if one.stage == "conv1"} == {(1.0, 1.0)}
    assert (found.tested, found.classes, found.splits) == ({3: 27, 6: 18}, 3, 2)
    rows = found.rows()
    assert (rows[0]["stage"], rows[0]["mean"], rows[0]["spread"], rows[0]["paper"]) == ("conv1", 1, 0, None)


def test_classes_that_nothing_tells_apart_are_guessed():
    source = Coloured(3 * 70, alike=True)
    found, _ = result_of(transfer(two_stages(), source, per_class=[10], splits=1))
    for one in found.scores:  # of 150 images: a standard deviation of .04
        assert one.mean == pytest.approx(found.chance, abs=0.13)
        assert one.spread is None


def test_the_test_images_take_no_part_in_the_choice_of_the_penalty():
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(60) % 2
    values = torch.randn(60, 8, generator=random) + labels[:, None]
    rows = Drawn((tuple(range(0, 20, 2)), tuple(range(1, 20, 2))), ((20, 22), (21, 23)))
    accuracy, strength = score(values, labels, rows, 2)
    values[20:] = 0
    labels[20:] = 1 - labels[20:]
    spoilt, same = score(values, labels, rows, 2)
    assert strength == same
    assert accuracy > spoilt == 0.5  # all of one class


def test_an_unreadable_image_is_named_and_left_out():
    broken = draw(Coloured(), 3, seed=0, split=0).test[1][0]
    source = Coloured(broken=broken)
    found, events = result_of(transfer(two_stages(), source, per_class=[3], splits=1))
    assert Skipped(f"{broken}.png", "it is torn") in events
    assert found.tested == {3: 26}
    assert found.scores[0].mean == 1


def test_processes_that_nobody_asked_for_are_a_note_if_they_fail(monkeypatch):
    here, source = os.getpid(), Coloured(broken=5)
    asked = [range(start, start + 4) for start in range(0, 36, 4)]

    def given(workers):
        told = []
        batches = transfer_module._decoded(tiny_checkpoint(), source, asked, workers, tell=told.append)
        return [(batch.indices.tolist(), batch.pixels.numpy().tobytes()) for batch in batches], told

    expected, _ = given(0)
    monkeypatch.setattr(transfer_module, "processes_pay", lambda *_, **__: True)
    monkeypatch.setattr(transfer_module, "usual_workers", lambda: 2)
    assert given(None) == (expected, [])
    decoded = Coloured.__getitem__

    def fatal(source, index):
        if index == 9 and os.getpid() != here:
            os._exit(3)
        return decoded(source, index)

    monkeypatch.setattr(Coloured, "__getitem__", fatal)
    told = "a process that decodes images ended with code 3"
    assert given(None) == (expected, [f"{told}: the other images are decoded without"])
    with pytest.raises(WorkerFailed, match=told):
        given(2)


def test_a_net_that_overflows_is_told():
    checkpoint = two_stages()
    checkpoint.module[0].weight.fill_(torch.inf)
    with pytest.raises(ExploreError, match="conv1 gives numbers that are not finite"):
        list(transfer(checkpoint, Coloured(), per_class=[6], splits=1))


def test_a_class_with_fewer_images_left_is_divided_by_its_own_number():
    drawn = Drawn(((1,), (2, 3, 4, 5, 6, 7)), ((8,), (9,)))  # of the first class five could not be read
    assert drawn.within() == Drawn(((1,), (2, 3, 4, 5)), ((), (6, 7)))
    with pytest.raises(ExploreError, match="none to test on can be read"):
        score(torch.zeros(10, 2), torch.zeros(10, dtype=torch.int64), Drawn(((1,),), ((),)), 2)


@pytest.mark.parametrize(
    ("shape", "length"),
    [
        ((96, 110, 110), 96 * 9 * 9),
        ((384, 13, 13), 384 * 4 * 4),
        ((256, 6, 6), 9216),
        ((20000, 3, 3), 20000),
        ((8, 2, 2000), 8 * 2 * 33),
        ((4096,), 4096),
    ],
)
def test_features_are_squares_of_averages_of_at_most_9216_values(shape, length):
    assert pooled(torch.zeros(1, *shape)).shape == (1, length)


def test_a_feature_is_the_average_of_its_part_of_the_map():
    values = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert pooled(values, most=4).tolist() == [[2.5, 4.5, 10.5, 12.5]]
    assert pooled(values).tolist() == [list(range(16))]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"per_class": "15"}, "per_class takes a list"),
        ({"per_class": []}, "per_class takes a list"),
        ({"per_class": [0]}, "--per-class must be at least 1, not 0"),
        ({"splits": 0}, "--splits must be at least 1, not 0"),
        ({"seed": -1}, "--seed must be at least 0, not -1"),
    ],
)
def test_wrong_numbers_are_told(wrong, told):
    with pytest.raises(ExploreError, match=told):
        list(transfer(tiny_checkpoint(), Coloured(), **{"per_class": [3], **wrong}))


def test_features_that_do_not_fit_are_told_before_they_are_computed(monkeypatch):
    monkeypatch.setattr("zfexplore.studies.transfer.free_memory", lambda: 1000)
    with pytest.raises(ExploreError, match="36 images take .* name fewer layers with --stage"):
        list(transfer(tiny_checkpoint(), Coloured(), per_class=[3]))


def test_only_a_zfnet_has_the_papers_numbers_beside_the_stages_that_it_measures():
    net = checkpoint_of(small_net(), 20, mean=(120.0, 110.0, 100.0), std=(60.0, 60.0, 60.0))
    object.__setattr__(net.metadata, "architecture", "zfnet")
    net.net.watched = ("conv1", "pool2")
    source = Coloured(3 * 31)
    found, _ = result_of(transfer(net, source, per_class=[30, 2], splits=1))
    papers = {(one.stage, one.per_class): one.paper for one in found.scores if one.paper is not None}
    assert papers == {("conv1", 30): pytest.approx(0.448), ("pool2", 30): pytest.approx(0.662)}
