from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from types import ModuleType

import pexpect
import pytest

from zfexplore import __version__
from zfexplore.__main__ import main as start
from zfexplore.cli import main as command_line
from zfexplore.errors import ExploreError


def run(monkeypatch, capsys, *arguments: str) -> tuple[int, str, str]:
    """The command line in this process: exit code, stdout, stderr."""
    monkeypatch.setattr(sys, "argv", ["zfexplore", *arguments])
    with pytest.raises(SystemExit) as stop:
        command_line.main()
    captured = capsys.readouterr()
    return int(stop.value.code or 0), captured.out, captured.err


def test_the_version_is_the_packages(monkeypatch, capsys):
    assert run(monkeypatch, capsys, "--version") == (0, f"zfexplore {__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope"], "error: No such command 'nope'; see `zfexplore --help`\n"),
        (["convert"], "error: Missing argument 'FILE.pth'; see `zfexplore convert --help`\n"),
        (["index", "--oops"], "error: No such option: --oops; see `zfexplore index --help`\n"),
    ],
)
def test_a_wrong_option_is_one_line_and_exit_code_2(monkeypatch, capsys, arguments, message):
    assert run(monkeypatch, capsys, *arguments) == (2, "", message)


def test_a_number_out_of_range_is_one_line_and_exit_code_2_in_the_words_of_typer(monkeypatch, capsys):
    code, out, err = run(monkeypatch, capsys, "index", "--limit", "0")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("error: Invalid value for '--limit': ")
    assert err.endswith("; see `zfexplore index --help`\n")


def test_no_arguments_show_the_help(monkeypatch, capsys):
    code, out, err = run(monkeypatch, capsys)
    assert code == 2
    assert "See inside a convolutional network" in out + err
    assert "error" not in err


@pytest.mark.parametrize(("usage", "code"), [(True, 2), (False, 1)])
def test_an_error_is_one_line_with_its_exit_code(monkeypatch, capsys, usage, code):
    def fails(*_arguments, **_options):
        raise ExploreError("the [file] x is\nnot there; name another", usage=usage)

    monkeypatch.setattr(command_line, "program", lambda _words: fails)
    line = "error: the [file] x is not there; name another\n"
    assert run(monkeypatch, capsys, "top") == (code, "", line)


def test_a_full_disk_is_one_line_too(monkeypatch, capsys):
    def fails(*_arguments, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(command_line, "program", lambda _words: fails)
    code, _, err = run(monkeypatch, capsys, "top")
    assert (code, err) == (1, "error: OSError: [Errno 28] No space left on device\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a disk that is always full, of Linux")
@pytest.mark.parametrize("unbuffered", [False, True])
@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["images"], ["images", "--json"], ["COMPLETE"]]
)  # click's echo, rich twice, JSON, print
def test_standard_output_that_takes_nothing_is_named(monkeypatch, capsys, arguments, unbuffered):
    if arguments == ["COMPLETE"]:
        monkeypatch.setenv("_ZFEXPLORE_COMPLETE", "bash")
    with monkeypatch.context() as patch, open("/dev/full", "wb", buffering=0 if unbuffered else -1) as full:
        patch.setattr(sys, "stdout", text := io.TextIOWrapper(full, write_through=unbuffered))
        code, _, err = run(patch, capsys, *arguments)
        sys.stdout.flush()  # as Python does at the end: nothing is left to fail
        text.close()
    told = "no space left on device; make room there, or choose another place"
    assert (code, err) == (1, f"error: standard output cannot be written: {told}\n")


def test_debug_anywhere_shows_the_traceback(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["zfexplore", "info", "/no/such/file", "--debug"])
    with pytest.raises(ExploreError, match="/no/such/file is not there"):
        command_line.main()


def test_every_command_has_help_with_an_example(monkeypatch, capsys):
    commands = [[name] for name in command_line.COMMANDS] + [
        ["export", name] for name in command_line.EXPORTS
    ]
    for command in commands:
        code, out, _ = run(monkeypatch, capsys, *command, "--help")
        assert code == 0
        assert "Example" in out, command


