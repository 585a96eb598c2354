"""The engine as a process: what it is told, what it says, how it ends, and what outlives it."""

# tests zfexplore/tui/engine/main.py too: what it does shows only at the other end of the pipe

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support import leaves
from tests.tui.conftest import Mail
from zfexplore.tui import client
from zfexplore.tui import messages as say
from zfexplore.tui import questions as ask
from zfexplore.tui.client import PROGRAM, EngineProcess, reason_of
from zfexplore.tui.drawing.runs import read
from zfexplore.tui.log import log_path
from zfexplore.units import Unit

SECONDS = 60
PATH, _, MAIN = PROGRAM.rpartition("; main()")[0].partition("from ")
BEGIN = f"{PATH}from {MAIN}, explore\n"  # a program up to its last call
SLEEPS = BEGIN + "import time\nmain(lambda setup, inbox, post: [post('sleeping'), time.sleep(600)])"
# A library that is stuck and lets no other thread run Python.
HANGS = BEGIN + (
    "import ctypes\nmain(lambda setup, inbox, post: [post('sleeping'), ctypes.PyDLL(None).sleep(600)])"
)
CHOSEN = ask.Chosen("cat.png", path="cat.png")
SAVES = (
    say.SaveChannel("conv5", 3),
    ask.SaveUnit(1, CHOSEN, Unit("conv5", 3, 1, 2)),
    ask.SaveOcclusion(2),
    ask.SaveIdeal(3),
    ask.SaveVaried(4),
)
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals")
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def start(setup, mail):
    """Start an engine; it ends with the test."""
    started = []

    def begin(program: str = PROGRAM) -> EngineProcess:
        engine = EngineProcess(setup, program)
        engine.start(mail)
        started.append(engine)
        return engine

    yield begin
    for engine in started:
        engine.stop()


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended may wait for its parent to ask after it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until_gone(pid: int) -> None:
    end = time.monotonic() + SECONDS
    while alive(pid):
        assert time.monotonic() < end, f"{pid} still runs"
        time.sleep(0.02)


# -- a run -------------------------------------------------------------------------------------------


# Tells at its end which libraries it has loaded.
TELLS = BEGIN + (
    "from zfexplore.tui import messages as say\n"
    "loaded = lambda: repr([name for name in ('textual', 'torchvision') if name in sys.modules])\n"
    "main(lambda setup, inbox, post: [explore(setup, inbox, post), post(say.Noted(loaded()))])"
)


