from __future__ import annotations

import errno
import os
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.support import held_elsewhere
from zfexplore.atlas import build
from zfexplore.atlas.open import atlas_path, open_or_build
from zfexplore.atlas.store import describe
from zfexplore.errors import ExploreError
from zfexplore.nets.checkpoint import Checkpoint
from zfexplore.progress import Finished, Note, Progress


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("zfexplore.progress.SECONDS_BETWEEN_EVENTS", 0.0)
    return tmp_path / "cache"


@pytest.fixture
def source(make):
    return make.ArraySource(make.random_images(12))


def notes(events):
    return [event.text for event in events if isinstance(event, Note)]


def test_the_first_time_it_is_built_the_second_time_opened(make, source, cache):
    first, events = make.result_of(open_or_build(make.random_checkpoint(), source))
    assert notes(events) == []
    assert [path.name for path in (cache / "atlases").iterdir()] == [f"{first.fingerprint}.safetensors"]
    source.read.clear()
    second, events = make.result_of(open_or_build(make.random_checkpoint(), source))
    assert events == []
    assert source.read == []
    assert make.same(first, second)


def test_a_closed_build_goes_on_next_time(make, source):
    checkpoint = make.random_checkpoint()
    reference, _ = make.result_of(open_or_build(checkpoint, source))
    atlas_path(reference.fingerprint).unlink()
    events = open_or_build(checkpoint, source)
    assert isinstance(next(events), Progress)
    events.close()
    source.read.clear()
    atlas, events = make.result_of(open_or_build(checkpoint, source))
    assert notes(events) == ["going on with the unfinished index, at image 6 of 12"]
    assert sorted(source.read) == [6, 7, 8, 9, 10, 11]
    assert make.same(atlas, reference)


def test_it_is_built_again_where_that_is_asked_for(make, source):
    first, _ = make.result_of(open_or_build(make.random_checkpoint(), source))
    source.read.clear()
    second, events = make.result_of(open_or_build(make.random_checkpoint(), source, again=True))
    assert notes(events) == ["the index is built again, as asked"]
    assert sorted(source.read) == list(range(12))
    assert make.same(first, second)


def test_asked_again_after_an_interrupt_it_goes_on(make, source):
    checkpoint = make.random_checkpoint()
    reference, _ = make.result_of(open_or_build(checkpoint, source))
    events = open_or_build(checkpoint, source, again=True)
    assert isinstance(next(event for event in events if not isinstance(event, Note)), Progress)
    events.close()
    atlas, events = make.result_of(open_or_build(checkpoint, source, again=True))
    assert notes(events) == ["going on with the unfinished index, at image 6 of 12"]
    assert make.same(atlas, reference)


def test_other_weights_are_given_as_the_reason(make, source):
    list(open_or_build(make.random_checkpoint(), source))
    _, events = make.result_of(open_or_build(make.random_checkpoint(weights="weights-2"), source))
    assert notes(events) == ["arrays is indexed again: other weights than before"]


@pytest.mark.parametrize("layer", [0, 10])
def test_weights_changed_after_loading_are_indexed_on_their_own(make, source, layer):
    """Neither is the old atlas taken for the changed net, nor the new one for the old net."""
    old, _ = make.result_of(open_or_build(make.random_checkpoint(), source))
    checkpoint = make.random_checkpoint()
    checkpoint.module[layer].weight.data.mul_(2)
    new, events = make.result_of(open_or_build(checkpoint, source))
    assert notes(events) == ["arrays is indexed again: other weights than before"]
    assert new.fingerprint != old.fingerprint
    assert new.stages["fc4"].value.max() != old.stages["fc4"].value.max()
    again, events = make.result_of(open_or_build(make.random_checkpoint(), source))
    assert events == []
    assert make.same(again, old)


def test_changed_images_are_given_as_the_reason(make, source):
    list(open_or_build(make.random_checkpoint(), source))
    source.version = "2"
    _, events = make.result_of(open_or_build(make.random_checkpoint(), source))
    assert notes(events) == ["arrays is indexed again: other images than before"]


def test_another_transform_is_given_as_the_reason(make, source):
    list(open_or_build(make.random_checkpoint(), source))
    _, events = make.result_of(open_or_build(make.random_checkpoint(), source, fit="whole"))
    assert notes(events) == ["arrays is indexed again: other fit than before"]


def test_other_images_of_another_name_need_no_reason(make, source):
    list(open_or_build(make.random_checkpoint(), source))
    other = make.ArraySource(make.random_images(3), name="others")
    _, events = make.result_of(open_or_build(make.random_checkpoint(), other))
    assert notes(events) == []


