"""Where a picture came from, kept inside the PNG.

Each PNG carries text chunks: the command that makes it again, the fingerprints of checkpoint and atlas,
the images, the version, and for every channel shown a table of its units with activation, image, place,
window and the scale of the display. Each channel has its own chunk, because readers reject very long
ones.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from zfexplore.figures.vectors import read_metadata
from zfexplore.files import atomic_path
from zfexplore.opening import open_plain

UNIT_KEY = "unit "  # the chunk "unit conv5:130" holds that channel's table
ATLAS, CHECKPOINT, COMMAND, PICTURE = "atlas", "checkpoint", "command", "picture"
NOT_OURS = "was not made by zfexplore"


@dataclass(frozen=True)
class Provenance:
    """What a figure was made from: fingerprints of weights and atlas, a line on the images, the command.

    ``command`` is what a user types to make the same file again. ``notes`` are further chunks.
    """

    command: str
    checkpoint: str
    atlas: str = ""
    images: str = ""
    title: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)

    def chunks(self, blocks: Mapping[str, list[dict[str, Any]]] | None = None) -> dict[str, str]:
        """Give the text chunks by keyword; ``blocks`` holds each channel's table by its name."""
        from zfexplore import __version__

        named = {
            "Title": self.title,
            "Software": f"zfexplore {__version__}",
            COMMAND: self.command,
            CHECKPOINT: self.checkpoint,
            ATLAS: self.atlas,
            "images": self.images,
            **self.notes,
        }
        tables = {UNIT_KEY + name: json.dumps(rows) for name, rows in (blocks or {}).items()}
        return {key: _writable(text) for key, text in named.items() if text} | tables


@dataclass(frozen=True)
class Origin:
    """What figures are drawn from: a net, its weights, and the atlas of some images.

    ``weights``, ``atlas`` and ``images`` are fingerprints. ``count`` is the number of images in the atlas,
    ``rule`` what came back through a ReLU. ``random`` is whether the weights are of no training.
    """

    architecture: str
    weights: str
    atlas: str
    images: str
    count: int
    rule: str = "deconv"
    random: bool = False

    def provenance(
        self, *, command: object, title: str, notes: Mapping[str, str] | None = None
    ) -> Provenance:
        """Give the provenance of a figure made by ``command``."""
        return Provenance(
            command=str(command),
            checkpoint=self.weights,
            atlas=self.atlas,
            images=f"{self.count:,} images, fingerprint {self.images}",
            title=title,
            notes=notes or {},
        )


def save_png(
    image: Image.Image, path: str | os.PathLike[str], chunks: Mapping[str, str], dpi: int | None = None
) -> None:
    """Write ``image`` with text ``chunks`` (keywords Latin-1, texts any) to ``path``, whole or not at all.

    The same image and chunks give the same bytes, since no date is written. With ``dpi`` the file says how
    many pixels are meant to make an inch.
    """
    info = PngInfo()
    for keyword, text in chunks.items():
        info.add_itxt(keyword, _writable(text), zip=len(text) > 1000)
    with atomic_path(path) as temporary:
        image.save(temporary, "PNG", pnginfo=info, **({} if dpi is None else {"dpi": (dpi, dpi)}))


def _writable(text: str) -> str:
    """Give a text as a file can hold it: bytes of a path that are no letters become escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def read_chunks(path: str | os.PathLike[str]) -> dict[str, str]:
    """Give the text chunks of a PNG, or the same in an SVG or a PDF; none if the file is none or not there.

    Ours stand before the pixels, which are not decoded: a small file can hold gigabytes of them.
    """
    if Path(path).suffix.lower() in (".svg", ".pdf"):
        return read_metadata(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with open_plain(path) as file, Image.open(file, formats=["PNG"]) as image:
                return {str(key): str(text) for key, text in image.info.items() if isinstance(text, str)}
    except Exception:  # Pillow's readers raise nearly every type
        return {}


def foreign(path: str | os.PathLike[str], chunks: Mapping[str, str]) -> str | None:
    """Give how the origin of the file at ``path`` differs from ``chunks``; None if it does not.

    Also None if there is no such file. The user is told so if a picture of another checkpoint or atlas is
    about to be replaced.
    """
    if not Path(path).exists():
        return None
    there = read_chunks(path)
    if CHECKPOINT not in there:
        return NOT_OURS
    for key in (CHECKPOINT, ATLAS, PICTURE):  # only figures of a single picture have the last
        if there.get(key, "") != chunks.get(key, ""):
            return f"came from another {key}"
    return None
