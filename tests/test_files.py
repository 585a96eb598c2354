from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from zfexplore import files, locks
from zfexplore.errors import ExploreError


def test_an_error_while_writing_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def interrupted() -> None:
        with files.atomic_path(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        interrupted()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_missing_folders_are_made_and_the_file_is_whole(tmp_path):
    files.write_text(tmp_path / "x" / "y" / "a.txt", "grün")
    assert (tmp_path / "x" / "y" / "a.txt").read_bytes() == "grün".encode()


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_permissions_are_ordinary_even_through_a_private_file(tmp_path):
    plain = tmp_path / "plain"
    plain.touch()
    with files.atomic_path(tmp_path / "ours") as temporary:
        temporary.write_bytes(b"x")
        temporary.chmod(0o600)
    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_the_cache_folder_can_be_chosen(monkeypatch, tmp_path):
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(tmp_path))
    assert files.cache_dir() == tmp_path


def test_the_cache_folder_follows_the_platform(monkeypatch):
    monkeypatch.delenv("ZFEXPLORE_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(files.sys, "platform", "linux")
    assert files.cache_dir() == Path.home() / ".cache" / "zfexplore"


def test_where_a_file_cannot_be_written_is_told_in_one_line_and_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    before = sorted(tmp_path.rglob("*"))
    for path, told in {
        "folder": "folder is a folder: give a file, as in --out folder/x.png",
        "pipe": "pipe is no plain file: give another --out",
        "file/x.png": "file/x.png cannot be written: file is a file, not a folder",
        "file/a/b/x.png": "file/a/b/x.png cannot be written: file is a file, not a folder",
        "a" * 300: f"{'a' * 300} cannot be written: no file can be made in . (file name too long)",
    }.items():
        with pytest.raises(ExploreError) as error:
            files.check_file(path, example="x.png")
        assert (str(error.value), error.value.exit_code) == (told, 2)
    for path in ("x.png", "new/folder/x.png", "file"):
        assert files.check_file(path) == Path(path)
    for path in (".", "folder", "new/folder"):
        assert files.check_folder(path) == Path(path)
    with pytest.raises(ExploreError, match="^file/run cannot be written: file is a file, not a folder$"):
        files.check_folder("file/run")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="a folder into which not even root can write")
def test_a_folder_that_takes_no_files_is_told():
    with pytest.raises(ExploreError, match=r"^/proc/x.png cannot be written: no file can be made in /proc"):
        files.check_file("/proc/x.png")
    with pytest.raises(ExploreError, match="^/proc/run/1 cannot be written: no file can be made in /proc"):
        files.check_folder("/proc/run/1")


@pytest.mark.skipif(os.name != "posix", reason="elsewhere paths are letters")
def test_a_path_of_other_bytes_than_letters_has_a_link_of_letters(tmp_path):
    plain, odd = tmp_path / "a", tmp_path / os.fsdecode(b"caf\xe9")
    with files.in_letters(plain) as same:
        assert same == str(plain)
    odd.write_bytes(b"coffee")
    with files.in_letters(odd) as link:
        link.encode()
        assert Path(link).read_bytes() == b"coffee"
    assert not os.path.lexists(link)
    assert odd.read_bytes() == b"coffee"


@pytest.mark.skipif(os.name != "posix", reason="permissions and links are POSIX's")
def test_a_file_that_is_replaced_keeps_its_mode_and_a_link_stays_a_link(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "real").write_text("old")
    (tmp_path / "far" / "real").chmod(0o640)
    (tmp_path / "link").symlink_to("far/real")
    files.write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "far" / "real").read_text() == "new"
    assert stat.S_IMODE((tmp_path / "far" / "real").stat().st_mode) == 0o640
    (tmp_path / "hanging").symlink_to("far/made")
    files.write_text(tmp_path / "hanging", "x")
    assert (tmp_path / "far" / "made").read_text() == "x"
    assert sorted(path.name for path in (tmp_path / "far").iterdir()) == ["made", "real"]


