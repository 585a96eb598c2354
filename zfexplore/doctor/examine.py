"""The whole examination: what is here, and from it what is wrong and what is worth knowing, in sentences."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from zfexplore import __version__
from zfexplore.doctor import cache, installation, screen
from zfexplore.doctor.probe import Torch, ask_torch
from zfexplore.doctor.records import Cache, Device, Machine, Part, Report, Screen, Setting
from zfexplore.opening import read_text
from zfexplore.tui.session import keymap_path, session_path

LOW = 2**30  # bytes of free disk below which an index or an unpacked archive may not fit
NVIDIA = Path("/proc/driver/nvidia/version")


def examine(*, days: int = cache.DAYS) -> Report:
    """Look at everything and give it as plain records, with ``wrong`` and ``remarks`` in sentences.

    It takes as long as torch takes to be imported. ``days`` is after how many a file in the cache is old.
    """
    told = ask_torch()
    machine = Machine(
        cores=_cores(),
        cores_in_all=os.cpu_count() or 1,
        threads=told.threads,
        devices=tuple(Device(name, memory) for name, memory in told.devices),
        without_cuda=told.without_cuda,
    )
    needed, came = installation.packages(), installation.parts()
    terminal, kept = screen.look(), cache.look(days)
    settings = (_keys(), _session())
    missing = {package.name for package in needed if package.version is None}
    broken = told.problem and missing.isdisjoint({"torch", "torchvision"})  # else that is said already
    wrong = [
        *installation.complaints(needed),
        *([told.problem + ": install the two that pytorch.org gives together"] if broken else []),
        *_of_parts(came),
        *([kept.problem + "; ZFEXPLORE_CACHE names another folder"] if kept.problem else []),
        *(f"{each.path} {each.problem}" for each in settings if each.problem and each.name == "keys"),
    ]
    return Report(
        zfexplore=__version__,
        folder=str(Path(__file__).resolve().parent.parent),
        python=f"{platform.python_version()}, {sys.executable}",
        system=platform.platform(),
        packages=needed,
        optional=installation.optional(),
        machine=machine,
        screen=terminal,
        cache=kept,
        parts=came,
        settings=settings,
        wrong=tuple(wrong),
        remarks=tuple([*_of_machine(told), *_of_screen(terminal), *_of_cache(kept), *_of_settings(settings)]),
    )


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _of_parts(parts: tuple[Part, ...]) -> Iterator[str]:
    for part in parts:
        if part.problem:
            where = f" ({part.path})" if part.size else ""
            have = "have" if part.name.endswith("s") else "has"
            yield f"{part.name} {have} a fault: the file{where} {part.problem}; install zfexplore again"


def _of_machine(told: Torch) -> Iterator[str]:
    if told.cpu_build and NVIDIA.exists():
        yield "this machine has an NVIDIA driver, but torch is a build for CPUs: see pytorch.org for CUDA"
    elif told.without_cuda and not told.cpu_build and NVIDIA.exists():
        yield f"this machine has an NVIDIA driver, but torch cannot use it: {told.without_cuda}"


def _of_screen(found: Screen) -> Iterator[str]:
    if not found.there:
        return
    if not found.utf8:
        yield "the terminal's locale has no UTF-8: the explorer draws in ASCII (LANG=C.UTF-8 changes it)"
    if found.colours < 256:
        told = found.colours or "no"
        yield f"the terminal tells of {told} colours: pictures need 256 (see TERM, COLORTERM, NO_COLOR)"
    columns, rows = found.size
    if columns < 80 or rows < 24:
        yield f"the terminal has {columns} x {rows} characters: the explorer wants 80 x 24"
    if found.graphics and find_spec("textual_image") is None:
        yield "the terminal draws pixels: with `pip install textual-image` the explorer's `z` shows them"


def _of_cache(found: Cache) -> Iterator[str]:
    number, size = sum(kind.old_files for kind in found.kinds), sum(kind.old_size for kind in found.kinds)
    if number:
        files = "1 file of the cache was" if number == 1 else f"{number:,} files of the cache were"
        yield (
            f"{files} not used for {found.days} days ({in_bytes(size)}): "
            "`zfexplore doctor --clean` removes what is old"
        )
    if not found.problem and found.free < LOW:
        yield f"the disk of {found.folder} has only {in_bytes(found.free)} left"


def _of_settings(settings: tuple[Setting, ...]) -> Iterator[str]:
    if (chosen := os.environ.get("ZFEXPLORE_DATA")) and not Path(chosen).expanduser().is_dir():
        yield f"ZFEXPLORE_DATA is {chosen}, which is no folder"
    for each in settings:
        if each.problem and each.name != "keys":
            yield f"{each.path} {each.problem}"


def _keys() -> Setting:
    """Read the keys that the user has changed; the explorer itself overlooks what is wrong with them."""
    path = keymap_path()
    values, problem = _object(path)
    if values:
        from zfexplore.tui.keys import TABLES

        known = {key.id for table in TABLES.values() for key in table}
        unknown = [name for name in values if name not in known]
        wrong = [name for name, keys in values.items() if not isinstance(keys, str)]
        if unknown:
            problem = f"names no key: {', '.join(map(repr, unknown))}; docs/explorer.md has their ids"
        elif wrong:
            problem = f"gives {', '.join(map(repr, wrong))} something else than keys in quotes"
    return Setting("keys", str(path), path.is_file(), problem)


def _session() -> Setting:
    path = session_path()
    _, problem = _object(path)
    return Setting("session", str(path), path.is_file(), f"{problem}: it begins anew" if problem else "")


def _object(path: Path) -> tuple[dict[str, object], str]:
    try:
        values = json.loads(read_text(path))
    except FileNotFoundError:
        return {}, ""
    except OSError as error:
        return {}, f"cannot be read ({(error.strerror or 'unreadable').lower()})"
    except (ValueError, RecursionError):
        return {}, "is no JSON, and is overlooked"
    return (values, "") if isinstance(values, dict) else ({}, "is no JSON object, and is overlooked")


def in_bytes(size: int) -> str:
    """Write a size as people do: 512 bytes, 4.2 kB, 29.5 MB, 3.1 GB."""
    if size < 1000:
        return f"{size} bytes"
    amount, units = size / 1000, ["kB", "MB", "GB", "TB"]
    while amount >= 999.95 and len(units) > 1:
        amount, units = amount / 1000, units[1:]
    return f"{amount:.1f} {units[0]}"
