"""The real engine on a small net and six images: requests in, messages out."""

from __future__ import annotations

import json
import os
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support import held_elsewhere, leaves
from zfexplore.atlas.open import atlas_folder, atlas_path
from zfexplore.atlas.store import describe
from zfexplore.atlas.taking import SLICE
from zfexplore.explorer import Explorer
from zfexplore.images.open import open_images
from zfexplore.tui import messages as say
from zfexplore.tui import questions as ask
from zfexplore.tui.engine.inbox import Inbox
from zfexplore.tui.engine.loop import Engine
from zfexplore.tui.engine.subject import open_subject
from zfexplore.tui.log import log_path
from zfexplore.units import Unit

SECONDS = 60


class Running:
    """The engine in a thread."""

    def __init__(self, setup, mail) -> None:
        self.inbox = Inbox()
        self.engine = Engine(setup, self.inbox, mail)
        self.ask = self.inbox.put
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        if self.engine.load():
            self.engine.work()

    def stop(self) -> None:
        self.inbox.close()
        self.thread.join(SECONDS)
        assert not self.thread.is_alive()


@pytest.fixture
def engine(setup, mail):
    engine = Running(setup, mail)
    yield engine
    engine.stop()


def test_it_loads_builds_the_atlas_and_shows_what_was_asked_for_meanwhile(engine, mail):
    engine.ask(say.ShowChannel("conv3", 7, 1))

    net = mail.wait(say.NetLoaded)
    assert [layer.name for layer in net.stages] == [
        "conv1", "conv2", "conv3", "conv4", "conv5", "pool5", "fc6", "fc7", "fc8",
    ]  # fmt: skip
    assert mail.wait(say.ImagesOpened).count == 7
    assert [layer.names for layer in net.stages] == [()] * 8 + [("dot", "noise")]
    shown = mail.wait(say.ChannelShown)
    assert (shown.stage_name, shown.channel, shown.generation) == ("conv3", 7, 1)
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


def test_what_the_folder_left_out_and_classes_from_a_file_are_told(setup, mail, tmp_path):
    shutil.copytree(setup.images, tmp_path / "set")
    (tmp_path / "set" / "logo.svg").touch()
    (tmp_path / "labels.csv").write_text("99,none\n" + _rows(setup.images))
    changed = replace(setup, images=str(tmp_path / "set"), labels=str(tmp_path / "labels.csv"))
    engine = Running(changed, mail)
    try:
        mail.wait(say.AtlasChanged)
        told = [noted.text for noted in mail.of(say.Noted)]
        assert "left out 1 (logo.svg): a drawing in SVG is not read: export it as PNG" in told
        assert "left out 1 (99): this row of labels.csv fits no image" in told
        assert engine.engine._subject.atlas.classes == ("mine",)
    finally:
        engine.stop()


def _rows(images: str) -> str:
    source = open_images(images)
    return "".join(f"{source.image_name(index)},mine\n" for index in range(len(source)))


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
    engine.ask(say.SaveChannel("conv5", 3, shown=shown.row))
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
    engine = Running(say.Setup(**{**setup.__dict__, option: "nope"}), mail)

    failed = mail.wait(say.Failed)
    assert failed.fatal
    assert "\n" not in failed.text
    engine.stop()


def test_images_of_which_none_can_be_read_leave_nothing_to_explore(setup, mail, tmp_path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "one.png").write_bytes(b"not a picture")
    engine = Running(replace(setup, images=str(tmp_path / "bad")), mail)

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
    engine = Running(setup, mail)
    mail.wait(say.ImagesOpened)
    engine.stop()


def test_figures_of_each_kind_asked_for_just_before_the_end_are_saved(engine, mail, setup):
    mail.wait(say.AtlasChanged, lambda message: message.complete)
    chosen = ask.Chosen("0.png", path=f"{setup.images}/noise/0.png")
    engine.ask(ask.RankPicture(1, chosen))
    unit = mail.wait(ask.Answered).answer.channels[0].unit
    engine.ask(ask.Occlude(2, chosen, "conv5", 3))
    mail.wait(ask.Answered, lambda message: message.number == 2)
    engine.ask(ask.MakeIdeal(3, Unit("conv5", 3)))
    mail.wait(ask.Answered, lambda message: isinstance(message.answer, ask.IdealMade))
    engine.ask(ask.Vary(4, chosen))
    mail.wait(ask.Answered, lambda message: isinstance(message.answer, ask.Variation))
    saves = [
        say.SaveChannel("conv5", 3), ask.SaveUnit(1, chosen, unit), ask.SaveOcclusion(2), ask.SaveIdeal(3),
        ask.SaveVaried(4),
    ]  # fmt: skip
    with engine.inbox._changed:  # so that the end is there before a request can be taken
        for save in saves:
            engine.ask(save)
        engine.inbox.close()
    engine.stop()

    assert {type(save) for save in saves} == set(leaves(say.Save))
    assert {message.request for message in mail.of(say.Settled)} == set(saves)
    names = {path.name for path in setup.out.iterdir()}
    assert {"conv5-3.png", f"{unit.slug}-on-0.png", "occlusion-conv5-3-0.png", "invariance-0.png"} <= names