@pytest.fixture(scope="module")
def ran(files, tmp_path_factory):
    """An engine that showed a channel and was asked for a figure just before its end; it takes seconds."""
    folder, mail = tmp_path_factory.mktemp("ran"), Mail()
    setup = say.Setup(
        str(files / "images"), str(files / "tiny.safetensors"), device="cpu", out=folder / "out"
    )
    engine = EngineProcess(setup, TELLS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZFEXPLORE_CACHE", str(folder / "cache"))
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        patch.setattr(client, "SECONDS_TO_SAVE", SECONDS)  # a busy machine takes longer than users wait
        engine.start(mail)
        try:
            engine.ask(say.TileSize("projections", "projection", 5, 10, "quadrants"))
            engine.ask(say.ShowChannel("conv3", 7, 1))
            mail.wait(say.ChannelShown)
            place = place_of(engine.pid)
            mail.wait(say.AtlasChanged, lambda message: message.complete)
            engine.ask(say.SaveChannel("conv3", 7))
        finally:
            engine.stop()
    return SimpleNamespace(engine=engine, mail=mail, setup=setup, place=place)


def place_of(pid: int) -> tuple[set[int], int, int] | None:
    """The priorities of a process's threads, its session and its group."""
    if sys.platform != "linux":
        return None
    priorities = set()
    for task in os.listdir(f"/proc/{pid}/task"):
        with suppress(ProcessLookupError):
            priorities.add(os.getpriority(os.PRIO_PROCESS, int(task)))
    return priorities, os.getsid(pid), os.getpgid(pid)


def test_it_shows_a_channel_drawn_and_saves_what_was_asked_for_just_before_the_end(ran):
    (shown,) = ran.mail.of(say.ChannelShown)
    assert (shown.stage_name, shown.channel, shown.generation) == ("conv3", 7, 1)
    bitmap = ran.mail.of(say.PictureArrived)[0].shown.projection
    assert bitmap.pixels.dtype == "float32"
    (rows,) = bitmap.drawings.values()  # drawn as the grid shows them
    assert [sum(len(text) for text, _, _ in read(row)) for row in rows] == [10] * 5

    assert (ran.setup.out / "conv3-7.png").exists()
    assert ran.engine.unsaved == ()
    assert not ran.mail.of(say.EngineDied)


SCRIPT = """
import asyncio, sys, time
from pathlib import Path
from zfexplore.tui import messages as say
from zfexplore.tui.app import ExplorerApp
from zfexplore.tui.drawing.runs import read
from zfexplore.tui.client import EngineProcess
setup = say.Setup({images!r}, {checkpoint!r}, device="cpu", out=Path({out!r}))
app = ExplorerApp(setup, EngineProcess(setup))
async def run():
    async with app.run_test(size=(120, 40)) as pilot:
        end = time.monotonic() + {seconds}
        while not (app.settled == app.generation > 0 and app.panes.complete):
            assert time.monotonic() < end
            await pilot.pause(0.05)
        app.go_to("conv3", 7)
        while not app.settled == app.generation > 1:
            assert time.monotonic() < end
            await pilot.pause(0.05)
        print(app.panes.stage.name, len(app.panes.grids[0].pictures) > 0)
asyncio.run(run())
print([name for name in ("torch", "torchvision", "numpy", "PIL") if name in sys.modules])
"""


def test_the_explorer_itself_imports_neither_torch_nor_numpy(setup):
    script = SCRIPT.format(
        images=setup.images, checkpoint=setup.checkpoint, out=str(setup.out), seconds=SECONDS
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=SECONDS)

    shown, loaded = done.stdout.splitlines()
    assert shown == "conv3 True"
    assert loaded == "[]", done.stderr


def test_the_engine_imports_no_textual(ran):
    assert ran.mail.of(say.Noted)[-1].text == "[]"


def test_what_a_library_prints_reaches_the_log_and_neither_pipe_nor_terminal(start, mail, capfd):
    words = "print('from Python', flush=True), os.write(1, b'to 1'), os.write(2, b'to 2'), os.read(0, 9)"
    start(
        BEGIN + f"import os\nmain(lambda setup, inbox, post: [{words}, post('after'), inbox.take(wait=True)])"
    )
    mail.wait(str)

    assert mail.messages == ["after"]
    assert capfd.readouterr() == ("", "")
    assert {"from Python", "to 1to 2"} <= set(log_path().read_text().split("\n"))


def test_what_cannot_be_opened_is_a_failure_and_no_death(setup, mail):
    engine = EngineProcess(say.Setup(**{**setup.__dict__, "checkpoint": "nope"}))
    engine.start(mail)
    assert mail.wait(say.Failed).fatal
    engine._process.wait(SECONDS)
    engine.ask(say.ShowChannel("conv3", 7, 1))  # goes nowhere
    engine.stop()

    assert not mail.of(say.EngineDied)


# -- priority and signals ----------------------------------------------------------------------------


@linux
def test_all_its_threads_give_way_and_it_stays_in_the_session_and_group(ran):
    priority = min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)
    assert ran.place == ({priority}, os.getsid(0), os.getpgid(0))


@posix
def test_the_terminals_signals_are_not_for_it(start, mail):
    engine = start(SLEEPS)
    mail.wait(str)
    for name in ("SIGINT", "SIGHUP", "SIGTSTP", "SIGQUIT"):
        os.kill(engine.pid, getattr(signal, name))
    time.sleep(0.2)

    assert alive(engine.pid)
    assert not mail.of(say.EngineDied)


