"""A training before it begins: what it will read, how long it will take here, and what feeds it.

Decoding and the net's steps are measured for a few seconds each, apart from one another, and the schedule is
added up from the two rates. No run is begun and nothing is written.

Of several ranks the first measures alone what one does, and counts for all: each learns from its part of a
batch, decodes its part of the images, and holds all squares. What their gradients cost on their way is not
measured.
"""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.images.augment import augment
from zfexplore.images.sources import Source, UnreadableImage
from zfexplore.images.transforms import prepare_large
from zfexplore.nets.ranks import ALONE
from zfexplore.nets.zfnet import ZFNet
from zfexplore.progress import Finished, Meter, Skipped
from zfexplore.training.data import fits_in_memory, free_memory
from zfexplore.training.folder import RunFolder
from zfexplore.training.inputs import at_size
from zfexplore.training.learner import make_learner, take_step
from zfexplore.training.machine import Machine, keep_freed_memory
from zfexplore.training.plan import Outcome, Plan, divided
from zfexplore.training.recipe import Recipe

SECONDS = 2.0  # that each of the two is measured
MOST_DECODED = 1024
BATCH_ON_CPU = 32  # a step of more takes as long an image, and many seconds in all
FORWARD_SHARE = 1 / 3  # of a training step's time, for held-out images: they have no backward pass


@dataclass(frozen=True)
class SizeRun:
    """The epochs at one input size: images trained a second by a rank's net alone; bytes of all squares.

    ``held`` tells whether the squares are kept in memory, or decoded anew in every epoch. ``decodings`` is
    how many times all images are decoded for it: 0 where the squares are made from larger ones that are held.
    """

    size: int
    epochs: int
    images_per_second: float
    decoded_bytes: int
    held: bool
    decodings: int


@dataclass(frozen=True)
class DryRun:
    """What a training would be. Rates are images a second, times seconds, ``cores`` those that decode here.

    ``bytes_an_epoch`` is None for images that are no files of their own size; ``decoded_per_core`` is what
    one core decodes. ``needed`` is the rate that would end the schedule in the time that was asked for.
    Of ``ranks``, ``local_ranks`` are on this machine; ``cores`` are those of one, which learns from ``batch``
    images a step. ``gradient_bytes`` are exchanged after each.
    """

    classes: int
    training: int
    held_out: int
    bytes_an_epoch: int | None
    steps_per_epoch: int
    steps: int
    sizes: tuple[SizeRun, ...]
    decoded_per_core: float
    cores: int
    free_memory: int
    seconds: float
    needed: float | None
    unreadable: int
    ranks: int = 1
    local_ranks: int = 1
    batch: int = 0
    gradient_bytes: int = 0

    @property
    def cores_to_feed(self) -> int:
        """How many cores decode as fast as the net learns at its largest size, on one device."""
        largest = max(self.sizes, key=lambda one: one.size)
        return max(1, math.ceil(largest.images_per_second / self.decoded_per_core))

    @property
    def images_per_second(self) -> float:
        """The mean rate of the whole schedule, held-out images and decoding included in its time."""
        return self.training * sum(one.epochs for one in self.sizes) / self.seconds


def dry_run(plan: Plan, *, hours: float | None = None) -> Generator[Any, None, None]:
    """Measure and add up; yields events, the last of which is ``Finished(DryRun)``.

    Raises ExploreError if none of the images that it tries can be read.
    """
    if hours is not None and not 0 < hours < math.inf:
        raise ExploreError(f"--hours must be above 0, not {hours:g}", usage=True)
    recipe, machine, ranks = plan.recipe, plan.machine, plan.machine.ranks
    if not machine.cuda:
        keep_freed_memory()  # as a training does
    decoded, unreadable = yield from _decoding_rate(plan)
    cores = max(1, min(machine.workers, os.cpu_count() or 1))
    training, held_out = len(plan.split.training), len(plan.split.held_out)
    sizes, whole = [], False
    for size, epochs in Counter(recipe.sizes()).items():
        rate = yield from _net_rate(plan, size)
        side = at_size(plan.unmeasured_input, size)
        held, decodings, whole = _decodings(plan, side, epochs, whole)
        decoded_bytes = (training + held_out) * side.resize**2 * 3
        sizes.append(SizeRun(size, epochs, rate, decoded_bytes, held, decodings))
    yield Finished(
        DryRun(
            classes=len(plan.source.classes),
            training=training,
            held_out=held_out,
            bytes_an_epoch=bytes_of(plan.source, plan.split.training),
            steps_per_epoch=plan.steps_per_epoch,
            steps=plan.steps_per_epoch * recipe.epochs,
            sizes=tuple(sizes),
            decoded_per_core=decoded,
            cores=cores,
            free_memory=free_memory(),
            seconds=sum(_seconds(one, training, held_out, decoded * cores, machine) for one in sizes),
            ranks=ranks.size,
            local_ranks=ranks.local_size,
            batch=_own_batch(plan),
            gradient_bytes=_gradient_bytes(plan),
            needed=None if hours is None else training * recipe.epochs / (hours * 3600),
            unreadable=unreadable,
        )
    )


