"""Completion in the shells: what is offered where, without torch, and in real shells."""

# tests zfexplore/cli/shells.py too: a real shell reads the script and asks

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest
import typer.main

from tests.support import write_zfnet
from zfexplore.cli.completion import TAKES, answer, words_of
from zfexplore.cli.main import COMMANDS, EXPORTS, program
from zfexplore.cli.shells import SCRIPTS, install
from zfexplore.errors import ExploreError

ROOT = Path(__file__).resolve().parents[2]
BREAKS = " \t\n\"'@><=;|&(:"  # where bash takes words apart

# Free text and numbers: nothing is offered.
FREE = {"N", "PART", "X", "R", "PIXELS", "R,G,B", "CLASS", "DAYS", "FROM:TO:STEP|A,B", None}


def offered(*words: str, shell: str = "zsh") -> tuple[str, list[str]]:
    """The first line of the answer, and the candidates without what they are."""
    head, *lines = answer(shell, words, program).split("\n")
    return head, [line.partition("\t")[0] for line in lines]


@pytest.mark.parametrize(
    ("words", "head", "candidates"),
    [
        (["ex"], "none closed", ["explain", "export"]),
        (["--de"], "none closed", ["--debug"]),
        (["export", "f"], "none closed", ["figure", "filters"]),
        (["--debug", "top", "conv5"], "none open", ["conv5"]),
        (["top", "conv5:25"], "none closed", ["conv5:25", *(f"conv5:{n}" for n in range(250, 256))]),
        (["export", "channel", "fc"], "none open", ["fc6:", "fc7:", "fc8:"]),
        (["export", "grid", "--layer", "p"], "none closed", ["pool5"]),
        (["export", "grid", "--channels=t"], "none closed", ["top16"]),
        (["train", "--recipe", "p"], "none closed", ["photographs", "paper"]),
        (["index", "--images", "spec"], "files closed", ["specimens"]),
        (["info", "--net", "vgg11"], "none closed", ["vgg11", "vgg11_bn"]),
        (["tui", "--checkpoint", ""], "files closed", ["shipped"]),
        (["tui", "--follow", ""], "folders closed", []),
        (["explain", "one.jpg", ""], "files closed", []),  # as many pictures as there are
        (["top", "conv5", ""], "none closed", []),
        (["index", "--limit", ""], "none closed", []),
        (["index", "--", "--im"], "none closed", []),
        (["nope", ""], "none closed", []),
    ],
)
def test_what_may_stand_at_the_cursor_is_offered(words, head, candidates):
    assert offered(*words) == (head, candidates)


def test_an_option_that_was_given_is_not_offered_again_unless_it_may_be():
    _, candidates = offered("tui", "--checkpoint", "a", "--limit=3", "--")

    assert "--checkpoint" in candidates
    assert "--images" in candidates
    assert "--limit" not in candidates


def test_layers_are_those_of_the_checkpoint_that_was_named(tmp_path):
    net = str(write_zfnet(tmp_path / "net.safetensors", fc=16))

    assert offered("top", "--checkpoint", net, "fc6:")[1] == [f"fc6:{n}" for n in range(16)]
    assert offered("info", net, "--stage", "fc")[1] == ["fc6", "fc7", "fc8"]
    assert offered("top", "--net", "resnet18", "")[1] == []


def test_names_from_a_file_that_a_shell_might_misread_are_left_out(tmp_path):
    entry = {"dtype": "F16", "shape": [10**15, 1], "data_offsets": [0, 4]}
    names = [
        "$(id).weight",
        "a b.weight",
        "\x1b]0;x\x07.weight",
        "x'y.weight",
        "\u202egood.weight",
        "good.weight",
    ]
    head = json.dumps(
        dict.fromkeys(names, entry) | {"__metadata__": {"zfexplore": '{"architecture": "zfnet"}'}}
    ).encode()
    file = tmp_path / "net.safetensors"
    file.write_bytes(struct.pack("<Q", len(head)) + head + bytes(4))

    assert offered("compare", str(file), "b", "--layer", "")[1] == ["good"]
    assert len(offered("top", "--checkpoint", str(file), "good:")[1]) == 10_000


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("zfexplore ", ["zfexplore", ""]),
        ("zfexplore to", ["zfexplore", "to"]),
        ("A=1 zfexplore 'my album/", ["zfexplore", "my album/"]),
        (r"zfexplore my\ album", ["zfexplore", "my album"]),
        (r"zfexplore my\ ", ["zfexplore", "my "]),
        ("zfexplore '' # x", ["zfexplore", "", "#", "x"]),
    ],
)
def test_a_line_of_bash_is_split_as_bash_splits_it(line, words):
    assert words_of(line) == words


