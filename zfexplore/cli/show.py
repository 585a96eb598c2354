"""How commands speak: results to stdout, progress and remarks to stderr, drawn by rich on a terminal.

Where stderr is not a terminal, progress becomes plain lines at most every few seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from zfexplore.progress import Finished, Note, Progress, Skipped

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

SECONDS_BETWEEN_LINES = 5.0
NAMED_SKIPS = 5


def output() -> Console:
    """Give the console for results, on stdout; wide when it is not a terminal, so tables stay whole."""
    return _console(stderr=False)


def remarks() -> Console:
    """Give the console for progress, notes and errors, on stderr."""
    return _console(stderr=True)


def print_json(values: Any) -> None:
    """Print JSON to stdout: plain values, ready for another program."""
    import json

    output().print(
        json.dumps(values, indent=2, ensure_ascii=False), markup=False, highlight=False, soft_wrap=True
    )


def watch(
    events: Iterable[Any],
    *,
    other: Callable[[Any], RenderableType | str | None] | None = None,
    every_name: bool = False,
) -> Any:
    """Run long work to its end, showing its events, and give its result.

    Images that were skipped are counted and the first few named, or with ``every_name`` all.
    ``other`` turns events of further kinds into something to print (None prints nothing). The
    generator is closed on Ctrl-C too, so that the work can save what it needs to resume.
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
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        console = Console(stderr=stderr, highlight=False, width=max(console.width, 120))
    return console


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
    """A rich progress bar for the task at hand, with rate and time left."""

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
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[pace]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", style="dim"),
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
            note=event.note,
        )

    def line(self, text: RenderableType | str) -> None:
        self._console.print(text, markup=False)

    def _clear_finished(self) -> None:
        """Take full bars away: a long training's would fill the terminal and hide the one that moves."""
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
