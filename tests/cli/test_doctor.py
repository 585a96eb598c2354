"""``zfexplore doctor`` as a user sees it."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pexpect
import pytest

from zfexplore.doctor import examine
from zfexplore.doctor.probe import Torch

ROOT = Path(__file__).resolve().parents[2]
OLD = "atlases/0123456789abcdef.safetensors"


@pytest.fixture
def doctor(zfexplore, tmp_path, monkeypatch):
    """Run the command with a cache of its own; torch is not asked."""
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(examine, "ask_torch", lambda: Torch(threads=2, devices=(("H100", 85 * 10**9),)))
    return lambda *words: zfexplore("doctor", *words, source=())


@pytest.fixture
def old(tmp_path):
    """An index of 100 bytes that nobody has used for 40 days."""
    file = tmp_path / "cache" / OLD
    file.parent.mkdir(parents=True)
    file.write_bytes(bytes(100))
    os.utime(file, (time.time() - 40 * 86_400,) * 2)
    return file


def test_it_says_what_is_here_and_that_nothing_is_wrong(doctor, old):
    code, out, remarks = doctor()

    assert (code, remarks) == (0, "")
    for line in (
        "the shipped weights: whole, 29.5 MB", "cuda:0 H100, 85.0 GB", "torch takes 2 threads",
        "none: this is not shown in one", "textual 8.", "not there yet",
        "indexes: 1, 100 bytes, 100 bytes old (made again when they are needed)", "nothing is wrong",
        "note: 1 file of the cache was not used for 30 days (100 bytes): `zfexplore doctor --clean` removes",
    ):  # fmt: skip
        assert line in " ".join(out.split())  # a long path is folded


def test_one_core_and_one_thread_are_told_in_the_singular(doctor, monkeypatch):
    monkeypatch.setattr(examine, "ask_torch", lambda: Torch(threads=1, without_cuda="no driver"))
    monkeypatch.setattr(examine, "_cores", lambda: 1)
    monkeypatch.setattr("os.cpu_count", lambda: 1)

    assert "computes     1 core, torch takes 1 thread\n" in "\n".join(
        line.rstrip() for line in doctor()[1].splitlines()
    )


def test_what_is_wrong_ends_in_1_and_json_has_all_of_it(doctor, tmp_path):
    (tmp_path / "cache").write_text("in the way")

    code, out, _ = doctor("--json")
    told = json.loads(out)
    code_shown, shown, _ = doctor()

    assert (code, code_shown) == (1, 1)
    assert f"wrong: {told['wrong'][0]}" in shown
    assert "nothing is wrong" not in shown
    assert told["cache"]["problem"] in told["wrong"][0]


def test_nothing_is_removed_unasked(doctor, old):
    code, out, remarks = doctor("--clean")

    assert code == 2
    assert out == f"{old}  100 bytes, indexes, not used for 40 days\n"
    assert remarks == "error: nothing is removed unasked: --yes removes these (100 bytes)"
    assert old.exists()


def test_what_is_old_is_named_and_removed(doctor, old):
    assert (
        doctor("--clean", "--older-than", "41", "--yes")[1] == "nothing in the cache is older than 41 days\n"
    )
    code, out, _ = doctor("--clean", "--yes")

    assert (code, out.splitlines()[-1]) == (0, "removed 100 bytes")
    assert not old.exists()


def test_options_that_do_not_belong_together_are_refused(doctor):
    assert doctor("--clean", "--json")[0] == 2
    assert doctor("--yes") == (2, "", "error: --yes belongs to --clean")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_in_a_terminal_it_asks(old, tmp_path):
    environment = dict(os.environ) | {"ZFEXPLORE_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
    for reply, stays, ends in (("\x04", True, 130), ("n", True, 1), ("y", False, 0)):
        terminal = pexpect.spawn(
            sys.executable,
            ["-m", "zfexplore", "doctor", "--clean"],
            env=environment,
            encoding="utf-8",
            timeout=30,
        )
        terminal.expect_exact("Remove it (100 bytes)? [y/N]")
        terminal.sendline(reply)
        terminal.expect(pexpect.EOF)
        terminal.close()
        assert (old.exists(), terminal.exitstatus) == (stays, ends)
        assert "Traceback" not in terminal.before
