"""One process a lock: tried with real processes, which need nothing but the standard library."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from zfexplore import locks
from zfexplore.locks import Held, take, take_folder

pytestmark = pytest.mark.skipif(locks.fcntl is None, reason="this system has no such locks")


@pytest.fixture
def holding(tmp_path):
    """Start a process that takes a lock, has a child that outlives it, and waits."""
    started = []

    def hold(path):
        code = (
            "import os, sys, time; from pathlib import Path; from zfexplore.locks import take\n"
            "lock = take(Path(sys.argv[1]))\n"
            "child = os.fork()\n"
            "if child == 0: lock.release()\n"  # which is not the child's to give up
            "else: print(child, flush=True)\n"
            "time.sleep(60)\n"
        )
        process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
        child = int(process.stdout.readline())
        started.append((process, child))
        return process

    yield hold
    for process, child in started:
        process.kill()
        process.wait()
        process.stdout.close()
        os.kill(child, signal.SIGKILL)


def test_one_process_has_it_and_is_named_and_its_death_frees_it_although_a_child_lives(tmp_path, holding):
    path = tmp_path / "lock"
    process = holding(path)
    time.sleep(0.05)  # for the child to come to its release
    with pytest.raises(Held) as caught:
        take(path)
    assert (caught.value.holder, caught.value.own) == (f"process {process.pid}", False)
    process.kill()
    process.wait()
    assert path.exists()  # a killed one leaves its file, which is no lock
    with take(path) as lock:
        assert lock.sure
        assert path.read_text().split()[0] == str(os.getpid())
    assert not path.exists()
    lock.release()  # again: nothing happens


def test_a_process_has_it_once_and_says_so_itself(tmp_path):
    first = take(tmp_path / "lock")
    with pytest.raises(Held) as caught:
        take(tmp_path / "lock")
    assert (caught.value.holder, caught.value.own) == ("this process", True)
    first.release()
    take(tmp_path / "lock").release()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_tells_no_process_names_none(tmp_path, holding):
    process = holding(tmp_path / "lock")
    (tmp_path / "lock").write_text("\x1b[2J 12 34")
    with pytest.raises(Held, match="^another process$"):
        take(tmp_path / "lock")
    (tmp_path / "lock").write_text(f"{process.pid} elsewhere\n")
    with pytest.raises(Held, match=f"^process {process.pid} on elsewhere$"):
        take(tmp_path / "lock")


def test_what_is_in_the_place_of_the_file_stays_as_it_is(tmp_path):
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "link").symlink_to("mine")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe"):
        with pytest.raises(OSError, match=f"{os.strerror(errno.ELOOP)}|no plain file"):
            take(tmp_path / name)
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_sweep_takes_the_locks_of_such_names_that_nobody_has(tmp_path, holding):
    holding(tmp_path / "held.lock")
    for name in ("left.lock", "other"):
        (tmp_path / name).write_text("1 elsewhere\n")
    (tmp_path / "folder.lock").mkdir()
    os.mkfifo(tmp_path / "pipe.lock")
    own = take(tmp_path / "own.lock")
    locks.sweep(tmp_path, re.compile(r"\w+\.lock"))
    locks.sweep(tmp_path / "nowhere", re.compile(""))
    staying = ["folder.lock", "held.lock", "other", "own.lock", "pipe.lock"]
    assert sorted(path.name for path in tmp_path.iterdir()) == staying
    with pytest.raises(Held):
        take(own.path)
    own.release()


def test_where_nobody_can_tell_who_has_a_lock_it_stays(tmp_path, monkeypatch):
    (tmp_path / "lock").touch()
    monkeypatch.setattr(locks, "fcntl", None)
    assert not locks.remove_unheld(tmp_path / "lock")
    assert (tmp_path / "lock").exists()


def test_who_only_looks_whether_it_is_free_does_not_keep_another_out(tmp_path, monkeypatch):
    lock, waited = locks._lock, []

    def held_for_a_moment(descriptor):
        if len(waited) < 2:
            raise BlockingIOError
        return lock(descriptor)

    monkeypatch.setattr(locks, "_lock", held_for_a_moment)
    monkeypatch.setattr(locks.time, "sleep", waited.append)
    with take(tmp_path / "lock") as taken:
        assert taken.sure
    assert len(waited) == 2


def test_a_folder_that_is_removed_before_it_is_locked_is_not_there(tmp_path, monkeypatch):
    lock = locks._lock

    def late(descriptor):
        (tmp_path / "folder").rmdir()
        return lock(descriptor)

    (tmp_path / "folder").mkdir()
    monkeypatch.setattr(locks, "_lock", late)
    with pytest.raises(FileNotFoundError):
        take_folder(tmp_path / "folder")
    assert locks._held == {}


def test_a_folder_has_one_holder(tmp_path):
    lock = take_folder(tmp_path)
    assert lock.sure
    assert take_folder(tmp_path) is None
    lock.release()
    assert tmp_path.is_dir()
    with pytest.raises(FileNotFoundError):
        take_folder(tmp_path / "nowhere")


def test_where_there_are_no_locks_everybody_gets_one_that_is_not_sure(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(locks.fcntl, "flock", refuse)
    first, second = take(tmp_path / "lock"), take(tmp_path / "lock")
    assert not first.sure
    assert not second.sure
    first.release()
    second.release()
    assert list(tmp_path.iterdir()) == []
