"""A unit of the user's own picture in four pictures: what it sees there, and on its strongest exemplar."""

from __future__ import annotations

from rich.markup import escape
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from zfexplore.tui.drawing.bitmap import Bitmap, Cut, Size
from zfexplore.tui.messages import ShownUnit
from zfexplore.tui.widgets.channels import number
from zfexplore.tui.widgets.large import LargePicture, cuts_of
from zfexplore.tui.widgets.sidebar import entitle
from zfexplore.tui.widgets.top import bare_name


class UnitPictures(Vertical):
    """Above, the user's picture and the unit brought back on it; below, the same of the exemplar."""

    def compose(self) -> ComposeResult:
        """Two rows of two."""
        with Horizontal():
            yield LargePicture(id="own-picture")
            yield LargePicture(id="own-projection")
        with Horizontal():
            yield LargePicture(id="best-picture")
            yield LargePicture(id="best-projection")

    def on_mount(self) -> None:
        """Name the panes."""
        self.show_nothing()

    @property
    def sizes(self) -> tuple[Size, ...]:
        """The sizes at which pictures are drawn."""
        return tuple(dict.fromkeys(pane.drawn_size for pane in self.query(LargePicture) if pane.size.area))

    @property
    def cuts(self) -> tuple[Cut, ...]:
        """The cells for which tiles are made."""
        return cuts_of(self.query(LargePicture))

    def set_mode(self, mode: str) -> None:
        """Draw with other glyphs."""
        for pane in self.query(LargePicture):
            pane.mode = mode

    def show_picture(self, bitmap: Bitmap | None) -> None:
        """Show the user's picture."""
        self.query_one("#own-picture", LargePicture).bitmap = bitmap

    def show_nothing(self) -> None:
        """Clear all but the user's picture."""
        entitle(self.query_one("#own-picture"), "your picture")
        self._fill("own-projection", None, "projection")
        self._fill("best-picture", None, "strongest exemplar")
        self._fill("best-projection", None, "projection")

    def show_unit(self, here: ShownUnit, best: ShownUnit | None, notice: str, *, boxed: bool) -> None:
        """Show a unit: whole images if ``boxed``, else what it saw; ``notice`` in place of no exemplar."""
        entitle(self.query_one("#own-picture"), "your picture" if boxed else "what it saw")
        if not boxed:
            self.show_picture(here.patch)
        below = f"below zero here, {number(here.value)}" if here.value else "silent here"
        told = f"projection, {number(here.value)}" if here.value > 0 else below
        self._fill("own-projection", here.projection, told)
        if best is None:
            self._fill("best-picture", None, notice)
            self._fill("best-projection", None, "")
            return
        name = bare_name(best.name, best.label)
        told = ", ".join(part for part in ("strongest", best.label, name) if part)
        self._fill("best-picture", best.whole if boxed else best.patch, told)
        self._fill("best-projection", best.projection, f"projection, {number(best.value)}")

    def _fill(self, id: str, bitmap: Bitmap | None, title: str) -> None:
        pane = self.query_one(f"#{id}", LargePicture)
        pane.bitmap = bitmap
        entitle(pane, escape(title))  # names of files may look like markup
