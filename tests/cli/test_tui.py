"""``zfexplore tui`` in a real pseudo-terminal, and what it says without one."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pexpect
import pyte
import pytest
import torch
from PIL import Image

from zfexplore.cli.tui import check_different, starting_place
from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.nets.checkpoint import Metadata, save_checkpoint
from zfexplore.nets.zfnet import ZFNet, initialise
from zfexplore.settings import Settings

SECONDS = 60


class Terminal:
    """A command in a pseudo-terminal, and the screen it draws."""

    def __init__(self, arguments: list[str], environment: dict[str, str], size: tuple[int, int]) -> None:
        self.screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self.screen)
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "zfexplore", *arguments],
            env=environment,
            dimensions=size[::-1],
            timeout=SECONDS,
        )
        self.raw = b""

    def read(self) -> None:
        try:
            data = self.child.read_nonblocking(65536, timeout=0.1)
        except pexpect.TIMEOUT:
            return
        if b"\x1b[c" in data:  # every terminal says what it is when it is asked
            self.child.send(b"\x1b[?62;22c")
        self.raw += data
        # pyte takes what Textual asks of newer terminals (CSI > ... u) for text.
        self._stream.feed(re.sub(rb"\x1b\[[<>=?][0-9;]*[a-zA-Z]", b"", data))

    @property
    def text(self) -> str:
        return "\n".join(self.screen.display)

    def until(self, *parts: str, gone: str = "\0") -> None:
        """Wait until the screen shows all ``parts``, and ``gone`` no more."""
        end = time.monotonic() + SECONDS
        while not all(part in self.text for part in parts) or gone in self.text:
            assert time.monotonic() < end, f"{parts} never came; the screen:\n{self.text}"
            assert self.child.isalive(), self.raw.decode(errors="replace")[-2000:]
            self.read()

    def resize(self, width: int, height: int) -> None:
        self.screen.resize(height, width)
        self.child.setwinsize(height, width)

    def wait_for_end(self) -> int:
        """Read to the end; give the exit code."""
        while True:
            try:
                self.raw += self.child.read_nonblocking(65536, timeout=SECONDS)
            except pexpect.EOF:
                self.child.close()
                return self.child.exitstatus


@pytest.fixture
def environment(tmp_path):
    return {
        **os.environ,
        "ZFEXPLORE_CACHE": str(tmp_path / "cache"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "OMP_NUM_THREADS": "1",
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "LANG": "C.UTF-8",
    }


@pytest.fixture
def arguments(tmp_path):
    torch.manual_seed(0)
    net = ZFNet(classes=2, fc=8)
    initialise(net, "xavier", seed=0)
    convention = InputConvention(size=64, resize=72, scale=1.0)
    metadata = Metadata("zfnet", {"classes": 2, "fc": 8}, (), convention)
    save_checkpoint(tmp_path / "tiny.safetensors", net, metadata)
    random = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    for number in range(4):
        picture = Image.fromarray(random.integers(0, 256, (80, 80, 3)).astype(np.uint8))
        picture.save(tmp_path / "images" / f"{number}.png")
    paths = {"--images": "images", "--checkpoint": "tiny.safetensors", "--out": "out"}
    return ["tui", *(word for option, name in paths.items() for word in (option, str(tmp_path / name)))]


def test_start_walk_project_resize_quit(arguments, environment, tmp_path):
    terminal = Terminal(arguments, environment, (100, 30))
    terminal.until("conv5:0", "4 images", "▸1 0.")  # a picture's caption with its activation
    terminal.child.send("jj")
    terminal.until("conv5:2")
    terminal.child.send("[")
    terminal.until("conv4:0", "channels of conv4")
    terminal.resize(80, 24)
    terminal.until("[conv4]")
    terminal.child.send("\r")
    terminal.until("saved")
    terminal.child.send("?")
    terminal.until("in the channels")
    terminal.child.send("\x1b")
    terminal.until("[conv4]", gone="in the channels")
    terminal.child.send("y")
    terminal.until("copied")
    (copied,) = re.findall(rb"\x1b]52;c;([A-Za-z0-9+/=]+)\x07", terminal.raw)  # as terminals take it
    assert base64.b64decode(copied).decode().startswith("zfexplore export channel conv4:0 --out ")
    terminal.child.send("q")

    assert terminal.wait_for_end() == 0
    assert (tmp_path / "out" / "conv4-0.png").stat().st_size > 1000
    # The shell gets its screen and its cursor back.
    assert terminal.raw.rfind(b"\x1b[?1049l") > terminal.raw.rfind(b"\x1b[?1049h") >= 0
    assert terminal.raw.rfind(b"\x1b[?25h") > terminal.raw.rfind(b"\x1b[?25l")


def test_when_it_is_killed_it_saves_where_it_was_and_gives_the_screen_back(arguments, environment, tmp_path):
    second = tmp_path / "second.safetensors"
    second.write_bytes((tmp_path / "tiny.safetensors").read_bytes())
    terminal = Terminal([*arguments, "--checkpoint", str(second)], environment, (80, 24))
    terminal.until("conv5:0", "tiny: zfnet", "▸1 0.")
    terminal.child.send("w")
    terminal.until("conv5:0", "second: zfnet", "▸1 0.")
    terminal.child.send("jj")
    terminal.until("conv5:2")
    terminal.child.kill(signal.SIGTERM)

    assert terminal.wait_for_end() == 0
    assert terminal.raw.rfind(b"\x1b[?1049l") > terminal.raw.rfind(b"\x1b[?1049h") >= 0
    assert json.loads((tmp_path / "cache" / "explorer.json").read_text())["channel"] == 2


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("phase", ["loading torch", "this cannot be explored"])
def test_when_the_terminal_goes_away_both_processes_end(arguments, environment, phase):
    images = ["--images", "nowhere"] if "cannot" in phase else []
    terminal = Terminal([*arguments, *images], environment, (120, 40))
    terminal.until(phase)
    explorer = terminal.child.pid
    children = Path(f"/proc/{explorer}/task/{explorer}/children").read_text().split()
    os.close(terminal.child.child_fd)

    end = time.monotonic() + SECONDS
    os.waitpid(explorer, 0)
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ctrl_z_leads_to_the_shell_and_fg_back_to_the_whole_screen(arguments, environment):
    terminal = Terminal(arguments, environment, (120, 40))
    terminal.until("conv5:0", "▸1 0.")
    terminal.child.send("\x1a")
    explorer = terminal.child.pid
    until_stopped(explorer, terminal)
    children = Path(f"/proc/{explorer}/task/{explorer}/children").read_text().split()
    for child in children:
        until_stopped(int(child), terminal)
    end = time.monotonic() + SECONDS
    while b"\x1b[?1049l" not in terminal.raw:  # the shell gets its screen back
        assert time.monotonic() < end
        terminal.read()
    terminal.screen.reset()  # what the shell makes of it
    os.kill(explorer, signal.SIGCONT)
    terminal.until("conv5:0", "channels of conv5", "5 top activations", "q quit")
    terminal.child.send("j")
    terminal.until("conv5:1")
    terminal.child.send("\x03")
    terminal.until("ctrl+c again leaves")
    terminal.child.send("\x03")
    assert terminal.wait_for_end() == 0


def until_stopped(pid: int, terminal: Terminal) -> None:
    """Read what the terminal gets until a process is stopped."""
    end = time.monotonic() + SECONDS
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        assert time.monotonic() < end
        terminal.read()


def test_what_cannot_be_opened_is_shown_and_told_on_leaving_in_ascii_where_there_is_no_utf8(
    arguments, environment
):
    environment = {**environment, "LC_ALL": "C", "TERM": "screen", "COLORTERM": "", "NO_COLOR": ""}
    terminal = Terminal([*arguments, "--images", "nowhere"], environment, (80, 24))
    terminal.until("this cannot be explored", "nowhere")
    terminal.child.send("q")

    assert terminal.wait_for_end() == 1
    assert terminal.raw.isascii()
    assert b"38;5;" in terminal.raw  # 256 colours, though TERM names none
    assert b"error:" in terminal.raw[terminal.raw.rfind(b"\x1b[?1049l") :]


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("conv9", "there is no layer conv9: choose conv1, conv2"),
        ("conv5:256", "conv5 has no channel 256: it has 0-255"),
        ("conv5:x", "as in conv5 or conv5:130, not at 'conv5:x'"),
        ("conv5@3", "not at 'conv5@3'"),
        ("", "not at ''"),
        ("conv5:3@1,2", "write conv5:3"),
    ],
)
def test_a_wrong_place_to_start_at_is_told_before_anything_opens(place, told):
    with pytest.raises(ExploreError, match=re.escape(told)) as raised:
        starting_place(place, Settings())
    assert raised.value.usage


def test_a_layer_is_a_place_to_start_at_and_other_nets_are_asked_later():
    assert starting_place("conv5", Settings()) == ("conv5", None)
    assert starting_place("conv5:130", Settings()) == ("conv5", 130)
    assert starting_place("layer9.1:7000", Settings(net="resnet18")) == ("layer9.1", 7000)


def test_a_checkpoint_that_is_given_twice_is_refused():
    with pytest.raises(ExploreError, match="--checkpoint ./a.pt is given twice"):
        check_different(["a.pt", "b.pt", "./a.pt"])
    check_different(["a.pt", "b/a.pt"])


def test_without_a_terminal_one_line_names_the_command_that_does_the_job():
    done = subprocess.run(
        [sys.executable, "-m", "zfexplore", "tui"], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )

    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "needs a terminal" in done.stderr
    assert "zfexplore export grid" in done.stderr


def test_a_run_is_followed_from_its_folder_and_what_is_none_is_told_at_once(arguments, environment, tmp_path):
    run = tmp_path / "run7"
    (run / "snapshots").mkdir(parents=True)
    for epoch in (1, 2):
        shutil.copy(tmp_path / "tiny.safetensors", run / "snapshots" / f"epoch-{epoch:03}.safetensors")
    asked = {"images": [str(tmp_path / "images")]}
    (run / "run.json").write_text(
        json.dumps({"asked": asked, "images": {"count": 4}, "recipe": {"epochs": 2}})
    )
    terminal = Terminal(["tui", "--follow", str(run)], environment, (100, 34))
    terminal.until("conv5:0", "4 images", "▸1 0.", "run7 training", "◆ epoch 0")
    assert "fc6" not in terminal.text
    terminal.child.send("q")
    assert terminal.wait_for_end() == 0

    for words, message in {
        ("--follow", str(tmp_path / "images")): "images holds no run: name the folder",
        ("--follow", str(run), "--net", "resnet18"): "leave --net out",
    }.items():
        terminal = Terminal(["tui", *words], environment, (100, 34))
        assert terminal.wait_for_end() == 2
        assert message in " ".join(terminal.raw.decode().split())
