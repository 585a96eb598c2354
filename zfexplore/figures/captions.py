"""The lines below a figure's title: the layer's name in the papers, the channels and the images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zfexplore.figures.provenance import Origin
from zfexplore.units import Unit

# By stage: its layer in Zeiler & Fergus (who count from 1 and draw no pool5) and in the replication
# (Yao 2024, which counts from 0).
LAYERS: dict[str, tuple[int | None, int]] = {
    "conv1": (1, 0),
    "conv2": (2, 1),
    "conv3": (3, 2),
    "conv4": (4, 3),
    "conv5": (5, 4),
    "pool5": (None, 5),
}
SEPARATOR = " · "


def in_the_papers(stage: str, architecture: str = "zfnet") -> str:
    """Give the name of a stage in the papers; empty for nets and stages that they do not draw."""
    if architecture != "zfnet" or stage not in LAYERS:
        return ""
    zeiler_fergus, replication = LAYERS[stage]
    first = f"layer {zeiler_fergus} in Zeiler & Fergus, " if zeiler_fergus is not None else ""
    return f"{first}layer {replication} in the replication"


def images_in_words(origin: Origin) -> str:
    """Give the number of images looked at, the weights, and the rule where it is not the deconvnet's."""
    noun = "image" if origin.count == 1 else "images"
    rule = "" if origin.rule == "deconv" else f", by the {origin.rule} rule"
    return f"{origin.count:,} {noun}, {weights_in_words(origin)}{rule}"


def weights_in_words(origin: Origin) -> str:
    """Give the weights by the start of their fingerprint, and say so where they are random."""
    return f"{'random ' if origin.random else ''}weights {origin.weights[:8]}"


def stage_caption(
    stage_name: str, choice: str, shown: int, channels: int, origin: Origin, by: str = "mean"
) -> str:
    """Describe a page with ``shown`` of a stage's ``channels``; ``choice`` and ``by`` are the options."""
    parts = [
        in_the_papers(stage_name, origin.architecture),
        f"{shown:,} of {channels:,} channels{_in_words(choice, by)}",
        "left the projections of each one's strongest units, right what they saw, "
        f"on {images_in_words(origin)}",
    ]
    return SEPARATOR.join(part for part in parts if part)


def filters_caption(stage_name: str, choice: str, shown: int, channels: int, origin: Origin) -> str:
    """Describe the page of the first layer's filters: all ``channels``, and ``shown`` with what they saw."""
    parts = [
        in_the_papers(stage_name, origin.architecture),
        f"above all {channels:,} filters by number",
        f"below {shown:,} of them{_in_words(choice)}: left the filter, right what its strongest units saw, "
        f"on {images_in_words(origin)}",
    ]
    return SEPARATOR.join(part for part in parts if part)


def channel_caption(channel: Unit, known: Mapping[str, Any], origin: Origin) -> str:
    """Describe one channel by what the atlas knows about it, a row of ``atlas.tables.channel_row``."""
    parts = [
        in_the_papers(channel.stage, origin.architecture),
        f"stands for {known['stands_for']}" if known.get("stands_for") else "",
    ]
    if known["dead"]:
        parts.append(f"dead: fires on none of {images_in_words(origin)}")
        return SEPARATOR.join(part for part in parts if part)
    parts.append(f"max {known['max']:.4g}, mean of image maxima {known['mean']:.4g}")
    parts.append(f"fires on {known['share_firing']:.0%} of {images_in_words(origin)}")
    if known["best_class"] is not None:
        parts.append(f"strongest for {known['best_class']}, selectivity {known['selectivity']:.2f}")
    return SEPARATOR.join(part for part in parts if part)


_HIGHEST = {
    "mean": "the highest by mean of image maxima",
    "max": "the highest by their strongest activation",
    "selectivity": "the most selective for a class",
    "rarity": "those that fire most rarely",
    "striking": "the most striking",
}


def _in_words(choice: str, by: str = "mean") -> str:
    if choice.startswith("top"):
        return f", {_HIGHEST[by]}"
    return ", drawn at random" if choice.startswith("random") else ""
