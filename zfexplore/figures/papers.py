"""Where a stage stands in the papers, for the headings of figures that reproduce theirs."""

from __future__ import annotations

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


def in_the_papers(stage: str, architecture: str = "zfnet") -> str:
    """Say what a stage is called in the papers; nothing for nets and stages that they do not draw."""
    if architecture != "zfnet" or stage not in LAYERS:
        return ""
    zeiler_fergus, replication = LAYERS[stage]
    first = f"layer {zeiler_fergus} of Zeiler & Fergus, " if zeiler_fergus is not None else ""
    return f"{first}layer {replication} of the replication"
