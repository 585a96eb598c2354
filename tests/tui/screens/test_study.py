"""What all screens of studies share: numbered questions, the last of which is answered or given up."""

from __future__ import annotations

from textual.widgets import Static

from tests.support import StudyHost, until
from zfexplore.tui import questions as ask
from zfexplore.tui.screens.study import StudyScreen
from zfexplore.units import Unit

CHOSEN = ask.Chosen("face-3", "face", 7)


class Study(StudyScreen):
    """Keeps what it is to show."""

    def __init__(self) -> None:
        super().__init__(CHOSEN, "quadrants")
        self.shown: list[object] = []

    def compose(self):
        yield Static("a study")

    def on_mount(self) -> None:
        self.once_more()

    def once_more(self) -> None:
        self.ask(lambda number: ask.RankPicture(number, CHOSEN))

    def show(self, answer: object) -> None:
        self.shown.append(answer)

    def show_refusal(self, text: str) -> None:
        self.shown.append(f"refused: {text}")


async def test_only_answers_to_the_question_asked_last_are_taken():
    study = Study()
    host = StudyHost(lambda host: study)
    async with host.run_test() as pilot:
        await until(pilot, lambda: study.number)
        first = study.number
        study.once_more()
        assert study.number == first + 1
        for number, answer in [(first, "late"), (first + 1, "in time"), (first + 1, ask.Refused("gone"))]:
            host.hear(ask.Answered(number, answer))
        await until(pilot, lambda: len(study.shown) == 2)

        assert study.shown == ["in time", "refused: gone"]
        assert [request.number for request in host.engine.requests] == [first, first + 1]


async def test_leaving_gives_up_what_is_not_answered_yet():
    study = Study()
    host = StudyHost(lambda host: study)
    async with host.run_test() as pilot:
        await until(pilot, lambda: study.number)
        study.action_close()
        await until(pilot, lambda: host.left_for == [None])

        assert host.engine.requests[-1] == ask.GiveUp(study.number)


async def test_leaving_with_an_answer_tells_the_engine_nothing_and_the_panes_where_to_go():
    study = Study()
    host = StudyHost(lambda host: study)
    async with host.run_test() as pilot:
        await until(pilot, lambda: study.number)
        host.hear(ask.Answered(study.number, "the answer"))
        await until(pilot, lambda: study.shown)
        study.leave(Unit("conv1", 2))
        await until(pilot, lambda: host.left_for == [Unit("conv1", 2)])

        assert host.engine.requests == [ask.RankPicture(study.number, CHOSEN)]