# -- its end -----------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("how", ["sleeps", "hangs", "is stopped"])
def test_whatever_it_does_it_has_ended_when_the_explorer_has_left(start, mail, setup, how):
    engine = start(HANGS if how == "hangs" else SLEEPS)
    mail.wait(str)
    if how == "is stopped":
        os.kill(engine.pid, signal.SIGSTOP)
    for generation in range(3000):  # more than the pipe holds
        engine.ask(say.ShowChannel("conv3", 7, generation))
    began = time.monotonic()
    engine.stop()

    assert time.monotonic() - began < SECONDS  # it never waits for what hangs
    assert not alive(engine.pid)
    assert not mail.of(say.EngineDied)


@posix
def test_figures_that_a_hung_engine_never_saved_are_named(start, mail, setup, monkeypatch):
    monkeypatch.setattr(client, "SECONDS_TO_SAVE", 0.1)
    engine = start(SLEEPS)
    mail.wait(str)
    for save in SAVES:
        engine.ask(save)
    engine.stop()

    assert engine.unsaved == (
        str(setup.out / "conv5-3.png"),
        "the figure of conv5:3@1,2 on cat.png",
        "the figure of the occlusion",
        "the figure of the ideal pictures",
        "the figure of the moved picture",
    )


def test_every_kind_of_save_is_waited_for_until_it_is_settled_whichever_net_it_is_of(start, mail, two):
    settles = (
        BEGIN + "from zfexplore.tui import messages as say\n"
        "def run(setup, inbox, post):\n"
        "    while (request := inbox.take(wait=True)) is not None: post(say.Settled(request)), post('one')\n"
        "main(run)"
    )
    engine = start(settles)
    for save in SAVES:
        engine.ask(replace(save, setup=two[1]))
    assert len(engine.unsaved) == len(SAVES) == len(leaves(say.Save))
    mail.wait(str, lambda _: len(mail.messages) == len(SAVES))

    assert engine.unsaved == ()
    assert mail.messages == ["one"] * len(SAVES)


PARENT = """
import sys, time
from pathlib import Path
from zfexplore.tui import messages as say
from zfexplore.tui.drawing.runs import read
from zfexplore.tui.client import EngineProcess
came = []
setup = say.Setup({images!r}, {checkpoint!r}, device="cpu", out=Path({out!r}))
engine = EngineProcess(setup, {program!r})
engine.start(came.append)
while not any(eval({when!r}) for each in came):
    time.sleep(0.001)
print(engine.pid, flush=True)
time.sleep(600)
"""
MOMENTS = {
    "importing torch": (PROGRAM, "getattr(getattr(each, 'job', None), 'task', '') == 'loading torch'"),
    "building": (PROGRAM, "isinstance(each, say.NetLoaded)"),
    "sleeping": (SLEEPS, "each == 'sleeping'"),
}


@linux
@pytest.mark.parametrize("moment", MOMENTS)
def test_it_ends_soon_after_the_explorers_death_whatever_it_does(setup, moment):
    program, when = MOMENTS[moment]
    script = PARENT.format(
        images=setup.images, checkpoint=setup.checkpoint, out=str(setup.out), program=program, when=when
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        pid = int(parent.stdout.readline())
        parent.kill()

    until_gone(pid)  # in two seconds, if the machine is not busy; by itself one of them sleeps for 600


@posix
def test_its_death_is_told_and_another_can_be_started(start, mail):
    engine = start()
    engine.ask(say.ShowChannel("conv3", 7, 1))
    mail.wait(say.ChannelShown)
    os.kill(engine.pid, signal.SIGKILL)
    assert "killed" in mail.wait(say.EngineDied).reason

    engine.ask(say.ShowChannel("conv3", 6, 2))  # to the dead one
    mail.messages.clear()
    engine.start(mail)
    engine.ask(say.ShowChannel("conv3", 8, 3))
    assert mail.wait(say.ChannelShown).channel == 8
    assert mail.wait(say.AtlasChanged, lambda message: message.complete)


def test_the_reason_of_a_death_is_in_words():
    assert reason_of(1) == "it ended with code 1"
    if sys.platform != "win32":
        assert reason_of(-11) == "it crashed (SIGSEGV)"
