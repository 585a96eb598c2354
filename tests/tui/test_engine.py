"""The real engine on a small net and six images: requests in, messages out."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from zfexplore.convention import InputConvention
from zfexplore.images.open import open_images
from zfexplore.nets.checkpoint import Metadata, save_checkpoint
from zfexplore.nets.zfnet import ZFNet, initialise
from zfexplore.tui import messages as say
from zfexplore.tui.engine import Engine
from zfexplore.tui.subject import open_subject
from zfexplore.tui.terminal import log_path

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


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A small checkpoint, and a folder of six images in two classes, one of them broken."""
    folder = tmp_path_factory.mktemp("files")
    torch.manual_seed(0)
    net = ZFNet(classes=2, fc=8)
    initialise(net, "xavier", seed=0)
    metadata = Metadata(
        "zfnet", {"classes": 2, "fc": 8}, ("dot", "noise"), InputConvention(size=64, resize=72, scale=1.0)
    )
    save_checkpoint(folder / "tiny.safetensors", net, metadata)
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
    return say.Setup(str(files / "images"), str(files / "tiny.safetensors"), tmp_path / "out", device="cpu")


@pytest.fixture
def mail():
    return Mail()


@pytest.fixture
def engine(setup, mail):
    engine = Engine(setup)
    engine.start(mail)
    yield engine
    engine.stop()
    assert not engine._thread.is_alive()


def test_it_loads_builds_the_atlas_and_shows_what_was_asked_for_meanwhile(engine, mail):
    engine.ask(say.ShowChannel("conv3", 7, 1))

    net = mail.wait(say.NetLoaded)
    assert [layer.name for layer in net.stages] == [
        "conv1", "conv2", "conv3", "conv4", "conv5", "pool5", "fc6", "fc7", "fc8",
    ]  # fmt: skip
    assert mail.wait(say.ImagesOpened).count == 7
    assert [layer.names for layer in net.stages] == [()] * 8 + [("dot", "noise")]
    shown = mail.wait(say.ChannelShown)
    assert (shown.stage, shown.channel, shown.generation) == ("conv3", 7, 1)
    pictures = mail.of(say.PictureArrived)
    assert [picture.shown.rank for picture in pictures] == list(range(shown.count))
    assert shown.count == len(mail.of(say.TopListed)[0].rows) > 0
    values = [picture.shown.value for picture in pictures]
    assert values == sorted(values, reverse=True)
    (changed,) = mail.of(say.AtlasChanged)
    assert changed.complete
    assert changed.images == 6
    assert changed.statistics["conv3"].maximum[7] == pytest.approx(values[0], rel=1e-4)
    noted = mail.wait(say.Noted).text
    assert "1 of 7 images could not be read" in noted
    assert str(log_path()) in noted


def test_a_picture_is_the_projection_in_its_window_beside_its_patch(engine, mail):
    engine.ask(say.ShowChannel("conv2", 3, 1))
    mail.wait(say.ChannelShown)
    shown = mail.of(say.PictureArrived)[0].shown

    y0, x0, y1, x1 = shown.window
    assert shown.projection.pixels.shape == shown.patch.pixels.shape == (27, 27, 3)
    assert shown.projection.pixels.dtype == np.float32
    assert shown.whole.pixels.shape == (64, 64, 3)
    assert shown.whole.box == shown.window  # drawn over it only where it is shown
    inside = (shown.patch.pixels != 128).any(axis=2).sum()
    assert inside == pytest.approx((y1 - y0) * (x1 - x0), abs=10)


def test_pictures_of_the_growing_atlas_come_once_all_are_there(setup):
    """Without the thread: what was posted by the time each picture is made."""
    engine, posted, before = Engine(setup), [], []

    class Pictures:
        ahead = ()

        def pictures(self, subject, stage, channel, stopped):
            for rank in range(2):
                before.append(len(posted))
                yield rank

        def expect(self, stage, channels):
            pass

    engine._post, engine._gallery, engine._building = posted.append, Pictures(), iter(())
    engine._subject = type("Subject", (), {"top_rows": lambda *place: ("a place",)})()
    request = say.ShowChannel("conv1", 0, 1)
    engine._inbox.put(request)

    engine._show(request)
    assert before == [1, 2]  # the first time one by one
    engine._show(request)
    assert before[2:] == [4, 4]
    kinds = [type(message).__name__ for message in posted]
    assert kinds == ["TopListed", "PictureArrived", "PictureArrived", "ChannelShown"] * 2


