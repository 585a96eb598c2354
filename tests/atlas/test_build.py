# tests zfexplore/atlas/state.py too: what a pass has kept, it goes on from here

from __future__ import annotations

import threading
import weakref

import numpy as np
import pytest
import torch
from torch import nn

from zfexplore.atlas import build, reading, taking, tally
from zfexplore.atlas.build import build_atlas
from zfexplore.atlas.tally import Tally
from zfexplore.errors import ExploreError
from zfexplore.images.squares import Squares
from zfexplore.progress import Note, Progress, Skipped


def colour_net():
    """1x1 filters on raw pixels: red; green less 100; never anything. Then a pool of 2x2."""
    convolution = nn.Conv2d(3, 3, 1)
    with torch.no_grad():
        convolution.weight.copy_(torch.tensor([[1, 0, 0], [0, 1, 0], [0, 0, -1]]).view(3, 3, 1, 1))
        convolution.bias.copy_(torch.tensor([0, -100, 0]))
    return nn.Sequential(convolution, nn.ReLU(), nn.MaxPool2d(2))


def spots(*placed, size=4):
    """A black image with pixels (y, x, channel, value)."""
    image = np.zeros((size, size, 3), np.uint8)
    for y, x, channel, value in placed:
        image[y, x, channel] = value
    return image


@pytest.fixture
def colours(make):
    """Four images whose maxima can be read off: red 50, 200, 200, 7; green above 100 in two."""
    images = [
        spots((0, 1, 0, 50), (3, 2, 1, 90)),
        spots((2, 3, 0, 200), (1, 1, 1, 130)),
        spots((3, 3, 0, 200), (1, 0, 0, 200)),
        spots((0, 0, 0, 7), (2, 2, 1, 110)),
    ]
    source = make.ArraySource(images, labels=[0, 1, 1, 0], classes=["dull", "bright"])
    atlas, _ = make.result_of(build_atlas(make.checkpoint_of(colour_net(), 4), source, k=3))
    return atlas


def test_a_tiny_net_gives_the_places_read_off_by_hand(colours):
    record = colours.stages["conv1"]
    assert record.value.tolist() == [[200, 200, 50], [30, 10, 0], [0, 0, 0]]
    assert record.image.tolist() == [[1, 2, 0], [1, 3, 0], [0, 1, 2]]
    # Image 2 is brightest in two places: the first in rows from the top is (1, 0).
    assert list(zip(record.y[0].tolist(), record.x[0].tolist(), strict=True)) == [(2, 3), (1, 0), (0, 1)]
    assert (record.y[1, 0], record.x[1, 0]) == (1, 1)


def test_the_pool_has_the_same_images_at_its_own_places(colours):
    record = colours.stages["pool1"]
    assert record.map_size == (2, 2)
    assert record.image[0].tolist() == [1, 2, 0]
    assert list(zip(record.y[0].tolist(), record.x[0].tolist(), strict=True)) == [(1, 1), (0, 0), (0, 0)]


def test_a_tiny_net_gives_the_statistics_worked_out_by_hand(colours):
    record = colours.stages["conv1"]
    assert record.mean.tolist() == [457 / 4, 10.0, 0.0]
    assert record.max.tolist() == [200, 30, 0]
    assert record.share_firing.tolist() == [1.0, 0.5, 0.0]
    assert record.rarity.tolist() == [0.0, 0.5, 1.0]
    assert record.dead.tolist() == [False, False, True]
    np.testing.assert_array_equal(record.class_mean, np.float32([[28.5, 200], [5, 15], [0, 0]]))
    assert record.best_class.tolist() == [1, 1, 0]
    np.testing.assert_allclose(record.selectivity, [171.5 / 228.5, 10 / 20, 0], rtol=1e-12)
    assert record.histogram.sum(axis=1).tolist() == [4, 4, 4]
    assert record.histogram[:, 0].tolist() == [0, 2, 4]


def test_every_convolution_the_last_pool_and_the_heads_are_covered(make):
    source = make.ArraySource(make.random_images(3))
    atlas, _ = make.result_of(build_atlas(make.random_checkpoint(), source))
    assert list(atlas.stages) == ["conv1", "conv2", "pool2", "fc3", "fc4"]
    assert [record.kind for record in atlas.stages.values()] == ["conv", "conv", "pool", "fc", "fc"]
    assert [record.channels for record in atlas.stages.values()] == [6, 8, 8, 10, 5]


