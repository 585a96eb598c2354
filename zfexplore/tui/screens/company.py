"""A channel's synonyms: the channels of its layer that fire on the same images, the most alike first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.app import ComposeResult

from zfexplore.studies.records import Company
from zfexplore.tui import keys
from zfexplore.tui.questions import FindCompany
from zfexplore.tui.screens.study import StudyScreen
from zfexplore.tui.widgets.company import CompanyList
from zfexplore.tui.widgets.keybar import KeyBar
from zfexplore.tui.widgets.told import Told
from zfexplore.units import Unit


class CompanyScreen(StudyScreen):
    """Lists what fires on the same images as the channel ``unit``; enter goes to one of them.

    ``called`` writes a channel with the class that it stands for; ``best`` has for each channel of the layer
    the class that it answers most to, and is empty where the images have none.
    """

    HELP = "on synonyms"
    COLUMNS = CompanyList.ABOUT
    BINDINGS = keys.bindings(keys.COMPANY)

    def __init__(self, unit: Unit, called: Callable[[Unit], str], best: Sequence[str], mode: str) -> None:
        super().__init__(None, mode)
        self.unit, self.called, self.best = Unit(unit.stage, unit.channel), called, best

    def compose(self) -> ComposeResult:
        """What is asked, over how many images, the list."""
        yield Told(id="company-title")
        yield Told(id="company-about")
        yield CompanyList(self.called, self.best, id="company-list")
        yield KeyBar()

    def on_mount(self) -> None:
        """Ask."""
        title = f" {self.called(self.unit)} · channels of {self.unit.stage} that fire on the same images"
        self.query_one("#company-title", Told).update(title)
        listed = self.query_one(CompanyList)
        listed.notice = "looking …"
        listed.focus()
        self.ask(lambda number: FindCompany(number, self.unit))

    def show(self, answer: Company) -> None:
        """List them."""
        self.query_one(CompanyList).company = answer
        told = f" r over {answer.images:,} images; {self.unit} fires on {answer.fires:,} of them"
        self.query_one("#company-about", Told).update(told)

    def show_refusal(self, text: str) -> None:
        """Show why there is no list."""
        self.query_one(CompanyList).notice = "nothing to list"
        self.query_one("#company-about", Told).update(f" ✗ {text}")

    def action_go(self) -> None:
        """Go to the channel under the cursor; backspace comes back from there."""
        if (unit := self.query_one(CompanyList).here) is not None:
            self.leave(unit)

    def on_rows_opened(self) -> None:
        """A second click goes there."""
        self.action_go()
