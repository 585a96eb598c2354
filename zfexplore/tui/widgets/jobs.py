"""The job bar: what is being computed, how far it is, how fast it goes and how long it will take."""

from __future__ import annotations

from rich.segment import Segment
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from zfexplore.printable import printable
from zfexplore.progress import Progress

BAR_CELLS = 24


class JobBar(Widget):
    """One line, blank while the engine rests."""

    COMPONENT_CLASSES = {"jobs--bar"}
    DEFAULT_CSS = """
    JobBar { height: 1; color: $text-muted; }
    JobBar > .jobs--bar { color: $primary; }
    """

    job: reactive[Progress | None] = reactive(None)

    def render_line(self, y: int) -> Strip:
        """Draw the bar and its numbers."""
        plain, bar = self.rich_style, self.get_component_rich_style("jobs--bar")
        width = self.size.width
        if self.job is None:
            return Strip.blank(width, plain)
        segments = [Segment(f" {printable(job_text(self.job))}", plain)]
        if self.job.total and width >= 60:
            segments = [Segment(" ", plain), Segment(progress_bar(self.job), bar), *segments]
        return Strip(segments).adjust_cell_length(width, plain)


def progress_bar(job: Progress, cells: int = BAR_CELLS) -> str:
    """Draw how far a job is."""
    filled = round(cells * min(1.0, job.done / (job.total or 1)))
    return "━" * filled + "╌" * (cells - filled)


def job_text(job: Progress, *, short: bool = False) -> str:
    """Say how far a job is: ``building the atlas 120/480 · 31 images/s · 0:12 left``."""
    if not job.total:
        return f"{job.task} …"
    if short:
        return f"{job.task} {100 * job.done // job.total}%{_left(job)}"
    rate = f" · {job.rate:.3g} {job.unit}/s" if job.rate else ""
    return f"{job.task} {job.done}/{job.total}{rate}{_left(job)}"


def _left(job: Progress) -> str:
    if job.seconds_left is None:
        return ""
    minutes, seconds = divmod(round(job.seconds_left), 60)
    return f" · {minutes}:{seconds:02} left"
