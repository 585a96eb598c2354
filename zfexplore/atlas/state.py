"""How far a pass over images has come: kept in a file to go on from, and made an atlas."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zfexplore.atlas.believed import check_tally
from zfexplore.atlas.container import read_arrays, write_arrays
from zfexplore.atlas.maxima import Layout
from zfexplore.atlas.records import StageRecord
from zfexplore.atlas.store import Atlas, skipped_of
from zfexplore.atlas.tally import NO_LABEL, Tally
from zfexplore.errors import ExploreError
from zfexplore.images.sources import Source
from zfexplore.plain import UNFIT, text
from zfexplore.plain import whole as whole_at


@dataclass
class State:
    """How far the pass has come: the images before number ``end`` are in ``tally`` or ``skipped``."""

    tally: Tally
    end: int = 0
    skipped: list[tuple[int, str, str]] = field(default_factory=list)
    whole: bool = True

    def save(self, path: str | os.PathLike[str], header: dict[str, Any]) -> None:
        """Write it; raises ExploreError where that cannot be."""
        progress = {"fingerprint": header["fingerprint"], "end": self.end, "skipped": self.skipped}
        write_arrays(path, self.tally.arrays(), progress)

    def load(self, path: str | os.PathLike[str], header: dict[str, Any], layout: Layout, images: int) -> None:
        """Take over a saved state; if it does not fit, raise ValueError and change nothing."""
        arrays, progress = read_arrays(path)
        if text(progress, "fingerprint") != header["fingerprint"]:
            raise ValueError("it is of other weights or images")
        end = whole_at(progress, "end", least=1, most=images)
        skipped = skipped_of(progress, end)
        check_tally(arrays, self.tally.arrays(), layout, [number for number, *_ in skipped], end)
        self.tally = Tally.from_arrays(arrays, self.tally.value.device)
        self.end, self.skipped = end, list(skipped)


def resume(
    state: State, path: str | os.PathLike[str], header: dict[str, Any], layout: Layout, images: int
) -> str:
    """Continue from the state saved at ``path`` if it fits; give a line for the user that says so."""
    try:
        state.load(path, header, layout, images)
    except (ExploreError, *UNFIT) as error:
        return f"the unfinished index was left aside ({error}): starting from the first image"
    return f"going on with the unfinished index, at image {state.end} of {images}"


def atlas_of(state: State, layout: Layout, header: dict[str, Any], source: Source) -> Atlas:
    """Make the atlas of the images read so far; raises ExploreError if none of them could be."""
    tally = state.tally.arrays()
    count = int(tally["seen"][0])
    if count == 0:
        raise ExploreError(f"none of the {len(source)} images of {source.name} could be read")
    stages = {
        name: _record(tally, count, name, kind, span, map_size)
        for name, kind, span, map_size in zip(
            layout.names, layout.kinds, layout.spans, layout.map_sizes, strict=True
        )
    }
    labels = [source.label(number) for number in range(len(source))]
    read = ~np.isnan(tally["response"][:, 0])
    return Atlas(
        stages=stages,
        image_names=tuple(source.image_name(number) for number in range(len(source))),
        labels=np.array([NO_LABEL if label is None else label for label in labels], dtype=np.int32),
        classes=tuple(source.classes),
        count=count,
        skipped=tuple(state.skipped),
        header=header,
        sample=tally["sample"][read],
    )


def _record(
    tally: dict[str, np.ndarray], count: int, name: str, kind: str, span: slice, map_size: tuple[int, int]
) -> StageRecord:
    rows, columns = np.divmod(tally["place"][span], map_size[1])
    class_mean = None
    if tally["class_seen"].any():
        seen = tally["class_seen"].astype(np.float64)
        means = np.full_like(tally["class_total"][:, span], np.nan)
        np.divide(tally["class_total"][:, span], seen[:, None], out=means, where=seen[:, None] > 0)
        class_mean = means.T.astype(np.float32)
    response = tally["response"][:, span]
    response = response[~np.isnan(response[:, 0])].T  # [c, s], the images that were read
    largest = np.abs(response).max(axis=1, keepdims=True, initial=0.0)
    scaled = np.divide(response, largest, out=np.zeros_like(response), where=largest > 0)
    return StageRecord(
        name=name,
        kind=kind,
        map_size=map_size,
        value=tally["value"][span],
        image=tally["image"][span],
        y=rows.astype(np.int32),
        x=columns.astype(np.int32),
        mean=tally["total"][span] / count,
        share_firing=1.0 - tally["histogram"][span, 0] / count,
        histogram=tally["histogram"][span],
        class_mean=class_mean,
        response=scaled.astype(np.float16),
    )
