"""What the measures of a net's pictures have in common: their options, and tables of shares."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from rich.table import Table

from zfexplore.choices import DEFAULT_IMAGES


def parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """Give the parser of ``python -m benchmarks.NAME``: which net, and on which images."""
    found = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found.add_argument("--checkpoint", metavar="FILE|NAME", help="default: the shipped one")
    found.add_argument("--images", default=DEFAULT_IMAGES, metavar="DIR|NAME", help="default: %(default)s")
    found.add_argument("--limit", type=int, metavar="N", help="only the first N images")
    return found


def table(title: str, headings: Sequence[str]) -> Table:
    """Give an empty table; all columns but the first hold numbers."""
    made = Table(title=title, title_justify="left")
    for index, heading in enumerate(headings):
        made.add_column(heading, justify="right" if index else "left")
    return made


def share(value: float) -> str:
    """Format a share, such as .058."""
    return f"{value:.3f}".removeprefix("0")
