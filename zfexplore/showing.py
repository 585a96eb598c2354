"""How results and progress are shown with rich: results on stdout, progress and remarks on stderr.

If stderr is not a terminal, and in a notebook, progress becomes plain lines every few seconds.
"""

from __future__ import annotations

import html
import io
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zfexplore.printable import printable, printable_json
from zfexplore.progress import Finished, Note, Progress, Skipped

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

    from zfexplore.studies.records import Comparison, Transfer

SECONDS_BETWEEN_LINES = 5.0
NAMED_SKIPS = 5


def output() -> Console:
    """Give the console for results, on stdout; if that is no terminal it is wide, so tables stay whole."""
    return _console(stderr=False)


def remarks() -> Console:
    """Give the console for progress, notes and errors, on stderr."""
    return _console(stderr=True)


def print_json(values: Any) -> None:
    """Print plain values as JSON to stdout, for other programs; in ASCII where the stream lacks letters.

    What a terminal would obey, or nobody sees, is written as JSON's own escape: the values stay the same."""
    import json

    from rich.text import Text

    console = output()
    text = printable_json(json.dumps(values, indent=2, ensure_ascii=False))
    try:
        text.encode(console.encoding)
    except (UnicodeEncodeError, LookupError):
        text = json.dumps(values, indent=2)
    console.print(Text(text), soft_wrap=True)


class Records(list[dict[str, Any]]):
    """Rows of plain values that print as a table, also in a notebook."""

    def __init__(
        self, rows: Iterable[dict[str, Any]], title: str,
        draw: Callable[[Sequence[Mapping[str, Any]], str], Table],
    ) -> None:  # fmt: skip
        super().__init__(rows)
        self.title, self._draw = title, draw

    def table(self) -> Table:
        """Draw the rows as a rich table."""
        return self._draw(self, self.title)

    def __str__(self) -> str:
        return in_plain_lines(self.table())

    def __repr__(self) -> str:
        return f"<Records {self.title!r}: {len(self)} rows>"

    def _repr_html_(self) -> str:
        """Show the table in a notebook."""
        columns = self.table().columns
        heads = "".join(f"<th>{html.escape(str(column.header))}</th>" for column in columns)
        texts = [[_plain_text(cell) for cell in column.cells] for column in columns]
        lines = (
            "".join(f"<td>{html.escape(text)}</td>" for text in line) for line in zip(*texts, strict=True)
        )
        body = "".join(f"<tr>{line}</tr>" for line in lines)
        return f"<table><caption>{html.escape(printable(self.title))}</caption><tr>{heads}</tr>{body}</table>"


def _plain_text(cell: object) -> str:
    from rich.text import Text

    return printable(Text.from_markup(str(cell)).plain)


def in_plain_lines(table: RenderableType) -> str:
    """Write a table, or whatever rich draws, as text, 120 letters wide."""
    from zfexplore.console import PrintableConsole

    console = PrintableConsole(file=io.StringIO(), width=120)
    console.print(table)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in lines).rstrip()


def watch(
    events: Iterable[Any],
    *,
    other: Callable[[Any], RenderableType | str | None] | None = None,
    every_name: bool = False,
) -> Any:
    """Run long work to its end, show its events, and give its result.

    Skipped images are counted, and the first few are named, or all of them with ``every_name``. ``other``
    turns events of other kinds into something to print (None prints nothing). The generator is closed on
    Ctrl-C too, so that the work can save what it needs to resume.
    """
    console = remarks()
    display: _Bars | _Lines = _Bars(console) if console.is_terminal else _Lines(console)
    skipped: list[Skipped] = []
    result = None
    try:
        with display:
            for event in events:
                if isinstance(event, Progress):
                    display.progress(event)
                elif isinstance(event, Note):
                    display.line(event.text)
                elif isinstance(event, Skipped):
                    skipped.append(event)
                elif isinstance(event, Finished):
                    result = event.result
                elif other is not None and (shown := other(event)) is not None:
                    display.line(shown)
    finally:
        close = getattr(events, "close", None)
        if close is not None:
            close()
        _report_skipped(console, skipped, len(skipped) if every_name else NAMED_SKIPS)
    return result


def _console(*, stderr: bool) -> Console:
    from zfexplore.console import PrintableConsole

    if _in_notebook():  # plain lines on stdout: a notebook shows stderr like an error
        return PrintableConsole(force_jupyter=False, force_terminal=False, width=120)
    console = PrintableConsole(stderr=stderr)
    if not console.is_terminal:
        console = PrintableConsole(stderr=stderr, width=max(console.width, 120))
    return console


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    return ipython is not None and type(ipython.get_ipython()).__name__ == "ZMQInteractiveShell"


def _report_skipped(console: Console, skipped: list[Skipped], named: int) -> None:
    if not skipped:
        return
    which = (
        "1 image could not be read and was"
        if len(skipped) == 1
        else f"{len(skipped)} images could not be read and were"
    )
    console.print(f"{which} left out:", style="yellow")
    for item in skipped[:named]:
        console.print(f"  {item.name}: {item.reason}", markup=False)
    if len(skipped) > named:
        console.print(f"  and {len(skipped) - named} more; `zfexplore images DIR --check` names them all")


