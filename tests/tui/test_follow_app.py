"""A training that is followed, on an instant engine: what the explorer goes on to, and what it asks for."""

from __future__ import annotations

# tests zfexplore/tui/following.py too: they are records, all sent or shown here
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import running, text, until
from zfexplore.tui import keys
from zfexplore.tui import messages as say
from zfexplore.tui.app import ExplorerApp
from zfexplore.tui.following import Course, Kept, RunRead
from zfexplore.tui.widgets.course import CourseBar

COURSE = Course(
    "run7", "training", 4, 1.0, losses=((1, 3.0),), weights=(Kept("runs/epoch-001.safetensors", 1),)
)


def further(course: Course, epoch: int) -> Course:
    """The run after another epoch."""
    kept = Kept(f"runs/epoch-{epoch:03}.safetensors", epoch)
    losses = (*course.losses, (epoch, 3.0 / epoch))
    return replace(course, done=float(epoch), losses=losses, weights=(*course.weights, kept))


@pytest.fixture
def following(engine):
    """The explorer on a run of one epoch, whose engine explores whatever it is asked to at once."""

    class Training(type(engine)):
        refuses = ""

        def start(self, post) -> None:
            self.started, self.post = True, post
            post(RunRead(COURSE))
            self.explore(replace(say.Setup(follow="runs"), checkpoint=COURSE.weights[-1].path))

        def ask(self, request) -> None:
            super().ask(request)
            if isinstance(request, say.Explore):
                if request.setup.checkpoint == self.refuses:
                    self.post(say.Failed("it is cut short", setup=request.setup))
                else:
                    self.explore(request.setup)

        def explore(self, setup) -> None:
            names = super()

            def post(record) -> None:
                self.heard(replace(record, setup=setup) if isinstance(record, say.NetLoaded) else record)

            self.heard = self.post
            names.start(post)
            self.post = self.heard

        @property
        def explored(self) -> list[str]:
            asked = [request for request in self.requests if isinstance(request, say.Explore)]
            return [Path(request.setup.checkpoint).stem for request in asked]

    return ExplorerApp(say.Setup(follow="runs"), Training())


async def settled(pilot, app) -> None:
    await until(pilot, lambda: app.awaited is None and app.settled == app.generation > 0)
    await pilot.pause()


async def test_the_view_goes_on_with_the_newest_weights_and_stays_where_it_is_at_earlier_ones(following):
    app, engine = following, following.engine
    async with running(app, (120, 40)) as pilot:
        await settled(pilot, app)
        await pilot.press("down", "left_square_bracket")
        await settled(pilot, app)
        here = app.stage_name, app.channel
        assert "run7 training  epoch 1/4  loss 3  ◆ epoch 1" in text(app)

        course = further(COURSE, 2)
        app.hear(RunRead(course))
        await until(pilot, lambda: engine.explored == ["epoch-002"])
        await settled(pilot, app)
        assert (app.stage_name, app.channel) == here
        assert "◆ epoch 2" in text(app)
        assert app.setup.checkpoint == "runs/epoch-002.safetensors"

        await pilot.press("left_parenthesis")  # an earlier one: now it does not go on
        await settled(pilot, app)
        course = further(course, 3)
        app.hear(RunRead(course))
        await until(pilot, lambda: "epoch 3/4" in text(app))
        await settled(pilot, app)
        assert engine.explored == ["epoch-002", "epoch-001"]

        await pilot.press("right_parenthesis")
        await settled(pilot, app)
        await pilot.press("right_curly_bracket")
        await settled(pilot, app)
        app.hear(RunRead(further(course, 4)))
        await until(pilot, lambda: engine.explored[2:] == ["epoch-002", "epoch-003", "epoch-004"])
        await pilot.press("left_curly_bracket")
        await settled(pilot, app)
        assert app.present == COURSE.weights[0]
        assert (app.stage_name, app.channel) == here


async def test_it_goes_on_only_when_the_atlas_is_whole_and_passes_over_what_came_meanwhile(following):
    app, engine = following, following.engine
    async with running(app, (80, 24)) as pilot:
        await settled(pilot, app)
        whole = say.AtlasChanged(app.panes.statistics, 567, True)
        app.hear(replace(whole, complete=False))
        app.hear(RunRead(further(COURSE, 2)))
        app.hear(RunRead(further(further(COURSE, 2), 3)))
        await until(pilot, lambda: "epoch 3/4" in text(app))
        assert engine.explored == []
        app.hear(whole)
        await until(pilot, lambda: engine.explored == ["epoch-003"])


async def test_pictures_stay_bright_until_those_of_new_weights_come_and_dim_when_the_user_moves(following):
    app, engine = following, following.engine
    async with running(app, (120, 40)) as pilot:
        await settled(pilot, app)
        engine.answer = False
        before = app.panes.grids[0].pictures
        app.hear(RunRead(further(COURSE, 2)))
        await until(pilot, lambda: engine.explored == ["epoch-002"] and app.settled != app.generation)
        await until(pilot, lambda: "◆ epoch 2 comes …" in text(app))
        assert (app.panes.grids[0].pictures, app.panes.grids[0].dims) == (before, False)
        engine.show([request for request in engine.requests if isinstance(request, say.ShowChannel)][-1])
        await settled(pilot, app)
        assert app.panes.grids[0].dims
        assert app.query_one(CourseBar).present == app.present


async def test_weights_that_cannot_be_opened_are_told_and_left_until_others_come(following):
    app, engine = following, following.engine
    engine.refuses = "runs/epoch-002.safetensors"
    async with running(app, (120, 40)) as pilot:
        await settled(pilot, app)
        course = further(COURSE, 2)
        app.hear(RunRead(course))
        await until(pilot, lambda: "it is cut short" in text(app))
        assert app.present == COURSE.weights[0]
        app.hear(RunRead(replace(course, trouble="runs is not there")))
        await until(pilot, lambda: "run7: runs is not there" in text(app))
        app.hear(RunRead(further(course, 3)))
        await until(pilot, lambda: engine.explored == ["epoch-002", "epoch-003"])


async def test_without_a_run_there_is_no_bar_and_its_keys_do_nothing(app, engine):
    async with running(app, (80, 24)) as pilot:
        await until(pilot, lambda: app.settled == app.generation > 0)
        await pilot.press("left_parenthesis", "right_curly_bracket")
        assert not app.query(CourseBar)
        assert not [request for request in engine.requests if isinstance(request, say.Explore)]
        assert "earlier" not in text(app)


async def test_without_an_engine_no_weights_are_waited_for(following):
    app = following
    async with running(app, (120, 40)) as pilot:
        await settled(pilot, app)
        app.hear(RunRead(further(COURSE, 2)))
        await settled(pilot, app)
        app.hear(say.EngineDied("it was killed"))
        await until(pilot, lambda: app.died_of)
        app.present = app.course.weights[-1]
        await pilot.press("n", "left_parenthesis")
        await pilot.pause()
        assert app.awaited is None


async def test_help_and_palette_list_the_keys_of_following_and_none_of_several_nets(following):
    app = following
    async with running(app, (120, 60)) as pilot:
        await settled(pilot, app)
        assert set(app.resting_keys()) == {"swap", *keys.OF_SEVERAL_NETS}
        await pilot.press("question_mark", "G")
        await until(pilot, lambda: keys.FOLLOWED in text(app) and "the newest, and go on" in text(app))
        await pilot.press("escape", "colon", *"earlier")
        await until(pilot, lambda: "earlier: the weights kept before these" in text(app))
