"""The other net beside the one explored: real nets, without the thread."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from zfexplore.errors import ExploreError
from zfexplore.tui import messages as say
from zfexplore.tui.engine.inbox import Inbox
from zfexplore.tui.engine.loop import Engine


@pytest.fixture
def engine(two, mail):
    engine = Engine(two[0], Inbox(), mail)
    assert engine.load()
    return engine


def show(engine: Engine, *, generation: int, beside: say.Setup | None = None, setup=None) -> None:
    request = say.ShowChannel("conv3", 7, generation, (8,), setup, beside)
    engine._inbox.put(request)
    engine._serve(request)


def build(engine: Engine) -> None:
    while engine._subject.growing or engine._others.due(engine.setup):
        engine._turn()


def test_the_other_net_is_shown_after_the_one_in_view_and_compared_with_it(engine, two, mail):
    first, second = two
    engine._serve(say.SaveChannel("conv1", 2, setup=second))  # opened by this, and saved once it is indexed
    with pytest.raises(ExploreError, match="tiny's is not built yet"):
        engine._serve(say.FindAlike(first, "conv3", 7, second))
    build(engine)
    assert mail.of(say.FigureSaved)[0].path == second.out / "conv1-2-other.png"
    assert [net.name for net in mail.of(say.NetLoaded)] == ["tiny"]
    assert len([atlas for atlas in mail.of(say.AtlasChanged) if atlas.complete]) == 1
    assert mail.of(say.JobChanged)[-1].job is None

    mail.messages.clear()
    show(engine, generation=1, beside=second)
    kinds = [type(message).__name__ for message in mail.messages]
    order = ["TopListed", "PictureArrived", "ChannelShown", "BesideListed", "BesideArrived", "BesideShown"]
    assert list(dict.fromkeys(kinds)) == order
    (listed,) = mail.of(say.BesideListed)
    assert (listed.net, listed.called, listed.notice) == ("other", "conv3:7", "")
    beside = [message.shown for message in mail.of(say.BesideArrived)]
    ahead = [(subject and subject.setup, *place) for subject, *place in engine._gallery.ahead]
    assert ahead == [(None, "conv3", 8), (second, "conv3", 8)]

    engine._serve(say.FindAlike(first, "conv3", 7, second))
    (found,) = mail.of(say.AlikeFound)
    a, b = (engine._subjects.kept(setup).atlas.stage("conv3").response.astype(float) for setup in two)
    likeness = [np.corrcoef(a[7], row)[0, 1] if row.std() else -1 for row in b]
    assert found.found.channel == np.argmax(likeness)
    assert found.correlation == pytest.approx(max(likeness), abs=1e-3)

    engine._serve(say.Explore(second))
    show(engine, generation=2, setup=second)
    own = [message.shown for message in mail.of(say.PictureArrived) if message.generation == 2]
    assert [unit.value for unit in beside] == [unit.value for unit in own]


def test_what_the_other_net_cannot_show_is_told_in_its_place(engine, two, mail, tmp_path, monkeypatch):
    build(engine)
    lost = replace(two[1], checkpoint=str(tmp_path / "lost.safetensors"))
    show(engine, generation=1, beside=lost)
    (listed,) = mail.of(say.BesideListed)
    assert "lost.safetensors" in listed.notice
    assert mail.of(say.ChannelShown)

    other = engine._subjects.kept(two[1])
    other.loaded.stages[2].__dict__["channels"] = 7
    show(engine, generation=2, beside=two[1])
    assert mail.of(say.BesideListed)[1].notice == "conv3 of other has no channel 7: it has 0-6"

    other.loaded.stages[2].__dict__["channels"] = 384
    monkeypatch.setattr(type(other), "gone", True)
    show(engine, generation=3, beside=two[1])
    listed = mail.of(say.BesideListed)[2]
    assert (str(listed.unit), listed.notice) == ("conv3:7", "the images are gone")


def test_a_net_that_nobody_asked_for_and_cannot_be_opened_is_left_alone(files, setup, mail, tmp_path):
    checkpoints = (setup.checkpoint, str(tmp_path / "lost.safetensors"))
    engine = Engine(replace(setup, checkpoints=checkpoints), Inbox(), mail)
    assert engine.load()
    build(engine)
    assert not mail.of(say.Failed)