def test_each_shell_gets_what_it_puts_in_place_of_the_word():
    assert offered("zfexplore top conv5:25", BREAKS, shell="bash")[1][:2] == ["25", "250"]
    assert offered("zfexplore top conv5:25", " ", shell="bash")[1][:2] == ["conv5:25", "conv5:250"]
    assert offered('zfexplore top "conv5:25', BREAKS, shell="bash")[1][:2] == ["conv5:25", "conv5:250"]
    assert offered("zfexplore index --images=spec", BREAKS, shell="bash")[1] == ["specimens"]
    assert offered("index", "--images=spec", shell="zsh")[1] == ["specimens"]
    assert offered("index", "--images=spec", shell="fish")[1] == ["--images=specimens"]
    assert answer("complete_bash", [], program) == ""  # a script of typer's, from before


def test_what_every_option_takes_is_known():
    commands = [[name] for name in COMMANDS] + [["export", name] for name in EXPORTS]
    for words in commands:
        command = typer.main.get_command(program(words))
        for word in words:
            command = command.commands[word]
        for parameter in command.params:
            named = (parameter.metavar or "").strip("[]") or None
            assert named in TAKES or named in FREE, (words, parameter.name, named)


def test_no_completion_loads_torch_numpy_or_pillow():
    code = (
        "import sys\nfrom zfexplore.cli.main import program\nfrom zfexplore.cli.completion import answer\n"
        "lines = ('', 'top conv5:1', 'index --images p', 'tui --checkpoint r', 'info --net r', 'train --')\n"
        "for line in lines:\n"
        "    assert '\\n' in answer('zsh', line.split(' '), program), line\n"
        "print([name for name in ('torch', 'numpy', 'PIL', 'rich', 'textual') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=ROOT)

    assert (done.stdout, done.stderr) == ("[]\n", "")


# -- in real shells ----------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home with zfexplore on the path, and beside it a folder of images with a blank in its name."""
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "ZDOTDIR"):
        monkeypatch.delenv(name, raising=False)
    program = tmp_path / "bin" / "zfexplore"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m zfexplore "$@"\n')
    program.chmod(0o755)
    here = tmp_path / "here"
    (here / "photo album" / "a").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def install_from(shell: str) -> str:
    """Call zfexplore from a shell to install its completion there; give what it tells."""
    asked = [shell, "-c", "zfexplore --install-completion; true"]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=True)
    assert "new shells complete" in done.stdout, done.stderr
    return done.stdout


def assert_completed(command: list[str], folder: Path, settings: str, lines: dict[str, str]) -> None:
    """Type each line and a tab into a shell; ``settings`` let ctrl+t print what the line is then."""
    shell = pexpect.spawn(command[0], command[1:], cwd=folder, encoding="utf-8", timeout=60)
    shell.setwinsize(24, 200)
    shell.sendline(settings)
    shell.sendline("echo rea''dy")
    shell.expect_exact("ready")
    for typed, completed in lines.items():
        shell.send(f"{typed}\t\x14")
        shell.expect("line<(.*)>")
        assert shell.match[1] == completed
        shell.sendcontrol("u")
    shell.close(force=True)


@pytest.mark.parametrize("shell", SCRIPTS)
def test_a_script_asks_for_its_shell_and_evaluates_nothing(shell):
    script = SCRIPTS[shell]

    assert f"_ZFEXPLORE_COMPLETE={shell} " in script
    assert script.count("2>/dev/null") >= 1
    for head in ("files", "folders"):  # what the first line of an answer may begin with
        assert re.search(rf"\b{head}\*", script)
    assert not re.search(r"\beval\b|`|\bsource\b", script)
    assert script.isascii()
    assert script.endswith("\n")


