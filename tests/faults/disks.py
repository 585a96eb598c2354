"""Small disks that can be filled, grown and made read-only: file systems in memory, if we may mount them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BLOCK = 4096


class NoDisk(Exception):
    """No file system can be mounted here; says why."""


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """Mount a file system of ``size`` bytes at ``folder``, a new folder; raises NoDisk if that is refused."""
    folder.mkdir(parents=True)
    _call("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        _call("umount", "--lazy", str(folder))


def change_disk(folder: Path, *options: str) -> None:
    """Give a mounted disk other options: another size, ``ro`` or ``rw``."""
    _call("mount", "-o", ",".join(("remount", *options)), str(folder))


def fill(folder: Path) -> Path:
    """Fill a disk to its last block with one file; give the file."""
    ballast = folder / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(BLOCK))
        except OSError:
            return ballast


def _call(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise NoDisk(f"there is no {command[0]} here") from None
    if done.returncode:
        raise NoDisk(done.stderr.strip() or f"{command[0]} failed")
