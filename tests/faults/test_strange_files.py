"""Pipes, devices, sockets and links to themselves in place of any file that is read: a line, and no wait."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import NOT_PLAIN, made_strange, soon, write_pictures
from zfexplore.atlas.container import read_arrays, read_header
from zfexplore.errors import ExploreError
from zfexplore.exemplars.seen import open_picture
from zfexplore.figures.provenance import read_chunks
from zfexplore.figures.replacing import NOT_OURS, difference
from zfexplore.images.content import content_of_file
from zfexplore.images.labels import labels_from
from zfexplore.images.open import open_images
from zfexplore.images.pictures import OwnPictures
from zfexplore.nets.checkpoint import is_checkpoint, load_checkpoint
from zfexplore.nets.convert import convert_state_dict
from zfexplore.nets.foreign import read_weights
from zfexplore.nets.header import channels_of
from zfexplore.training.folder import RunFolder
from zfexplore.training.run import read_run
from zfexplore.training.state import load_state
from zfexplore.tui.log import open_log
from zfexplore.tui.session import load_keymap, load_session

# Where the user named the file.
TOLD = {
    "a picture": open_picture,
    "one's own picture": lambda path: OwnPictures([str(path)])[0].open(),
    "images": open_images,
    "labels": lambda path: labels_from(path, ["a.png"]),
    "a checkpoint": load_checkpoint,
    "weights": read_weights,
    "weights to convert": lambda path: convert_state_dict(path, path.with_name("out.safetensors")),
    "an atlas": read_arrays,
    "the state of a run": load_state,
}
# Where a file is looked at, and counts as missing if it cannot be read.
UNTOLD = {
    "an atlas's header": (read_header, None),
    "a checkpoint's layers": (lambda path: channels_of(str(path)), {}),
    "is it a checkpoint": (is_checkpoint, False),
    "content": (lambda path: content_of_file(str(path)), "unreadable"),
    "a figure's chunks": (read_chunks, {}),
    "changed keys": (load_keymap, {}),
    "a session": (lambda path: load_session(path).stage, ""),
}


@pytest.fixture(params=NOT_PLAIN)
def odd(request, tmp_path) -> Path:
    return made_strange(tmp_path / "odd.png", request.param)


def test_a_file_that_the_user_named_is_told(odd):
    for what, read in TOLD.items():
        with soon(), pytest.raises(ExploreError) as caught:
            read(odd)
        line = str(caught.value)
        assert "odd.png" in line, what
        assert any(kind in line for kind in NOT_PLAIN.values()), (what, line)


def test_a_file_that_is_only_looked_at_counts_as_unreadable(odd):
    for what, (read, expected) in UNTOLD.items():
        with soon():
            assert read(odd) == expected, what


def test_a_file_to_be_replaced_is_not_taken_for_ours(tmp_path):
    odd = made_strange(tmp_path / "odd.png", "link to a pipe")
    for form in ("png", "json", "csv", "npz"):
        with soon():
            assert difference(odd, {}, form) == NOT_OURS


def test_the_explorers_log_does_without_a_file(tmp_path, monkeypatch):
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(tmp_path))
    made_strange(tmp_path / "explorer.log", "pipe")
    with soon():
        assert open_log() is None


@pytest.mark.parametrize("kind", ["pipe", "link to itself"])
def test_a_run_is_read_without_its_strange_files(tmp_path, kind):
    folder = RunFolder(tmp_path)
    folder.snapshots.mkdir()
    for path in (folder.settings, folder.log, folder.progress, folder.checkpoint, folder.snapshot(1)):
        made_strange(path, kind)
    with soon():
        run = read_run(tmp_path)
        with pytest.raises(ExploreError, match=r"run\.json cannot be read"):
            folder.read_settings()
    assert (run.points, run.weights, run.within) == ((), (), None)


def test_a_folder_of_pictures_is_read_without_them(tmp_path):
    folder = write_pictures(tmp_path / "pictures")
    source = open_images(folder)
    (folder / "a" / "0.png").unlink()
    made_strange(folder / "a" / "0.png", "pipe")  # since it was listed
    with soon():
        assert source.fingerprint() != ""
        with pytest.raises(ExploreError, match=r"image 0 .a/0\.png. cannot be read: it is a pipe and no"):
            source[0]