@pytest.mark.parametrize("shell", SCRIPTS)
def test_a_script_is_read_by_its_shell(shell, tmp_path):
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    (tmp_path / "script").write_text(SCRIPTS[shell])

    done = subprocess.run([shell, "-n", tmp_path / "script"], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_installed_in_bash_it_completes_commands_channels_names_and_folders(home):
    start = home / ".bashrc"
    start.write_text("alias mine=true")  # without a line's end
    told = install_from("bash")
    before, line = start.read_text().splitlines()
    assert before == "alias mine=true"
    assert line in told

    show = """show() { printf 'line<%s>\\n' "$READLINE_LINE"; }; bind -x '"\\C-t": show'"""
    assert_completed(
        ["bash", "--rcfile", str(start), "-i"],
        home / "here",
        f"bind 'set bell-style none'; bind 'set enable-bracketed-paste off'; {show}",
        {
            "zfexplore expl": "zfexplore explain ",
            "zfexplore export channel conv5:20": "zfexplore export channel conv5:20",  # 20 and 200 to 209
            "zfexplore top conv1:95": "zfexplore top conv1:95 ",
            "zfexplore index --images spec": "zfexplore index --images specimens ",
            "zfexplore index --images=spec": "zfexplore index --images=specimens ",
            "zfexplore index --images photo\\ a": "zfexplore index --images photo\\ album/",
            "zfexplore tui --follow ph": "zfexplore tui --follow photo\\ album/",
        },
    )


@pytest.mark.skipif(shutil.which("zsh") is None, reason="needs zsh")
def test_installed_in_zsh_it_completes_channels_names_and_folders(home):
    install_from("zsh")
    assert_completed(
        ["zsh", "-i"],
        home / "here",
        """show() { zle -I; print -r -- "line<$BUFFER>" }; zle -N show; bindkey '^T' show; unsetopt beep""",
        {
            "zfexplore expl": "zfexplore explain ",
            "zfexplore top conv5:19": "zfexplore top conv5:19",  # 19 and 190 to 199
            "zfexplore top conv1:95": "zfexplore top conv1:95 ",
            "zfexplore index --images=spec": "zfexplore index --images=specimens ",
            "zfexplore tui --follow ph": "zfexplore tui --follow photo\\ album/",
        },
    )


@pytest.mark.skipif(shutil.which("fish") is None, reason="needs fish")
def test_installed_in_fish_it_completes_channels_names_and_folders(home):
    install_from("fish")

    def completed(line: str) -> list[str]:
        asked = ["fish", "-c", f"complete -C {shlex.quote(line)}"]
        done = subprocess.run(
            asked, cwd=home / "here", capture_output=True, text=True, timeout=60, check=True
        )
        assert done.stderr == ""
        return [each.partition("\t")[0] for each in done.stdout.splitlines()]

    assert completed("zfexplore expl") == ["explain"]
    assert sorted(completed("zfexplore top conv5:19")) == [
        "conv5:19",
        *(f"conv5:{n}" for n in range(190, 200)),
    ]
    assert completed("zfexplore index --images=spec") == ["--images=specimens"]
    assert completed("zfexplore tui --follow ph") == ["photo album/"]


def test_installing_twice_adds_one_line_and_follows_a_link(home):
    true = home / "dotfiles"
    true.write_text("mine\n")
    true.chmod(0o600)
    (home / ".zshrc").symlink_to(true)

    for _ in range(2):
        file, now = install("zsh")

    assert true.read_text() == f"mine\n{now}\n"
    assert (home / ".zshrc").is_symlink()
    assert true.stat().st_mode & 0o777 == 0o600
    assert file.read_text() == SCRIPTS["zsh"]
    assert install("fish")[0] == home / ".config" / "fish" / "completions" / "zfexplore.fish"


def test_where_it_cannot_be_installed_one_line_says_so(home):
    (home / ".local").write_text("in the way")

    with pytest.raises(ExploreError, match="completion cannot be installed"):
        install("bash")
    assert not (home / ".bashrc").exists()
