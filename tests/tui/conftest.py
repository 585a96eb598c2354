"""An instant engine in the place of the real one, and an app around it; a small net for the real one."""

from __future__ import annotations

import asyncio
import inspect
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from textual.css.stylesheet import Stylesheet

from zfexplore.tui import messages as say
from zfexplore.tui.app import ExplorerApp
from zfexplore.units import Unit, Window

STAGES = (
    ("conv1", "conv", 96, 7),
    ("pool1", "pool", 96, 11),
    ("conv2", "conv", 256, 27),
    ("fc6", "fc", 1024, None),
)
DEAD = 5


class InstantEngine:
    """Answers every request at once, with flat colours that tell channel and rank."""

    def __init__(self, *, answer: bool = True) -> None:
        self.answer = answer
        self.requests: list[object] = []
        self.started = self.stopped = self.cancelled = False

    def start(self, post) -> None:
        self.started, self.post = True, post
        stages = tuple(
            say.Stage(name, kind, channels, (8, 8) if field else (), (field, field) if field else None)
            for name, kind, channels, field in STAGES
        )
        nearest = {stage.name: stage.name for stage in stages}
        post(say.NetLoaded("zfnet, 517 classes", stages, "cpu", nearest))
        post(say.ImagesOpened("photographs", 567))
        statistics = {name: _statistics(channels) for name, _, channels, _ in STAGES}
        post(say.AtlasChanged(statistics, 567, True))

    def ask(self, request: object) -> None:
        self.requests.append(request)
        if isinstance(request, say.ShowChannel) and self.answer:
            self.show(request)
        if isinstance(request, say.SaveChannel):
            self.post(say.FigureSaved(Path("out") / f"{request.stage_name}-{request.channel}.png"))

    def show(self, request: say.ShowChannel) -> None:
        count = 0 if request.channel == DEAD else 9
        units = [_shown(request.channel, rank) for rank in range(count)]
        rows = tuple(
            say.PlaceRow(unit.rank, unit.value, unit.name, unit.label, unit.y, unit.x) for unit in units
        )
        self.post(say.TopListed(request.stage_name, request.channel, request.generation, rows))
        for unit in units:
            self.post(say.PictureArrived(request.generation, unit))
        self.post(say.ChannelShown(request.stage_name, request.channel, request.generation, count))

    def cancel(self) -> None:
        self.cancelled = True

    def stop(self) -> None:
        self.stopped = True

    hurry = stop

    def pause(self) -> None:
        self.paused = True

    def go_on(self) -> None:
        self.paused = False


class TwoNets(InstantEngine):
    """Explores two nets; the second has no pool1, and its pictures are other colours."""

    def start(self, post) -> None:
        super().start(post)
        self.explore(NETS.nets[0])

    def explore(self, setup: say.Setup) -> None:
        stages = tuple(
            say.Stage(name, kind, channels, (8, 8) if field else (), (field, field) if field else None)
            for name, kind, channels, field in STAGES
            if name != "pool1" or setup == NETS.nets[0]
        )
        statistics = {name: _statistics(channels) for name, _, channels, _ in STAGES}
        nearest = {stage.name: stage.name for stage in stages}
        self.post(say.NetLoaded("zfnet", stages, "cpu", nearest, setup.name, setup, indexed=True))
        self.post(say.AtlasChanged(statistics, 567, True))

    def ask(self, request: object) -> None:
        super().ask(request)
        if not self.answer:
            return
        if isinstance(request, say.Explore):
            self.explore(request.setup)
        if isinstance(request, say.FindAlike):
            unit, found = Unit(request.stage_name, request.channel), Unit(request.stage_name, 17)
            self.post(say.AlikeFound(request.setup, unit, request.other, found, 0.834))
        if isinstance(request, say.ShowChannel) and request.beside is not None:
            unit = request.beside_unit or Unit(request.stage_name, request.channel)
            self.post(say.BesideListed(request.generation, request.beside.name, unit, str(unit)))
            for rank in range(9):
                self.post(say.BesideArrived(request.generation, _shown(request.channel + 3, rank)))
            self.post(say.BesideShown(request.generation, 9))


NETS = say.Setup(checkpoint="runs/a/epoch-001.pt", checkpoints=("runs/a/epoch-001.pt", "runs/a/epoch-040.pt"))


def _statistics(channels: int) -> say.StageStatistics:
    maximum = [0.0 if channel == DEAD else 30.0 - channel / channels for channel in range(channels)]
    return say.StageStatistics(
        maximum=maximum,
        mean=[value / 3 for value in maximum],
        firing=[0.0 if value == 0 else 0.5 for value in maximum],
        selectivity=[channel / channels for channel in range(channels)],
        rarity=[0.5] * channels,
        best_class=["sunflower" if channel % 2 else "face" for channel in range(channels)],
    )


