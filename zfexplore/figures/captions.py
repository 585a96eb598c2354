"""The lines below a figure's title: which layer in the papers, which channels, of which images.

Atlas and checkpoint are read by their attributes, so nothing here imports them; the command line and
the explorer write the same words.
"""

from __future__ import annotations

from typing import Any

# Stage: its layer in Zeiler & Fergus (who count from 1 and draw no pool5) and in the replication
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
    """Say what a stage is called in the papers; nothing for nets and stages that they do not draw."""
    if architecture != "zfnet" or stage not in LAYERS:
        return ""
    zeiler_fergus, replication = LAYERS[stage]
    first = f"layer {zeiler_fergus} in Zeiler & Fergus, " if zeiler_fergus is not None else ""
    return f"{first}layer {replication} in the replication"


def images_in_words(checkpoint: Any, atlas: Any) -> str:
    """Say how many images were looked at, and by which weights."""
    noun = "image" if atlas.count == 1 else "images"
    return f"{atlas.count:,} {noun}, weights {checkpoint.metadata.weights_fingerprint[:8]}"


def stage_caption(stage: str, choice: str, shown: int, checkpoint: Any, atlas: Any) -> str:
    """Describe a page of channels of ``stage``: ``choice`` as the option was written, ``shown`` of them."""
    channels = atlas.stage(stage).channels
    images = images_in_words(checkpoint, atlas)
    parts = [
        in_the_papers(stage, checkpoint.metadata.architecture),
        f"{shown:,} of {channels:,} channels{_in_words(choice)}",
        f"left the projections of each one's strongest units, right what they saw, on {images}",
    ]
    return SEPARATOR.join(part for part in parts if part)


def filters_caption(stage: str, choice: str, shown: int, checkpoint: Any, atlas: Any) -> str:
    """Describe the page of the first layer's filters: all of them, and ``shown`` with what they saw."""
    parts = [
        in_the_papers(stage, checkpoint.metadata.architecture),
        f"above all {atlas.stage(stage).channels:,} filters by number",
        f"below {shown:,} of them{_in_words(choice)}: left the filter, right what its strongest units saw, "
        f"on {images_in_words(checkpoint, atlas)}",
    ]
    return SEPARATOR.join(part for part in parts if part)


def channel_caption(stage: str, channel: int, checkpoint: Any, atlas: Any) -> str:
    """Describe one channel by what the atlas knows of it."""
    record = atlas.stage(stage)
    names = checkpoint.class_names(stage)
    parts = [
        in_the_papers(stage, checkpoint.metadata.architecture),
        f"stands for {names[channel]}" if names else "",
        f"max {record.max[channel]:.4g}, mean of image maxima {record.mean[channel]:.4g}",
        f"fires on {record.share_firing[channel]:.0%} of {images_in_words(checkpoint, atlas)}",
    ]
    if record.best_class is not None and record.max[channel] > 0:
        best = atlas.classes[int(record.best_class[channel])]
        parts.append(f"strongest for {best}, selectivity {record.selectivity[channel]:.2f}")
    return SEPARATOR.join(part for part in parts if part)


def _in_words(choice: str) -> str:
    if choice.startswith("top"):
        return ", the highest by mean of image maxima"
    return ", drawn at random" if choice.startswith("random") else ""