@pytest.mark.parametrize("damage", ["truncated", "text", "empty"])
def test_a_damaged_file_is_built_again_with_a_note(make, source, damage):
    reference, _ = make.result_of(open_or_build(make.random_checkpoint(), source))
    path = atlas_path(reference.fingerprint)
    path.write_bytes({"truncated": path.read_bytes()[:-9], "text": b"hello", "empty": b""}[damage])
    atlas, events = make.result_of(open_or_build(make.random_checkpoint(), source))
    (note,) = notes(events)
    assert note.startswith("the index is built again: ")
    assert make.same(atlas, reference)


def fingerprint(make, source, checkpoint=None, **settings):
    settings = {"k": 9, "fit": "crop", "stages": None, "precision": "float32", **settings}
    return describe(checkpoint or make.random_checkpoint(), source, **settings)["fingerprint"]


def test_everything_that_decides_the_numbers_changes_the_fingerprint(make, source):
    plain = make.random_checkpoint()

    def with_input(**changes):
        metadata = plain.metadata
        return Checkpoint(
            plain.module, plain.net, replace(metadata, input=replace(metadata.input, **changes))
        )

    longer = make.ArraySource([*source.arrays, source.arrays[0]])
    found = [
        fingerprint(make, source),
        fingerprint(make, longer),
        fingerprint(make, source, make.random_checkpoint(weights="weights-2")),
        fingerprint(make, source, with_input(mean=(1.0, 0.0, 0.0))),
        fingerprint(make, source, with_input(mean_image=np.zeros((3, 20, 20), np.float32))),
        fingerprint(make, source, with_input(mean_image=np.ones((3, 20, 20), np.float32))),
        fingerprint(make, source, k=3),
        fingerprint(make, source, fit="whole"),
        fingerprint(make, source, stages=["conv1"]),
        fingerprint(make, source, precision="bfloat16"),
    ]
    assert len(set(found)) == len(found)
    assert fingerprint(make, source) == found[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"k": 0}, "at least one image a channel, not 0"),
        ({"precision": "float8"}, "precision is float32 or bfloat16, not 'float8'"),
        ({"stages": ["conv9"]}, "there is no layer 'conv9'"),
        ({"stages": [None]}, "there is no layer None"),
        ({"stages": "conv1"}, "stages must be a list of layers, not 'conv1'"),
        ({"stages": 3}, "stages must be a list of layers, not 3"),
        ({"stages": []}, "no layer was chosen: this net has conv1, pool1"),
        ({"k": "9"}, "k must be a whole number, not '9'"),
        ({"k": 1.5}, "k must be a whole number, not 1.5"),
        ({"k": True}, "k must be a whole number, not True"),
        ({"batch_size": 0}, "batch_size must be at least 1, not 0"),
        ({"batch_size": "all"}, "batch_size must be a whole number, not 'all'"),
        ({"workers": -1}, "workers must be at least 0, not -1"),
        ({"device": "gpu"}, "no device 'gpu'"),
        ({"device": "cuda:99"}, "no device 'cuda:99'"),
        ({"device": 1.5}, "no device 1.5"),
    ],
)
def test_wrong_settings_are_refused_before_any_work(make, source, settings, message):
    with pytest.raises(ExploreError, match=message) as error:
        list(open_or_build(make.random_checkpoint(), source, **settings))
    assert error.value.exit_code == 2
    assert source.read == []


def test_numpys_whole_numbers_are_settings_too(make, source):
    plain, _ = make.result_of(open_or_build(make.random_checkpoint(), source, k=3))
    numpys, events = make.result_of(open_or_build(make.random_checkpoint(), source, k=np.int64(3)))
    assert events == []
    assert make.same(numpys, plain)


@pytest.mark.parametrize("thing", [None, "net.safetensors", 3, object()])
def test_what_was_not_opened_is_told_how_to_open(make, source, thing):
    with pytest.raises(ExploreError, match=r"^weights must be opened with zfexplore.load_checkpoint"):
        list(open_or_build(thing, source))
    with pytest.raises(ExploreError, match=r"^images must be opened with zfexplore.open_images"):
        list(open_or_build(make.random_checkpoint(), thing))


def test_layers_exchanged_since_the_net_was_opened_are_told(make, source):
    checkpoint = make.random_checkpoint()
    checkpoint.module[1] = torch.nn.Identity()
    with pytest.raises(ExploreError, match="^1 has changed since this trunk was made"):
        list(open_or_build(checkpoint, source))


