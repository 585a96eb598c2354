"""What a source has to say of itself: what it left out, and which images have no class, in a few lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zfexplore.images.sources import LeftOut, Source, left_out

_NAMED = 3
_LINES = 5


def remarks(source: Source, *, named: int = _NAMED) -> list[str]:
    """Give the lines for a source, none if there is nothing to say; each names the first ``named`` names."""
    own = getattr(source, "remark", None)
    return [
        *([] if own is None else [str(own)]),
        *left_out_lines(left_out(source), named=named),
        *_without_class(source, named),
    ]


def depth_remark(source: Source) -> str | None:
    """Tell by what range the deep ones of the images read so far were shown; None if there were none."""
    deep: dict[int, set[int]] = getattr(source, "deep", {})
    if not deep:
        return None
    named = {bits: [source.image_name(index) for index in sorted(indices)] for bits, indices in deep.items()}
    return depth_line(named)


def depth_line(deep: Mapping[int, Sequence[str]]) -> str:
    """Tell by what range deep images are shown; ``deep`` has their names by the bits of a value."""
    parts = [f"{_count_and_names(names, _NAMED)} by {bits} bits" for bits, names in sorted(deep.items())]
    return f"images of more than 8 bits are shown by their own range: {'; '.join(parts)}"


def without_class(source: Source) -> list[str]:
    """Give the names of the images that have no class although others have one."""
    if not source.classes:
        return []
    return [source.image_name(index) for index in range(len(source)) if source.label(index) is None]


def left_out_lines(records: Sequence[LeftOut], *, named: int = _NAMED) -> list[str]:
    """Tell what was left out: a line for every reason, the most frequent first, at most five lines."""
    by_reason: dict[str, list[str]] = {}
    for record in records:
        by_reason.setdefault(record.reason, []).append(record.name)
    told = sorted(by_reason.items(), key=lambda item: -len(item[1]))
    if len(told) > _LINES:
        rest = [name for _, names in told[_LINES - 1 :] for name in names]
        told = [*told[: _LINES - 1], ("for other reasons", rest)]
    return [f"left out {_count_and_names(names, named)}: {reason}" for reason, names in told]


def _without_class(source: Source, named: int) -> list[str]:
    names = without_class(source)
    if not names:
        return []
    return [f"without a class {_count_and_names(names, named)}"]


def _count_and_names(names: Sequence[str], named: int) -> str:
    rest = len(names) - named
    return f"{len(names):,} ({', '.join(names[:named])}{f' and {rest:,} more' if rest > 0 else ''})"
