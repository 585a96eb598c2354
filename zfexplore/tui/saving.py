"""The part of the app that has figures saved, and asks before it has one of another origin replaced."""

from __future__ import annotations

from dataclasses import replace
from functools import singledispatchmethod
from typing import TYPE_CHECKING

from zfexplore.printable import printable
from zfexplore.tui import messages as say
from zfexplore.tui.swapping import SwappingApp
from zfexplore.units import Unit

if TYPE_CHECKING:
    from zfexplore.tui.screens.zoom import ZoomScreen


class SavingApp(SwappingApp):
    """What the explorer's app builds on; it knows what is shown large, which has figures too."""

    def __init__(self, wish: str = "", *, forced: bool = False) -> None:
        super().__init__(wish, forced=forced)
        self.zoomed: say.Setup | None = None  # the net of the picture shown large

    @property
    def large(self) -> ZoomScreen | None:
        """The large view, if it is what is seen."""
        from zfexplore.tui.screens.zoom import ZoomScreen

        return self.screen if isinstance(self.screen, ZoomScreen) else None

    def offer_to_start(self) -> None:
        """Ask whether to start the engine again; the explorer says how."""

    # -- what keys do ------------------------------------------------------------------------------

    def action_save(self) -> None:
        """Project the channel and save its figure; start an engine that has died."""
        if self.died_of:
            self.offer_to_start()
        elif self.channel is not None:
            self.engine.ask(say.SaveChannel(self.stage_name, self.channel, setup=self.net))
        elif self.stage_name:
            self.notify("no channel passes the filter", markup=False)

    def action_save_shown(self) -> None:
        """Save what is shown: in the large view its unit, else the channel and the pinned one beside it."""
        if self.died_of:
            self.offer_to_start()
            return
        if (large := self.large) is not None:
            unit, shown = large.unit, large.shown.row
            self.engine.ask(say.SaveChannel(unit.stage, unit.channel, shown=shown, setup=self.zoomed))
            return
        units = [self.panes.unit_in_use]
        if self.panes.pinned is not None and self.panes.grid_in_use not in self.panes.pinned_grids:
            units += [Unit.parse(self.panes.pinned[0])] if self.panes.pinned_grids[0].display else []
        for wanted in dict.fromkeys(unit for unit in units if unit is not None):
            self.engine.ask(say.SaveChannel(wanted.stage, wanted.channel, setup=self.setup_in_use))
        other = self.panes.other_unit
        if other is not None and self.panes.grids[1].display and not self.panes.on_other:
            self.engine.ask(say.SaveChannel(other.stage, other.channel, setup=self.beside))

    def action_copy(self) -> None:
        """Put the command that makes the channel's figure on the clipboard."""
        large = self.large
        unit = self.panes.unit_in_use if large is None else large.unit
        if unit is not None:
            setup = (self.setup_in_use if large is None else self.zoomed) or self.setup
            command = setup.export_command(unit.stage, unit.channel)
            self.copy_to_clipboard(command)
            self.notify(command, title="copied", markup=False)

    # -- what the engine says ----------------------------------------------------------------------

    @singledispatchmethod
    def take(self, record: object) -> None:
        """Take a record with the method for its class; answers go to the base class."""
        super().take(record)

    @take.register
    def take_figure_saved(self, event: say.FigureSaved) -> None:
        """Show where the figure is."""
        self.notify(printable(str(event.path)), title="saved", markup=False)

    @take.register
    def take_overwrite_asked(self, event: say.OverwriteAsked) -> None:
        """Ask whether to replace a file of another origin."""
        from zfexplore.tui.screens.dialogs import ConfirmScreen

        request = event.request

        def answered(yes: bool | None) -> None:
            if yes:
                self.engine.ask(replace(request, overwrite=True))

        self.push_screen(ConfirmScreen(f"{event.path} {event.reason}. Replace it?"), answered)
