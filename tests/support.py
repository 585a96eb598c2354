"""What tests of several rooms need: small nets as checkpoints, pictures of noise, files of both, screens."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from textual.screen import Screen
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from zfexplore.convention import InputConvention
from zfexplore.nets.checkpoint import Checkpoint, Metadata, save_checkpoint
from zfexplore.nets.trunk import Trunk
from zfexplore.nets.zfnet import ZFNet, initialise
from zfexplore.progress import Finished
from zfexplore.studies.courses import Course, Invariance
from zfexplore.tui import keys
from zfexplore.tui.study_screens import StudyApp


def checkpoint_of(
    net: nn.Module, size: int, *, classes: Sequence[str] = (), weights: str = "weights-1", **convention: Any
) -> Checkpoint:
    """Give ``net`` as a checkpoint whose input is ``size`` x ``size``, by default raw pixel values."""
    net.eval().requires_grad_(False)
    expected = InputConvention(size=size, resize=size, **convention)
    metadata = Metadata("tiny", {}, classes=tuple(classes), input=expected, weights_fingerprint=weights)
    return Checkpoint(net, Trunk(net), metadata)


def small_net(size: int = 20) -> nn.Sequential:
    """Two convolutions, a pool after each, contrast normalisation between, two fully connected layers."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.LocalResponseNorm(5),
        nn.Conv2d(6, 8, 3), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
        nn.Flatten(), nn.Linear(8 * (((size // 2 - 2) - 1) // 2 + 1) ** 2, 10), nn.ReLU(), nn.Linear(10, 5),
    )  # fmt: skip


def tiny_checkpoint() -> Checkpoint:
    """``small_net`` with five classes, for pictures of 20 x 20 pixels about their mean."""
    classes = ("ant", "bee", "cat", "dog", "emu")
    return checkpoint_of(small_net(), 20, classes=classes, mean=(120.0, 110.0, 100.0), std=(60.0, 60.0, 60.0))


def noise_picture(size: int, seed: int = 0) -> Image.Image:
    """Noise, ``size`` x ``size``, so that ``prepare`` for this size leaves it as it is."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def write_zfnet(path: Path, *, classes: Sequence[str] = ("a", "b", "c"), fc: int = 16) -> Path:
    """Save a ZFNet for inputs of 64 pixels with random weights."""
    net = ZFNet(classes=len(classes), fc=fc)
    initialise(net, "xavier", seed=1)
    convention = InputConvention(size=64, resize=72, scale=1.0, mean=(0.5, 0.5, 0.5))
    save_checkpoint(path, net, Metadata("zfnet", net.arguments, tuple(classes), convention))
    return path


def write_pictures(folder: Path, *, broken: bool = False) -> Path:
    """Write six pictures of smooth noise in two classes, a and b; ``broken`` adds one that cannot be read."""
    random = np.random.default_rng(0)
    for index in range(6):
        path = folder / "ab"[index % 2] / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (9, 12, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((96, 72)).save(path)
    if broken:
        (folder / "a" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder


def moved_picture() -> Invariance:
    """Noise of 20 x 20 pixels, moved by two kinds of moves and watched at two stages."""
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (20, 20, 3), dtype=np.uint8)
    courses = (
        Course("translation", (-4, 0, 4), np.array([[8.0, 1], [0, 0], [6, 0.5]]), np.array([0.4, 0.9, 0.5])),
        Course("scale", (1.0, 1.5), np.array([[0.0, 0], [4, 2]]), np.array([0.9, 0.2])),
    )
    norm, grey = np.array([16.0, 4.0]), np.full_like(image, 120)
    return Invariance(image, grey, ("conv1", "fc7"), norm, 0, "face", 0.9, courses)


def result_of(events: Iterator[Any]) -> tuple[Any, list[Any]]:
    """Run events to the end; give the result of the last, and the events before it."""
    *before, last = list(events)
    assert isinstance(last, Finished)
    return last.result, before


class Transfers(TorchDispatchMode):
    """Notes what goes from one device to another, as (from, to, whether the host waits)."""

    def __init__(self):
        super().__init__()
        self.noted = []

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        result = function(*arguments, **(options or {}))
        before, after = (
            {leaf.device.type for leaf in tree_leaves(some) if isinstance(leaf, torch.Tensor)}
            for some in ((arguments, options), result)
        )
        if len(before | after) > 1:
            waits = not (options or {}).get("non_blocking", False)
            self.noted.append((*sorted(before), *sorted(after), waits))
        return result


def leaves(kind: type) -> list[type]:
    """The classes of a kind that have none below them."""
    below = [leaf for one in kind.__subclasses__() for leaf in leaves(one)]
    return below or [kind]


# -- files that are none -------------------------------------------------------------------------------

NOT_PLAIN = {
    "pipe": "a pipe",
    "link to a pipe": "a pipe",
    "device": "a device",
    "socket": "a socket",
    "link to itself": "a link that leads to itself",
}


def made_strange(path: Path, kind: str) -> Path:
    """Put there what is no plain file, of one of the kinds of ``NOT_PLAIN``."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link to a pipe":
        os.mkfifo(path.with_name(f"pipe-of-{path.name}.fifo"))
        path.symlink_to(f"pipe-of-{path.name}.fifo")
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "socket":
        os.mknod(path, stat.S_IFSOCK | 0o600)
    else:
        path.symlink_to(path.name)
    return path


@contextmanager
def soon(seconds: int = 20) -> Iterator[None]:
    """Fail a block that waits, and does not end."""

    def fail(*_: object) -> None:
        raise AssertionError("it waits")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


# -- the explorer in the terminal ----------------------------------------------------------------------

SECONDS = 30  # how long anything is waited for


def text(app) -> str:
    """What the screen shows."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips(app.size))


async def until(pilot, holds: Callable[[], object]) -> None:
    """Wait for a condition."""
    end = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < end, f"never held; the screen:\n{text(pilot.app)}"
        await pilot.pause()


@asynccontextmanager
async def running(app, size=(120, 40)):
    """The app, its first channel shown."""
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: app.settled > 0)
        yield pilot


class Recorder:
    """An engine that only keeps what it is asked."""

    def __init__(self) -> None:
        self.requests: list[object] = []

    def ask(self, request: object) -> None:
        self.requests.append(request)


class StudyHost(StudyApp):
    """The screen of a study alone, without the panes; keeps what it is left with."""

    CSS_PATH = Path(keys.__file__).with_name("theme.tcss")

    def __init__(self, open_screen: Callable[[StudyApp], Screen], engine: Recorder | None = None) -> None:
        super().__init__()
        self.open_screen = open_screen
        self.engine, self.mode = engine or Recorder(), "quadrants"
        self.left_for: list[object] = []

    def on_mount(self) -> None:
        self.open()

    def open(self) -> None:
        self.push_screen(self.open_screen(self), self.left_for.append)


# -- another process -----------------------------------------------------------------------------------

_HOLD = "import sys, time; from pathlib import Path; from zfexplore.locks import take; "
_HOLD += "lock = take(Path(sys.argv[1])); print(flush=True); time.sleep(600)"


@contextmanager
def held_elsewhere(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Let another process have the lock on ``path``; the end kills it, if it lives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen([sys.executable, "-c", _HOLD, str(path)], stdout=subprocess.PIPE)
    with process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield process
        finally:
            process.kill()
