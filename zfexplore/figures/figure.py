"""A figure: its picture, its numbers, where they came from, and the command that makes it again."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from PIL import Image

from zfexplore.figures.blocks import ChannelBlock
from zfexplore.figures.grid import Page
from zfexplore.figures.inline import png_bytes
from zfexplore.figures.provenance import Origin, foreign, save_png
from zfexplore.figures.vectors import DPI, save_pdf, save_svg
from zfexplore.progress import Finished, Progress, Skipped
from zfexplore.settings import Command

FOLDER = Path("out")  # below which figures are written by default


@dataclass(frozen=True)
class Made:
    """How a figure is made: its origin, its command and its title.

    ``name`` is the file that the command writes by default, below ``out``. ``notes`` are further text
    chunks, such as the picture that a figure is of. ``dpi`` is how many pixels make an inch, by default as
    the format has it.
    """

    origin: Origin
    command: Command
    title: str
    name: str
    notes: Mapping[str, str] = field(default_factory=dict)
    dpi: int | None = None

    def printed(self, form: str | None, dpi: int | None, font: object = None) -> Made:
        """Give the same with what ``--format``, ``--dpi`` and ``--font`` say; so does its command."""
        command = self.command.with_options(format=form, dpi=dpi, font=font)
        name = self.name if form is None else str(Path(self.name).with_suffix(f".{form}"))
        return replace(self, command=command, name=name, dpi=dpi)

    def chunks(
        self, path: str | os.PathLike[str], tables: Mapping[str, list[dict[str, Any]]] | None = None
    ) -> dict[str, str]:
        """Give the text chunks for the file ``path``; ``tables`` are those of ``Figure``."""
        usual = Path(path) == FOLDER / self.name
        command = self.command.with_options(out=None if usual else path)
        return self.origin.provenance(command=command, title=self.title, notes=self.notes).chunks(tables)

    def replaces(self, path: str | os.PathLike[str]) -> str | None:
        """Give the different origin of the file at ``path``; None if it has the same or does not exist."""
        return foreign(path, self.chunks(path))


@dataclass(frozen=True, eq=False, repr=False)
class Figure:
    """A picture, with a table of each channel's units; ``tables`` is keyed by the channel's name."""

    image: Image.Image
    made: Made
    tables: Mapping[str, list[dict[str, Any]]]

    def printed(self, form: str | None, dpi: int | None, font: object = None) -> Self:
        """Give the same figure with what ``--format``, ``--dpi`` and ``--font`` say."""
        return replace(self, made=self.made.printed(form, dpi, font))

    def save(self, path: str | os.PathLike[str] | None = None) -> list[Path]:
        """Write the figure with its provenance, whole or not at all; give the files written.

        ``path`` is by default the file that the command writes, below ``out``. It is SVG or PDF if it ends
        so, with the text as text, and else a PNG.
        """
        path = Path(path) if path is not None else FOLDER / self.made.name
        write = {".svg": save_svg, ".pdf": save_pdf}.get(path.suffix.lower())
        if write is None:
            save_png(self.image, path, self.chunks(path), self.made.dpi)
        else:
            write(self.image, path, self.chunks(path), self.made.dpi or DPI)
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
    """A figure while it is drawn: pages, and the channels' blocks that fill them one after another.

    ``compose`` makes the figure's picture from the full pages.
    """

    def __init__(
        self, pages: Mapping[str, Page], blocks: Iterable[ChannelBlock | Progress | Skipped], made: Made,
        compose: Callable[[Sequence[Page]], Image.Image] = lambda pages: pages[0].image,
    ) -> None:  # fmt: skip
        self.pages, self.made = pages, made
        self.page = next(iter(pages.values()))  # the page that is being filled
        self._blocks, self._compose = iter(blocks), compose

    def events(self) -> Iterator[Progress | Skipped | Finished[Figure]]:
        """Draw; the last event carries the ``Figure``."""
        for name, page in self.pages.items():
            self.page = page
            for event in page.fill(_next(self._blocks, page.count), f"drawing {name}"):
                if isinstance(event, Progress | Skipped):
                    yield event
        deque(self._blocks, maxlen=0)  # exhaust the stream, so that it finishes what it writes
        pages = list(self.pages.values())
        tables = {name: rows for page in pages for name, rows in page.tables.items()}
        yield Finished(Figure(self._compose(pages), self.made, tables))

    def keep(self, path: Path) -> Path | None:
        """Write the page that is being filled beside ``path``, as ``...-partial.png``; give that file.

        Gives None if nothing is drawn yet, or if that file has another origin. The command in the file is
        the one for the whole figure.
        """
        if not self.page.drawn:
            return None
        partial = path.with_name(f"{path.stem}-partial.png")
        if self.made.replaces(partial) is not None:
            return None
        save_png(self.page.image, partial, self.made.chunks(path, self.page.tables))
        return partial


def _next(
    blocks: Iterator[ChannelBlock | Progress | Skipped], count: int
) -> Iterator[ChannelBlock | Progress | Skipped]:
    """Yield the next ``count`` blocks of a longer stream, and the other events before them."""
    while count:
        block = next(blocks)
        count -= isinstance(block, ChannelBlock)
        yield block