def test_figures_that_wait_for_an_atlas_that_is_not_finished_are_not_answered(setup, mail):
    """Without the thread: the end comes in the middle of the atlas."""
    inbox = Inbox()
    engine = Engine(setup, inbox, mail)
    engine._subject = open_subject(setup, open_images(setup.images))
    engine._serve(say.SaveChannel("conv5", 3))
    inbox.put(say.SaveChannel("conv4", 1))

    engine._save_the_rest()

    assert [type(message) for message in mail.messages] == [say.Noted]
    assert not setup.out.exists()


def test_it_explores_another_net_and_comes_back_to_the_one_that_it_kept(two, mail):
    first, second = two
    engine = Running(first, mail)
    try:
        mail.wait(say.AtlasChanged, lambda message: message.complete)
        kept = engine.engine._subject
        engine.ask(say.Explore(second))
        engine.ask(say.ShowChannel("conv3", 7, 2, setup=second))
        mail.wait(say.ChannelShown, lambda message: message.generation == 2)
        assert [net.name for net in mail.of(say.NetLoaded)] == ["tiny", "other"]
        of_first, of_second = (
            message.statistics["conv3"].maximum[7] for message in mail.of(say.AtlasChanged)
        )
        shown = next(picture.shown for picture in mail.of(say.PictureArrived))
        assert shown.value == pytest.approx(of_second, rel=1e-4)
        assert of_first != pytest.approx(of_second, rel=0.01)
        assert sum("could not be read" in noted.text for noted in mail.of(say.Noted)) == 1

        engine.ask(say.ShowChannel("conv3", 7, 3, setup=first))  # too late: the other net is explored
        engine.ask(say.SaveChannel("conv5", 3, setup=first))  # but what is to be saved is known
        path = mail.wait(say.FigureSaved).path
        assert path == first.out / "conv5-3-tiny.png"
        from zfexplore.figures.provenance import read_chunks

        assert read_chunks(path)["command"] == first.export_command("conv5", 3)
        assert not [message for message in mail.of(say.TopListed) if message.generation == 3]

        mail.messages.clear()
        engine.ask(say.Explore(first))
        atlas = mail.wait(say.AtlasChanged)
        assert (atlas.complete, atlas.statistics["conv3"].maximum[7]) == (True, of_first)
        assert engine.engine._subject is kept
        assert not [job for job in mail.of(say.JobChanged) if job.job is not None]  # nothing was computed
    finally:
        engine.stop()


@pytest.mark.parametrize("broken", ["missing", "cut short"])
def test_a_net_that_cannot_be_opened_leaves_the_present_one(setup, mail, tmp_path, broken):
    path = tmp_path / "next.safetensors"
    if broken == "cut short":
        whole = Path(setup.checkpoint).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    other, posted = replace(setup, checkpoint=str(path)), mail.messages
    engine = Engine(setup, Inbox(), mail)
    assert engine.load()
    before = engine._subject
    engine._serve(say.Explore(other))

    (failed,) = mail.of(say.Failed)
    assert (failed.fatal, failed.setup) == (False, other)
    assert str(path) in failed.text
    assert engine._subject is before
    assert engine.setup == setup
    assert before.building is not None
    assert posted[-2:] == [say.JobChanged(None), failed]

    shutil.copy(setup.checkpoint, path)  # now it is whole
    engine._serve(say.Explore(other))
    assert mail.of(say.NetLoaded)[-1].setup == other
    engine._serve(say.Explore(other))
    kept = engine._subject
    path.write_bytes(path.read_bytes())
    os.utime(path, ns=(1, 1))  # written anew
    engine._serve(say.Explore(other))
    assert engine._subject is not kept


