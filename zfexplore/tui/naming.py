"""Short names of nets, for the header and for files: as short as still tells the nets in play apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import PurePath

from zfexplore.choices import SHIPPED_NET


def name_of(checkpoint: str | None, net: str | None = None) -> str:
    """Name a net after the stem of its file, or as ``--net`` has it; ``shipped`` where neither is given."""
    return net or (PurePath(checkpoint).stem if checkpoint else SHIPPED_NET)


def names_of(checkpoints: Iterable[str]) -> dict[str, str]:
    """Name each checkpoint by its stem, and where stems are alike with as many folders as tell them apart.

    ``runs/a/last.safetensors`` and ``runs/b/last.safetensors`` are ``a/last`` and ``b/last``; ``a/last.pt``
    and ``a/last.safetensors`` differ in their ends alone, which they keep.
    """
    parts = {each: (*PurePath(each).parts[:-1], name_of(each)) for each in checkpoints}
    alike = Counter(parts.values())
    parts = {each: PurePath(each).parts if alike[path] > 1 else path for each, path in parts.items()}
    return {
        each: "/".join(path[-_length(path, [other for other in parts.values() if other != path]) :])
        for each, path in parts.items()
    }


def _length(path: tuple[str, ...], others: list[tuple[str, ...]]) -> int:
    """Give how many of the last parts no other path ends with."""
    lengths = range(1, len(path) + 1)
    return next((n for n in lengths if all(other[-n:] != path[-n:] for other in others)), len(path))
