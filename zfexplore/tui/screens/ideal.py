"""What a channel would like best: a picture made by ascent, beside the photograph that excites it most.

The picture is no photograph: it shows what is enough to excite the channel. The exemplar's projection and
patch beside it show what does so in the images.
"""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal

from zfexplore.progress import Progress
from zfexplore.tui import keys
from zfexplore.tui.questions import IdealBeside, IdealMade, MakeIdeal, SaveIdeal
from zfexplore.tui.screens.study import StudyScreen
from zfexplore.tui.widgets.channels import number
from zfexplore.tui.widgets.jobs import JobBar
from zfexplore.tui.widgets.keybar import KeyBar
from zfexplore.tui.widgets.large import LargePicture, cuts_of
from zfexplore.tui.widgets.sidebar import entitle
from zfexplore.tui.widgets.told import Told
from zfexplore.tui.widgets.top import bare_name
from zfexplore.units import Unit

PANES = ("ideal", "projection", "patch")  # in the order of the key that changes them
ROOM_FOR_ALL = 70  # columns of the screen, from which they stand side by side


class IdealScreen(StudyScreen):
    """Makes the pictures that ``unit``, a channel that is written ``called``, would like best."""

    HELP = "on an ideal picture"
    BINDINGS = keys.bindings(keys.IDEAL)

    def __init__(self, unit: Unit, called: str, mode: str) -> None:
        super().__init__(None, mode)
        self.unit, self.called = unit, called
        self.beside: IdealBeside | None = None
        self.made: IdealMade | None = None
        self.rank = 0  # of the picture that is shown
        self.refusal = ""  # why there is none
        self.showing = 0  # which pane, where only one fits

    def compose(self) -> ComposeResult:
        """A line above, the three pictures, what the channel answers to them."""
        yield Told(id="ideal-title")
        with Horizontal(id="ideal-pictures"):
            for name in PANES:
                yield LargePicture(id=f"ideal-{name}")
        yield Told(id="ideal-numbers")
        yield JobBar(id="ideal-job")
        yield KeyBar()

    def on_mount(self) -> None:
        """Draw what is known, and ask once the pictures have their places."""
        for picture in self.query(LargePicture):
            picture.mode = self.mode
        self.query_one("#ideal-title", Told).update(f" {self.called} · what it would like best, by ascent")
        self.query_one(JobBar).job = Progress("ascending")
        self._draw()
        self.call_after_refresh(self._ask)

    def on_resize(self) -> None:
        """Show all three where there is room."""
        self._draw()
        self.refresh_bindings()

    def _ask(self) -> None:
        cuts = cuts_of(self.query(LargePicture))
        self.ask(lambda number: MakeIdeal(number, self.unit, cuts))

    # -- answers -----------------------------------------------------------------------------------

    def show(self, answer: IdealBeside | Progress | IdealMade) -> None:
        """Show the exemplar, how far the ascent is, and at last the picture."""
        self.waiting = not isinstance(answer, IdealMade)
        if isinstance(answer, Progress):
            self.query_one(JobBar).job = answer
            return
        if isinstance(answer, IdealMade):
            self.made = answer
            self.query_one(JobBar).job = None
        else:
            self.beside = answer
        self._draw()

    def show_refusal(self, text: str) -> None:
        """Show the reason in the place of the numbers; the exemplar stays if it is there."""
        self.refusal = f" ✗ {text}"
        self.query_one(JobBar).job = None
        self._draw()

    # -- keys --------------------------------------------------------------------------------------

    def action_walk(self, step: int) -> None:
        """Go to the picture of another start; the ends hold."""
        if self.made is not None:
            self.rank = max(0, min(self.rank + step, len(self.made.pictures) - 1))
            self._draw()

    def action_other(self) -> None:
        """Show the next pane where only one fits."""
        self.showing = (self.showing + 1) % len(PANES)
        self._draw()

    def action_save(self) -> None:
        """Save the figure of all starts."""
        if self.made is None:
            self.app.notify("the picture is not made yet", markup=False)
            return
        self.post_message(self.Asked(SaveIdeal(self.number)))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Switch off changing panes where all are in sight."""
        return action != "other" or self.app.size.width < ROOM_FOR_ALL

    # -- drawing -----------------------------------------------------------------------------------

    def _draw(self) -> None:
        all_fit = self.app.size.width >= ROOM_FOR_ALL
        made, best = self.made, None if self.beside is None else self.beside.best
        start = "" if made is None else f", {self.rank + 1} of {len(made.pictures)}"
        titles = (f"ideal{start}", "strongest, projected", "what it saw")
        bitmaps = (
            None if made is None else made.pictures[self.rank],
            None if best is None else best.projection,
            None if best is None else best.patch,
        )
        for place, (name, title, bitmap) in enumerate(zip(PANES, titles, bitmaps, strict=True)):
            pane = self.query_one(f"#ideal-{name}", LargePicture)
            pane.display = all_fit or place == self.showing
            pane.styles.width = (self.app.size.width - 2) // 3 if all_fit else "1fr"  # all of one size
            pane.styles.margin = (0, 0, 0, 1 if all_fit and place else 0)
            pane.bitmap = bitmap
            entitle(pane, title if all_fit else f"{title} · p {place + 1} of {len(PANES)}")
        self.query_one("#ideal-numbers", Told).update(self._numbers())

    def _numbers(self) -> list[str]:
        lines = [self.refusal] if self.refusal else []
        if self.beside is None:
            return lines
        if self.made is not None:
            activation = self.made.activations[self.rank]
            lines.append(f" ideal picture: activation {answer_of(activation, self.beside.strongest)}")
        if (best := self.beside.best) is None:
            return [*lines, f" no photograph to hold it against: {self.beside.notice}"]
        name = " · ".join(part for part in (best.label, bare_name(best.name, best.label)) if part)
        return [*lines, f" strongest photograph: activation {number(best.value)} · {name}"]


def answer_of(activation: float, strongest: float) -> str:
    """Write an activation against the strongest on the images, if there is one."""
    if strongest <= 0:
        return number(activation)
    return f"{number(activation)}, {activation / strongest:.1f} times that on the strongest photograph"