@pytest.fixture
def two(make, source, cache):
    """What the atlas is, and its file, which is not there: another process may be making it."""
    checkpoint = make.random_checkpoint()
    reference, _ = make.result_of(open_or_build(checkpoint, source))
    path = atlas_path(reference.fingerprint)
    path.unlink()
    source.read.clear()
    return checkpoint, reference, path


def test_while_another_process_builds_it_this_one_waits_and_then_opens_it(make, source, two):
    checkpoint, reference, path = two
    with held_elsewhere(path.with_suffix(".lock")) as process:
        events = open_or_build(checkpoint, source)
        assert next(events) == Note(f"process {process.pid} indexes these images already: waiting for it")
        assert [next(events), next(events)] == [Progress(f"waiting for process {process.pid}")] * 2
        reference.save(path)
    rest = list(events)
    assert make.same(rest.pop().result, reference)
    assert set(rest) <= {Progress(f"waiting for process {process.pid}")}
    assert source.read == []
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_process_that_was_killed_while_building_is_not_waited_for(make, source, two):
    checkpoint, reference, path = two
    with held_elsewhere(path.with_suffix(".lock")):
        pass
    assert path.with_suffix(".lock").exists()
    (path.parent / f"{'0' * 16}.lock").touch()  # of another atlas, which may never be wanted again
    atlas, events = make.result_of(open_or_build(checkpoint, source))
    assert notes(events) == []
    assert make.same(atlas, reference)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_without_waiting_it_is_built_beside_and_nothing_unfinished_is_written(make, source, two, monkeypatch):
    checkpoint, reference, path = two
    monkeypatch.setattr(build, "SECONDS_BETWEEN_SAVES", 0.0)
    with held_elsewhere(path.with_suffix(".lock")) as process:
        told = [f"process {process.pid} indexes these images too: the first to be done is used"]
        events = open_or_build(checkpoint, source, wait=False)
        assert notes([next(events), next(events)]) == told
        assert [file.suffix for file in path.parent.iterdir()] == [".lock"]
        reference.save(path)  # the other is faster
        assert make.same(next(events).result, reference)
        assert list(events) == []
        path.unlink()
        atlas, events = make.result_of(open_or_build(checkpoint, source, wait=False))
        assert notes(events) == told
        assert make.same(atlas, reference)
        assert path.exists()  # this one was faster


def test_a_process_does_not_wait_for_itself(make, source, two):
    checkpoint, reference, path = two
    first = open_or_build(checkpoint, source)
    assert isinstance(next(first), Progress)
    atlas, events = make.result_of(open_or_build(checkpoint, source))
    assert notes(events) == []
    assert make.same(atlas, reference)
    first.close()
    assert not path.with_suffix(".lock").exists()


def test_a_cache_that_cannot_be_written_costs_nothing_and_is_told_once(
    make, source, two, tmp_path, monkeypatch
):
    checkpoint, reference, _ = two
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(tmp_path / "file"))
    atlas, events = make.result_of(open_or_build(checkpoint, source))
    (told,) = notes(events)
    assert told == (
        f"the index is not kept: {tmp_path / 'file' / 'atlases'} cannot be written: {tmp_path / 'file'} is a "
        "file, not a folder; choose another place: ZFEXPLORE_CACHE names the folder of the cache"
    )
    assert make.same(atlas, reference)
    _, events = make.result_of(open_or_build(checkpoint, source, again=True))
    assert notes(events) == []
    assert (tmp_path / "file").read_text() == "no folder"


def test_a_cache_that_fills_up_amid_the_pass_costs_nothing(make, source, two, monkeypatch):
    checkpoint, reference, path = two

    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(build, "SECONDS_BETWEEN_SAVES", 0.0)
    monkeypatch.setattr("zfexplore.files.os.fsync", full)
    atlas, events = make.result_of(open_or_build(checkpoint, source))
    (told,) = notes(events)
    assert told.startswith(
        f"the unfinished index is not kept: {path.with_suffix('.partial')} cannot be written"
    )
    assert told.endswith("no space left on device; make room there, or choose another place: "
                         "ZFEXPLORE_CACHE names the folder of the cache")  # fmt: skip
    assert make.same(atlas, reference)
    assert list(path.parent.iterdir()) == []
    events = open_or_build(checkpoint, source)
    assert isinstance(next(events), Progress)
    events.close()  # an interrupt is not an error, although nothing can be saved
    assert not any(isinstance(event, Finished) for event in events)