def test_what_is_no_file_is_not_replaced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.symlink("loop", "loop")
    os.mkfifo("pipe")
    Path("folder").mkdir()
    Path("file").touch()
    before = sorted(tmp_path.rglob("*"))
    for path, told in {
        "loop": "loop cannot be written: it is a link that leads back to itself; choose another place",
        "pipe": "pipe cannot be written: it is no plain file; choose another place",
        "folder": "folder cannot be written: it is a folder; choose another place",
        "file/x/y": "file/x/y cannot be written: file is a file, not a folder; choose another place",
        "a" * 300: f"{'a' * 300} cannot be written: file name too long; choose a shorter name",
    }.items():
        with pytest.raises(ExploreError) as error:
            files.write_text(path, "x")
        assert (str(error.value), error.value.exit_code) == (told, 1)
    with pytest.raises(ExploreError, match="^loop cannot be written: it is a link that leads back to itself"):
        files.check_file("loop")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_link_to_nothing_in_the_place_of_a_folder_is_told_as_such(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.symlink("nowhere", "link")
    told = "cannot be written: link is a link that leads to nothing"
    for path, check in (("link/x", files.check_file), ("link", files.check_folder)):
        with pytest.raises(ExploreError, match=f"^{path} {told}$"):
            check(path)
    with pytest.raises(ExploreError, match=f"^link/x {told}; choose another place$"):
        files.write_text("link/x", "x")


@pytest.mark.parametrize("swept", [FileNotFoundError(), None])
def test_a_temporary_folder_that_a_sweep_takes_before_it_is_locked_is_made_again(
    tmp_path, monkeypatch, swept
):
    take_folder, seen = locks.take_folder, []

    def late(place):
        seen.append(place)
        if len(seen) > 1:
            return take_folder(place)
        place.rmdir()
        if swept is not None:
            raise swept
        return None

    monkeypatch.setattr(locks, "take_folder", late)
    files.write_text(tmp_path / "a", "whole")
    assert len(set(seen)) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_file_that_is_protected_is_told_before_the_work(tmp_path, monkeypatch):
    (tmp_path / "x.png").touch()
    monkeypatch.setattr(files.os, "access", lambda path, how: False)
    with pytest.raises(ExploreError, match=r"x.png is protected from writing: give another --out$"):
        files.check_file(tmp_path / "x.png")
    assert files.check_file(tmp_path / "new.png") == tmp_path / "new.png"


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.ENOSPC, "no space left on device; make room there, or choose another place"),
        (errno.EDQUOT, "disk quota exceeded; make room within your quota, or choose another place"),
        (errno.EROFS, "read-only file system; choose another place"),
        (errno.EIO, "input/output error; choose another place"),
    ],
)
def test_what_the_system_refuses_is_one_line_and_leaves_the_old_file(
    tmp_path, monkeypatch, call, number, told
):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    (tmp_path / "a").write_text("old")
    monkeypatch.setattr(files.os, call, refuse)
    with pytest.raises(ExploreError) as error:
        files.write_text(tmp_path / "a", "new")
    assert str(error.value) == f"{tmp_path / 'a'} cannot be written: {told}"
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a", "old")]


def test_errors_that_are_not_of_the_writing_stay_what_they_are(tmp_path):
    def read(error):
        with files.atomic_path(tmp_path / "a"):
            raise error

    elsewhere = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "/elsewhere/photo.jpg")
    for error in (elsewhere, OSError("image file is truncated"), ValueError("no")):
        with pytest.raises(type(error)) as caught:
            read(error)
        assert caught.value is error
    assert list(tmp_path.iterdir()) == []


