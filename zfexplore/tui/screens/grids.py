"""The grids of the panes: which channel, which net and which of its pictures each of them shows.

Two grids follow the channel under the cursor. A pinned channel has two of its own where there is room, else
the second one. The channel of another net has the second one.
"""

from __future__ import annotations

from textual.screen import Screen

from zfexplore.tui import messages as say
from zfexplore.tui.screens.sharing import four_grids
from zfexplore.tui.widgets.pictures import PictureGrid
from zfexplore.units import Unit

KINDS = {"projection": "projections", "patch": "patches", "whole": "whole images"}  # and their titles


class GridsScreen(Screen[None]):
    """What the screen of panes builds on; it lays the grids out and writes their titles."""

    def __init__(self) -> None:
        super().__init__()
        self.pinned: tuple[str, tuple[say.ShownUnit, ...]] | None = None
        self.shared = False  # whether the grids stand as for a pinned channel
        self.four = False  # whether the pinned channel has two grids of its own
        self.beside = "projection"  # what both grids show where the pinned channel has one of them
        self.boxed = False
        self.other = ""  # the short name of the net that the second grid shows
        self.other_unit: Unit | None = None  # and its channel, if it has one
        self.other_called = ""

    def share_rows(self, width: int, height: int) -> None:
        """Divide the rows of a screen of that size among the panes; the screen of panes says how."""

    def name_panes(self) -> None:
        """Write the titles of the panes; the screen of panes says which."""

    # -- which grids there are ---------------------------------------------------------------------

    @property
    def grids(self) -> tuple[PictureGrid, PictureGrid]:
        """Projections and patches."""
        return self.query_one("#projections", PictureGrid), self.query_one("#patches", PictureGrid)

    @property
    def own_grids(self) -> tuple[PictureGrid, PictureGrid]:
        """Projections and patches of a pinned channel, in sight where there is room for four grids."""
        own = (self.query_one(f"#pinned-{name}", PictureGrid) for name in ("projections", "patches"))
        projections, patches = own
        return projections, patches

    @property
    def all_grids(self) -> tuple[PictureGrid, ...]:
        """The grids in sight, and those that are not."""
        return (*self.grids, *self.own_grids)

    @property
    def pinned_grids(self) -> tuple[PictureGrid, ...]:
        """The grids that hold the pinned channel now."""
        if self.pinned is None:
            return ()
        return self.own_grids if self.four else self.grids[1:]

    @property
    def live_grids(self) -> tuple[PictureGrid, ...]:
        """The grids that follow the channel under the cursor."""
        follows = (self.pinned is None or self.four) and not self.other
        return self.grids if follows else self.grids[:1]

    @property
    def awaiting_grids(self) -> tuple[PictureGrid, ...]:
        """Those, and the one of another net: the grids that wait for pictures of the channel."""
        return self.grids if self.other else self.live_grids

    @property
    def grid_in_use(self) -> PictureGrid:
        """The grid that keys act on: a pinned channel's or another net's if it has the focus or all room."""
        projections, patches = self.grids
        for grid in (patches,) if self.other else self.pinned_grids:
            if grid.display and (grid.has_focus or not projections.display):
                return grid
        return projections

    @property
    def on_other(self) -> bool:
        """Whether keys act on the other net's pictures."""
        return bool(self.other) and self.grid_in_use is self.grids[1]

    # -- a pinned channel --------------------------------------------------------------------------

    def pin(self, unit: str) -> None:
        """Keep the channel's pictures in grids of their own, or where there is no room in the second one."""
        self.pinned, self.beside = (unit, self.grids[0].pictures), "projection"
        self.share_rows(*self.app.size)

    def unpin(self) -> None:
        """Let the second grid follow again."""
        if any(grid.has_focus for grid in self.own_grids):
            self.grids[0].focus()
        self.pinned = None
        self.share_rows(*self.app.size)

    def share_grids(self, width: int, height: int) -> None:
        """Give a pinned channel two grids of its own where there is room, else the second one."""
        if self.pinned is None and not self.shared:
            return
        self.shared = self.pinned is not None
        four = four_grids(width, height) if self.pinned is not None else None
        grids = self.query_one("#grids")
        grids.set_class(four is not None and four.across == 2, "-two-by-two")
        grids.set_class(four is not None and four.across == 4, "-four-across")
        self.four = four is not None
        projections, patches = self.grids
        seen = "whole" if self.boxed else "patch"
        alone = self.pinned is not None and not self.four  # in the second grid
        projections.kind = self.beside if alone else "projection"
        patches.kind = self.beside if alone else seen
        if self.pinned is not None and alone:
            patches.pictures, patches.stale = self.pinned[1], False
        else:
            patches.pictures, patches.stale = projections.pictures, projections.stale
            patches.notice = projections.notice
        for grid, kind in zip(self.own_grids, ("projection", seen), strict=True):
            grid.kind = kind
            grid.pictures = self.pinned[1] if self.pinned is not None and self.four else ()
        self.name_panes()

    def toggle_box(self) -> None:
        """Change between patches and whole images with a box; beside a pinned channel, projections come next.

        That is where each of the two channels has one grid.
        """
        if self.pinned is not None and not self.four:
            kinds = list(KINDS)
            self.beside = kinds[(kinds.index(self.beside) + 1) % len(kinds)]
        else:
            self.boxed = not self.boxed
            self.grids[1].kind = "whole" if self.boxed else "patch"
        self.share_rows(*self.app.size)
        self.name_panes()

    # -- another net -------------------------------------------------------------------------------

    def show_other(self, net: str) -> None:
        """Give the second grid to another net's projections; without ``net`` it follows again."""
        projections, patches = self.grids
        self.other, self.other_unit, self.other_called = net, None, ""
        patches.kind = "projection" if net else "whole" if self.boxed else "patch"
        patches.pictures = () if net else projections.pictures
        patches.notice = "" if net else projections.notice
        self.name_panes()

    def expect_other(self, event: say.BesideListed) -> None:
        """Name what the other net shows; where it shows nothing, say why."""
        grid = self.grids[1]
        self.other, self.other_unit, self.other_called = event.net, event.unit, event.called
        if event.notice:
            grid.pictures, grid.stale = (), False
        grid.notice = event.notice
        self.name_panes()

    def show_other_picture(self, shown: say.ShownUnit) -> None:
        """The other net's first picture replaces the old ones; the others join or renew them."""
        join(self.grids[1], shown)

    def show_other_end(self, count: int) -> None:
        """All of the other net's pictures have come; say so where there are none."""
        grid = self.grids[1]
        grid.pictures, grid.stale = () if grid.stale else grid.pictures[:count], False
        grid.notice = "" if count else f"{self.other_called} fires on none of these images"

    def let_dim(self, dims: bool) -> None:
        """Say whether the pictures are dimmed while others are waited for."""
        for grid in self.all_grids:
            grid.dims = dims


def join(grid: PictureGrid, shown: say.ShownUnit) -> None:
    """Add a picture to those of a grid; the first of a channel replaces all of the one before."""
    there = () if grid.stale else grid.pictures
    grid.pictures = (*there[: shown.rank], shown, *there[shown.rank + 1 :])
    grid.stale = False
