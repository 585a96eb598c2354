"""A figure with its numbers beside it: rows of plain values, written as CSV."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zfexplore.figures.figure import Figure
from zfexplore.files import write_text


@dataclass(frozen=True, eq=False, repr=False)
class FigureWithRows(Figure):
    """A figure, and ``rows`` that all have the same names, or lack some of the first's."""

    rows: Sequence[dict[str, Any]] = field(default=())

    def save(self, path: str | os.PathLike[str] | None = None) -> list[Path]:
        """Write the figure and, beside it, the rows as CSV; give the files written."""
        written = super().save(path)
        text = io.StringIO()
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        writer = csv.DictWriter(text, fieldnames=names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        table = written[0].with_suffix(".csv")
        write_text(table, text.getvalue())
        return [*written, table]
