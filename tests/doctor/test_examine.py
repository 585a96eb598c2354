"""The examination of an installation that is whole, and of one with each fault."""

# tests zfexplore/doctor/installation.py too: its packages and files are examined
# tests zfexplore/doctor/probe.py too: what torch tells is examined
# tests zfexplore/doctor/records.py too: the examination fills them
# tests zfexplore/doctor/screen.py too: the terminal is examined

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, replace
from importlib import metadata
from pathlib import Path

import pexpect
import pytest

from zfexplore.doctor import cache, installation, probe, screen
from zfexplore.doctor import examine as room
from zfexplore.doctor.examine import examine, in_bytes
from zfexplore.doctor.probe import Torch, ask_torch
from zfexplore.doctor.records import Package, Screen

ROOT = Path(__file__).resolve().parents[2]
NO_TERMINAL = Screen(False, (0, 0), 0, True, False, "", "", "", "quadrants", "", False)


@pytest.fixture
def whole(tmp_path, monkeypatch):
    """An installation without a fault, a cache and settings of its own, no terminal, and torch as told."""
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("ZFEXPLORE_DATA", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(room.screen, "look", lambda: NO_TERMINAL)
    monkeypatch.setattr(room, "NVIDIA", tmp_path / "no driver")
    monkeypatch.setattr(room, "ask_torch", lambda: Torch(threads=2, without_cuda="no driver"))
    return tmp_path


@pytest.fixture
def keys(whole):
    file = whole / "config" / "zfexplore" / "keys.json"
    file.parent.mkdir(parents=True)
    return file


def test_nothing_is_wrong_with_a_whole_installation_and_it_is_plain_data(whole):
    report = examine()

    # Both digests are those of the files: where one was replaced, the line to change is in installation.py.
    assert [(part.name, part.problem) for part in report.parts] == [
        ("the shipped weights", ""),
        ("the built-in photographs", ""),
    ]
    assert report.wrong == ()
    assert {package.name: package.version for package in report.packages} == {
        name: metadata.version(name) for name in installation.REQUIRED
    }
    assert (report.machine.threads, report.machine.without_cuda) == (2, "no driver")
    assert report.cache.folder == str(whole / "cache")
    assert json.loads(json.dumps(asdict(report)))["settings"][0]["there"] is False
    assert not (whole / "cache").exists()  # looking leaves nothing behind


def test_a_damaged_part_is_wrong(whole, monkeypatch):
    monkeypatch.setattr("zfexplore.images.photographs.ARCHIVE", whole / "cut.zip")
    (whole / "cut.zip").write_bytes(b"PK")

    (line,) = examine().wrong

    file = whole / "cut.zip"
    assert line == (
        f"the built-in photographs: {file} is damaged, or is another file; install zfexplore again"
    )


def test_a_cache_that_cannot_be_written_is_wrong(whole):
    (whole / "cache").write_text("in the way")

    report = examine()

    (line,) = report.wrong
    assert line.startswith(f"the cache {whole / 'cache'} cannot be written: ")
    assert line.endswith("; set ZFEXPLORE_CACHE to another folder")
    assert report.remarks == ()  # that no session can be read there goes without saying


def test_a_full_disk_is_wrong_unless_it_only_says_so(whole, monkeypatch):
    monkeypatch.setattr(cache, "_free", lambda folder: 4096)
    assert examine().wrong == ()

    monkeypatch.setattr(room, "_takes", lambda folder, size: False)
    (line,) = examine().wrong

    assert line.startswith(f"the disk of the cache {whole / 'cache'} is full, 4.1 kB are left: ")


def test_without_a_home_the_rest_is_examined(whole, monkeypatch):
    def nobody(kind):
        raise RuntimeError("Could not determine home directory.")

    for name in ("ZFEXPLORE_CACHE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", classmethod(nobody))
    monkeypatch.setattr(sys, "platform", "linux")

    report = examine()

    assert report.wrong == (
        "there is no home folder to keep indexes in: set HOME, or ZFEXPLORE_CACHE to a folder",
    )
    assert (report.cache.folder, report.settings) == ("", ())
    assert all(package.version for package in report.packages)


def test_a_broken_torch_is_wrong(whole, monkeypatch):
    monkeypatch.setattr(room, "ask_torch", lambda: Torch(problem="torch cannot be imported (no libcudart)"))

    assert examine().wrong == (
        "torch cannot be imported (no libcudart): install the two that pytorch.org gives together",
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"save": ""}', "gives 'save' something else than keys in quotes"),
        ("{", "is no JSON, and is overlooked"),
        ("[]", "is no JSON object, and is overlooked"),
        ('{"sav": "x"}', "names no key: 'sav'; docs/explorer.md has their ids"),
        ('{"save": 1}', "gives 'save' something else than keys in quotes"),
    ],
)
def test_keys_that_the_explorer_overlooks_are_wrong(keys, text, told):
    keys.write_text(text)

    assert examine().wrong == (f"{keys} {told}",)