LIMITED = """
import os, resource, sys, zipfile
from pathlib import Path
import numpy as np
from PIL import Image
from zfexplore import files, locks
from zfexplore.atlas.container import write_arrays
from zfexplore.errors import ExploreError
from zfexplore.figures.provenance import save_png

os.chdir(sys.argv[1])
noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), np.uint8)

def arrays_in_zip():
    with files.atomic_path("arrays.npz") as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, noise=noise)

def one_by_one():
    with files.atomic_path("one.npz") as temporary, zipfile.ZipFile(temporary, "w") as archive:
        with archive.open("a", "w") as file:
            file.write(noise)

resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
for write in (
    lambda: files.write_text("text", "x" * 60_000),
    lambda: write_arrays("atlas.safetensors", {"noise": noise}, {}),
    lambda: save_png(Image.fromarray(noise), "figure.png", {}),
    arrays_in_zip,
    one_by_one,
):
    try:
        write()
    except ExploreError as error:
        print(error)
files.write_text("text", "short enough")
"""


@pytest.mark.skipif(os.name != "posix", reason="the limit is POSIX's")
def test_a_limit_on_the_size_of_files_is_one_line_whoever_writes(tmp_path):
    """The signal that comes with it ends a program that does not ignore it."""
    ran = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, check=False
    )
    names = ("text", "atlas.safetensors", "figure.png", "arrays.npz", "one.npz")
    told = "cannot be written: file too large; the limit on the size of a file is too low"
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines() == [f"{name} {told} (`ulimit -f` shows it)" for name in names]
    assert [path.name for path in tmp_path.iterdir()] == ["text"]


KILLED = """
import os, signal, sys
from zfexplore import files, locks

with files.atomic_path(sys.argv[1]) as temporary:
    temporary.write_text("half")
    (temporary.parent / ".tmpAbCdEf").write_text("what a library has begun beside it")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name != "posix", reason="the signal is POSIX's")
def test_what_a_killed_process_left_goes_when_it_is_old_and_nobody_holds_it(tmp_path, monkeypatch):
    def make_old(folder):
        for path in (folder, *folder.iterdir()):
            os.utime(path, (0, 0))

    def left():
        monkeypatch.setattr(files, "_swept", set())  # as a new process
        files.write_text(tmp_path / "x" / "other", "whole")
        return {path for path in (tmp_path / "x").iterdir() if path.name != "other"}

    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "x" / "a")], check=False)
    (killed,) = left()
    assert len(list(killed.iterdir())) == 2  # it is young: its writer could only just have begun
    with files.atomic_path(tmp_path / "x" / "b") as temporary:
        make_old(killed)
        make_old(temporary.parent)
        assert left() == {temporary.parent}  # of a live process, however slow
    assert left() == {tmp_path / "x" / "b"}


def test_only_what_is_certainly_ours_is_swept(tmp_path):
    (tmp_path / ".zfexplore-12345678").write_text("a file")
    (tmp_path / "mine").mkdir()
    (tmp_path / ".zfexplore-87654321").symlink_to("mine")
    (tmp_path / ".zfexplore-mine").mkdir()
    before = sorted(tmp_path.rglob("*"))
    files.sweep(tmp_path, older=0)
    files.sweep(tmp_path / "nowhere", older=0)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_takes_the_place_of_the_old_one_once_it_is_whole(tmp_path):
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "old.txt").write_text("old")
    told = "page/more"
    with pytest.raises(FileNotFoundError, match=told), files.atomic_folder(tmp_path / "page") as folder:
        (folder / "more" / "new.txt").write_text("half")
    assert [path.name for path in (tmp_path / "page").iterdir()] == ["old.txt"]
    with files.atomic_folder(tmp_path / "page") as folder:
        (folder / "new.txt").write_text("new")
        assert (tmp_path / "page" / "old.txt").exists()
    assert [path.name for path in (tmp_path / "page").iterdir()] == ["new.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["page"]


def test_a_folder_that_cannot_be_put_in_place_leaves_the_old_one(tmp_path, monkeypatch):
    (tmp_path / "page").mkdir()
    rename, asked = os.rename, []

    def refusing(old, new):
        asked.append(new)
        if len(asked) == 2:
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        rename(old, new)

    monkeypatch.setattr(os, "rename", refusing)
    told = "page cannot be written: permission denied"
    with pytest.raises(files.NotWritten, match=told), files.atomic_folder(tmp_path / "page") as folder:
        (folder / "new.txt").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["page"]
    assert not list((tmp_path / "page").iterdir())
