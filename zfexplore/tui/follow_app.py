"""The part of the app that follows a training: it goes on to new weights, and walks those that were kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from zfexplore.tui import keys
from zfexplore.tui import messages as say
from zfexplore.tui.following import Course, Kept, RunRead, nearest
from zfexplore.tui.saving import SavingApp
from zfexplore.tui.study_screens import Said

if TYPE_CHECKING:
    from zfexplore.tui.widgets.course import CourseBar


class FollowApp(SavingApp):
    """Knows how the training stands (``course``), and which of its weights are looked at.

    ``present`` are the weights that the engine explores, ``awaited`` those that it has been asked for, and
    ``shown`` those whose pictures the panes have: they stay until others come.
    At the ``newest`` the view goes on when newer ones come, but not before the atlas of the present ones is
    whole: where weights come faster than that, some are passed over.
    """

    BINDINGS = keys.bindings(keys.FOLLOWING)

    def __init__(self, wish: str = "", *, forced: bool = False) -> None:
        super().__init__(wish, forced=forced)
        self.course: Course | None = None
        self.present: Kept | None = None
        self.awaited: Kept | None = None
        self.shown: Kept | None = None
        self.left_out: Kept | None = None  # weights that could not be opened
        self.newest = True
        self.whole = True  # whether the atlas is

    @property
    def follows(self) -> bool:
        """Whether a training is followed."""
        return self.setup.follow is not None

    # -- what the engine says ----------------------------------------------------------------------

    def on_said(self, event: Said) -> None:
        """Take what the engine has said, and see whether it changes which weights are looked at."""
        event.prevent_default()  # or Textual would call the base class's method once more
        super().on_said(event)
        record = event.record
        if not self.follows:
            return
        if isinstance(record, RunRead):
            self.course = record.course
        elif isinstance(record, say.NetLoaded):
            self._arrived(record.setup)
        elif isinstance(record, say.AtlasChanged):
            self.whole = record.complete
        elif isinstance(record, say.PictureArrived | say.ChannelShown):
            if self.shown == self.present:
                return
            self.shown = self.present
            self.panes.let_dim(True)
        elif isinstance(record, say.EngineDied):
            self.present = self.awaited = None
        elif isinstance(record, say.Failed) and self.awaited is not None and record.setup is not None:
            if record.setup.checkpoint == self.awaited.path:
                self.left_out, self.awaited, self.whole = self.awaited, None, True
                self.newest = self.newest or self._at_the_last()
        else:
            return
        self._go_on()
        self._show_course()

    def _arrived(self, setup: say.Setup | None) -> None:
        """The engine explores other weights now, or explores any at last."""
        path = None if setup is None else setup.checkpoint
        known = [*(self.course.weights if self.course else ()), *([self.awaited] if self.awaited else [])]
        self.present = next((kept for kept in reversed(known) if kept.path == path), None)
        if self.awaited is not None and self.awaited.path == path:
            self.awaited = None

    def _at_the_last(self) -> bool:
        return self.course is not None and self.present in self.course.weights[-1:]

    def _go_on(self) -> None:
        """At the newest weights, ask for those that are newer still."""
        if not (self.newest and self.whole and self.course and self.course.weights and self.present):
            return
        last = self.course.weights[-1]
        if self.awaited is None and last not in (self.present, self.left_out):
            self.panes.let_dim(False)  # the pictures are not in doubt: they are about to be renewed
            self._look_at(last)

    def _look_at(self, kept: Kept) -> None:
        """Have other weights explored: same layer, same channel, same images."""
        if kept in (self.present, self.awaited) and self.awaited in (None, kept):
            return
        if self.explore(replace(self.setup, checkpoint=kept.path)):
            self.awaited, self.whole = kept, False

    def _show_course(self) -> None:
        bar = self.panes.course
        bar.course, bar.present, bar.awaited = self.course, self.shown, self.awaited or self.present

    # -- what the user does ------------------------------------------------------------------------

    def action_snapshot(self, step: int) -> None:
        """Go to the weights so many steps earlier or later; at the last ones the view follows again."""
        weights = self.course.weights if self.course else ()
        here = self.awaited or self.present
        if here is not None and weights:
            self.go_to_weights(max(0, min(nearest(weights, here.epochs) + step, len(weights) - 1)))

    def action_snapshot_edge(self, direction: int) -> None:
        """Go to the first weights, or to the newest and follow again."""
        if self.course and self.course.weights:
            self.go_to_weights(0 if direction < 0 else len(self.course.weights) - 1)

    def go_to_weights(self, number: int) -> None:
        """Have the weights of that number explored; the last are followed."""
        assert self.course is not None
        self.newest = number == len(self.course.weights) - 1
        self.left_out = None
        self.panes.let_dim(True)
        self._look_at(self.course.weights[number])
        self._show_course()

    def on_course_bar_picked(self, event: CourseBar.Picked) -> None:
        """Go to the weights that were clicked."""
        if self.course and event.kept in self.course.weights:
            self.go_to_weights(self.course.weights.index(event.kept))
