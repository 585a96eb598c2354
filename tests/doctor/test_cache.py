"""The cache in figures, what of it is old, and its removal."""

from __future__ import annotations

import os
import time

import pytest

from zfexplore import locks
from zfexplore.doctor.cache import Old, look, old_files, remove
from zfexplore.errors import ExploreError

HEX = "0123456789abcdef"
OURS = {
    f"atlases/{HEX}.safetensors": "indexes",
    f"atlases/{HEX}.partial": "unfinished indexes",
    f"atlases/.zfexplore-89abcdef/{HEX}.safetensors": "leftovers",
    f"starts/{HEX}.json": "starts",
    f"archives/{HEX}{HEX}.tar": "unpacked archives",
    f"fingerprints/{HEX}{HEX}": "digests",
    f"places/{HEX}/{HEX}.json": "places",
}
STAYING = {"explorer.log": "log and session", "datasets/set/1.jpg": "sets of images"}
FOREIGN = [
    "thesis.tex",
    ".mine.89abcdef.tex",
    "atlases/notes.txt",
    "archives/album.tar",
    f"more/{HEX}.safetensors",
    ".zfexplore-89abcdef/mine",
]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache in which every file has 100 bytes and is 40 days old."""
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(tmp_path / "cache"))
    for name in (*OURS, *STAYING, *FOREIGN):
        file = tmp_path / "cache" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes(100))
        aged(file, 40)
    return tmp_path / "cache"


def aged(file, days: float) -> None:
    os.utime(file, (time.time() - days * 86_400,) * 2)


def names(cache, found) -> list[str]:
    return [old.path.relative_to(cache).as_posix() for old in found]


def test_the_kinds_are_counted_with_what_is_old(cache):
    aged(cache / "atlases" / f"{HEX}.partial", 29)

    found = look()

    assert (found.folder, found.problem, found.days) == (str(cache), "", 30)
    counted = {kind.name: (kind.files, kind.size, kind.old_files, kind.old_size) for kind in found.kinds}
    usual = dict.fromkeys(OURS.values(), (1, 100, 1, 100)) | dict.fromkeys(STAYING.values(), (1, 100, 0, 0))
    assert counted == usual | {"unfinished indexes": (1, 100, 0, 0)}


def test_what_is_old_is_removed_and_nothing_else(cache):
    outside = cache.parent / "outside.safetensors"
    outside.write_bytes(b"mine")
    aged(outside, 40)
    (cache / "atlases" / "fedcba9876543210.safetensors").symlink_to(outside)
    found = old_files()

    freed, stays = remove(found)

    assert names(cache, found) == sorted(OURS)
    assert (freed, stays) == (700, [])
    left = {path.relative_to(cache).as_posix() for path in cache.rglob("*") if path.is_file()}
    assert left == {*STAYING, *FOREIGN, "atlases/fedcba9876543210.safetensors"}
    assert not (cache / "places" / HEX).exists()
    assert not (cache / "atlases" / ".zfexplore-89abcdef").exists()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="only Linux tells what processes hold")
def test_what_a_process_holds_stays_and_so_do_archives_while_an_explorer_runs(cache):
    found = old_files()
    with open(cache / "atlases" / f"{HEX}.partial", "rb"):
        assert f"atlases/{HEX}.partial" not in names(cache, old_files())
        freed, stays = remove([old for old in found if old.kind == "unfinished indexes"])
        assert (freed, len(stays)) == (0, 1)
    with open(cache / "atlases" / f"{HEX}.lock", "wb"):  # of the process that goes on with the index
        kept = {f"atlases/{HEX}.partial", f"atlases/{HEX}.safetensors"}
        assert set(names(cache, old_files())) == set(OURS) - kept
    with open(cache / "explorer.log", "ab"):
        assert f"archives/{HEX}{HEX}.tar" not in names(cache, old_files())
    assert names(cache, old_files()) == sorted(OURS)


def test_what_was_used_since_it_was_named_stays(cache):
    found = old_files()
    aged(cache / "atlases" / f"{HEX}.safetensors", 0)

    freed, stays = remove(found)

    assert freed == 600
    assert stays == [f"{cache / 'atlases' / f'{HEX}.safetensors'} stays: it is in use again"]


@pytest.mark.skipif(locks.fcntl is None, reason="this system has no such locks")
def test_a_lock_goes_unless_somebody_has_it(cache):
    path = cache / "atlases" / f"{HEX}.lock"
    old = [Old(path, "leftovers", 0, 40)]
    with locks.take(path):
        aged(path, 40)
        assert remove(old) == (0, [f"{path} stays: it is in use again"])
        assert path.exists()
    path.touch()
    aged(path, 40)
    assert remove(old) == (0, [])
    assert not path.exists()


def test_what_was_used_within_a_day_is_never_old(cache):
    with pytest.raises(ExploreError, match="must be at least 1, not 0"):
        old_files(0)


def test_without_a_cache_there_is_nothing_and_none_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(tmp_path / "none"))

    assert (old_files(), sum(kind.files for kind in look().kinds)) == ([], 0)
    assert not (tmp_path / "none").exists()
