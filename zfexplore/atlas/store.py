"""The atlas: for every channel of every stage, where it fired most and how often, and its file.

An atlas is one safetensors file: arrays by name (``conv5.value``, ``conv5.image``, ...), the names of
the images, and a JSON header with the weights, images and transform that it was made with. Its
fingerprint is a hash of these, so an atlas that no longer fits is never mistaken for one that does.
Nothing is pickled, and a file is checked when it is read.

Reading one needs only numpy; ``build.py`` makes them.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from zfexplore.arguments import shown, whole
from zfexplore.atlas.container import FORMAT, read_arrays, write_arrays
from zfexplore.atlas.records import Place, StageRecord
from zfexplore.choices import Fit, Precision
from zfexplore.convention import LARGEST
from zfexplore.errors import ExploreError
from zfexplore.plain import (
    UNFIT,
    entry,
    listed,
    mapping,
    one_of,
    parse,
    text,
    text_list,
    texts,
)
from zfexplore.plain import whole as whole_at

if TYPE_CHECKING:
    from zfexplore.images.sources import Source
    from zfexplore.nets.checkpoint import Checkpoint


@dataclass(frozen=True, eq=False)
class Atlas:
    """What one pass over images found, by stage.

    ``image_names`` and ``labels [n]`` (-1 for none) cover the whole source, in its order. ``count`` images
    of it were read; ``skipped`` lists (number, name, reason) of the others. ``header`` holds plain values:
    fingerprint, weights, images, input, fit, k, precision, architecture, versions.

    ``sample [s]`` int64 holds the numbers of up to ``tally.SAMPLE`` images, spread evenly over those that
    were read; ``StageRecord.response`` has every channel's maximum on each. None in an older atlas.
    """

    stages: dict[str, StageRecord]
    image_names: tuple[str, ...]
    labels: np.ndarray
    classes: tuple[str, ...]
    count: int
    skipped: tuple[tuple[int, str, str], ...]
    header: dict[str, Any]
    sample: np.ndarray | None = None

    @property
    def fingerprint(self) -> str:
        """The hash of weights, images, transform and settings."""
        return self.header["fingerprint"]

    @property
    def k(self) -> int:
        """How many places are kept per channel."""
        return self.header["k"]

    def stage(self, name: str) -> StageRecord:
        """Give a stage's record; for an unknown stage raises ExploreError, which names the known ones."""
        if not isinstance(name, str) or name not in self.stages:
            known = ", ".join(self.stages)
            raise ExploreError(f"there is no layer {name!r} in this atlas: it has {known}", usage=True)
        return self.stages[name]

    def record_of(self, stage: str, channel: int) -> StageRecord:
        """Give the record of a channel's stage; raises ExploreError if there is no such channel."""
        record = self.stage(stage)
        if not 0 <= whole(channel, "a channel") < record.channels:
            last = record.channels - 1
            raise ExploreError(f"{stage} has no channel {channel}: it has 0-{last}", usage=True)
        return record

    def top(self, stage: str, channel: int) -> list[Place]:
        """Give a channel's places, the strongest first; raises ExploreError if there is no such channel."""
        record = self.record_of(stage, channel)
        filled = int((record.image[channel] >= 0).sum())
        return [self._place(record, channel, rank) for rank in range(filled)]

    def class_name(self, label: int | None) -> str | None:
        """Give the class name of a label; None for no label."""
        return None if label is None else self.classes[label]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the atlas to ``path``, whole or not at all."""
        header = self.header | {
            "count": self.count,
            "classes": list(self.classes),
            "skipped": [list(item) for item in self.skipped],
            "stages": [record.described() for record in self.stages.values()],
        }
        names = np.frombuffer(json.dumps(self.image_names).encode(), dtype=np.uint8)
        arrays = {"labels": self.labels, "image_names": names}
        if self.sample is not None:
            arrays["sample"] = self.sample
        for record in self.stages.values():
            arrays |= record.arrays()
        write_arrays(path, arrays, header)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Atlas:
        """Read an atlas; raises ExploreError if the file is missing, damaged or of another format."""
        arrays, header = read_arrays(path)
        try:
            return _atlas_of(arrays, header)
        except UNFIT as error:
            raise ExploreError(f"{path} is not a whole atlas ({error})") from error

    def _place(self, record: StageRecord, channel: int, rank: int) -> Place:
        image = int(record.image[channel, rank])
        label = int(self.labels[image])
        return Place(
            rank=rank,
            value=float(record.value[channel, rank]),
            image=image,
            name=self.image_names[image],
            label=None if label < 0 else label,
            y=int(record.y[channel, rank]),
            x=int(record.x[channel, rank]),
        )


def describe(
    checkpoint: Checkpoint,
    source: Source,
    *,
    k: int,
    fit: Fit,
    stages: Sequence[str] | None,
    precision: Precision,
) -> dict[str, Any]:
    """Give the header of the atlas that these settings make: plain values, and a hash of the decisive ones.

    Raises ExploreError for a setting that does not exist, and for what are no weights or no images.
    """
    _check_opened(checkpoint, source)
    k = whole(k, "k")
    if k < 1:
        raise ExploreError(f"an atlas keeps at least one image a channel, not {k}", usage=True)
    if precision not in get_args(Precision):
        raise ExploreError(f"precision is {' or '.join(get_args(Precision))}, not {precision!r}", usage=True)
    from zfexplore.nets.fingerprint import weights_in_use
    from zfexplore.nets.trunk import Trunk

    metadata, net = checkpoint.metadata, checkpoint.net
    if isinstance(net, Trunk):
        net.check()
    if isinstance(stages, str) or (stages is not None and not isinstance(stages, Iterable)):
        raise ExploreError(f"stages must be a list of layers, not {shown(stages)}", usage=True)
    chosen = net.watched if stages is None else [net.stage(name).name for name in stages]
    if not chosen:
        raise ExploreError(f"no layer was chosen: this net has {', '.join(net.names)}", usage=True)
    decisive = {
        "weights": weights_in_use(checkpoint),
        "images": source.fingerprint(),
        "input": metadata.input.to_json() | {"mean_image": _hash_of(metadata.input.mean_image)},
        "fit": fit,
        "k": k,
        "precision": precision,
        "watched": [name for name in net.names if name in chosen],
        "format": FORMAT,
    }
    if net.structure:
        decisive["structure"] = hashlib.sha256(net.structure.encode()).hexdigest()[:16]
    fingerprint = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:16]
    return decisive | {
        "fingerprint": fingerprint,
        "images_name": source.name,
        "architecture": metadata.architecture,
        "arguments": metadata.arguments,
    }


def _atlas_of(arrays: dict[str, np.ndarray], header: dict[str, Any]) -> Atlas:
    names = text_list(parse(_part(arrays, "image_names").tobytes()), "image_names")
    labels, classes = _part(arrays, "labels"), texts(header, "classes")
    if labels.dtype != np.int32 or labels.shape != (len(names),):
        raise ValueError("labels do not fit the images")
    if not ((labels >= -1) & (labels < len(classes))).all():
        raise ValueError("labels do not fit the classes")
    sample = arrays.get("sample")
    if sample is not None and not (sample.dtype == np.int64 and sample.ndim == 1):
        raise ValueError("the sample is no list of images")
    if sample is not None and not ((sample >= 0) & (sample < len(names))).all():
        raise ValueError("the sample points outside")
    sizes = {"k": whole_at(header, "k", least=1), "images": len(names), "classes": len(classes)}
    records = [
        StageRecord.from_arrays(described, arrays, **sizes, sample=0 if sample is None else len(sample))
        for described in listed(header, "stages")
    ]
    stages = {record.name: record for record in records}
    if not 0 < len(stages) == len(records):
        raise ValueError("it has no stages, or one of them twice")
    return Atlas(
        stages=stages,
        image_names=names,
        labels=labels,
        classes=classes,
        count=whole_at(header, "count", least=1, most=len(names)),
        skipped=skipped_of(header, len(names)),
        header={**header, **_checked(header)},
        sample=sample,
    )


def skipped_of(header: dict[str, Any], images: int) -> tuple[tuple[int, str, str], ...]:
    """Read the images that were left out, of so many: number, name and reason; raises ``plain.UNFIT``."""
    found = []
    for item in listed(header, "skipped"):
        number, name, reason = item
        parts = {"number": number, "name": name, "reason": reason}
        found.append((whole_at(parts, "number", most=images - 1), text(parts, "name"), text(parts, "reason")))
    return tuple(found)


def _checked(header: dict[str, Any]) -> dict[str, Any]:
    """Give the entries of a header that others rely on; raises ValueError for one that is not of its kind."""
    whole_at(mapping(header, "input"), "size", least=1, most=LARGEST)
    one_of(header, "fit", get_args(Fit))
    one_of(header, "precision", get_args(Precision))
    names = ("fingerprint", "weights", "images", "images_name", "architecture")
    return {name: text(header, name) for name in names}


def _part(arrays: dict[str, np.ndarray], name: str) -> np.ndarray:
    part: np.ndarray = entry(arrays, name)
    return part


def _check_opened(checkpoint: Any, source: Any) -> None:
    if not hasattr(checkpoint, "metadata") or not hasattr(checkpoint, "net"):
        told = f"weights must be opened with zfexplore.load_checkpoint(...), not {shown(checkpoint)}"
        raise ExploreError(told, usage=True)
    if not hasattr(source, "fingerprint") or not hasattr(source, "__len__"):
        told = f"images must be opened with zfexplore.open_images(...), not {shown(source)}"
        raise ExploreError(told, usage=True)


def _hash_of(mean_image: Any) -> str | None:
    if mean_image is None:
        return None
    return hashlib.sha256(np.asarray(mean_image, dtype=np.float32).tobytes()).hexdigest()[:16]