def test_the_numbers_equal_those_of_the_whole_maps(make):
    checkpoint, images = make.random_checkpoint(), make.random_images(21)
    atlas, _ = make.result_of(build_atlas(checkpoint, make.ArraySource(images), k=4))
    batch = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255
    for name, maps in checkpoint.net.maps(batch).items():
        if name == "pool1":
            continue
        record, flat = atlas.stages[name], maps.flatten(2) if maps.ndim == 4 else maps[:, :, None]
        maxima, places = flat.amax(dim=2), flat.argmax(dim=2)
        value, image = (sorted_[:, :4] for sorted_ in maxima.T.sort(dim=1, descending=True, stable=True))
        np.testing.assert_allclose(record.value, value, rtol=1e-5, atol=1e-6, err_msg=name)
        assert record.image.tolist() == image.tolist()
        assert (record.y * record.map_size[1] + record.x).tolist() == places.T.gather(1, image).tolist()
        np.testing.assert_allclose(record.mean, maxima.double().mean(dim=0), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(record.share_firing, (maxima > 0).double().mean(dim=0))


@pytest.mark.parametrize("batch_size", [1, 5, 100])
@pytest.mark.parametrize("workers", [1, 3])
def test_batch_size_and_workers_change_no_bit(make, batch_size, workers):
    checkpoint = make.random_checkpoint()
    source = make.ArraySource(make.random_images(29), labels=[i % 3 for i in range(29)], classes="abc")
    reference, _ = make.result_of(build_atlas(checkpoint, source))
    other, _ = make.result_of(build_atlas(checkpoint, source, batch_size=batch_size, workers=workers))
    assert make.same(reference, other)


def test_processes_change_no_bit_and_name_the_same_images(make, monkeypatch):
    checkpoint = make.random_checkpoint()
    source = make.ArraySource(make.random_images(29), labels=[i % 3 for i in range(29)], classes="abc")
    source.arrays[7] = source.arrays[8] = source.arrays[28] = None
    reference, events = make.result_of(build_atlas(checkpoint, source, workers=2))
    assert source.read
    source.read.clear()
    monkeypatch.setattr(build, "processes_pay", lambda *_, **__: True)
    found, others = make.result_of(build_atlas(checkpoint, source, workers=2, batch_size=8))
    assert make.same(reference, found)
    skipped = [[event for event in some if isinstance(event, Skipped)] for some in (events, others)]
    assert skipped[0] == skipped[1]
    assert source.read == []  # here
    make.result_of(build_atlas(checkpoint, source, workers=0))
    assert len(source.read) == 29


def test_processes_that_fail_are_a_note_and_the_atlas_is_the_same(make, monkeypatch):
    checkpoint, source = make.random_checkpoint(), make.ArraySource(make.random_images(13))
    reference, _ = make.result_of(build_atlas(checkpoint, source))

    def refused():
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(build, "processes_pay", lambda *_, **__: True)
    monkeypatch.setattr("socket.socketpair", refused)
    found, events = make.result_of(build_atlas(checkpoint, source, workers=2))
    assert make.same(reference, found)
    assert [event.text for event in events if isinstance(event, Note)] == [
        "process 1 of 1 for decoding images cannot be started (too many open files): threads read the other "
        "images"
    ]


@pytest.mark.parametrize("size", [1, 3, 32])
def test_another_slice_changes_no_more_than_rounding(make, monkeypatch, size):
    """Why slices are fixed: even convolutions may round differently for another number of images."""
    checkpoint, source = make.random_checkpoint(), make.ArraySource(make.random_images(29))
    reference, _ = make.result_of(build_atlas(checkpoint, source))
    monkeypatch.setitem(taking.SLICE, "cpu", size)
    other, _ = make.result_of(build_atlas(checkpoint, source))
    for name, record in reference.stages.items():
        np.testing.assert_allclose(other.stages[name].value, record.value, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(other.stages[name].mean, record.mean, rtol=1e-5, atol=1e-6)


def test_equal_images_rank_in_their_order(make):
    image = make.random_images(1)[0]
    source = make.ArraySource([image] * 20)
    atlas, _ = make.result_of(build_atlas(make.random_checkpoint(), source, k=5))
    assert atlas.stages["conv2"].image.tolist() == [[0, 1, 2, 3, 4]] * 8


def test_unreadable_images_are_skipped_named_and_keep_their_numbers(make):
    images = make.random_images(20)
    broken = [None if number in (0, 3, 19) else image for number, image in enumerate(images)]
    whole = make.ArraySource([image for image in broken if image is not None])
    atlas, events = make.result_of(build_atlas(make.random_checkpoint(), make.ArraySource(broken)))
    reference, _ = make.result_of(build_atlas(make.random_checkpoint(), whole))

    assert [event.name for event in events if isinstance(event, Skipped)] == [
        "image0.png",
        "image3.png",
        "image19.png",
    ]
    assert atlas.count == 17
    assert [number for number, _, _ in atlas.skipped] == [0, 3, 19]
    assert len(atlas.image_names) == 20
    kept = [number for number in range(20) if number not in (0, 3, 19)]
    for name, record in atlas.stages.items():
        np.testing.assert_array_equal(record.value, reference.stages[name].value)
        np.testing.assert_array_equal(record.image, np.array(kept)[reference.stages[name].image])


def test_all_maxima_are_kept_on_a_sample_of_the_images_in_units_of_the_largest(colours):
    assert colours.sample.tolist() == [0, 1, 2, 3]
    record = colours.stages["conv1"]
    expected = [[50 / 200, 1, 1, 7 / 200], [0, 1, 0, 10 / 30], [0, 0, 0, 0]]
    np.testing.assert_allclose(record.response, expected, atol=5e-4)
    assert record.response.dtype == np.float16


def test_a_large_sample_is_spread_over_the_images_and_leaves_the_unreadable_out(make, monkeypatch):
    monkeypatch.setattr(tally, "SAMPLE", 5)
    arrays = [None if number == 6 else array for number, array in enumerate(make.random_images(13))]
    atlas, _ = make.result_of(build_atlas(make.random_checkpoint(), make.ArraySource(arrays)))
    assert atlas.sample.tolist() == [0, 3, 9, 12]
    record = atlas.stages["conv2"]
    assert record.response.shape == (record.channels, 4)


def test_no_readable_image_at_all_is_an_error(make):
    with pytest.raises(ExploreError, match="none of the 2 images of arrays could be read"):
        list(build_atlas(make.random_checkpoint(), make.ArraySource([None, None])))


def test_fewer_images_than_places_leave_the_rest_empty(make):
    atlas, _ = make.result_of(build_atlas(make.random_checkpoint(), make.ArraySource(make.random_images(2))))
    record = atlas.stages["conv1"]
    assert record.image[:, 2:].tolist() == [[-1] * 7] * 6
    assert np.isneginf(record.value[:, 2:]).all()
    assert len(atlas.top("conv1", 0)) == 2


def test_a_class_without_images_has_no_mean_and_is_never_the_best(make):
    source = make.ArraySource(make.random_images(4), labels=[0, 2, 0, 2], classes=["a", "b", "c"])
    atlas, _ = make.result_of(build_atlas(make.random_checkpoint(), source))
    record = atlas.stages["conv2"]
    assert np.isnan(record.class_mean[:, 1]).all()
    assert set(record.best_class.tolist()) <= {0, 2}
    assert ((record.selectivity >= 0) & (record.selectivity <= 1)).all()


def test_images_without_labels_have_no_selectivity(make):
    atlas, _ = make.result_of(build_atlas(make.random_checkpoint(), make.ArraySource(make.random_images(3))))
    record = atlas.stages["conv1"]
    assert record.class_mean is None
    assert record.selectivity is None
    assert record.best_class is None


def test_an_activation_that_is_no_number_is_named(make):
    checkpoint = make.random_checkpoint()
    checkpoint.module[4].bias[3] = float("nan")
    with pytest.raises(ExploreError, match=r"conv2:3 is nan on image0\.png"):
        list(build_atlas(checkpoint, make.ArraySource(make.random_images(2))))


def as_on_a_gpu(monkeypatch):
    """The CPU looks up every place in one pass, and is asked for faults only now and then."""
    monkeypatch.setitem(taking.SLICES_BETWEEN_CHECKS, "cpu", 3)
    maxima = taking.image_maxima
    monkeypatch.setattr(taking, "image_maxima", lambda net, batch, layout, _: maxima(net, batch, layout))
    monkeypatch.setattr(Tally, "_merge_best", lambda self, m, p, i: self._take_best(slice(None), m.T, i, p.T))


def test_the_way_of_a_gpu_gives_the_same_to_the_last_bit(make, monkeypatch):
    checkpoint, images = make.random_checkpoint(), make.random_images(45)
    images[7] = None
    source = make.ArraySource(images, labels=[number % 3 for number in range(45)], classes="abc")
    reference, _ = make.result_of(build_atlas(checkpoint, source))
    as_on_a_gpu(monkeypatch)
    found, _ = make.result_of(build_atlas(checkpoint, source))
    assert make.same(found, reference)


@pytest.mark.usefixtures("eager_progress")
def test_an_activation_found_late_to_be_no_number_is_named_and_nothing_of_it_is_kept(
    make, monkeypatch, tmp_path
):
    """Maxima are infinite from image 13 on, in the last of three slices that are checked at once."""
    images = [np.full((20, 20, 3), 255 * (number >= 13), np.uint8) for number in range(20)]
    checkpoint, path = make.random_checkpoint(), tmp_path / "index.partial"
    checkpoint.module[0].weight[2] = 3e38
    as_on_a_gpu(monkeypatch)
    with pytest.raises(ExploreError, match=r"conv1:2 is inf on image13\.png"):
        list(build_atlas(checkpoint, make.ArraySource(images), path=path))
    assert not path.exists()


def test_squares_give_the_numbers_of_their_pictures_without_one_being_made(make, monkeypatch):
    images, labels = make.random_images(15), [number % 2 for number in range(15)]
    checkpoint = make.random_checkpoint()
    reference, _ = make.result_of(build_atlas(checkpoint, make.ArraySource(images, labels, "ab")))
    squares = Squares(torch.from_numpy(np.stack(images)), labels=labels, classes="ab")
    monkeypatch.setattr(squares, "_decode", None)
    found, _ = make.result_of(build_atlas(checkpoint, squares))
    for name, record in reference.stages.items():
        for part, array in record.arrays().items():
            np.testing.assert_array_equal(found.stages[name].arrays()[part], array, err_msg=part)


def test_progress_counts_every_image_and_ends_complete(make):
    source = make.ArraySource([*make.random_images(9), None])
    _, events = make.result_of(build_atlas(make.random_checkpoint(), source))
    last = [event for event in events if isinstance(event, Progress)][-1]
    assert (last.task, last.done, last.total) == ("index", 10, 10)


def interrupt(events, after):
    """Take events until ``after`` images are done, then close the generator."""
    for event in events:
        if isinstance(event, Progress) and event.done >= after:
            break
    events.close()


@pytest.fixture
def eager_progress(monkeypatch):
    monkeypatch.setattr("zfexplore.progress.SECONDS_BETWEEN_EVENTS", 0.0)


@pytest.mark.usefixtures("eager_progress")
@pytest.mark.parametrize("after", [1, 17, 24])
def test_an_interrupted_pass_goes_on_and_ends_the_same_to_the_last_bit(make, tmp_path, after):
    checkpoint, path = make.random_checkpoint(), tmp_path / "index.partial"
    arrays = [None if number in (2, 20, 30) else a for number, a in enumerate(make.random_images(33))]
    source = make.ArraySource(arrays, labels=[i % 2 for i in range(33)], classes="ab")
    reference, _ = make.result_of(build_atlas(checkpoint, source))

    interrupt(build_atlas(checkpoint, source, path=path), after)
    assert path.exists()
    again = make.ArraySource(arrays, labels=source.labels, classes="ab")
    atlas, events = make.result_of(build_atlas(checkpoint, again, path=path))

    assert make.same(atlas, reference)
    assert min(again.read) >= after, "images already counted were read again"
    assert [event.text for event in events if isinstance(event, Note)][0].startswith("going on")
    assert [e.name for e in events if isinstance(e, Skipped)] == ["image2.png", "image20.png", "image30.png"]
    assert not path.exists()


@pytest.mark.usefixtures("eager_progress")
def test_an_interrupt_in_the_middle_of_a_merge_saves_nothing_half_done(make, tmp_path, monkeypatch):
    checkpoint, path = make.random_checkpoint(), tmp_path / "index.partial"
    source = make.ArraySource(make.random_images(20))
    merge = Tally._add

    def struck(self, maxima, labels):
        if self.seen.item() == taking.SLICE["cpu"]:
            raise KeyboardInterrupt
        merge(self, maxima, labels)

    monkeypatch.setattr(Tally, "_add", struck)
    with pytest.raises(KeyboardInterrupt):
        list(build_atlas(checkpoint, source, path=path))
    assert not path.exists()


@pytest.mark.usefixtures("eager_progress")
def test_the_state_is_saved_now_and_then(make, tmp_path, monkeypatch):
    monkeypatch.setattr(build, "SECONDS_BETWEEN_SAVES", 0.0)
    path = tmp_path / "index.partial"
    events = build_atlas(make.random_checkpoint(), make.ArraySource(make.random_images(20)), path=path)
    next(events)
    next(events)
    assert path.exists()
    events.close()


@pytest.mark.usefixtures("eager_progress")
@pytest.mark.parametrize("damage", ["truncated", "other weights", "text"])
def test_an_unfinished_state_that_does_not_fit_is_left_aside(make, tmp_path, damage):
    path, source = tmp_path / "index.partial", make.ArraySource(make.random_images(20))
    weights = "others" if damage == "other weights" else "weights-1"
    interrupt(build_atlas(make.random_checkpoint(weights=weights), source, path=path), 8)
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "text":
        path.write_text("not an atlas")
    atlas, events = make.result_of(build_atlas(make.random_checkpoint(), source, path=path))
    reference, _ = make.result_of(build_atlas(make.random_checkpoint(), source))
    assert make.same(atlas, reference)
    assert [event.text for event in events if isinstance(event, Note)][0].endswith(
        "starting from the first image"
    )


@pytest.mark.usefixtures("eager_progress")
def test_closing_stops_the_reading_threads(make):
    before = threading.active_count()
    events = build_atlas(make.random_checkpoint(), make.ArraySource(make.random_images(200)), workers=3)
    next(events)
    events.close()
    assert threading.active_count() == before


def test_memory_does_not_grow_with_the_images(make, monkeypatch):
    """Of 600 prepared images only those read ahead and those of one slice are alive at any time."""
    prepare, prepared = reading.prepare, []

    def watched(*arguments):
        array = prepare(*arguments)
        prepared.append(weakref.ref(array))
        return array

    monkeypatch.setattr(reading, "prepare", watched)
    monkeypatch.setattr("zfexplore.progress.SECONDS_BETWEEN_EVENTS", 0.0)
    source = make.ArraySource(make.random_images(1) * 600)
    most = 0
    for _ in build_atlas(make.random_checkpoint(), source, batch_size=16):
        most = max(most, sum(reference() is not None for reference in prepared))
    assert len(prepared) == 600
    assert most <= 16 + 2 * taking.SLICE["cpu"]


def test_reduced_precision_is_close_and_has_another_fingerprint(make):
    checkpoint, source = make.random_checkpoint(), make.ArraySource(make.random_images(9))
    exact, _ = make.result_of(build_atlas(checkpoint, source))
    reduced, _ = make.result_of(build_atlas(checkpoint, source, precision="bfloat16"))
    assert reduced.fingerprint != exact.fingerprint
    for name, record in reduced.stages.items():
        np.testing.assert_allclose(record.mean, exact.stages[name].mean, rtol=0.05, atol=0.02)
    assert any(not np.array_equal(r.value, exact.stages[n].value) for n, r in reduced.stages.items())


def test_the_net_is_left_as_it_was_found(make):
    checkpoint = make.random_checkpoint()
    checkpoint.module.train()
    before = {name: tensor.clone() for name, tensor in checkpoint.module.state_dict().items()}
    list(build_atlas(checkpoint, make.ArraySource(make.random_images(3))))
    assert checkpoint.module.training
    assert torch.is_grad_enabled()
    for name, tensor in checkpoint.module.state_dict().items():
        assert torch.equal(tensor, before[name])
        assert tensor.stride() == before[name].stride()
        assert not tensor.is_inference()


@pytest.mark.usefixtures("eager_progress")
def test_an_atlas_of_the_images_so_far_stays_as_it_was_given(make):
    source = make.ArraySource(make.random_images(24))
    events = build_atlas(make.random_checkpoint(), source, seconds_between_partials=0.0)
    partial = next(event.atlas for event in events if isinstance(event, build.Partial))
    first, _ = make.result_of(
        build_atlas(make.random_checkpoint(), make.ArraySource(source.arrays[: taking.SLICE["cpu"]]))
    )
    list(events)
    assert partial.count == taking.SLICE["cpu"]
    for name, record in partial.stages.items():
        for part, array in record.arrays().items():
            np.testing.assert_array_equal(array, first.stages[name].arrays()[part])


def test_layers_come_in_the_net_s_order_however_they_are_asked_for(make):
    source, checkpoint = make.ArraySource(make.random_images(5)), make.random_checkpoint()
    whole, _ = make.result_of(build_atlas(checkpoint, source))
    some, _ = make.result_of(build_atlas(checkpoint, source, stages=["fc3", "pool1", "conv1"]))
    assert list(some.stages) == ["conv1", "pool1", "fc3"]
    for name in ("conv1", "fc3"):
        np.testing.assert_array_equal(some.stages[name].value, whole.stages[name].value)


def test_a_pool_before_its_relu_is_not_overwritten(make):
    """The ReLU works in place only on what a convolution has just made."""
    torch.manual_seed(1)
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(4, 2, 1))
    with torch.no_grad():
        module[0].bias[0] = -1000
    checkpoint, images = make.checkpoint_of(module, 8), make.random_images(5, size=8)
    atlas, _ = make.result_of(build_atlas(checkpoint, make.ArraySource(images), k=5))
    batch = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float()
    for name in ("conv1", "pool1", "conv2"):
        expected = checkpoint.net.maps(batch)[name].amax(dim=(2, 3)).sort(dim=0, descending=True).values.T
        np.testing.assert_allclose(atlas.stages[name].value, expected, rtol=1e-4, atol=1e-4)
    assert (atlas.stages["pool1"].value[0] < 0).all()


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gives_the_same_index_within_tolerance(make):
    source = make.ArraySource(make.random_images(150), labels=[i % 3 for i in range(150)], classes="abc")
    expected, _ = make.result_of(build_atlas(make.random_checkpoint(), source))
    found, _ = make.result_of(build_atlas(make.random_checkpoint(), source, device="cuda"))
    again, _ = make.result_of(build_atlas(make.random_checkpoint(), source, device="cuda", batch_size=7))
    assert make.same(found, again)
    assert found.fingerprint == expected.fingerprint
    for name, record in expected.stages.items():
        np.testing.assert_allclose(found.stages[name].value, record.value, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(found.stages[name].mean, record.mean, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(found.stages[name].class_mean, record.class_mean, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("kernels", "told"), [(object(), []), (None, ["no Triton"])])
def test_a_gpu_without_its_kernels_is_told_to_be_slower(kernels, told, monkeypatch):
    monkeypatch.setattr(build, "kernels_for", lambda _: kernels)
    monkeypatch.setattr(build, "unusable", lambda _: "no Triton")
    notes = [note.text for note in build._without_kernels(torch.device("cuda"))]
    assert [text.rpartition(": ")[2] for text in notes] == told
    assert not list(build._without_kernels(torch.device("cpu")))


def test_a_full_gpu_is_told_in_one_line(make, monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    monkeypatch.setattr(taking, "image_maxima", full)
    with pytest.raises(ExploreError, match="memory does not suffice for 6 images at once: .*--device cpu"):
        make.result_of(build_atlas(make.random_checkpoint(), make.ArraySource(make.random_images(7))))