def test_what_is_only_worth_knowing_is_a_remark(whole, monkeypatch):
    screen = replace(NO_TERMINAL, there=True, size=(70, 24), colours=16, utf8=False)
    monkeypatch.setattr(room.screen, "look", lambda: screen)
    monkeypatch.setattr(room, "NVIDIA", ROOT)
    monkeypatch.setattr(room, "ask_torch", lambda: Torch(threads=2, cpu_build=True, without_cuda="CPUs"))
    monkeypatch.setenv("ZFEXPLORE_DATA", "~nobody-of-that-name/nothing")

    report = examine()

    starts = [
        "this machine has an NVIDIA driver",
        "the terminal's locale has no UTF-8",
        "the terminal has 16 colours",
        "the terminal has 70 x 24",
        "ZFEXPLORE_DATA is",
    ]
    assert report.wrong == ()
    assert [line[: len(start)] for line, start in zip(report.remarks, starts, strict=True)] == starts


def test_that_colours_are_switched_off_is_a_remark(whole, monkeypatch):
    colourful = replace(NO_TERMINAL, there=True, size=(80, 24), colours=256)
    monkeypatch.setattr(room.screen, "look", lambda: colourful)
    assert examine().remarks == ()

    monkeypatch.setenv("NO_COLOR", "1")
    (line,) = examine().remarks

    assert line.startswith("NO_COLOR is set: the explorer draws in grey")


def test_a_torch_that_is_missing_is_told_once(whole, monkeypatch):
    monkeypatch.setattr(installation, "packages", lambda: (Package("torch", None, ">=2.6"),))
    monkeypatch.setattr(room, "ask_torch", lambda: Torch(problem="torch cannot be imported (no torch)"))

    assert examine().wrong == ('torch is not installed: pip install "torch>=2.6"',)


def test_packages_that_are_missing_or_do_not_fit_are_wrong():
    found = (
        Package("textual", "9.0", ">=8.0,<9"),
        Package("torch", "2.10.1+cu130", ">=2.6"),
        Package("rich", "13.9", ">=14"),
        Package("numpy", None, ">=1.26"),
    )

    assert list(installation.complaints(found)) == [
        'textual 9.0 does not fit >=8.0,<9: pip install "textual>=8.0,<9"',
        'rich 13.9 does not fit >=14: pip install "rich>=14"',
        'numpy is not installed: pip install "numpy>=1.26"',
    ]


def test_torch_is_asked_in_this_python_as_in_one_of_its_own(capsys):
    import torch

    probe.tell()

    told = json.loads(capsys.readouterr().out)
    assert told["threads"] == torch.get_num_threads()
    assert len(told["devices"]) == torch.cuda.device_count()
    assert bool(told["without_cuda"]) == (not told["devices"])
    assert (told["cpu_build"], told["problem"]) == (torch.version.cuda is None, "")


@pytest.mark.parametrize(
    ("module", "told"),
    [
        ("raise ImportError('no libcudart\\nmore')", "torch cannot be imported (no libcudart)"),
        ("import os; os.kill(os.getpid(), 4)", "torch ends Python when it is imported (signal 4)"),
        ("raise SystemExit('no licence')", "torch ends Python when it is imported (exit code 1: no licence)"),
    ],
)  # fmt: skip
def test_a_torch_that_fails_is_told_in_words(tmp_path, monkeypatch, module, told):
    (tmp_path / "torch.py").write_text(module)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    assert ask_torch().problem == told


def test_a_torch_that_never_comes_is_not_waited_for(tmp_path, monkeypatch):
    (tmp_path / "torch.py").write_text("import time; time.sleep(60)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    assert ask_torch(seconds=0.5).problem == "torch was not imported within 0.5 seconds"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_the_terminal_is_asked_who_it_is_and_left_as_it_was():
    environment = {name: value for name, value in os.environ.items() if name not in ("TMUX", "NO_COLOR")}
    environment |= {
        "TERM": "xterm-kitty",
        "COLORTERM": "truecolor",
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
    }
    code = "from zfexplore.doctor.screen import look; print('found', look()); print('typed', input())"
    terminal = pexpect.spawn(
        sys.executable, ["-c", code], env=environment, dimensions=(30, 100), encoding="utf-8", timeout=30
    )
    terminal.expect_exact(screen.QUESTION)
    terminal.send("\x1bP>|kitty(0.40.1)\x1b\\\x1b_Gi=31;OK\x1b\\\x1b[6;20;10t\x1b[?62;c")
    terminal.expect(r"found (.*)\r\n")
    found = terminal.match[1]
    terminal.sendline("echoed")
    terminal.expect_exact("echoed\r\ntyped echoed")
    terminal.close(force=True)

    assert found == str(
        Screen(
            True, (100, 30), 2**24, True, False, "xterm-kitty", "kitty", "0.40.1", "octants", "kitty", True
        )
    )


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (29_500_000, "29.5 MB"), (999_960, "1.0 MB")],
)
def test_sizes_are_written_as_people_write_them(size, text):
    assert in_bytes(size) == text
