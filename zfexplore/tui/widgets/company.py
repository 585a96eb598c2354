"""The channels of a layer, by how much they fire on the same images as one of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.reactive import reactive

from zfexplore.studies.records import Company
from zfexplore.tui.widgets.rows import Column, Rows
from zfexplore.units import Unit

BAR = 20  # cells of r = 1


class CompanyList(Rows):
    """A channel's company, the most alike first; ``called`` writes a channel, ``best`` has their classes."""

    ABOUT = (
        ("channel", "a channel of the same layer"),
        ("r", "how alike they fire: the correlation of their strongest answers to the images, at best 1"),
        ("both", "on how many of these images both fire"),
        ("answers to", "the class that this channel answers most to, where the images have classes"),
        ("", "r as a bar; below zero it is broken"),
    )

    company: reactive[Company | None] = reactive(None, init=False)
    notice: reactive[str] = reactive("")

    def __init__(self, called: Callable[[Unit], str], best: Sequence[str], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.called, self.best = called, best

    def columns(self) -> tuple[Column, ...]:
        """Channel, correlation, images on which both fire, class, and a bar."""
        named = self.company is not None and self.called(self.company.unit) != str(self.company.unit)
        answers = (Column("answers to", 22, right=False, pane=50, rest=not named),) if any(self.best) else ()
        return (
            Column("channel", 12, right=False, rest=named or not answers),
            Column("r", 6),
            Column("both", 6),
            *answers,
            Column(" together ━", BAR + 1, right=False, pane=76),
        )

    def count(self) -> int:
        """Number of channels."""
        return 0 if self.company is None else len(self.company.others)

    def texts(self, index: int) -> tuple[str, ...]:
        """One channel."""
        assert self.company is not None
        other = self.company.others[index]
        answers = (self.best[other.unit.channel],) if any(self.best) else ()
        bar = ("━" if other.correlation > 0 else "╌") * round(BAR * abs(other.correlation))
        return (
            self.called(other.unit), f"{other.correlation:.2f}", f"{other.both:,}", *answers, f" {bar}",
        )  # fmt: skip

    def is_faint(self, index: int) -> bool:
        """Tell whether a channel fires rather where this one does not."""
        assert self.company is not None
        return self.company.others[index].correlation <= 0

    def empty_text(self) -> str:
        """Say why the list is empty."""
        return self.notice

    @property
    def here(self) -> Unit | None:
        """The channel under the cursor."""
        return self.company.others[self.cursor].unit if self.company and self.company.others else None

    def watch_notice(self) -> None:
        """Draw the line that stands in place of the rows."""
        self.refresh()

    def watch_company(self) -> None:
        """Draw the new rows."""
        self.cursor = 0
        self.changed()