class _Bars:
    """A rich progress bar for the current task, with rate and time left."""

    def __init__(self, console: Console) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
        )
        from rich.progress import Progress as Bars

        self._console = console
        self._tasks: dict[str, Any] = {}
        self._bars = Bars(
            SpinnerColumn("dots" if console.encoding.startswith("utf") else "line"),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[pace]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", style="dim", markup=False),
            console=console,
        )

    def __enter__(self) -> None:
        self._bars.start()

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def progress(self, event: Progress) -> None:
        if event.task not in self._tasks:
            self._clear_finished()
            self._tasks[event.task] = self._bars.add_task(event.task, total=event.total, pace="", note="")
        self._bars.update(
            self._tasks[event.task],
            completed=event.done,
            total=event.total,
            pace=_pace(event),
            note=printable(event.note),  # its width counts before the console sees it
        )

    def line(self, text: RenderableType | str) -> None:
        self._console.print(text, markup=False)

    def _clear_finished(self) -> None:
        """Remove full bars: those of a long training would fill the terminal and hide the moving one."""
        for task in self._bars.tasks:
            if task.finished:
                self._bars.remove_task(self._tasks.pop(task.description))


class _Lines:
    """Plain lines, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: dict[str, float] = {}

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass

    def progress(self, event: Progress) -> None:
        if not event.done and event.total is None:  # it waits for something, which a note has told
            return
        now = time.monotonic()
        complete = event.done == event.total
        if not complete and now - self._shown.get(event.task, float("-inf")) < SECONDS_BETWEEN_LINES:
            return
        self._shown[event.task] = now
        of = f" of {event.total}" if event.total is not None else ""
        note = f"  {event.note}" if event.note else ""
        self._console.print(
            f"{event.task}: {event.done}{of}  {_pace(event)}{note}", markup=False, soft_wrap=True
        )

    def line(self, text: RenderableType | str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)


def _pace(event: Progress) -> str:
    if not event.done and event.total is None:
        return ""
    rate = f"{event.rate:.1f} {event.unit}/s" if event.rate < 100 else f"{event.rate:.0f} {event.unit}/s"
    if event.done == event.total or event.seconds_left is None:
        return rate
    return f"{rate}, {clock(event.seconds_left)} left"


def clock(seconds: float) -> str:
    """Write seconds as 8s, 3:05 or 1:02:03."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    minutes, second = divmod(whole, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute}:{second:02}"


def channel_table(rows: Sequence[Mapping[str, Any]], title: str) -> Table:
    """Draw rows of ``Explorer.top`` for a stage: one line per channel."""
    labelled = any(row["best_class"] is not None for row in rows)
    named = any("stands_for" in row for row in rows)
    table = empty_table(title)
    table.add_column("channel", style="bold")
    if named:
        table.add_column("stands for")
    for heading in ("max", "mean", "fires on"):
        table.add_column(heading, justify="right")
    if labelled:
        table.add_column("selectivity", justify="right")
        table.add_column("best class")
    striking = any("striking" in row for row in rows)
    if striking:
        table.add_column("striking", justify="right")
    for row in rows:
        cells = [escaped(row["channel"]), *([escaped(row["stands_for"])] if named else [])]
        cells += [f"{row['max']:.4g}", f"{row['mean']:.4g}", f"{row['share_firing']:.0%}"]
        if row["dead"]:
            cells[-1] = "dead"
        elif labelled:
            cells += [f"{row['selectivity']:.2f}", escaped(row["best_class"])]
        if striking and not row["dead"]:
            cells += [f"{row['striking']:.2f}"]
        table.add_row(*cells)
    return table


def place_table(rows: Sequence[Mapping[str, Any]], title: str) -> Table:
    """Draw rows of ``Explorer.top`` for a channel: one line per place."""
    labelled = any(row["label"] is not None for row in rows)
    table = empty_table(title)
    if not rows:  # rich would fold the title to the width of the headings
        table.min_width = len(title)
    table.add_column("", justify="right", style="dim")
    table.add_column("activation", justify="right", style="bold")
    table.add_column("image", overflow="fold")
    if labelled:
        table.add_column("class")
    table.add_column("y, x", justify="right")
    table.add_column("rows", justify="right")
    table.add_column("columns", justify="right")
    for row in rows:
        y0, x0, y1, x1 = row["window"]
        labels = [escaped(row["label"] or "")] if labelled else []
        place = (f"{row['y']}, {row['x']}", f"{y0}-{y1 - 1}", f"{x0}-{x1 - 1}")
        table.add_row(str(row["rank"]), f"{row['value']:.4g}", escaped(row["name"]), *labels, *place)
    return table


