"""What matters in a picture: a grey square moved over it, the answers drawn as they come (ZF figure 7)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

from rich.markup import escape
from textual.app import ComposeResult
from textual.containers import Horizontal

from zfexplore.progress import Progress
from zfexplore.tui import keys
from zfexplore.tui.questions import Chosen, Occlude, Occlusion, SaveOcclusion
from zfexplore.tui.screens.study import StudyScreen
from zfexplore.tui.widgets.channels import number
from zfexplore.tui.widgets.classmap import ClassMap
from zfexplore.tui.widgets.jobs import JobBar
from zfexplore.tui.widgets.keybar import KeyBar
from zfexplore.tui.widgets.large import LargePicture
from zfexplore.tui.widgets.pictures import ROOM_FOR_BOTH
from zfexplore.tui.widgets.sidebar import entitle
from zfexplore.tui.widgets.told import Told
from zfexplore.units import Unit, Window

MAPS = ("response", "probability", "class")  # in the order of the key that changes them


class OcclusionScreen(StudyScreen):
    """Watches a channel of ``stage`` and the picture's class while parts of it are hidden."""

    HELP = "on an occlusion"
    BINDINGS = keys.bindings(keys.OCCLUSION)

    def __init__(self, chosen: Chosen, stage: str, channel: int, mode: str) -> None:
        super().__init__(chosen, mode)
        self.unit = Unit(stage, channel)
        self.view: Occlusion | None = None
        self.refusal = ""  # why there are no maps
        self.place = (0, 0)
        self.halted = False  # by the user: an answer that was on its way does not set it going again
        self.moved = False  # by the user: until then the cursor follows the weakest place
        self.showing = 0  # which map, where only one fits

    def compose(self) -> ComposeResult:
        """A line above, the maps, the numbers of the place under the cursor."""
        yield Told(id="occlusion-title")
        with Horizontal(id="occlusion-maps"):
            yield LargePicture(id="occlusion-response")
            yield LargePicture(id="occlusion-probability")
            yield ClassMap(id="occlusion-class")
        yield Told(id="occlusion-numbers")
        yield JobBar(id="occlusion-job")
        yield KeyBar()

    def on_mount(self) -> None:
        """Ask for the maps."""
        for picture in self.query(LargePicture):
            picture.mode = self.mode
        self.query_one(JobBar).job = Progress("occlusion")
        self._draw()
        chosen = self.chosen
        assert chosen is not None
        self.ask(lambda number: Occlude(number, chosen, self.unit.stage, self.unit.channel))

    def on_resize(self) -> None:
        """Show all maps where there is room."""
        self._draw()
        self.refresh_bindings()

    # -- answers -----------------------------------------------------------------------------------

    def show(self, answer: Occlusion) -> None:
        """Show the maps so far."""
        self.view = answer = answer.stopped() if self.halted else answer
        self.waiting = answer.job is not None
        self.query_one(JobBar).job = answer.job
        if not self.moved and answer.weakest is not None:
            self.place = answer.weakest
        self._draw()

    def show_refusal(self, text: str) -> None:
        """Show the reason in the place of the numbers; maps that are there stay."""
        self.refusal = f" ✗ {text}"
        self.query_one(JobBar).job = None
        self.query_one("#occlusion-numbers", Told).update(self.refusal)

    # -- keys --------------------------------------------------------------------------------------

    def action_move(self, down: int, across: int) -> None:
        """Move the cursor to a neighbouring place; the edges hold."""
        if self.view is None:
            return
        last = len(self.view.windows) - 1
        row, column = self.place
        self._go((max(0, min(row + down, last)), max(0, min(column + across, last))))

    def _go(self, place: tuple[int, int]) -> None:
        self.place, self.moved = place, True
        self._draw()

    def on_large_picture_clicked(self, event: LargePicture.Clicked) -> None:
        """Go to the place whose square hides what was clicked."""
        if self.view is not None:
            self._go(nearest(self.view.windows, event.y, event.x))

    def on_class_map_clicked(self, event: ClassMap.Clicked) -> None:
        """Go to the place that was clicked."""
        self._go(event.place)

    def action_weakest(self) -> None:
        """Go to the place that the channel needs most."""
        if self.view is not None and self.view.weakest is not None:
            self.place, self.moved = self.view.weakest, False
            self._draw()

    def action_other(self) -> None:
        """Show the next map where only one fits."""
        self.showing = (self.showing + 1) % len(MAPS)
        self._draw()

    def action_save(self) -> None:
        """Save the figure of the maps so far."""
        if self.view is None:
            self.app.notify("there is no square yet to save", markup=False)
            return
        self.post_message(self.Asked(SaveOcclusion(self.number)))

    def action_close(self) -> None:
        """Stop what is computed; where nothing is, leave."""
        if not self.waiting:
            self.leave(None)
            return
        self.give_up()
        self.halted = True
        self.query_one(JobBar).job = None
        if self.view is not None:
            self.view = self.view.stopped()
        self._draw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Switch off changing maps where all are in sight."""
        return action != "other" or self.app.size.width < ROOM_FOR_BOTH

    # -- drawing -----------------------------------------------------------------------------------

    def _draw(self) -> None:
        self._arrange()
        title = f" {self.unit} on {self.chosen.name if self.chosen else ''} · grey square moved over it"
        self.query_one("#occlusion-title", Told).update(title)
        numbers = self.query_one("#occlusion-numbers", Told)
        view = self.view
        if view is None:
            numbers.update(" the first answers are coming …" if self.waiting else self.refusal or " stopped")
            return
        response = self.query_one("#occlusion-response", LargePicture)
        probability = self.query_one("#occlusion-probability", LargePicture)
        row, column = self.place
        response.bitmap = view.response.boxed(view.windows[row][column])
        if view.likelihood is not None:
            probability.bitmap = view.likelihood.boxed(view.windows[row][column])
        classes = self.query_one(ClassMap)
        classes.view, classes.place = view, self.place
        numbers.update([f" {line}" for line in numbers_of(view, self.place)])

    def _arrange(self) -> None:
        wide = self.app.size.width >= ROOM_FOR_BOTH
        view = self.view
        likely = f"probability of {view.label}" if view is not None and view.label else "probability"
        titles = (f"response of {self.unit}", likely, "most probable class")
        for place, (name, title) in enumerate(zip(MAPS, titles, strict=True)):
            pane = self.query_one(f"#occlusion-{name}")
            pane.display = wide or place == self.showing
            title = title if wide else f"{title} · p {place + 1} of {len(MAPS)}"
            entitle(pane, escape(title))  # names of classes may look like markup


def numbers_of(view: Occlusion, place: tuple[int, int]) -> list[str]:
    """Say what the net answers with the square on a place, against its answer to the whole picture."""
    row, column = place
    y0, x0, y1, x1 = view.windows[row][column]
    where = f"square on rows {y0}-{y1 - 1}, columns {x0}-{x1 - 1}"
    if math.isnan(view.total[row][column]):
        return [f"{where}: not yet", *_scales(view)]
    total = view.total[row][column]
    share = f", {total / view.intact.total:.0%}" if view.intact.total else ""
    lines = [f"{where}: sum of the map {number(total)}{share} of {number(view.intact.total)} intact"]
    if view.best and view.intact.probability is not None and view.intact.best_class is not None:
        lines.append(
            f"{view.label} {view.probability[row][column]:.1%}, intact {view.intact.probability:.1%}"
        )
        best, before = (
            view.names.get(label, label) for label in (view.best[row][column], view.intact.best_class)
        )
        lines.append(f"most probable {best}" + (f", intact {before}" if best != before else ", as intact"))
    return [*lines, *_scales(view)]


def nearest(windows: Sequence[Sequence[Window]], y: float, x: float) -> tuple[int, int]:
    """Give the place whose square's middle is nearest to ``y, x``, shares of the whole picture."""
    side = windows[-1][-1].y1  # the last square ends where the picture does

    def distance(place: tuple[int, int]) -> float:
        y0, x0, y1, x1 = windows[place[0]][place[1]]
        return math.hypot((y0 + y1) / 2 - y * side, (x0 + x1) / 2 - x * side)

    places = range(len(windows))
    return min(product(places, places), key=distance)


def _scales(view: Occlusion) -> list[str]:
    """Give the values of the darkest and the brightest colour of each map."""
    low, high = _range(view.total, view.intact.total)
    text = f"dark to bright: sum of the map {number(low)} to {number(high)}"
    if view.probability and view.intact.probability is not None:
        low, high = _range(view.probability, view.intact.probability)
        text += f" · probability {low:.1%} to {high:.1%}"
    return [text]


def _range(values: Sequence[Sequence[float]], intact: float) -> tuple[float, float]:
    known = [value for row in values for value in row if not math.isnan(value)]
    return min([*known, intact]), max([*known, intact])