def plan_of(
    source: Source, recipe: Recipe, *, val: float | Source, seed: int, per_class: int | None, machine: Machine
) -> Plan:
    """Plan a training that will not begin: no image's content is looked at, and no folder is the run's."""
    parts, held_out_source, mapped = divided(source, val, seed=seed, per_class=per_class)
    nowhere = Outcome(RunFolder(Path(os.devnull)))
    return Plan(recipe, seed, source, held_out_source, parts, mapped, machine, nowhere, images={})


def bytes_of(source: Source, indices: Sequence[int]) -> int | None:
    """Add up the bytes of images as they lie on the disk; None for a source that does not know them."""
    count = getattr(source, "byte_count", None)
    if count is None:
        return None
    total = 0
    for index in indices:
        size = count(index)
        if size is None:
            return None
        total += size
    return total


def _seconds(one: SizeRun, training: int, held_out: int, decoding: float, machine: Machine) -> float:
    """Give the time of the epochs at one size. On a CPU decoding and the net share the cores."""
    ranks = machine.ranks.size
    learning = (training + FORWARD_SHARE * held_out) / (one.images_per_second * ranks)
    reading = (training + held_out) / (decoding * ranks)
    if one.held:
        return one.decodings * reading + one.epochs * learning
    return one.epochs * (max(learning, reading) if machine.cuda else learning + reading)


def _decodings(plan: Plan, side: InputConvention, epochs: int, whole: bool) -> tuple[bool, int, bool]:
    """Tell what ``inputs.Images`` does at a size: whether it holds the squares, and how often it decodes all.

    ``whole`` is whether the largest squares are held already, and comes back as it is afterwards.
    """
    largest = plan.unmeasured_input
    counts = (len(plan.split.training), len(plan.split.held_out))
    together = {convention.resize: convention for convention in (largest, side)}.values()
    if whole:
        return True, 0, True
    share = 0.5 / plan.machine.ranks.local_size
    if all(fits_in_memory(count, *together, share=share) for count in counts):
        return True, 1, True
    held = all(fits_in_memory(count, side, share=share) for count in counts)
    return held, 1 if held else epochs, False


def _decoding_rate(plan: Plan) -> Generator[Any, None, tuple[float, int]]:
    """Decode some images, as an epoch takes them, on one core; give images a second, and how many failed."""
    order = plan.order(0)[:MOST_DECODED].tolist()
    meter, done, unreadable = Meter("measuring the decoding on one core"), 0, 0
    convention = plan.unmeasured_input
    began = time.perf_counter()
    for index in order:
        try:
            prepare_large(plan.source[index].image, convention)
            done += 1
        except UnreadableImage as error:
            unreadable += 1
            yield Skipped(error.name, error.reason)
        if event := meter.tick():
            yield event
        if time.perf_counter() - began > SECONDS:
            break
    if not done:
        raise ExploreError(f"none of the {unreadable:,} training images that were tried can be read")
    return done / (time.perf_counter() - began), unreadable


def _own_batch(plan: Plan) -> int:
    """Give how many images of a batch this rank learns from."""
    return max(1, len(plan.machine.ranks.part(range(min(plan.recipe.batch_size, len(plan.split.training))))))


def _net(plan: Plan) -> ZFNet:
    return ZFNet(len(plan.source.classes), **plan.recipe.architecture())


def _gradient_bytes(plan: Plan) -> int:
    with torch.device("meta"):  # which takes no memory
        return sum(4 * values.numel() for values in _net(plan).parameters())


def _net_rate(plan: Plan, size: int) -> Generator[Any, None, float]:
    """Take steps on ready squares of noise; give images a second. The first step is not counted."""
    recipe, machine = plan.recipe, replace(plan.machine, ranks=ALONE)
    count = _own_batch(plan)
    if not machine.cuda:
        count = min(count, BATCH_ON_CPU)
    convention = at_size(plan.unmeasured_input, size)
    side = convention.resize
    learner = make_learner(_net(plan), recipe, machine)
    learner.net.train()
    pixels = torch.randint(256, (count, side, side, 3), dtype=torch.uint8).to(machine.device)
    labels = torch.zeros(count, dtype=torch.int64, device=machine.device)
    indices = torch.arange(count).numpy()
    meter = Meter(f"measuring the net at {size} px")

    def step() -> Tensor:
        views = augment(pixels, indices, convention, plan.augmentation, epoch=0, seed=plan.seed)
        return take_step(learner, views, labels, recipe, machine, lr=0.0)

    step().item()
    began, done = time.perf_counter(), 0
    while done == 0 or time.perf_counter() - began < SECONDS:
        loss = step()
        done += count
        if event := meter.tick(count):
            yield event
        if done % (16 * count) == 0:
            loss.item()  # a GPU runs behind: wait for it now and then
    loss.item()
    return done / (time.perf_counter() - began)