def test_python_dash_m_is_the_same_command():
    done = subprocess.run(
        [sys.executable, "-m", "zfexplore", "--version"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, f"zfexplore {__version__}\n")


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_ctrl_c_while_the_command_line_is_imported_exits_with_130_too(monkeypatch, capsys):
    def interrupted(name):
        raise KeyboardInterrupt

    importing = ModuleType("zfexplore.cli.main")
    importing.__getattr__ = interrupted
    monkeypatch.setitem(sys.modules, "zfexplore.cli.main", importing)
    with pytest.raises(SystemExit) as left:
        start()
    assert left.value.code == 130
    assert capsys.readouterr() == ("", "")


def test_ctrl_c_in_a_real_terminal_exits_with_130_and_no_traceback(tmp_path):
    child = pexpect.spawn(
        sys.executable,
        ["-m", "zfexplore", "index", "--images", "specimens"],
        env={**os.environ, "ZFEXPLORE_CACHE": str(tmp_path), "OMP_NUM_THREADS": "1"},
        encoding="utf-8",
        timeout=90,
        dimensions=(24, 100),
        # Where a script runs the tests in the background, they were told to ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    child.expect(r"\d+/480")
    child.kill(signal.SIGINT)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", child.before or "")
    assert "Traceback" not in shown
    assert "interrupted: the same command goes on from here" in shown


@pytest.fixture
def run_in(material, tmp_path, monkeypatch):
    """Run a command whose streams have the encoding; give code, output, remarks: bytes.

    It runs as a process; with a net (SOURCE) in this one, which has torch already.
    """
    shutil.copytree(material / "pictures" / "a", tmp_path / "set" / "caf\u00e9")
    shutil.copytree(material / "pictures" / "b", tmp_path / "set" / "\N{GRINNING FACE}")
    source = ["--images", "set", "--checkpoint", str(material / "net.safetensors")]

    def run(encoding, *words):
        given = [str(word) for word in words if word != "SOURCE"] + (source if "SOURCE" in words else [])
        if "SOURCE" in words:
            return run_here(encoding, given)
        environment = os.environ | {"PYTHONIOENCODING": encoding, "ZFEXPLORE_CACHE": str(tmp_path / "cache")}
        command = [sys.executable, "-m", "zfexplore", *given]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=120)
        assert b"Traceback" not in done.stderr
        return done.returncode, done.stdout, done.stderr

    def run_here(encoding, given):
        raw = {"stdout": io.BytesIO(), "stderr": io.BytesIO()}
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            patch.setenv("ZFEXPLORE_CACHE", str(tmp_path / "cache"))
            patch.setattr(sys, "argv", ["zfexplore", *given])
            for name, errors in (("stdout", "strict"), ("stderr", "backslashreplace")):  # as Python has them
                patch.setattr(sys, name, io.TextIOWrapper(raw[name], encoding, errors))
            code = 0
            try:
                start()
            except SystemExit as left:
                code = int(left.code or 0)
            written = []
            for name, into in raw.items():
                getattr(sys, name).flush()
                written.append(into.getvalue())
        return code, *written

    return run


@pytest.mark.parametrize(("encoding", "cafe"), [("ascii", rb"caf\xe9"), ("cp1252", b"caf\xe9")])
def test_what_the_encoding_of_a_stream_cannot_write_is_escaped(run_in, encoding, cafe):
    face = rb"\U0001f600"
    code, out, _ = run_in(encoding, "images", "set")
    assert code == 0
    assert cafe + b" 4, " + face + b" 3" in out
    code, _, err = run_in(encoding, "images", "\N{GRINNING FACE}?")
    assert code == 2
    assert b"error: no folder '" + face + b"?'" in err


def test_a_table_and_the_remarks_on_images_are_escaped_too(run_in):
    code, out, err = run_in("ascii", "top", "conv1:3", "SOURCE")
    assert code == 0
    assert rb"\U0001f600/1.png" in out
    assert rb"caf\xe9/broken.png: " in err


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_json_is_json_in_every_encoding(run_in, encoding):
    code, out, _ = run_in(encoding, "images", "set", "--json")
    assert code == 0
    assert json.loads(out.decode(encoding))["per_class"] == {"caf\u00e9": 4, "\N{GRINNING FACE}": 3}


def test_a_path_of_any_bytes_can_be_told(run_in, tmp_path):
    out = os.fsdecode(b"caf\xe9.png")
    code, told, err = run_in("utf-8", "export", "filters", "SOURCE", "--out", out)
    assert code == 0, err
    assert told == rb"wrote caf\udce9.png" + os.linesep.encode()


@pytest.mark.parametrize("own", [None, "KMP_BLOCKTIME"])
def test_threads_that_wait_are_told_to_sleep_unless_the_user_has_said_anything(monkeypatch, own):
    for name in command_line.IDLE:
        monkeypatch.setenv(name, "to be restored afterwards")
        monkeypatch.delenv(name)
    if own:
        monkeypatch.setenv(own, "200")
    monkeypatch.setattr("sys.argv", ["zfexplore", "--version"])
    with pytest.raises(SystemExit):
        command_line.main()
    set_now = {name: os.environ[name] for name in command_line.IDLE if name in os.environ}
    assert set_now == ({own: "200"} if own else command_line.IDLE)


@pytest.mark.parametrize(
    ("words", "commands", "exports"),
    [
        (["tui", "--limit", "3"], ["tui"], None),
        (["export", "grid", "--layer", "conv5"], ["export"], ["grid"]),
        (["export", "--help"], ["export"], list(command_line.EXPORTS)),
        (["--help"], [*command_line.COMMANDS, "export"], list(command_line.EXPORTS)),
        (["tpo"], [*command_line.COMMANDS, "export"], list(command_line.EXPORTS)),
        ([], [*command_line.COMMANDS, "export"], list(command_line.EXPORTS)),
    ],
)
def test_only_the_command_that_is_asked_for_is_read(words, commands, exports):
    import typer.main

    read = typer.main.get_command(command_line.program(words)).commands
    assert list(read) == commands
    assert (list(read["export"].commands) if exports else None) == exports


def test_a_full_gpu_is_one_line(monkeypatch, capsys):
    import torch

    from zfexplore.cli import main as program

    def full(_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB ...")

    monkeypatch.setattr(program, "_answer_or_run", full)
    monkeypatch.setattr(sys, "argv", ["zfexplore", "top"])
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == 1
    told = "error: the GPU's memory does not suffice: free some of it, or give --device cpu\n"
    assert capsys.readouterr().err == told
