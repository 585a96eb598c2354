"""The list of a channel's synonyms: what it says, going to one, and what stands there without any."""

# tests zfexplore/tui/widgets/company.py too: it is the list on this screen
from __future__ import annotations

from tests.support import StudyHost, text, until
from zfexplore.studies.records import Alike, Company
from zfexplore.tui import questions as ask
from zfexplore.tui.screens.company import CompanyScreen
from zfexplore.tui.screens.help import HelpScreen
from zfexplore.tui.widgets.company import BAR, CompanyList
from zfexplore.units import Unit

BEST = ["dog", "wheel", "car", "sky"]
OTHERS = (
    Alike(Unit("conv5", 2), 0.75, 1010),
    Alike(Unit("conv5", 0), 0.5, 3),
    Alike(Unit("conv5", 3), -0.25, 0),
)
FOUND = Company(Unit("conv5", 1), 1024, 30, OTHERS)


def company_host(best=BEST) -> StudyHost:
    return StudyHost(
        lambda host: CompanyScreen(Unit("conv5", 1, 4, 4), lambda unit: f"{unit}", best, host.mode)
    )


async def answered(pilot, answer) -> None:
    await until(pilot, lambda: pilot.app.engine.requests)
    (request,) = pilot.app.engine.requests
    assert request == ask.FindCompany(request.number, Unit("conv5", 1))
    pilot.app.hear(ask.Answered(request.number, answer))


async def test_the_most_alike_come_first_with_their_class_and_enter_goes_to_one():
    host = company_host()
    async with host.run_test(size=(80, 24)) as pilot:
        await answered(pilot, FOUND)
        await until(pilot, lambda: "conv5:2" in text(host))
        assert "r over 1,024 images; conv5:1 fires on 30 of them" in text(host)
        rows = [line.strip("▸ ").split() for line in text(host).splitlines() if ":" in line[:9]]
        assert rows[-3:] == [
            ["conv5:2", "0.75", "1,010", "car", "━" * (BAR * 3 // 4)],
            ["conv5:0", "0.50", "3", "dog", "━" * (BAR // 2)],
            ["conv5:3", "-0.25", "0", "sky", "╌" * (BAR // 4)],
        ]
        await pilot.press("question_mark")
        assert isinstance(host.screen, HelpScreen)
        assert "on how many of these images both fire" in text(host)
        await pilot.press("escape", "j", "enter")
        await until(pilot, lambda: host.left_for == [Unit("conv5", 0)])


async def test_a_refusal_is_told_and_escape_leaves_in_a_narrow_terminal_without_classes():
    host = company_host(())
    async with host.run_test(size=(50, 14)) as pilot:
        await answered(pilot, ask.Refused("conv5:1 answers to all images alike"))
        await until(pilot, lambda: "✗ conv5:1 answers to all images alike" in text(host))
        assert "nothing to list" in text(host)
        assert host.screen.query_one(CompanyList).here is None
        await pilot.press("enter", "escape")
        await until(pilot, lambda: host.left_for == [None])
        assert len(host.engine.requests) == 1
