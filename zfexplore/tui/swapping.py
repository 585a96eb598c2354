"""The part of the app for several nets: it swaps them, shows two side by side, and finds channels alike."""

from __future__ import annotations

from functools import singledispatchmethod

from zfexplore.tui import messages as say
from zfexplore.tui.pixel_app import PixelApp
from zfexplore.tui.twins import twin_of
from zfexplore.units import Unit

ONE_NET = "one net is explored; several are: zfexplore tui --checkpoint A --checkpoint B"


class SwappingApp(PixelApp):
    """What the explorer's app builds on; ``setup`` is the net in view, ``wanted`` the one on its way."""

    setup: say.Setup
    generation: int
    visited: dict[str, int]

    def __init__(self, wish: str = "", *, forced: bool = False) -> None:
        super().__init__(wish, forced=forced)
        self.wanted: say.Setup | None = None
        self.both = False  # whether the next net is shown beside
        self._aim: Unit | None = None  # where to go in the net on its way
        self._arriving: say.NetLoaded | None = None  # the net whose statistics come next
        self._pair: say.AlikeFound | None = None  # the match gone to last
        self._trail_nets: dict[int, say.Setup] = {}  # the nets of those places of the trail, by their number

    @property
    def other(self) -> say.Setup | None:
        """The net after the one in view, or after the one on its way; None where there is one only."""
        here, nets = self.wanted or self.setup, self.setup.nets
        return nets[(nets.index(here) + 1) % len(nets)] if here in nets and len(nets) > 1 else None

    @property
    def beside(self) -> say.Setup | None:
        """The net that is shown beside, if one is: of a match that was gone to, the one come from."""
        return (self.pair.setup if self.pair else self.other) if self.both else None

    @property
    def pair(self) -> say.AlikeFound | None:
        """The match that was gone to, while the user is there."""
        pair, channel = self._pair, self.channel
        if pair is None or channel is None or pair.other != self.net:
            return None
        return pair if pair.found == Unit(self.stage_name, channel) else None

    @property
    def setup_in_use(self) -> say.Setup | None:
        """The net whose pictures keys act on."""
        return self.beside if self.panes.on_other else self.net

    def show_channel(self) -> None:
        """Ask for the pictures of the channel under the cursor; the explorer says how."""

    # -- what keys do ------------------------------------------------------------------------------

    def action_swap_net(self) -> None:
        """Show the next net, at the same channel."""
        if (other := self._next()) is not None:
            self.explore(other)

    def action_both_nets(self) -> None:
        """Show the next net's projections beside this one's, or end that."""
        if self._next() is None:
            return
        if self.panes.pinned is not None:
            self.panes.unpin()
        self.both = not self.both
        self.panes.show_other(self.beside.name if self.beside else "")
        self.show_channel()

    def action_alike(self) -> None:
        """Go to the channel of the next net that answers most alike."""
        other = self._next()
        if other is not None and self.channel is not None and not self._under_way():
            self.engine.ask(say.FindAlike(self.setup, self.stage_name, self.channel, other))

    def action_jump_back(self) -> None:
        """Go back to where the user last jumped from, in the net where that was."""
        setup = self._trail_nets.pop(len(self.trail), self.setup)
        if self.trail and setup != self.setup:
            self.explore(setup, self.trail.pop())
        else:
            super().action_jump_back()

    def action_occlude(self) -> None:
        """Ask what matters in the picture under the cursor, if its net is the one in view."""
        if not (self._under_way() or self._elsewhere()):
            super().action_occlude()

    def action_vary(self) -> None:
        """Ask what stays when the picture under the cursor is moved, if its net is the one in view."""
        if not (self._under_way() or self._elsewhere()):
            super().action_vary()

    def action_feeds(self) -> None:
        """Ask what drives the unit under the cursor, if its net is the one in view."""
        if not (self._under_way() or self._elsewhere()):
            super().action_feeds()

    def action_ideal(self) -> None:
        """Ask what the channel would like best, if its net is the one in view."""
        if not (self._under_way() or self._elsewhere()):
            super().action_ideal()

    def action_company(self) -> None:
        """Ask what fires on the same images as the channel, if its net is the one in view."""
        if not (self._under_way() or self._elsewhere()):
            super().action_company()

    def explore(self, setup: say.Setup, aim: Unit | None = None) -> bool:
        """Explore a net from when it is loaded: at ``aim``, or else at the same channel.

        It gives False where there is no engine to ask.
        """
        if self.died_of:
            self.notify(f"{self.died_of}: ⏎ starts it again", markup=False)
            return False
        self.wanted, self._aim = setup, aim
        if self.both and self.panes.has_class("-patches"):
            self.panes.remove_class("-patches")  # where one grid fits, it is that of the net in view
        self.engine.ask(say.Explore(setup))
        return True

    # -- what the engine says ----------------------------------------------------------------------

    @singledispatchmethod
    def take(self, record: object) -> None:
        """Take a record with the method for its class; answers go to the base class."""
        super().take(record)

    @take.register
    def take_beside_listed(self, event: say.BesideListed) -> None:
        """Name the other net's channel, or say why there is none."""
        if event.generation == self.generation and self.both:
            self.panes.expect_other(event)

    @take.register
    def take_beside_arrived(self, event: say.BesideArrived) -> None:
        """Show a picture of the other net."""
        if event.generation == self.generation and self.both:
            self.panes.show_other_picture(event.shown)

    @take.register
    def take_beside_shown(self, event: say.BesideShown) -> None:
        """All of them have come."""
        if event.generation == self.generation and self.both:
            self.panes.show_other_end(event.count)

    @take.register
    def take_alike_found(self, event: say.AlikeFound) -> None:
        """Go to the channel that was found, if the user is still where it was asked for."""
        here = None if self.channel is None else Unit(self.stage_name, self.channel)
        if event.setup != self.setup or event.unit != here:
            return
        self.trail.append(event.unit)
        self._trail_nets[len(self.trail)] = event.setup
        told = f"{event.unit} is most like {event.found} of {event.other.name}: r = {event.correlation:.2f}"
        self.notify(told, markup=False)
        self._pair = event
        self.explore(event.other, event.found)

    def refused(self, setup: say.Setup | None) -> None:
        """A net cannot be explored: stay where the user is."""
        if setup == self.wanted:
            self.wanted = self._aim = None

    def arrived(self, setup: say.Setup | None) -> Unit | None:
        """A net has come; if it is the one wanted, give where to go in it, None for the same channel."""
        aim = self._aim if setup == self.wanted else None
        self.refused(setup)  # it is wanted no more
        return aim

    def target(self, net: say.NetLoaded, before: tuple[say.Stage, ...]) -> Unit:
        """Give the same channel of another net that has come, or say which one is shown in its place."""
        stage, channel = self.panes.stage, self.channel
        twin = None if stage is None else twin_of(stage, before, net.stages)
        if twin is None:
            twin = [layer for layer in net.stages if layer.kind == "conv" or layer is net.stages[0]][-1]
            channel = None
            if stage is not None:
                self.notify(f"{net.name} has no layer like {stage.name}: this is {twin.name}", markup=False)
        elif stage is not None and twin.name != stage.name:
            self.notify(f"{net.name} has no {stage.name}: this is {twin.name}", markup=False)
        if channel is None:
            channel = min(self.visited.get(twin.name, 0), twin.channels - 1)
        if channel >= twin.channels:
            told = f"{twin.name} of {net.name} has no channel {channel}: this is the last one"
            self.notify(told, markup=False)
        return Unit(twin.name, min(channel, twin.channels - 1))

    # -- pieces ------------------------------------------------------------------------------------

    def _next(self) -> say.Setup | None:
        """Give the next net; say so where there is none, or nothing is loaded yet."""
        if self.other is None:
            self.notify(ONE_NET, markup=False)
        elif self.net is None:
            self.notify("the net is not loaded yet", markup=False)
            return None
        return self.other

    def _under_way(self) -> bool:
        """Say so if another net is on its way: what is in sight will not be there when the answer comes."""
        if self.wanted is not None:
            self.notify(f"{self.wanted.name} is being opened", markup=False)
        return self.wanted is not None

    def _elsewhere(self) -> bool:
        """Say so if the cursor is among the other net's pictures."""
        if self.panes.on_other:
            self.notify("this is asked of the net in view: w makes it the other one", markup=False)
        return self.panes.on_other
