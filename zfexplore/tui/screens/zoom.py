"""One unit, large: its projection, and beside it what it saw."""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.reactive import reactive
from textual.screen import ModalScreen
from textual.widget import Widget

from zfexplore.tui import keys
from zfexplore.tui.drawing.pixels import PixelPicture, cell_size
from zfexplore.tui.messages import ShownUnit
from zfexplore.tui.widgets.channels import number
from zfexplore.tui.widgets.keybar import KeyBar
from zfexplore.tui.widgets.large import LargePicture
from zfexplore.tui.widgets.pictures import ROOM_FOR_BOTH
from zfexplore.tui.widgets.sidebar import entitle
from zfexplore.tui.widgets.told import Told
from zfexplore.tui.widgets.top import bare_name
from zfexplore.units import Unit


class ZoomScreen(ModalScreen[int]):
    """Walks through a channel's pictures; gives the rank it was left at."""

    CSS_PATH = "screens.tcss"
    BINDINGS = keys.bindings(keys.LARGE)

    pictures: reactive[tuple[ShownUnit, ...]] = reactive((), init=False)  # more may come while it is open

    def __init__(
        self, unit: Unit, pictures: tuple[ShownUnit, ...], rank: int, mode: str, *,
        boxed: bool, called: str = "", pixels: type[Widget] | None = None, savable: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.pixels = pixels if mode != "ascii" else None  # ASCII was chosen for this view too
        self.savable = savable  # whether the unit is one of its channel's strongest, which have a figure
        self.unit, self.rank, self.mode, self.boxed = unit, rank, mode, boxed
        self.set_reactive(ZoomScreen.pictures, pictures)
        self.called = called  # the channel's name, if it has one
        self.second = False  # where only one fits: the patch instead of the projection

    @property
    def shown(self) -> ShownUnit:
        """The unit that is shown."""
        return self.pictures[self.rank]

    def compose(self) -> ComposeResult:
        """Both pictures, a line above and the keys below."""
        yield Told(id="zoom-title")
        with Horizontal():
            for id in ("zoom-projection", "zoom-patch"):
                yield PixelPicture(self.pixels, cell_size, id=id) if self.pixels else LargePicture(id=id)
        yield KeyBar()

    def on_mount(self) -> None:
        """Show the first picture."""
        self._draw()

    def renew(self, pictures: tuple[ShownUnit, ...]) -> None:
        """Show pictures that have come since; what is shown stays until the one of its rank is among them.

        A channel's pictures come anew, one by one, while its index is built.
        """
        if self.rank < len(pictures):
            self.pictures = pictures

    def watch_pictures(self) -> None:
        """Write how many pictures there are now."""
        self._draw()

    def on_resize(self) -> None:
        """Show both where there is room."""
        self._draw()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Switch off swapping where both are in sight."""
        return action != "other" or self.app.size.width < ROOM_FOR_BOTH

    def action_walk(self, step: int) -> None:
        """Go to the next picture or the one before."""
        self.rank = max(0, min(self.rank + step, len(self.pictures) - 1))
        self._draw()

    def action_box(self) -> None:
        """Change between the patch and the whole image with its box."""
        self.boxed = not self.boxed
        self.second = True
        self._draw()

    def action_other(self) -> None:
        """Show the other picture where only one fits."""
        self.second = not self.second
        self._draw()

    def action_close(self) -> None:
        """Close, and give the rank."""
        self.dismiss(self.rank)

    def _draw(self) -> None:
        shown = self.shown
        kind: type[Any] = PixelPicture if self.pixels else LargePicture
        projection, patch = self.query_one("#zoom-projection", kind), self.query_one("#zoom-patch", kind)
        projection.bitmap, patch.bitmap = shown.projection, shown.whole if self.boxed else shown.patch
        projection.mode = patch.mode = self.mode
        both = self.app.size.width >= ROOM_FOR_BOTH
        projection.display, patch.display = both or not self.second, both or self.second
        odd = both and self.app.size.width % 2  # the column that is left over parts the two
        patch.styles.padding = (0, 0, 0, 1 + odd)
        y0, x0, y1, x1 = shown.window
        parts = [
            f"{Unit(self.unit.stage, self.unit.channel, *shown.place)} {self.called}".strip(),
            f"#{shown.rank + 1} of {len(self.pictures)}",
            f"activation {number(shown.value)}",
            f"rows {y0}-{y1 - 1}, columns {x0}-{x1 - 1}",
            f"full brightness ±{shown.scale:.3g}",
            *([shown.label] if shown.label else []),
            bare_name(shown.name, shown.label),  # last, for it is the longest
        ]
        entitle(projection, "projection")
        entitle(patch, "whole image" if self.boxed else "what the unit saw")
        self.query_one("#zoom-title", Told).update(" " + "  ·  ".join(parts))
