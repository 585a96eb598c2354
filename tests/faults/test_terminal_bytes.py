"""No name in a file or of a file controls the terminal: what a pseudo-terminal gets, command by command."""

from __future__ import annotations

import json
import os
import pty
import re
import threading
import unicodedata
from contextlib import ExitStack

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.support import write_pictures, write_zfnet
from zfexplore.cli.main import main

# The title of the window, a colour by C1, the next line by C1, an override, a space without width, and lines.
EVIL = "\x1b]0;owned\x07\x9b31m\x85\u202e\u200b\u2066\n\u2028\x7f"
SHOWN = r"\x1b]0;owned\x07\x9b31m\x85\u202e\u200b\u2066\n\u2028\x7f"
MEANT = re.compile(
    r"\x1b\[(?:[\d;]*m|\d*[AGK]|\?25[hl]|2K)|\r?\n|\r"
)  # colours, the progress bar's own moves


@pytest.fixture(scope="module")
def evil(tmp_path_factory):
    """A folder of hostile name with nets, pictures and a run that hold hostile names."""
    folder = tmp_path_factory.mktemp("evil") / EVIL
    write_zfnet(folder.parent / "net", classes=(f"a{EVIL}", f"b{EVIL}", "c"))
    folder.mkdir()
    os.rename(folder.parent / "net", folder / "net.safetensors")
    pictures = write_pictures(folder / "pictures", broken=True)
    os.rename(pictures / "a", pictures / f"a{EVIL}")
    os.rename(pictures / f"a{EVIL}" / "0.png", pictures / f"a{EVIL}" / f"{EVIL}.png")
    os.rename(pictures / f"a{EVIL}" / "broken.png", pictures / f"a{EVIL}" / f"broken{EVIL}.png")
    tensors = load_file(folder / "net.safetensors")
    save_file({f"{EVIL}.{name}": tensor for name, tensor in tensors.items()}, folder / f"{EVIL}.safetensors")
    save_file({EVIL: torch.zeros(2)}, folder / "other.safetensors")
    (folder / "labels.csv").write_text(
        f"name,label\n1.png,{EVIL[:-4]}\n{EVIL[1:9]}.png,b\n", encoding="utf-8"
    )
    (folder / "run").mkdir()
    (folder / "run" / "run.json").write_text(
        json.dumps({"recipe": {EVIL: EVIL}, "asked": {}}), encoding="utf-8"
    )
    return folder


@pytest.fixture
def stream(evil, tmp_path, monkeypatch):
    """Run a command whose streams are a pseudo-terminal; give the exit code and what the terminal got."""
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(evil.parent / "cache"))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.chdir(tmp_path)

    def run(*words: object, keys: bytes = b"") -> tuple[int, str]:
        leader, follower = pty.openpty()
        got = bytearray()

        def read() -> None:
            try:
                while data := os.read(leader, 65536):
                    got.extend(data)
            except OSError:  # the other end is closed
                pass

        reader = threading.Thread(target=read)
        reader.start()
        os.write(leader, keys)
        with monkeypatch.context() as patch, ExitStack() as streams:
            patch.setattr("sys.argv", ["zfexplore", *map(str, words)])
            for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
                opened = open(follower, mode, encoding="utf-8", closefd=False)  # noqa: SIM115
                patch.setattr(f"sys.{name}", streams.enter_context(opened))
            try:
                main()
                code = 0
            except SystemExit as leave:
                code = int(leave.code or 0)
        os.close(follower)
        reader.join()
        os.close(leader)
        return code, got.decode("utf-8")

    return run


def obeyed(text: str) -> set[str]:
    """What a terminal obeys or does not show, less what the program itself means."""
    rest = MEANT.sub("", text)
    return {letter for letter in rest if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp")}


def test_no_command_passes_a_control_character_on(stream, evil):
    net, pictures = evil / "net.safetensors", evil / "pictures"
    picture = pictures / f"a{EVIL}" / f"{EVIL}.png"
    seen = ("--images", pictures, "--checkpoint", net)
    commands = {
        0: [
            ("images", pictures),
            ("images", pictures, "--check"),
            ("images", pictures, "--json"),
            ("images", pictures, "--labels", evil / "labels.csv"),
            ("info", net),
            ("info", net, "--json"),
            ("info", evil / f"{EVIL}.safetensors"),
            ("info", evil / "other.safetensors"),
            ("convert", evil / f"{EVIL}.safetensors", "--size", "64", "--out", evil / f"{EVIL}2.safetensors"),
            ("index", *seen),
            ("top", "fc8", "--count", "3", *seen),
            ("top", "conv5:0", *seen),
            ("top", "conv5:0", "--json", *seen),
            ("explain", picture, "--out", evil / "explained.png", *seen),
            ("compare", net, evil / f"{EVIL}2.safetensors", "--layer", "conv1", "--images", pictures),
            ("export", "channel", "conv5:0", "--out", evil / f"{EVIL}.png", *seen),
            ("export", "atlas", "--out", evil / f"{EVIL}.json", *seen),
        ],
        1: [
            ("convert", evil / "other.safetensors", "--out", "x.safetensors"),
            ("train", "--resume", "--out", evil / "run"),
            ("explain", pictures / f"a{EVIL}" / f"broken{EVIL}.png", *seen),
        ],
        2: [
            ("images", evil / "nowhere"),
            ("index", "--images", pictures, "--checkpoint", net, f"--{EVIL}"),
            ("top", f"conv5{EVIL}", *seen),
            ("train", "--images", pictures, "--exclude", EVIL, "--out", "run"),
            ("tui", f"{EVIL}:3"),
        ],
    }  # fmt: skip
    told = []
    for expected, given in commands.items():
        for words in given:
            code, text = stream(*words)
            assert (code, obeyed(text)) == (expected, set()), (words, text)
            told.append((words, text))

    silent = [words for words, text in told if "owned" not in re.sub(r"\s", "", text)]
    assert len(silent) < len(told) / 4, silent  # the names did come, as escapes


def test_a_question_is_printable_too(stream, evil):
    path = evil / f"foreign{EVIL}.png"
    path.write_bytes(b"somebody else's")
    code, text = stream(
        "export", "channel", "conv5:0", "--out", path, "--images", evil / "pictures", "--checkpoint",
        evil / "net.safetensors", keys=b"n\n",
    )  # fmt: skip

    assert (code, obeyed(text)) == (1, set()), text
    assert SHOWN in re.sub(r"\r\n", "", text)
    assert path.read_bytes() == b"somebody else's"


def test_values_that_programs_read_are_faithful(evil, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(evil.parent / "cache"))
    monkeypatch.setattr("sys.argv", ["zfexplore", "info", str(evil / "net.safetensors"), "--json"])
    with pytest.raises(SystemExit):
        main()

    text = capsys.readouterr().out
    assert json.loads(text)["classes"] == [f"a{EVIL}", f"b{EVIL}", "c"]
    assert not obeyed(text)
