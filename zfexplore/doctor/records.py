"""What ``examine`` finds, as plain records."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Package:
    """An installed package, or one that could be: ``version`` is None where it is not there."""

    name: str
    version: str | None
    wanted: str = ""  # as in ">=2.6"
    gives: str = ""  # what an optional one is for


@dataclass(frozen=True)
class Device:
    """A CUDA device: its name and its memory in bytes."""

    name: str
    memory: int


@dataclass(frozen=True)
class Machine:
    """Where nets compute. ``cores`` are those that this process may use, of ``cores_in_all``.

    ``threads`` is how many torch takes, None where torch fails. ``without_cuda`` says why there is no CUDA
    device, and is empty where there is one.
    """

    cores: int
    cores_in_all: int
    threads: int | None
    devices: tuple[Device, ...]
    without_cuda: str


@dataclass(frozen=True)
class Screen:
    """The terminal: ``colours`` is how many it has, ``size`` is columns and rows, both 0 without one.

    ``name`` and ``version`` are what it says of itself. ``glyphs`` are the finest that it is known to draw,
    ``graphics`` is "kitty", "sixel" or nothing.
    """

    there: bool
    size: tuple[int, int]
    colours: int
    utf8: bool
    tmux: bool
    term: str
    name: str
    version: str
    glyphs: str
    graphics: str
    pixels_in_panes: bool


@dataclass(frozen=True)
class Kind:
    """One kind of files in the cache: how many, their bytes, and how many of them are old."""

    name: str
    about: str
    files: int
    size: int
    old_files: int
    old_size: int


@dataclass(frozen=True)
class Cache:
    """The cache folder; ``problem`` says why it cannot be written, and is empty where it can.

    Where there is no home for it, ``folder`` is empty.

    ``free`` is the room left on its disk, in bytes. Files are old that were not used for ``days`` days.
    """

    folder: str
    problem: str
    free: int
    days: int
    kinds: tuple[Kind, ...]


@dataclass(frozen=True)
class Part:
    """A file that comes along with zfexplore; ``problem`` is empty where it is there and whole."""

    name: str
    path: str
    size: int
    problem: str


@dataclass(frozen=True)
class Setting:
    """A file of the user's settings; ``problem`` says what in it cannot be used."""

    name: str
    path: str
    there: bool
    problem: str


@dataclass(frozen=True)
class Report:
    """All that was found. ``wrong`` are faults and what to do, ``remarks`` what is worth knowing."""

    zfexplore: str
    folder: str
    python: str
    system: str
    packages: tuple[Package, ...]
    optional: tuple[Package, ...]
    machine: Machine
    screen: Screen
    cache: Cache
    parts: tuple[Part, ...]
    settings: tuple[Setting, ...]
    wrong: tuple[str, ...]
    remarks: tuple[str, ...]
