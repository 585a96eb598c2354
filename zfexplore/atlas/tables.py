"""An atlas as rows of plain values, and as files for other programs: CSV, JSON, npz.

Ranks count from 1 and images from 0, as in the source. Windows are in pixels of the net's input.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np

from zfexplore.atlas.store import Atlas
from zfexplore.atlas.tally import EDGES
from zfexplore.choices import AtlasFormat
from zfexplore.files import atomic_path, write_text
from zfexplore.nets.net import Net
from zfexplore.printable import printable_json
from zfexplore.units import Unit

_OF_A_PLACE = ("rank", "value", "image", "name", "label", "y", "x", "window")
_EDGES = ("y0", "x0", "y1", "x1")

Windows = Callable[[str, int, int], tuple[int, ...]]


def channel_row(atlas: Atlas, stage: str, channel: int) -> dict[str, Any]:
    """Give what the atlas knows about a channel, without its places.

    Raises ExploreError if there is no such channel.
    """
    record = atlas.record_of(stage, channel)
    row: dict[str, Any] = {
        "channel": str(Unit(stage, channel)),
        "max": float(record.max[channel]),
        "mean": float(record.mean[channel]),
        "share_firing": float(record.share_firing[channel]),
        "rarity": float(record.rarity[channel]),
        "dead": bool(record.dead[channel]),
        "selectivity": None,
        "best_class": None,
    }
    if record.selectivity is not None and record.best_class is not None:
        row["selectivity"] = float(record.selectivity[channel])
        row["best_class"] = atlas.class_name(int(record.best_class[channel]))
    return row


def place_rows(atlas: Atlas, net: Net, stage: str, channel: int) -> list[dict[str, Any]]:
    """Give a channel's places, the strongest first, each with the window that the unit sees.

    Places at zero are left out, so that a dead channel has none. A logit's may be below zero.
    """
    return _place_rows(atlas, _windows_of(atlas, net), stage, channel)


def write_atlas(atlas: Atlas, net: Net, path: str | os.PathLike[str], form: AtlasFormat) -> None:
    """Write the whole atlas to ``path``, whole or not at all.

    ``csv``: one row per place, with its channel's statistics; of a dead channel one row without a place.
    ``json``: the same by stage and channel, with histograms, class means and the header. ``npz``: the arrays
    as ``StageRecord`` has them.
    """
    if form == "csv":
        write_text(path, as_csv(atlas, net))
    elif form == "json":
        text = json.dumps(_as_values(atlas, net), ensure_ascii=False, allow_nan=False)
        write_text(path, printable_json(text) + "\n")
    else:
        with atomic_path(path) as temporary, open(temporary, "wb") as file:
            np.savez_compressed(file, allow_pickle=False, **_as_arrays(atlas))


def _windows_of(atlas: Atlas, net: Net) -> Windows:
    """Give a function for the windows of units; it caches, since channels of a stage share places."""
    size = atlas.header["input"]["size"]
    return cache(lambda stage, y, x: tuple(net.window(stage, y, x, (size, size))))


def _place_rows(atlas: Atlas, windows: Windows, stage: str, channel: int) -> list[dict[str, Any]]:
    return [
        {
            "rank": place.rank + 1,
            "value": place.value,
            "image": place.image,
            "name": place.name,
            "label": atlas.class_name(place.label),
            "y": place.y,
            "x": place.x,
            "window": list(windows(stage, place.y, place.x)),
        }
        for place in atlas.top(stage, channel)
        if place.value != 0
    ]


def as_csv(atlas: Atlas, net: Net) -> str:
    """Give the table that ``write_atlas`` writes: one row per place."""
    text = io.StringIO()
    writer: csv.DictWriter[str] | None = None
    for row in _flat_rows(atlas, net):
        if writer is None:
            writer = csv.DictWriter(text, fieldnames=list(row), lineterminator="\n")
            writer.writeheader()
        writer.writerow(row)
    return text.getvalue()


def _flat_rows(atlas: Atlas, net: Net) -> Iterator[dict[str, Any]]:
    windows = _windows_of(atlas, net)
    for stage, channel in _channels(atlas):
        statistics = channel_row(atlas, stage, channel)
        places = _place_rows(atlas, windows, stage, channel)
        for place in places or [dict.fromkeys(_OF_A_PLACE)]:
            window = dict(zip(_EDGES, place.pop("window") or [None] * 4, strict=True))
            yield statistics | place | window


def _as_values(atlas: Atlas, net: Net) -> dict[str, Any]:
    stages: dict[str, Any] = {
        name: {"kind": record.kind, "map_size": list(record.map_size), "channels": []}
        for name, record in atlas.stages.items()
    }
    windows = _windows_of(atlas, net)
    for stage, channel in _channels(atlas):
        record = atlas.stages[stage]
        means = None if record.class_mean is None else _numbers(record.class_mean[channel])
        stages[stage]["channels"].append(
            channel_row(atlas, stage, channel)
            | {"histogram": record.histogram[channel].tolist(), "class_mean": means}
            | {"places": _place_rows(atlas, windows, stage, channel)}
        )
    return {
        "header": atlas.header,
        "count": atlas.count,
        "skipped": [
            {"image": image, "name": name, "reason": reason} for image, name, reason in atlas.skipped
        ],
        "classes": list(atlas.classes),
        "histogram_edges": EDGES.tolist(),
        "stages": stages,
    }


def _as_arrays(atlas: Atlas) -> dict[str, np.ndarray]:
    arrays = {
        "image_names": np.array(atlas.image_names),
        "labels": atlas.labels,
        "classes": np.array(atlas.classes, dtype=str),
        "histogram_edges": EDGES,
        "header": np.array(json.dumps(atlas.header)),
    }
    if atlas.sample is not None:
        arrays["sample"] = atlas.sample
    for record in atlas.stages.values():
        arrays |= record.arrays()
    return arrays


def _channels(atlas: Atlas) -> Iterator[tuple[str, int]]:
    for name, record in atlas.stages.items():
        for channel in range(record.channels):
            yield name, channel


def _numbers(values: Sequence[float] | np.ndarray) -> list[float | None]:
    """Give numbers for JSON, with None for NaN, which JSON lacks."""
    return [None if np.isnan(value) else float(value) for value in values]
