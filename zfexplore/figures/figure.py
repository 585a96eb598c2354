"""A figure: its picture, the numbers in it, where they came from, and the command that makes it again."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from zfexplore.figures.blocks import ChannelBlock
from zfexplore.figures.grid import Page
from zfexplore.figures.inline import png_bytes
from zfexplore.figures.provenance import Origin, foreign, save_png
from zfexplore.progress import Finished, Progress
from zfexplore.settings import Command

FOLDER = Path("out")  # below which figures are written by default


@dataclass(frozen=True)
class Made:
    """How a figure is made: from what, by which command, under which title.

    ``name`` is the file that the command writes by default, below ``out``.
    """

    origin: Origin
    command: Command
    title: str
    name: str

    def chunks(
        self, path: str | os.PathLike[str], tables: Mapping[str, list[dict[str, Any]]] | None = None
    ) -> dict[str, str]:
        """Give the text chunks of the figure in the file ``path``; ``tables`` are as ``Figure`` has them."""
        usual = Path(path) == FOLDER / self.name
        command = self.command.with_options(out=None if usual else path)
        return self.origin.provenance(command=command, title=self.title).chunks(tables)

    def replaces(self, path: str | os.PathLike[str]) -> str | None:
        """Say of what other origin the file at ``path`` is; None where it is of the same, or not there."""
        return foreign(path, self.chunks(path))


@dataclass(frozen=True, eq=False, repr=False)
class Figure:
    """A picture, with the table of each channel's units by the channel's name."""

    image: Image.Image
    made: Made
    tables: Mapping[str, list[dict[str, Any]]]

    def save(self, path: str | os.PathLike[str] | None = None) -> list[Path]:
        """Write the figure as a PNG with its provenance, whole or not at all; give the files written.

        ``path`` is by default what the command writes, below ``out``.
        """
        path = Path(path) if path is not None else FOLDER / self.made.name
        save_png(self.image, path, self.chunks(path))
        return [path]

    def chunks(self, path: str | os.PathLike[str]) -> dict[str, str]:
        """Give the text chunks that ``save`` writes."""
        return self.made.chunks(path, self.tables)

    def __repr__(self) -> str:
        width, height = self.image.size
        return f"<Figure {self.made.title!r}: {len(self.tables)} channels, {width} x {height} pixels>"

    def _repr_png_(self) -> bytes:
        """Show the picture in a notebook."""
        return png_bytes(self.image)


class Drawing:
    """A figure while its channels come one by one: pages, and the blocks that fill them in turn.

    ``compose`` makes the figure's picture of the pages that are full.
    """

    def __init__(
        self, pages: Mapping[str, Page], blocks: Iterable[ChannelBlock | Progress], made: Made,
        compose: Callable[[Sequence[Page]], Image.Image] = lambda pages: pages[0].image,
    ) -> None:  # fmt: skip
        self.pages, self.made = pages, made
        self.page = next(iter(pages.values()))  # the one that is being filled
        self._blocks, self._compose = iter(blocks), compose

    def events(self) -> Iterator[Progress | Finished[Figure]]:
        """Draw; the last event carries the ``Figure``."""
        for name, page in self.pages.items():
            self.page = page
            for event in page.fill(_next(self._blocks, page.count), f"drawing {name}"):
                if isinstance(event, Progress):
                    yield event
        deque(self._blocks, maxlen=0)  # their stream ends, and finishes what it writes
        pages = list(self.pages.values())
        tables = {name: rows for page in pages for name, rows in page.tables.items()}
        yield Finished(Figure(self._compose(pages), self.made, tables))

    def keep(self, path: Path) -> Path | None:
        """Write the page that is being filled beside ``path``, as ``...-partial.png``; give that file.

        None where nothing is drawn yet. Its command is the one that makes the whole figure.
        """
        if not self.page.drawn:
            return None
        partial = path.with_name(f"{path.stem}-partial.png")
        save_png(self.page.image, partial, self.made.chunks(path, self.page.tables))
        return partial


def _next(blocks: Iterator[ChannelBlock | Progress], count: int) -> Iterator[ChannelBlock | Progress]:
    """Take the next ``count`` blocks from a longer stream, with the progress told before them."""
    while count:
        block = next(blocks)
        count -= not isinstance(block, Progress)
        yield block
