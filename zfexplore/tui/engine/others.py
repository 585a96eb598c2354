"""The other nets in play: opened and indexed while nothing else is to be done, and shown beside the first.

So the other net is there when it is asked for, and both atlases are when channels are compared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from zfexplore.errors import ExploreError
from zfexplore.tui import messages as say
from zfexplore.tui.engine.failures import logged
from zfexplore.tui.engine.subjects import KEPT
from zfexplore.tui.twins import twin_of
from zfexplore.units import Unit

if TYPE_CHECKING:
    from zfexplore.tui.engine.gallery import Gallery
    from zfexplore.tui.engine.inbox import Inbox
    from zfexplore.tui.engine.sharpener import Sharpener
    from zfexplore.tui.engine.subject import Subject
    from zfexplore.tui.engine.subjects import Subjects


class Others:
    """What the engine does with nets that are not explored at present."""

    def __init__(
        self,
        subjects: Subjects,
        gallery: Gallery,
        sharpener: Sharpener,
        inbox: Inbox,
        post: Callable[[object], object],
    ) -> None:
        self._subjects, self._gallery, self._sharpener = subjects, gallery, sharpener
        self._inbox, self._post = inbox, post
        self._hopeless: set[say.Setup] = set()  # cannot be opened, as is told when one is asked for
        self._rows: tuple[say.PlaceRow, ...] | None = None  # of the channel that is shown beside

    def due(self, present: say.Setup) -> say.Setup | None:
        """Name the next net in play that is not open, or whose atlas is not whole; so many as are kept."""
        nets = present.nets
        at = nets.index(present) if present in nets else 0
        for setup in (*nets[at + 1 :], *nets[:at])[: KEPT - 1]:
            subject = self._subjects.kept(setup)
            if setup not in self._hopeless and (subject is None or subject.growing):
                return setup
        return None

    def open(self, setup: say.Setup) -> Subject | None:
        """Open a net that nobody has asked for; None if that fails."""
        try:
            return self._subjects.open(setup)
        except Exception as error:
            logged(error)
            self._hopeless.add(setup)
            return None

    # -- beside the present net --------------------------------------------------------------------

    def show(self, request: say.ShowChannel, present: Subject, other: Subject) -> None:
        """Post what the other net has at the channel: its name, then its pictures one by one."""
        unit, notice = counterpart(request, present, other)
        called = "" if unit is None else other.stage(unit.stage).called(unit.channel)
        self._rows = None
        self._post(say.BesideListed(request.generation, other.setup.name, unit, called, notice))
        if unit is None or notice:
            return
        self._rows = other.top_rows(unit.stage, unit.channel)
        count = 0

        def stopped() -> bool:
            return self._inbox.overtaken(request)

        for shown in self._gallery.pictures(other, unit.stage, unit.channel, stopped):
            self._post(say.BesideArrived(request.generation, shown))
            count += 1
        if not self._inbox.overtaken(request):
            self._post(say.BesideShown(request.generation, count))
            self._sharpener.take(request.generation, other, unit, beside=True)
            if not other.growing:
                self._gallery.expect_of(other, unit.stage, request.ahead)

    def grown(self, request: say.ShowChannel | None, present: Subject, other: Subject) -> None:
        """Renew what is shown beside, if the other net's atlas has changed its places."""
        if request is None or request.beside != other.setup or self._inbox.overtaken(request):
            return
        unit, notice = counterpart(request, present, other)
        if unit is not None and not notice and other.top_rows(unit.stage, unit.channel) != self._rows:
            self.show(request, present, other)

    # -- the channel that answers most alike ---------------------------------------------------------

    def most_alike(self, request: say.FindAlike, present: Subject, other: Subject) -> say.AlikeFound:
        """Find the channel of the other net that answers most alike; raises ExploreError."""
        from zfexplore.studies.comparison import most_alike

        for subject in (present, other):
            if subject.growing:
                raise ExploreError(
                    f"to compare takes the whole atlas, and {subject.setup.name}'s is not built yet"
                )
            if subject.atlas is None:
                raise ExploreError(f"there is no atlas of {subject.setup.name} to compare with")
        assert present.atlas is not None
        assert other.atlas is not None
        stage = twin_of(present.stage(request.stage_name), present.stages, other.stages)
        if stage is None:
            raise ExploreError(f"{other.setup.name} has no layer like {request.stage_name}")
        match = most_alike(
            present.atlas, other.atlas, request.stage_name, request.channel, other_stage=stage.name
        )
        return say.AlikeFound(present.setup, match.unit, other.setup, match.other, match.correlation)


def counterpart(request: say.ShowChannel, present: Subject, other: Subject) -> tuple[Unit | None, str]:
    """Give the channel of the other net that is meant, and why it cannot be shown, if it cannot."""
    name, channel = other.setup.name, request.channel
    if (twin := request.beside_unit) is None:
        stage = twin_of(present.stage(request.stage_name), present.stages, other.stages)
        if stage is None:
            return None, f"{name} has no layer like {request.stage_name}"
        if channel >= stage.channels:
            return None, f"{stage.name} of {name} has no channel {channel}: it has 0-{stage.channels - 1}"
        twin = Unit(stage.name, channel)
    if other.gone:
        return twin, "the images are gone"
    if other.atlas is None:
        failed = f"no atlas could be made of {name}"
        return twin, failed if other.failed else f"the atlas of {name} is built after the other"
    return twin, ""