def alike_table(rows: Sequence[Mapping[str, Any]], title: str) -> Table:
    """Draw rows of ``Explorer.top_alike``: one line per channel."""
    table = empty_table(title)
    table.add_column("channel", style="bold")
    named = [name for name in ("stands_for", "best_class") if any(row[name] is not None for row in rows)]
    for heading in ("r", "n", "both fire"):
        table.add_column(heading, justify="right")
    for name in named:
        table.add_column(name.replace("_", " "))
    for row in rows:
        cells = [escaped(row["channel"]), f"{row['r']:.3f}", f"{row['n']:,}", f"{row['both_fire']:,}"]
        table.add_row(*cells, *(escaped(row[name] or "") for name in named))
    return table


def match_table(found: Comparison, count: int) -> Table:
    """Draw the ``count`` most alike pairs of channels of two nets: one line per pair."""
    table = empty_table(f"{found.stage}: {len(found.matches):,} pairs, over {found.images:,} images")
    table.add_column("A", style="bold")
    table.add_column("B", style="bold")
    table.add_column("correlation", justify="right")
    for match in found.matches[:count]:
        table.add_row(escaped(str(match.unit)), escaped(str(match.other)), f"{match.correlation:.3f}")
    return table


def comparison_table(comparisons: Iterable[Comparison], title: str) -> Table:
    """Draw one line per layer: how many channels match, how alike, and how many do not."""
    table = empty_table(title)
    table.add_column("layer", style="bold")
    for heading in ("pairs", "median correlation", "by chance", "only in A", "only in B", "dead, A and B"):
        table.add_column(heading, justify="right")
    for found in comparisons:
        median = "" if found.median is None else f"{found.median:.2f}"
        counts = (len(found.unmatched_a), len(found.unmatched_b))
        dead = f"{len(found.dead_a):,}, {len(found.dead_b):,}"
        table.add_row(
            escaped(found.stage), f"{len(found.matches):,}", median, f"{found.chance:.2f}",
            *(f"{number:,}" for number in counts), dead,
        )  # fmt: skip
    return table


def transfer_table(found: Transfer) -> Table:
    """Draw one line per layer: its accuracy by the number of training images a class, and the paper's."""
    title = f"{found.images}, {found.classes} classes"
    table = empty_table(title)
    table.min_width = len(title)  # rich would fold the title to the width of the columns
    sizes = list(found.tested)
    papers = {one.per_class for one in found.scores if one.paper is not None}
    table.add_column("layer", style="bold")
    table.add_column("features", justify="right")
    for size in sizes:
        table.add_column(f"{size} a class", justify="right")
        if size in papers:
            table.add_column("ZF, on Caltech-101", justify="right")
    by_stage: dict[str, list[str]] = {}
    for one in found.scores:
        cells = by_stage.setdefault(one.stage, [escaped(one.stage), f"{one.values:,}"])
        spread = "" if one.spread is None else f" ± {100 * one.spread:.1f}"
        cells.append(f"{100 * one.mean:.1f}{spread} %")
        if one.per_class in papers:
            cells.append("" if one.paper is None else f"{100 * one.paper:.1f} %")
    for cells in by_stage.values():
        table.add_row(*cells)
    return table


def settling_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Draw rows of ``figures.evolution.settling_rows``: one line per layer, one column per epoch."""
    table = empty_table("How the filters of each layer correlate with the last ones, and with the next")
    table.add_column("layer", style="bold")
    epochs = list(dict.fromkeys(row["epoch"] for row in rows))
    for epoch in epochs:
        table.add_column(f"epoch {epoch:.4g}", justify="right")
    for name in dict.fromkeys(row["stage"] for row in rows):
        values = {row["epoch"]: row for row in rows if row["stage"] == name}
        cells = [f"{values[one]['with_last']:.2f}  {values[one]['with_next']:.2f}" for one in epochs]
        table.add_row(escaped(name), *cells)
    return table


def correspondence_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Draw rows of ``figures.correspondence.correspondence_rows``: one line per layer and part."""
    table = empty_table("How differently hiding a part changes the features of two images (ZF table 1)")
    table.add_column("layer", style="bold")
    table.add_column("part")
    for heading in ("images", "distance", "random parts", "random ones above"):
        table.add_column(heading, justify="right")
    for row in rows:
        pairs = ((row["distance"], row["error"]), (row["random"], row["random_error"]))
        numbers = [f"{value:.3f}" + ("" if error is None else f" ± {error:.3f}") for value, error in pairs]
        above = f"{row['above']} of {row['draws']}"
        table.add_row(escaped(row["layer"]), escaped(row["part"]), f"{row['images']:,}", *numbers, above)
    return table


def empty_table(title: str | None) -> Table:
    """Give a table with a heading and no columns yet."""
    from rich import box
    from rich.table import Table

    heading = None if title is None else escaped(title)
    return Table(title=heading, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)


def escaped(text: str) -> str:
    """Give a text that is no markup, such as the name of a file, as rich shows it letter by letter."""
    from rich.markup import escape

    return escape(printable(text))