def _shown(channel: int, rank: int) -> say.ShownUnit:
    projection = np.full((20, 20, 3), (40 * (channel % 6), 20 * rank, 128), np.uint8)
    patch = np.full((20, 20, 3), (20 * rank, 160, 60), np.uint8)
    whole = np.full((64, 64, 3), 90, np.uint8)
    return say.ShownUnit(
        rank, 30.0 - rank, f"sunflower-{rank}.png", "sunflower", 3, rank, Window(4, 4, 24, 24), 1.5,
        say.Bitmap(projection), say.Bitmap(patch), say.Bitmap(whole),
    )  # fmt: skip


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Run ``async def`` tests in a loop of their own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    """What is told stays until it is looked at, however slow the machine; a test's garbage can wait."""
    monkeypatch.setattr("textual.app.App.NOTIFICATION_TIMEOUT", 600.0)
    monkeypatch.setattr("zfexplore.tui.app.SECONDS_AT_REST", 600.0)


@pytest.fixture(scope="session", autouse=True)
def _styles_read_once():
    """Apps share the rules read from a style sheet: to read them was a twentieth of an app's test."""
    with pytest.MonkeyPatch.context() as patch:
        known, parse = {}, Stylesheet._parse_rules

        def parse_once(sheet, *words, **options):
            key = (words, *sorted(options.items()), *sorted(sheet._variables.items()))
            if key not in known:
                known[key] = parse(sheet, *words, **options)
            return known[key]

        patch.setattr(Stylesheet, "_parse_rules", parse_once)
        yield


@pytest.fixture
def engine() -> InstantEngine:
    return InstantEngine()


@pytest.fixture
def app(engine) -> ExplorerApp:
    return ExplorerApp(say.Setup(), engine)


@pytest.fixture
def nets() -> tuple[say.Setup, ...]:
    return NETS.nets


@pytest.fixture
def two_nets() -> ExplorerApp:
    return ExplorerApp(NETS, TwoNets())


SECONDS = 60


class Mail:
    """Collects what the engine posts, and waits for it."""

    def __init__(self) -> None:
        self.messages: list[object] = []
        self._came = threading.Condition()

    def __call__(self, message: object) -> None:
        with self._came:
            self.messages.append(message)
            self._came.notify_all()

    def of(self, kind: type) -> list:
        return [message for message in self.messages if isinstance(message, kind)]

    def wait(self, kind: type, holds=lambda message: True):
        with self._came:
            assert self._came.wait_for(lambda: any(map(holds, self.of(kind))), SECONDS), self.messages
            return next(message for message in self.of(kind) if holds(message))


@pytest.fixture
def mail():
    return Mail()


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """A small checkpoint, and a folder of six images in two classes, and one that is broken."""
    import torch
    from PIL import Image

    from zfexplore.convention import InputConvention
    from zfexplore.nets.checkpoint import Metadata, save_checkpoint
    from zfexplore.nets.zfnet import ZFNet, initialise

    folder = tmp_path_factory.mktemp("files")
    torch.manual_seed(0)
    net = ZFNet(classes=2, fc=8)
    initialise(net, "xavier", seed=0)
    metadata = Metadata(
        "zfnet", {"classes": 2, "fc": 8}, ("dot", "noise"), InputConvention(size=64, resize=72, scale=1.0)
    )
    save_checkpoint(folder / "tiny.safetensors", net, metadata)
    initialise(net, "xavier", seed=1)
    save_checkpoint(folder / "other.safetensors", net, metadata)
    random = np.random.default_rng(0)
    for number in range(6):
        picture = Image.fromarray(random.integers(0, 256, (80, 80, 3)).astype(np.uint8))
        path = folder / "images" / ("dot" if number % 2 else "noise") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)
    (folder / "images" / "dot" / "broken.png").write_bytes(b"not a picture")
    return folder


@pytest.fixture
def setup(files, tmp_path):
    return say.Setup(
        str(files / "images"), str(files / "tiny.safetensors"), device="cpu", out=tmp_path / "out"
    )


@pytest.fixture
def two(files, setup):
    """Two nets on the same images, either of which is explored first."""
    checkpoints = (str(files / "tiny.safetensors"), str(files / "other.safetensors"))
    return tuple(replace(setup, checkpoint=each, checkpoints=checkpoints) for each in checkpoints)


@pytest.fixture
def folder(tmp_path):
    """Two pictures, a text and a folder with a third picture; only names matter here."""
    for name in ("cat.png", "car.JPG", "cargo.txt", "more/dog.webp", ".hidden/a.png"):
        path = tmp_path / "mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "mine"
