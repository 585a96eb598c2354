"""The top line: what is explored, and at the right what is being computed."""

from __future__ import annotations

from rich.segment import Segment
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from zfexplore.printable import printable
from zfexplore.progress import Progress
from zfexplore.tui.widgets.jobs import job_text
from zfexplore.tui.widgets.rows import fitted


class StatusBar(Widget):
    """One line; the channel comes first, because narrow windows cut the end."""

    DEFAULT_CSS = "StatusBar { height: 1; background: $surface; }"

    unit: reactive[str] = reactive("")
    net: reactive[str] = reactive("")
    images: reactive[str] = reactive("")
    job: reactive[Progress | None] = reactive(None)
    brief: reactive[bool] = reactive(True)  # whether the job is shown here, because there is no job bar

    def render_line(self, y: int) -> Strip:
        """Draw what is known from the left, and the job at the right."""
        width = self.size.width
        job = printable(job_text(self.job, short=True)) if self.brief and self.job else ""
        parts = [part for part in (self.unit or "zfexplore", self.net, self.images) if part]
        left = fitted(" " + "  ·  ".join(parts), max(0, width - len(job) - 2))
        style = self.rich_style
        return Strip([Segment(left, style), Segment(f" {job} ", style)]).adjust_cell_length(width, style)
