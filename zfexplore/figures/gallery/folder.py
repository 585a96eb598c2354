"""The folder of a gallery: what is written into it, and whether a folder that is there is one.

``index.html`` and its style and script are the template beside this file. ``data.js`` holds what is known
of the channels; it is a script because a page at a ``file://`` address may read no other file.
``gallery.json`` says what the gallery was made from, and by which command. Each channel has a picture in
``channels/``, and each image one in ``images/``. What channels would like best lies in ``ideals/``.
"""

from __future__ import annotations

import html
import json
import re
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from zfexplore.errors import ExploreError
from zfexplore.figures.blocks import ChannelBlock
from zfexplore.figures.gallery.sprite import photograph, sprite, strip
from zfexplore.files import cannot_write, make_folder
from zfexplore.printable import printable

TEMPLATE = ("index.html", "gallery.css", "gallery.js")
RECORD, DATA, TERMS = "gallery.json", "data.js", "photographs.md"
IDEALS = "ideals"  # only where there are some
PICTURES = ("channels", "images")
THREADS = 2  # that draw while the net projects
_PLACE = re.compile(r"\{\{(\w+)\}\}")  # in the template
WAITING = 24  # pictures to draw that may wait: each holds its arrays


class GalleryFolder:
    """A gallery while it is written into ``folder``, which is new; two threads draw its pictures.

    Leaving the block waits for them, or drops what waits if there was an error. Raises NotWritten where a
    file cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.images: set[int] = set()  # those that have a picture
        self._pool = ThreadPoolExecutor(THREADS, "gallery")
        self._waiting: deque[Future[None]] = deque()
        for name in PICTURES:
            make_folder(folder / name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)
        if kind is None:
            self._wait(0)

    def add_channel(self, name: str, block: ChannelBlock, tile: int) -> None:
        """Draw a channel's picture, ``channels/NAME.webp``, and those of its images."""
        for unit in block.units:
            self.add_image(unit.index, unit.image)
        self._add(f"channels/{name}.webp", sprite, block, tile)

    def add_ideal(self, name: str, images: Sequence[NDArray[np.uint8]], tile: int) -> None:
        """Draw what a channel would like best, ``ideals/NAME.webp``."""
        make_folder(self.folder / IDEALS)
        self._add(f"{IDEALS}/{name}.webp", strip, images, tile)

    def add_image(self, index: int, pixels: NDArray[np.uint8]) -> None:
        """Keep what the net saw of an image, unless that is done."""
        if index not in self.images:
            self.images.add(index)
            self._add(f"images/{index}.webp", photograph, pixels)

    def write_page(self, data: Mapping[str, Any], record: Mapping[str, str], terms: Path | None) -> None:
        """Wait for all pictures; write the page, its data, the record of its origin, and the ``terms``."""
        self._wait(0)
        here = Path(__file__).parent
        texts = {name: (here / name).read_text(encoding="utf-8") for name in TEMPLATE}
        texts[TEMPLATE[0]] = _filled(texts[TEMPLATE[0]], data, terms)
        # In ASCII, so that no server can give it another encoding than it has.
        texts[DATA] = f"window.GALLERY = {json.dumps(data, separators=(',', ':'), allow_nan=False)};\n"
        texts[RECORD] = json.dumps(record, indent=2) + "\n"
        if terms is not None:
            texts[TERMS] = terms.read_text(encoding="utf-8")
        for name, text in texts.items():
            self._write(name, text.encode("utf-8", "backslashreplace"))

    def _add(self, name: str, draw: Any, *arguments: Any) -> None:
        self._waiting.append(self._pool.submit(lambda: self._write(name, draw(*arguments))))
        self._wait(WAITING)

    def _wait(self, most: int) -> None:
        while len(self._waiting) > most:
            self._waiting.popleft().result()

    def _write(self, name: str, content: bytes) -> None:
        try:
            (self.folder / name).write_bytes(content)
        except OSError as error:
            raise cannot_write(self.folder.name + "/" + name, error) from error


def check_gallery(path: Path) -> None:
    """Raise ExploreError unless ``path`` is not there, empty, or a gallery and nothing else.

    Whatever lies in a gallery's folder is lost when the gallery is replaced; so nothing else may lie there.
    """
    try:
        found = {entry.name: entry.is_dir() for entry in path.iterdir()}
        for name in (name for name in (*PICTURES, IDEALS) if found.get(name)):
            found |= {f"{name}/{inner.name}": inner.suffix != ".webp" for inner in (path / name).iterdir()}
    except FileNotFoundError:
        return
    except NotADirectoryError:
        raise ExploreError(f"{path} is a file: give a folder, as in --out out/gallery", usage=True) from None
    except OSError as error:
        raise ExploreError(f"{path} cannot be read: {error.strerror}; give another --out") from error
    if found and RECORD not in found:
        raise ExploreError(f"{path} is a folder of something else: give another --out", usage=True)
    expected = {*TEMPLATE, RECORD, DATA, TERMS}
    for name, is_folder in found.items():
        own = (
            is_folder if name in (*PICTURES, IDEALS) else not is_folder and ("/" in name or name in expected)
        )
        if not own:
            raise ExploreError(
                f"{path / name} is no part of the gallery there, and would be lost: move it, "
                "or give another --out"
            )


def _filled(page: str, data: Mapping[str, Any], terms: Path | None) -> str:
    """Put what the page says without a script into its places."""
    link = (
        f'The photographs have terms of their own, to be handed on with them: <a href="{TERMS}">{TERMS}</a>.'
        if terms is not None
        else ""
    )
    told = {key: html.escape(printable(str(data[key]))) for key in ("title", "caption", "version", "command")}
    texts = told | {"terms": link}
    return _PLACE.sub(lambda place: texts[place[1]], page)  # at once: a title may hold such a place