def test_an_atlas_that_was_begun_is_saved_when_another_net_is_explored_and_gone_on_with(
    two, mail, monkeypatch
):
    """Without the thread: the swap comes after the first four of the images."""
    monkeypatch.setitem(SLICE, "cpu", 4)
    first, second = two
    engine = Engine(first, Inbox(), mail)
    assert engine.load()
    while not any(job.job and job.job.done for job in mail.of(say.JobChanged)):
        engine._turn()
    engine._serve(say.SaveChannel("conv1", 2))  # waits for the atlas of its own net
    engine._serve(say.Explore(second))
    (unfinished,) = atlas_folder().glob("*.partial")
    assert engine._subject.explorer.checkpoint.metadata.weights_fingerprint not in unfinished.name
    while engine._subject.growing:
        engine._turn()
    assert not mail.of(say.FigureSaved)

    mail.messages.clear()
    engine._serve(say.Explore(first))
    while engine._subject.growing:
        engine._turn()
    done = [job.job.done for job in mail.of(say.JobChanged) if job.job and job.job.done]
    assert done == [7]  # the first four were not read again
    assert mail.of(say.FigureSaved)[0].path == first.out / "conv1-2-tiny.png"
    assert not unfinished.exists()


def test_while_another_process_indexes_the_images_the_explorer_does_so_beside_it(setup, mail):
    engine = Engine(setup, Inbox(), mail)
    assert engine.load()
    subject = engine._subject
    header = describe(
        subject.checkpoint, subject.source, k=9, fit=setup.fit, stages=None, precision="float32"
    )
    with held_elsewhere(atlas_path(header["fingerprint"]).with_suffix(".lock")) as process:
        while subject.growing:
            engine._turn()
    assert mail.of(say.AtlasChanged)[-1].complete
    told = [note.text for note in mail.of(say.Noted)]
    assert f"process {process.pid} indexes these images too: the first to be done is used" in told
    assert not list(atlas_folder().glob("*.partial"))


def test_a_net_that_no_atlas_can_be_made_of_gives_way_to_the_one_before(two, mail):
    first, second = two
    engine = Engine(first, Inbox(), mail)
    assert engine.load()
    engine._serve(say.Explore(second))
    engine._serve(say.SaveChannel("conv1", 2))
    engine._subject.building = iter(map(int, ["overflow"]))
    engine._turn()

    failed, unsaved = mail.of(say.Failed)
    assert (failed.fatal, failed.setup) == (False, second)
    assert unsaved.text == "there is no atlas to take a figure from"
    assert engine.setup == first
    assert [net.name for net in mail.of(say.NetLoaded)] == ["tiny", "other", "tiny"]


def test_of_images_that_are_gone_the_numbers_stay(setup, mail, tmp_path):
    shutil.copytree(setup.images, tmp_path / "gone")
    setup = replace(setup, images=str(tmp_path / "gone"))
    Explorer.open(setup)
    shutil.rmtree(tmp_path / "gone")
    running = Running(setup, mail)
    running.ask(say.ShowChannel("conv3", 7, 1))
    gone = mail.wait(say.ImagesGone)
    running.ask(say.SaveChannel("conv3", 7))
    failed = mail.wait(say.Failed)
    running.stop()

    assert gone.generation == 1
    assert len(mail.of(say.TopListed)[0].rows) > 0
    assert mail.of(say.AtlasChanged)[0].complete
    assert mail.of(say.ImagesOpened)[0].count == 7
    assert "are gone" in mail.of(say.Noted)[0].text
    assert "are gone" in failed.text
    assert not failed.fatal
    assert not mail.of(say.PictureArrived)


def test_an_image_damaged_since_indexing_keeps_its_place_blank_and_is_named(files, setup, mail, tmp_path):
    shutil.copytree(files / "images", tmp_path / "images")
    engine = Running(replace(setup, images=str(tmp_path / "images")), mail)
    mail.wait(say.AtlasChanged, lambda message: message.complete)
    bad = tmp_path / "images" / "dot" / "1.png"
    bad.write_bytes(b"no picture any more")
    engine.ask(say.ShowChannel("conv3", 7, 1))
    shown = mail.wait(say.ChannelShown)
    units = [message.shown for message in mail.of(say.PictureArrived)]
    rows = mail.of(say.TopListed)[-1].rows
    assert [(unit.rank, unit.name) for unit in units] == [(row.rank, row.name) for row in rows]
    assert [unit.name for unit in units if unit.scale == 0] == ["dot/1.png"]
    assert shown.count == len(units)
    assert "dot/1.png can no longer be read" in mail.wait(say.Noted, lambda note: "dot/1" in note.text).text
    engine.ask(say.SaveChannel("conv3", 7))
    record = json.loads(mail.wait(say.FigureSaved).path.with_suffix(".json").read_text())
    assert [row["rank"] for row in record["units"]] == [u.rank + 1 for u in units if u.scale]
    engine.stop()
