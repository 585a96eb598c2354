"""What ``zfexplore train`` was asked for, as run.json keeps it, read again to resume the run."""

from __future__ import annotations

from typing import Any

from zfexplore.plain import entry, flag, maybe, path, paths, text, texts, whole


def read_asked(values: Any) -> dict[str, Any]:
    """Give what a run was asked for, each option of its kind; raises ValueError for what is none.

    A run that was begun from Python was asked for nothing.
    """
    # Older versions wrote a list of epochs.
    snapshots = entry(values, "snapshots")
    return {
        "images": list(paths(values, "images")),
        "exclude": list(texts(values, "exclude")),
        "limit": maybe(whole, values, "limit", least=1),
        "labels": maybe(path, values, "labels"),
        "val": path(values, "val"),
        "per_class": maybe(whole, values, "per_class", least=1),
        "snapshots": _epochs(snapshots) if isinstance(snapshots, list) else text(values, "snapshots"),
        "half": flag(values, "half"),
        "seed": whole(values, "seed"),
        "device": text(values, "device"),
        "amp": maybe(flag, values, "amp"),
        "compiled": flag(values, "compiled"),
        "workers": maybe(whole, values, "workers"),
    }


def _epochs(snapshots: list[Any]) -> list[int]:
    return [whole({"snapshots": epoch}, "snapshots", least=1) for epoch in snapshots]
