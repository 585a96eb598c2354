"""Rows of measurements: as a table to read, as JSON to compare, and as Markdown for docs/speed.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rich.table import Table

from benchmarks.host import Host
from benchmarks.measure import Timing


@dataclass(frozen=True)
class Row:
    """One measurement: ours, and what it is compared with.

    If ``count`` and ``unit`` are given, times are shown as rates. The ratio is how many times faster ours
    is than ``reference``. ``goal`` is the ratio wanted, ``limit`` the seconds allowed, and ``floor`` the
    seconds that operations and bytes alone would take on this machine.
    """

    name: str
    ours: Timing
    against: str = ""
    reference: Timing | None = None
    count: int = 0
    unit: str = ""
    goal: float | None = None
    limit: float | None = None
    floor: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The reference's median time over ours."""
        return self.reference.median / self.ours.median if self.reference else None

    @property
    def reached(self) -> bool | None:
        """Whether goal and limit are met; None if there is neither."""
        held = []
        if self.goal is not None and self.ratio is not None:
            held.append(self.ratio >= self.goal)
        if self.limit is not None:
            held.append(self.ours.median <= self.limit)
        return all(held) if held else None

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Row:
        """Read what ``to_json`` gave."""
        reference = values["reference_seconds"]
        return cls(
            values["name"],
            Timing(tuple(values["ours_seconds"])),
            values["against"],
            Timing(tuple(reference)) if reference else None,
            values["count"],
            values["unit"],
            values["goal"],
            values["limit_seconds"],
            values["floor_seconds"],
            values["note"],
        )

    def to_json(self) -> dict[str, Any]:
        """Give the row as plain values, including the seconds of every run."""
        return {
            "name": self.name,
            "ours_seconds": list(self.ours.seconds),
            "ours_median": self.ours.median,
            "ours_spread": self.ours.spread,
            "against": self.against,
            "reference_seconds": list(self.reference.seconds) if self.reference else None,
            "reference_median": self.reference.median if self.reference else None,
            "reference_spread": self.reference.spread if self.reference else None,
            "ratio": self.ratio,
            "count": self.count,
            "unit": self.unit,
            "goal": self.goal,
            "limit_seconds": self.limit,
            "floor_seconds": self.floor,
            "reached": self.reached,
            "note": self.note,
        }


@dataclass(frozen=True)
class Remark:
    """A line that is no timing: how two methods differ, or what could not be measured and why."""

    text: str

    def to_json(self) -> dict[str, Any]:
        """Give the line as plain values."""
        return {"remark": self.text}


def table(title: str, rows: list[Row | Remark]) -> Table:
    """Draw the rows of one section, with its remarks below as the caption."""
    drawn = Table(title=title, title_justify="left", caption_justify="left", expand=False)
    drawn.caption = "\n".join(row.text for row in rows if isinstance(row, Remark)) or None
    drawn.add_column("what", overflow="fold")
    drawn.add_column("ours", justify="right", no_wrap=True)
    drawn.add_column("reference", justify="right")
    drawn.add_column("ratio", justify="right", no_wrap=True)
    drawn.add_column("goal", justify="right", no_wrap=True)
    drawn.add_column("floor", justify="right", no_wrap=True)
    drawn.add_column("note", overflow="fold")
    for row in rows:
        if isinstance(row, Row):
            drawn.add_row(*cells(row))
    return drawn


def markdown(results: dict[str, Any], titles: dict[str, str]) -> str:
    """Write a saved result as docs/speed.md shows it: the machine, and every row that has a goal."""
    lines = [*Host(**results["machine"]).lines(), ""]
    lines += ["| what | ours | reference | ratio | goal | floor |", "|---|---|---|---|---|---|"]
    for section, kept in results["sections"].items():
        rows = [Row.from_json(values) for values in kept if "remark" not in values]
        chosen = [row for row in rows if row.reached is not None]
        if chosen:
            lines.append(f"| **{titles[section]}** | | | | | |")
        for row in chosen:
            *shown, _note = (cell.replace("\n", ", ") for cell in cells(row))
            lines.append(f"| {' | '.join(shown)} |")
    return "\n".join(lines) + "\n"


def cells(row: Row) -> tuple[str, ...]:
    """Give a row's cells as text."""
    reference = ""
    if row.reference is not None:
        reference = f"{amount(row, row.reference)}\n{row.against}"
    goals = [f"{times(row.goal)}"] if row.goal is not None else []
    goals += [seconds(row.limit)] if row.limit is not None else []
    if row.reached is not None:
        goals.append("reached" if row.reached else "missed")
    return (
        row.name,
        amount(row, row.ours),
        reference,
        times(row.ratio) if row.ratio is not None else "",
        "\n".join(goals),
        seconds(row.floor) if row.floor is not None else "",
        row.note,
    )


def amount(row: Row, timing: Timing) -> str:
    """Format a median with its spread, as a rate if the row counts something."""
    spread = "" if timing.spread is None else f" ±{50 * timing.spread:.0f} %"
    if row.count:
        return f"{figures(row.count / timing.median)} {row.unit}/s{spread}"
    return seconds(timing.median) + spread


def seconds(value: float) -> str:
    """Format a time: 850 µs, 12.3 ms, 4.56 s, 3:05."""
    if value < 1e-3:
        return f"{figures(value * 1e6)} µs"
    if value < 1:
        return f"{figures(value * 1e3)} ms"
    if value < 120:
        return f"{figures(value)} s"
    return f"{round(value) // 60}:{round(value) % 60:02}"


def times(ratio: float) -> str:
    """Format a ratio: 182x, 6.1x, 0.97x."""
    return f"{ratio:.2f}x" if ratio < 2 else f"{figures(ratio)}x"


def figures(value: float) -> str:
    """Format a number with three significant digits, never as a power of ten."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