def test_only_the_latest_wish_is_served(engine, mail):
    mail.wait(say.AtlasChanged)
    for generation in range(1, 40):
        engine.ask(say.ShowChannel("conv5", generation, generation))

    mail.wait(say.ChannelShown, lambda message: message.generation == 39)
    assert len(mail.of(say.TopListed)) <= 3


def test_a_channel_seen_before_comes_from_memory_with_the_same_pictures(engine, mail):
    engine.ask(say.ShowChannel("conv4", 1, 1))
    mail.wait(say.ChannelShown)
    engine.ask(say.ShowChannel("conv4", 1, 2))
    again = mail.wait(say.ChannelShown, lambda message: message.generation == 2)

    pictures = mail.of(say.PictureArrived)
    first = [picture.shown for picture in pictures if picture.generation == 1]
    second = [picture.shown for picture in pictures if picture.generation == 2]
    assert first == second
    assert again.count == len(first)


def test_saving_writes_the_figure_of_a_channel_or_a_unit_with_its_origin(engine, mail, setup):
    from zfexplore.figures.provenance import read_chunks

    mail.wait(say.AtlasChanged)
    engine.ask(say.SaveChannel("conv5", 3))

    path = mail.wait(say.FigureSaved).path
    assert path == setup.out / "conv5-3.png"
    assert read_chunks(path)["command"] == setup.export_command("conv5", 3)

    engine.ask(say.ShowChannel("conv5", 3, 1))
    shown = mail.wait(say.PictureArrived, lambda message: message.shown.rank == 1).shown
    engine.ask(say.SaveChannel("conv5", 3, shown=shown))
    name = f"conv5-3-{shown.y}-{shown.x}-rank2.png"
    mail.wait(say.FigureSaved, lambda message: message.path == setup.out / name)
    (table,) = (text for key, text in read_chunks(setup.out / name).items() if key.startswith("unit "))
    assert json.loads(table)[0]["name"] == shown.name


def test_a_file_of_another_origin_is_left_until_told(engine, mail, setup):
    mail.wait(say.AtlasChanged)
    setup.out.mkdir()
    (setup.out / "conv5-3.png").write_text("mine")
    engine.ask(say.SaveChannel("conv5", 3))

    asked = mail.wait(say.OverwriteAsked)
    assert "not made by zfexplore" in asked.reason
    assert (setup.out / "conv5-3.png").read_text() == "mine"

    engine.ask(say.SaveChannel("conv5", 3, overwrite=True))
    mail.wait(say.FigureSaved)
    assert (setup.out / "conv5-3.png").read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_written_is_told_and_the_engine_lives_on(engine, mail, setup):
    mail.wait(say.AtlasChanged)
    setup.out.write_text("a file where the folder should be")
    engine.ask(say.SaveChannel("conv5", 3))
    failed = mail.wait(say.Failed)
    assert not failed.fatal

    engine.ask(say.ShowChannel("conv5", 4, 1))
    mail.wait(say.ChannelShown)


@pytest.mark.parametrize("option", ["checkpoint", "images", "device"])
def test_what_cannot_be_opened_is_one_fatal_line(setup, mail, option):
    engine = Engine(say.Setup(**{**setup.__dict__, option: "nope"}))
    engine.start(mail)

    failed = mail.wait(say.Failed)
    assert failed.fatal
    assert "\n" not in failed.text
    engine.stop()


def test_images_of_which_none_can_be_read_leave_nothing_to_explore(setup, mail, tmp_path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "one.png").write_bytes(b"not a picture")
    engine = Engine(replace(setup, images=str(tmp_path / "bad")))
    engine.start(mail)

    failed = mail.wait(say.Failed)
    assert failed.fatal
    assert "none of the 1 images" in failed.text
    engine.stop()
    assert mail.of(say.JobChanged)[-1].job is None


