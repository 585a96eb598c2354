"""What stays the same during a training: images, recipe, machine, folder; and what is recorded of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.images.augment import Augmentation
from zfexplore.images.sources import Source
from zfexplore.nets.checkpoint import Metadata
from zfexplore.plain import UNFIT
from zfexplore.training.data import Split, epoch_order, shards_of, split
from zfexplore.training.evaluate import class_map, known_images
from zfexplore.training.folder import FORMAT, RunFolder
from zfexplore.training.inputs import at_size
from zfexplore.training.machine import Machine
from zfexplore.training.recipe import Recipe
from zfexplore.training.snapshots import Keeping


@dataclass(frozen=True)
class Outcome:
    """What a run writes: its folder, when the trunk is kept, and whether weights are fp16."""

    folder: RunFolder
    snapshots: Keeping = Keeping()
    half: bool = False


@dataclass(frozen=True)
class Plan:
    """A training before its first step; ``images`` is what the checkpoint will record of the images."""

    recipe: Recipe
    seed: int
    source: Source
    held_out_source: Source
    split: Split
    class_map: list[int] | None  # from the held-out source's labels to ours, if it is another source
    machine: Machine
    outcome: Outcome
    images: dict[str, Any] = field(repr=False)
    shards: tuple[int, ...] = field(default=(), repr=False)  # of the training images, if they lie in shards

    def order(self, epoch: int) -> np.ndarray:
        """Give the training images in the order of an epoch (from 0), int64 ``[n]``."""
        return epoch_order(self.split.training, seed=self.seed, epoch=epoch, shards=self.shards)

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches per epoch; the last may be shorter."""
        return math.ceil(len(self.split.training) / self.recipe.batch_size)

    @property
    def augmentation(self) -> Augmentation:
        """The random views that the recipe takes."""
        recipe = self.recipe
        return Augmentation(
            crops=recipe.crops,
            flip=recipe.flip,
            area=recipe.area,
            brightness=recipe.brightness,
            colour=recipe.colour,
        )

    @property
    def unmeasured_input(self) -> InputConvention:
        """The convention of the net's input at its full size, with the mean still unknown."""
        return at_size(InputConvention(scale=self.recipe.scale), self.recipe.size)

    def settings(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Give what run.json records: enough to begin again, and to notice that the images have changed."""
        return {
            "format": FORMAT,
            "asked": asked,
            "seed": self.seed,
            "recipe": self.recipe.to_json(),
            "images": self.images,
        }

    def metadata(self, convention: InputConvention, epochs: float, accuracy: dict[str, Any]) -> Metadata:
        """Give the metadata of the checkpoint."""
        return Metadata(
            architecture="zfnet",
            arguments={
                "classes": len(self.source.classes),
                "fc": self.recipe.fc,
                "norm": self.recipe.norm,
                "dropout": self.recipe.dropout,
            },
            classes=tuple(self.source.classes),
            input=convention,
            recipe=self.recipe.to_json() | {"seed": self.seed},
            images=self.images,
            epochs=epochs,
            accuracy=accuracy,
        )


def make_plan(
    source: Source,
    recipe: Recipe,
    *,
    val: float | Source,
    seed: int,
    per_class: int | None,
    machine: Machine,
    outcome: Outcome,
) -> Plan:
    """Split the images and record which they are; raises ExploreError if none is left to train on."""
    images: dict[str, Any] = {
        "name": source.name,
        "count": len(source),
        "fingerprint": source.fingerprint(),
        "per_class": per_class,
    }
    parts, held_out_source, mapped = divided(source, val, seed=seed, per_class=per_class)
    held_out: dict[str, Any]
    if isinstance(val, int | float):
        held_out = {"fraction": float(val), "seed": seed}
    else:
        held_out = {"name": val.name, "fingerprint": val.fingerprint()}
    images |= {"training": len(parts.training), "held_out": held_out | {"count": len(parts.held_out)}}
    shards = shards_of(source, parts.training)
    return Plan(recipe, seed, source, held_out_source, parts, mapped, machine, outcome, images, shards)


def divided(
    source: Source, val: float | Source, *, seed: int, per_class: int | None
) -> tuple[Split, Source, list[int] | None]:
    """Give the images that train and those held out, the latter's source, and its classes among ours.

    Raises ExploreError if no image is left to train on.
    """
    if isinstance(val, int | float):
        parts = split(source, float(val), seed=seed, per_class=per_class)
        held_out_source, mapped = source, None
    else:
        held_out_source, mapped = val, class_map(val.classes, source.classes)
        training = split(source, 0.0, seed=seed, per_class=per_class).training
        parts = Split(training, tuple(known_images(val, range(len(val)), mapped)))
    if not parts.training:
        raise ExploreError(f"{source.name} leaves no image to train on", usage=True)
    return parts, held_out_source, mapped


def check_unchanged(before: dict[str, Any], now: dict[str, Any], folder: RunFolder) -> int:
    """Raise ExploreError if a run would go on with other images or another recipe than it began with.

    A recipe with more epochs counts as the same. Gives the number of epochs that the run began with.
    """
    try:
        recipe, seed, images = Recipe.from_json(before["recipe"]), before["seed"], before["images"]
    except (ExploreError, *UNFIT) as error:
        raise ExploreError(f"{folder.settings} cannot be read: {error}") from error
    if images != now["images"]:
        raise ExploreError(
            f"these are not the images that the run in {folder.path} began with, or they have changed: "
            "begin anew with another --out"
        )
    wanted = Recipe.from_json(now["recipe"])
    if replace(wanted, epochs=recipe.epochs) != recipe or seed != now["seed"]:
        raise ExploreError(
            f"the run in {folder.path} began with another recipe or seed: resume it with those", usage=True
        )
    if wanted.epochs < recipe.epochs:
        raise ExploreError(
            f"the run in {folder.path} is one of {recipe.epochs} epochs: it can be lengthened, "
            f"but not shortened to {wanted.epochs}",
            usage=True,
        )
    return recipe.epochs


def snapshot_arguments(arguments: dict[str, Any]) -> dict[str, Any]:
    """Give the arguments of the net in a snapshot: the trunk, without classes."""
    return arguments | {"classes": 0}
