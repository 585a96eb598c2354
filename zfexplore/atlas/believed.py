"""What an atlas or an unfinished pass says, held against what a pass of this net over these images can say.

A file in the cache may be damaged, or put there under the name of another. What does not fit is not used: the
images are indexed again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zfexplore.atlas.maxima import Layout
from zfexplore.atlas.store import Atlas
from zfexplore.images.sources import Source

# What may differ in an atlas of the same fingerprint: what images and net are called.
_NAMES = ("images_name", "architecture", "arguments")


def check_atlas(atlas: Atlas, header: Mapping[str, Any], layout: Layout, source: Source) -> None:
    """Raise ValueError, in words, unless ``atlas`` is what a pass with this ``header`` gives.

    ``layout`` is that of the net's watched stages, and ``source`` the images.
    """
    wanted = json.loads(json.dumps(header))
    for name in wanted.keys() - set(_NAMES):
        if atlas.header.get(name) != wanted[name]:
            raise ValueError(f"it is of other {name}")
    stages = [(record.name, record.channels, record.map_size) for record in atlas.stages.values()]
    spans = [span.stop - span.start for span in layout.spans]
    if stages != list(zip(layout.names, spans, layout.map_sizes, strict=True)):
        raise ValueError("its layers are not those of this net")
    if len(atlas.image_names) != len(source) or atlas.classes != tuple(source.classes):
        raise ValueError("its images are not these")
    if atlas.count + len(atlas.skipped) != len(source):
        raise ValueError("it does not account for every image")


def check_tally(
    arrays: Mapping[str, np.ndarray],
    empty: Mapping[str, np.ndarray],
    layout: Layout,
    skipped: Sequence[int],
    end: int,
) -> None:
    """Raise ValueError unless ``arrays`` are a tally of the images before number ``end`` but ``skipped``.

    ``empty`` is the tally of no image, with the right shapes and types.
    """
    found = {name: (array.shape, array.dtype) for name, array in arrays.items()}
    if found != {name: (array.shape, array.dtype) for name, array in empty.items()}:
        raise ValueError("its parts do not fit")
    value, image, place = (arrays[name] for name in ("value", "image", "place"))
    seen = end - len(set(skipped))
    sizes = np.concatenate(
        [
            np.full(span.stop - span.start, height * width)
            for span, (height, width) in zip(layout.spans, layout.map_sizes, strict=True)
        ]
    )  # [c]
    read = (arrays["sample"] < end) & ~np.isin(arrays["sample"], skipped)
    fits = (
        int(arrays["seen"][0]) == seen
        and not np.isnan(value).any()
        and bool((value < np.inf).all() and (value[:, :-1] >= value[:, 1:]).all())
        and bool(((image >= 0) == (value > -np.inf)).all() and (image < end).all() and (image >= -1).all())
        and bool(((place >= 0) & (place < sizes[:, None])).all())
        and bool(np.isfinite(arrays["total"]).all() and np.isfinite(arrays["class_total"]).all())
        and bool((arrays["histogram"] >= 0).all() and (arrays["histogram"].sum(axis=1) == seen).all())
        and bool((arrays["class_seen"] >= 0).all() and arrays["class_seen"].sum() <= seen)
        and np.array_equal(arrays["sample"], empty["sample"])
        and bool((np.isfinite(arrays["response"]) == read[:, None]).all())
    )
    if not fits:
        raise ValueError("its numbers are not those of a pass")