def test_a_table_of_another_origin_beside_the_figure_is_left_until_told(engine, mail, setup):
    mail.wait(say.AtlasChanged)
    setup.out.mkdir()
    (setup.out / "conv5-3.csv").write_text("mine")
    engine.ask(say.SaveChannel("conv5", 3))

    asked = mail.wait(say.OverwriteAsked)
    assert "conv5-3.csv" in asked.reason
    assert (setup.out / "conv5-3.csv").read_text() == "mine"


def test_stopping_in_the_middle_of_the_atlas_leaves_it_to_be_gone_on_with(setup, mail):
    engine = Engine(setup)
    engine.start(mail)
    mail.wait(say.ImagesOpened)
    engine.stop()

    assert not engine._thread.is_alive()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a priority for each thread")
def test_torchs_own_threads_give_way_to_the_event_loop_as_well():
    """In a process of its own: what has been lowered cannot be raised again."""
    script = """
import os, threading, torch
from zfexplore.tui import engine

def work():
    torch.set_num_threads(2)
    torch.ones(4_000_000).exp()  # torch starts a thread of its own
    engine._lower_priority()
    pythons = {thread.native_id for thread in threading.enumerate()}
    lowered = {int(task) for task in os.listdir("/proc/self/task")} - pythons | {threading.get_native_id()}
    print(len(lowered) > 1, {os.getpriority(os.PRIO_PROCESS, task) for task in lowered})

before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
thread = threading.Thread(target=work)
thread.start()
thread.join()
print(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before)
"""
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=SECONDS)

    assert shown.stdout.split("\n")[:2] == [f"True {{{max(10, os.getpriority(os.PRIO_PROCESS, 0))}}}", "True"]


def test_a_figure_asked_for_just_before_the_end_is_saved(engine, mail, setup):
    mail.wait(say.AtlasChanged, lambda message: message.complete)
    with engine._inbox._changed:  # so that the end is there before the request can be taken
        engine.ask(say.SaveChannel("conv5", 3))
        engine._inbox.close()
    engine.stop()

    assert (setup.out / "conv5-3.png").exists()
    assert engine.unsaved == ()


def test_figures_that_wait_for_an_atlas_that_is_not_finished_are_named_as_unsaved(setup):
    """Without the thread: the end comes in the middle of the atlas."""
    engine = Engine(setup)
    engine._subject, engine._building = open_subject(setup, open_images(setup.images)), iter(())
    engine._serve(say.SaveChannel("conv5", 3))
    engine.ask(say.SaveChannel("conv4", 1))

    engine._save_the_rest()

    assert engine.unsaved == (str(setup.out / "conv5-3.png"), str(setup.out / "conv4-1.png"))
    assert not setup.out.exists()


def test_garbage_is_collected_again_once_all_is_loaded(engine, mail):
    gc.disable()  # as the command does before it imports
    try:
        engine.ask(say.ShowChannel("conv1", 0, 1))
        mail.wait(say.ChannelShown)
        assert gc.isenabled()
    finally:
        gc.enable()


def test_torchvision_is_not_imported(setup):
    script = f"""
import sys, time
from pathlib import Path
from zfexplore.tui import messages as say
from zfexplore.tui.engine import Engine
came = []
engine = Engine(say.Setup({setup.images!r}, {setup.checkpoint!r}, Path({str(setup.out)!r}), device="cpu"))
engine.start(came.append)
engine.ask(say.ShowChannel("conv5", 3, 1))
until = time.monotonic() + {SECONDS}
while not any(isinstance(each, say.ChannelShown) for each in came) and time.monotonic() < until:
    time.sleep(0.01)
engine.stop()
print(any(isinstance(each, say.ChannelShown) for each in came), "torchvision" in sys.modules)
"""
    shown = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=2 * SECONDS
    )

    assert shown.stdout.split() == ["True", "False"], shown.stderr
