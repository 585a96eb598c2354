"""What stays when a picture is shifted, enlarged or turned: lines, and the moved picture (ZF figure 5)."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal

from zfexplore.choices import Move
from zfexplore.progress import Progress
from zfexplore.studies.courses import Invariance
from zfexplore.tui import keys
from zfexplore.tui.drawing.bitmap import Bitmap
from zfexplore.tui.questions import Chosen, SaveVaried, Variation, Vary
from zfexplore.tui.screens.study import StudyScreen
from zfexplore.tui.widgets.jobs import JobBar
from zfexplore.tui.widgets.keybar import KeyBar
from zfexplore.tui.widgets.large import LargePicture
from zfexplore.tui.widgets.moves import MoveCharts
from zfexplore.tui.widgets.sidebar import entitle
from zfexplore.tui.widgets.told import Told

ROOM_FOR_BOTH = 70  # columns of the screen, from which picture and lines stand side by side
AS_IT_IS: dict[Move, float] = {"translation": 0.0, "scale": 1.0, "rotation": 0.0}


class VariedScreen(StudyScreen):
    """Moves ``chosen``, and shows how far its features move and how probable its class stays."""

    HELP = "on a moved picture"
    BINDINGS = keys.bindings(keys.VARIED)

    def __init__(self, chosen: Chosen, mode: str) -> None:
        super().__init__(chosen, mode)
        self.view: Variation | None = None
        self.refusal = ""  # why there is none
        self.kind = 0  # of move, by number
        self.places: list[int] = []  # by kind: which of its amounts is shown
        self.lines = False  # whether the lines are in sight, where only one fits

    def compose(self) -> ComposeResult:
        """A line above, the moved picture and the lines, what they say where the cursor is."""
        yield Told(id="varied-title")
        with Horizontal(id="varied-body"):
            yield LargePicture(id="varied-picture")
            yield MoveCharts(id="varied-charts")
        yield Told(id="varied-numbers")
        yield JobBar(id="varied-job")
        yield KeyBar()

    def on_mount(self) -> None:
        """Ask for the lines."""
        self.query_one(LargePicture).mode = self.mode
        self.query_one(MoveCharts).braille = self.mode != "ascii"
        self.query_one(JobBar).job = Progress("moving")
        chosen = self.chosen
        assert chosen is not None
        told = f" {chosen.name} · what stays the same when it is shifted, enlarged, turned"
        self.query_one("#varied-title", Told).update(told)
        self._draw()
        self.ask(lambda number: Vary(number, chosen))

    def on_resize(self) -> None:
        """Show both where there is room."""
        self._draw()
        self.refresh_bindings()

    # -- answers -----------------------------------------------------------------------------------

    def show(self, answer: Progress | Variation) -> None:
        """Show how far it is, and then the lines, with the picture as it is."""
        self.waiting = isinstance(answer, Progress)
        self.query_one(JobBar).job = answer if isinstance(answer, Progress) else None
        if isinstance(answer, Variation):
            self.view = answer
            self.places = [still(answer.found, kind) for kind in range(len(answer.found.courses))]
            self._draw()

    def show_refusal(self, text: str) -> None:
        """Show the reason in the place of the numbers."""
        self.refusal = f" ✗ {text}"
        self.query_one(JobBar).job = None
        self._draw()

    # -- keys --------------------------------------------------------------------------------------

    def action_walk(self, step: int) -> None:
        """Move the picture a step more or less; the ends hold."""
        if self.view is not None:
            last = len(self.view.found.courses[self.kind].amounts) - 1
            self._go(max(0, min(self.places[self.kind] + step, last)))

    def action_kind(self, step: int) -> None:
        """Go to the kind of move before or after; the ends hold."""
        if self.view is not None:
            self.kind = max(0, min(self.kind + step, len(self.places) - 1))
            self._draw()

    def action_still(self) -> None:
        """Show the picture as it is."""
        if self.view is not None:
            self._go(still(self.view.found, self.kind))

    def on_move_charts_picked(self, event: MoveCharts.Picked) -> None:
        """Go to the amount that was clicked."""
        self._go(event.place)

    def _go(self, place: int) -> None:
        self.places[self.kind] = place
        self._draw()

    def action_other(self) -> None:
        """Show the picture or the lines, where only one fits."""
        self.lines = not self.lines
        self._draw()

    def action_save(self) -> None:
        """Save the figure of all moves."""
        if self.view is None:
            self.app.notify("the picture is not moved yet", markup=False)
            return
        self.post_message(self.Asked(SaveVaried(self.number)))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Switch off swapping where both are in sight."""
        return action != "other" or self.app.size.width < ROOM_FOR_BOTH

    # -- drawing -----------------------------------------------------------------------------------

    def _draw(self) -> None:
        picture, charts = self.query_one(LargePicture), self.query_one(MoveCharts)
        both = self.app.size.width >= ROOM_FOR_BOTH
        picture.display, charts.display = both or not self.lines, both or self.lines
        numbers, view = self.query_one("#varied-numbers", Told), self.view
        if view is None:
            waits = " the picture is being moved …" if self.waiting else self.refusal
            numbers.update(waits)
            return
        course, place = view.found.courses[self.kind], self.places[self.kind]
        told = move_in_words(course.kind, course.amounts[place])
        picture.bitmap = Bitmap(view.found.moved(course.kind, course.amounts[place]))
        entitle(picture, told if both else f"{told} · p lines")
        charts.view, charts.kind, charts.place = view.found, self.kind, place
        numbers.update([f" {line}" for line in numbers_of(view, self.kind, place)])


def still(found: Invariance, kind: int) -> int:
    """Give which amount of a kind leaves the picture as it is, or nearly."""
    course = found.courses[kind]
    as_it_is = AS_IT_IS[course.kind]
    return min(range(len(course.amounts)), key=lambda place: abs(course.amounts[place] - as_it_is))


def move_in_words(kind: Move, amount: float) -> str:
    """Say what a move does."""
    if amount == AS_IT_IS[kind]:
        return "as it is"
    if kind == "translation":
        return f"shifted {abs(amount):g} pixels {'down' if amount > 0 else 'up'}"
    if kind == "scale":
        return f"{amount:g} times as large"
    return f"turned {amount:g} degrees counter-clockwise"


def numbers_of(view: Variation, kind: int, place: int) -> list[str]:
    """Say how probable the class stays, and whose it is; then what the move does to it on the whole."""
    found, course = view.found, view.found.courses[kind]
    lines = [f"{course.kind}: {move_in_words(course.kind, course.amounts[place])}"]
    if found.probability is None or course.probability is None:
        return lines
    which = "its class" if view.told else "the most probable class"
    lines[0] += f" · {found.class_name} ({which}) {course.probability[place]:.1%}"
    low, high = course.probability.min(), course.probability.max()
    lines.append(f"{found.probability:.1%} as it is · over all amounts of this move {low:.1%} to {high:.1%}")
    return lines
