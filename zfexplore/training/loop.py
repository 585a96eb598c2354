"""Training: one readable loop, from images and a recipe to a checkpoint (ZF section 3).

For each epoch: decode the images at the epoch's size, take every batch once (random views, forward,
loss, backward, step), measure on the held-out part, write the log, the state and the checkpoint.
After the last, measure the saved file as loaded, with one crop and with ten.

It is a generator of events (``Progress``, ``Note``, ``Skipped``, an ``EpochRecord`` an epoch, and last
``Finished(TrainingResult)``) and yields only between steps: closing it there saves the state, and
``resume`` goes on from it as if nothing had happened. On a GPU, batches are pinned, copied without
blocking, and made into views there; losses are looked at when progress is shown, not at every step.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.images.augment import Augmentation, augment
from zfexplore.images.sources import Source
from zfexplore.images.transforms import normalise
from zfexplore.nets.checkpoint import Metadata, load_checkpoint, save_checkpoint
from zfexplore.nets.trunk import Trunk
from zfexplore.nets.zfnet import ZFNet, initialise
from zfexplore.progress import Finished, Meter, Note, Skipped
from zfexplore.training import data, state
from zfexplore.training.evaluate import Evaluation, class_map, evaluate
from zfexplore.training.machine import Machine, choose_machine
from zfexplore.training.recipe import Recipe

SECONDS_BETWEEN_STATES = 300.0  # how much a killed run loses at most
IMAGES_TO_SCALE_ON = 64  # he-scaled's batch
IMAGES_TO_MEASURE = 2048  # enough for a channel's mean; a mean image takes them all


@dataclass(frozen=True)
class EpochRecord:
    """One epoch: a line of the log. Accuracies are shares of the held-out images, None without any."""

    epoch: int  # from 1
    size: int  # of the input, in pixels
    loss: float  # mean over the epoch, with label smoothing if the recipe has it
    lr: float  # of the last step
    images_per_second: float
    waiting: float  # share of the time spent waiting for data
    seconds: float
    held_out_loss: float | None = None
    top1: float | None = None
    top5: float | None = None
    per_class: float | None = None
    dead: dict[str, int] | None = None


@dataclass(frozen=True)
class TrainingResult:
    """Where the checkpoint is, what it says of itself, and the epochs' records."""

    checkpoint: Path
    metadata: Metadata
    records: tuple[dict[str, Any], ...]


@dataclass
class _Job:
    """What stays the same over a training."""

    recipe: Recipe
    source: Source
    held_out_source: Source
    split: data.Split
    class_map: list[int] | None
    convention: InputConvention
    machine: Machine
    seed: int
    folder: state.RunFolder
    snapshots: tuple[int, ...]
    half: bool
    images: dict[str, Any]
    named: set[str]  # unreadable images that were reported

    @property
    def steps_per_epoch(self) -> int:
        return math.ceil(len(self.split.training) / self.recipe.batch_size)


@dataclass
class _Learner:
    """What changes with every step."""

    net: nn.Module
    run: nn.Module  # the net, or its compiled form
    optimiser: torch.optim.Optimizer
    position: state.Position


def train(
    source: Source,
    recipe: Recipe,
    *,
    out: str | Path,
    val: float | Source = 0.1,
    seed: int = 0,
    per_class: int | None = None,
    device: str = "auto",
    amp: bool | None = None,
    compiled: bool = False,
    workers: int | None = None,
    snapshots: Sequence[int] = (),
    half: bool = False,
    resume: bool = False,
    asked: dict[str, Any] | None = None,
) -> Iterator[Any]:
    """Train a ZFNet on a labelled source into the folder ``out``; events, last ``Finished(TrainingResult)``.

    ``val`` is the fraction of every class that is held out, or a source of its own. ``per_class`` caps
    the training images of a class. ``snapshots`` are the epochs after which the trunk is kept.
    ``half`` stores the checkpoint in fp16. ``asked`` is kept in the run's settings for whoever
    resumes it. Raises ExploreError for wrong arguments, a folder that holds a run already, images
    that changed since, and a loss that is no number.
    """
    folder = state.RunFolder(Path(out))
    job = _job(source, recipe, folder, val, seed, per_class, snapshots, half)
    job.machine = choose_machine(device, amp=amp, compiled=compiled, workers=workers)
    settings = {"format": state.FORMAT, "asked": asked or {}, "seed": seed, "recipe": recipe.to_json()}
    settings["images"] = job.images
    if resume:
        _check_unchanged(folder, settings)
    else:
        folder.begin(settings)
    yield from _train(job, state.load_state(folder.state) if resume and folder.state.exists() else None)


def _train(job: _Job, saved: state.State | None) -> Iterator[Any]:
    """The loop over the epochs."""
    recipe, folder, sizes = job.recipe, job.folder, job.recipe.sizes()
    records = folder.records()[: saved.position.epoch] if saved else []
    learner, training = None, None
    saved_at = time.monotonic()
    try:
        start = saved.position.epoch if saved else 0
        for epoch in range(start, recipe.epochs):
            if training is None or sizes[epoch] != sizes[epoch - 1]:
                convention = _at_size(job.convention, sizes[epoch])
                training = held_out = None  # free the memory first
                training = yield from _squares(job, job.source, job.split.training, convention, "training")
                held_out = yield from _squares(
                    job, job.held_out_source, job.split.held_out, convention, "held-out"
                )
            if learner is None:
                learner = yield from _learner(job, training, convention, saved)
                convention = _at_size(job.convention, sizes[epoch])  # now with its mean
            for event in _steps(job, learner, training, convention):
                if time.monotonic() - saved_at > SECONDS_BETWEEN_STATES:
                    _save(job, learner)
                    saved_at = time.monotonic()
                yield event
            evaluation = None
            if job.split.held_out:
                evaluation = yield from _measure(job, Trunk(learner.net), held_out, convention, epoch)
            record = _record(job, learner, sizes[epoch], evaluation)
            records.append(asdict(record))
            _end_epoch(job, learner, records, evaluation)
            saved_at = time.monotonic()
            yield record
        if learner is None:  # resumed after the last epoch
            learner = yield from _learner(job, None, job.convention, saved)
        result = yield from _finish(job, learner, records)
    except GeneratorExit:
        if learner is not None:
            _save(job, learner)
        raise
    yield Finished(result)


def _steps(
    job: _Job, learner: _Learner, training: data.Decoded | data.Streamed, convention: InputConvention
) -> Iterator[Any]:
    """One epoch, from where it stands to its end."""
    recipe, machine, position = job.recipe, job.machine, learner.position
    order = data.epoch_order(job.split.training, seed=job.seed, epoch=position.epoch)
    batches = data.in_batches(order, recipe.batch_size)[position.step :]
    done = len(order) - sum(map(len, batches))
    meter = Meter(f"epoch {position.epoch + 1} of {recipe.epochs}", len(order), done=done)
    augmentation = _augmentation(recipe)
    losses: list[tuple[int, Tensor, int]] = []  # (step, loss, images) not looked at yet
    learner.net.train()
    loaded = training.batches(batches)
    for wanted in batches:
        began = time.perf_counter()
        batch = next(loaded)
        pixels, labels = _to_device(batch, machine)
        waited = time.perf_counter() - began
        if len(batch):
            views = augment(
                pixels, batch.indices.numpy(), convention, augmentation, epoch=position.epoch, seed=job.seed
            )
            loss = _step(job, learner, views, labels)
            losses.append((position.step, loss, len(batch)))
        position.step += 1
        event = meter.tick(len(wanted), _so_far(position))
        if event or batch.unreadable or position.step == job.steps_per_epoch:
            _look_at(losses, position, recipe)
        position.waited += waited
        position.seconds += time.perf_counter() - began
        yield from _report_unreadable(job, batch)
        if event:
            yield event


def _step(job: _Job, learner: _Learner, views: Tensor, labels: Tensor) -> Tensor:
    """One step of SGD on ``views [n, 3, size, size]``; gives the loss, still on the device."""
    recipe, position = job.recipe, learner.position
    lr = learning_rate(recipe, position, job.steps_per_epoch)
    for group in learner.optimiser.param_groups:
        group["lr"] = lr
    with job.machine.autocast():
        logits = learner.run(views.contiguous(memory_format=torch.channels_last))  # [n, classes]
    loss = F.cross_entropy(logits.float(), labels, label_smoothing=recipe.label_smoothing)
    learner.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    if recipe.clip_norm is not None:
        nn.utils.clip_grad_norm_(learner.net.parameters(), recipe.clip_norm)
    learner.optimiser.step()
    if recipe.max_rms is not None:
        renormalise_filters(learner.net, recipe.max_rms)
    return loss.detach()


def learning_rate(recipe: Recipe, position: state.Position, steps_per_epoch: int) -> float:
    """Give the rate of the step at ``position``: linear warm-up, then the recipe's schedule."""
    total = recipe.epochs * steps_per_epoch
    step = position.epoch * steps_per_epoch + position.step
    warmup = min(recipe.warmup, total // 10)  # a short run must not be all warm-up
    rate = recipe.lr * min(1.0, (step + 1) / max(warmup, 1))
    if recipe.schedule == "cosine":
        rate *= 0.5 * (1 + math.cos(math.pi * max(step - warmup, 0) / max(total - warmup, 1)))
    if recipe.schedule == "plateau":
        rate *= position.rate_factor
    return rate


@torch.no_grad()
def renormalise_filters(net: nn.Module, limit: float) -> None:
    """Scale every convolutional filter whose RMS exceeds ``limit`` down to it (ZF section 3)."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d):
            rms = layer.weight.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()  # [out, 1, 1, 1]
            layer.weight.mul_((limit / rms).clamp(max=1.0))


def _look_at(losses: list[tuple[int, Tensor, int]], position: state.Position, recipe: Recipe) -> None:
    """Fetch the losses from the device, add them up, and stop at the first that is no number."""
    values = torch.stack([loss for _, loss, _ in losses]).tolist() if losses else []
    for (step, _, images), value in zip(losses, values, strict=True):
        if not math.isfinite(value):
            raise ExploreError(
                f"the loss became {value} at step {step + 1} of epoch {position.epoch + 1} with the recipe "
                f"{recipe.name} (init {recipe.init}, lr {recipe.lr:g}): try --lr {recipe.lr / 10:g}, "
                "--init he-scaled, or --recipe default"
            )
        position.loss_sum += value * images
        position.images += images
    losses.clear()


def _so_far(position: state.Position) -> str:
    return f"loss {position.loss_sum / position.images:.3f}" if position.images else ""


def _to_device(batch: data.Batch, machine: Machine) -> tuple[Tensor, Tensor]:
    if machine.cuda:
        batch = batch.pin()
    return (
        batch.pixels.to(machine.device, non_blocking=True),
        batch.labels.to(machine.device, non_blocking=True),
    )


def _report_unreadable(job: _Job, batch: data.Batch) -> Iterator[Skipped]:
    for name, reason in batch.unreadable:
        if name not in job.named:
            job.named.add(name)
            yield Skipped(name, reason)


def _augmentation(recipe: Recipe) -> Augmentation:
    return Augmentation(
        crops=recipe.crops,
        flip=recipe.flip,
        area=recipe.area,
        brightness=recipe.brightness,
        colour=recipe.colour,
    )


def _job(
    source: Source,
    recipe: Recipe,
    folder: state.RunFolder,
    val: float | Source,
    seed: int,
    per_class: int | None,
    snapshots: Sequence[int],
    half: bool,
) -> _Job:
    """Divide the images, and write down which they are."""
    images = {"name": source.name, "count": len(source), "fingerprint": source.fingerprint()}
    if isinstance(val, int | float):
        split = data.split(source, float(val), seed=seed, per_class=per_class)
        held_out_source, mapped = source, None
        images["held_out"] = {"fraction": float(val), "seed": seed}
    else:
        split = data.split(source, 0.0, seed=seed, per_class=per_class)
        held_out_source, mapped = val, class_map(val.classes, source.classes)
        known = [index for index in range(len(val)) if mapped[val.label(index) or 0] >= 0]
        split = replace(split, held_out=tuple(known))
        images["held_out"] = {"name": val.name, "fingerprint": val.fingerprint()}
    images["per_class"] = per_class
    images["training_count"], images["held_out"]["count"] = len(split.training), len(split.held_out)
    if not split.training:
        raise ExploreError(f"{source.name} leaves no image to train on", usage=True)
    convention = InputConvention(size=recipe.size, resize=_resize(recipe.size), scale=recipe.scale)
    return _Job(
        recipe=recipe,
        source=source,
        held_out_source=held_out_source,
        split=split,
        class_map=mapped,
        convention=convention,
        machine=Machine(torch.device("cpu"), False, False, 0),
        seed=seed,
        folder=folder,
        snapshots=tuple(snapshots),
        half=half,
        images=images,
        named=set(),
    )


def _check_unchanged(folder: state.RunFolder, settings: dict[str, Any]) -> None:
    before = folder.read_settings()
    if before["images"] != settings["images"]:
        raise ExploreError(
            f"the images are not those that the run in {folder.path} was started with; start anew with another --out"
        )
    if Recipe.from_json(before["recipe"]) != Recipe.from_json(settings["recipe"]) or before["seed"] != settings["seed"]:
        raise ExploreError(
            f"the run in {folder.path} was started with another recipe or seed: resume it without those options",
            usage=True,
        )


def _squares(
    job: _Job, source: Source, indices: Sequence[int], convention: InputConvention, what: str
) -> Iterator[Any]:
    """Give images as decoded squares: from memory where they fit, else streamed."""
    if not data.fits_in_memory(len(indices), convention):
        yield Note(f"{len(indices)} {what} images do not fit in memory: decoding them anew every epoch")
        return data.Streamed(source, convention, job.machine.workers)
    task = f"decoding {what} images at {convention.resize} px"
    for event in data.decode(source, indices, convention, workers=job.machine.workers, task=task):
        if isinstance(event, data.Decoded):
            return event
        if not isinstance(event, Skipped):
            yield event
        elif event.name not in job.named:
            job.named.add(event.name)
            yield event


def _learner(
    job: _Job,
    training: data.Decoded | data.Streamed | None,
    convention: InputConvention,
    saved: state.State | None,
) -> Iterator[Any]:
    """Make the net and its optimiser: fresh, or as they were saved; sets the job's input mean."""
    recipe, device = job.recipe, job.machine.device
    torch.manual_seed(job.seed)
    net = ZFNet(len(job.source.classes), recipe.fc, recipe.norm, recipe.dropout)  # type: ignore[arg-type]
    if saved is not None:
        job.convention = saved.convention
    else:
        job.convention = yield from _measure_input(job, training, convention)
        some = list(data.epoch_order(job.split.training, seed=job.seed, epoch=0)[:IMAGES_TO_SCALE_ON])
        batch = next(training.batches([[int(index) for index in some]]))
        initialise(
            net, recipe.init, seed=job.seed, batch=normalise(batch.pixels, _at_size(job.convention, convention.size))
        )
    net.to(device, memory_format=torch.channels_last)
    optimiser = _optimiser(net, recipe)
    position = state.Position()
    if saved is not None:
        state.restore(saved, net, optimiser)
        position = saved.position
    run = torch.compile(net) if job.machine.compiled else net
    return _Learner(net, run, optimiser, position)


def _optimiser(net: nn.Module, recipe: Recipe) -> torch.optim.SGD:
    weights = [value for value in net.parameters() if value.ndim > 1]
    biases = [value for value in net.parameters() if value.ndim == 1]
    return torch.optim.SGD(
        [
            {"params": weights, "weight_decay": recipe.weight_decay},
            {"params": biases, "weight_decay": 0.0},
        ],
        lr=recipe.lr,
        momentum=recipe.momentum,
        nesterov=recipe.nesterov,
    )


def _measure_input(
    job: _Job, training: data.Decoded | data.Streamed, convention: InputConvention
) -> Iterator[Any]:
    """Give the convention with the training images' mean, and their spread where the recipe asks for one."""
    recipe = job.recipe
    order = data.epoch_order(job.split.training, seed=job.seed, epoch=0)
    order = order if recipe.mean == "pixel" else order[:IMAGES_TO_MEASURE]
    batches = data.in_batches(order, 64)
    meter = Meter("measuring the images' mean", len(order))
    side = convention.resize
    total = torch.zeros(side, side, 3, dtype=torch.float64)
    squares = torch.zeros(3, dtype=torch.float64)
    count = 0
    for wanted, batch in zip(batches, training.batches(batches), strict=True):
        values = batch.pixels.double()
        total += values.sum(0)
        squares += values.square().sum((0, 1, 2))
        count += len(batch)
        if event := meter.tick(len(wanted)):
            yield event
    if count == 0:
        raise ExploreError(f"none of the images of {job.source.name} can be read")
    to_scale = recipe.scale / 255
    mean = total.mean((0, 1)) / count  # [3], in 0..255
    deviation = float((squares / (count * side * side) - mean.square()).mean().clamp(min=1e-6).sqrt())
    std = 1.0 if recipe.spread is None else deviation * to_scale / recipe.spread
    red, green, blue = (float(value) * to_scale for value in mean)
    image = (total / count * to_scale).permute(2, 0, 1).float().contiguous() if recipe.mean == "pixel" else None
    return replace(job.convention, mean=(red, green, blue), std=(std, std, std), mean_image=image)


def _at_size(convention: InputConvention, size: int) -> InputConvention:
    return replace(convention, size=size, resize=_resize(size))


def _resize(size: int) -> int:
    """Give the side of the square that crops of ``size`` are taken from: 256 for 224."""
    return round(size * 256 / 224)


def _measure(
    job: _Job, trunk: Trunk, images: data.Decoded | data.Streamed, convention: InputConvention, epoch: int
) -> Iterator[Any]:
    task = f"held-out images after epoch {epoch + 1}"
    events = evaluate(
        trunk, images, job.split.held_out, convention, job.machine, class_map=job.class_map, task=task
    )
    for event in events:
        if isinstance(event, Finished):
            return event.result
        if not (isinstance(event, Skipped) and event.name in job.named):
            yield event


def _record(job: _Job, learner: _Learner, size: int, evaluation: Evaluation | None) -> EpochRecord:
    position = learner.position
    last = replace(position, step=job.steps_per_epoch - 1)
    return EpochRecord(
        epoch=position.epoch + 1,
        size=size,
        loss=position.loss_sum / max(position.images, 1),
        lr=learning_rate(job.recipe, last, job.steps_per_epoch),
        images_per_second=position.images / max(position.seconds, 1e-9),
        waiting=position.waited / max(position.seconds, 1e-9),
        seconds=position.seconds,
        held_out_loss=evaluation.loss if evaluation else None,
        top1=evaluation.top1 if evaluation else None,
        top5=evaluation.top5 if evaluation else None,
        per_class=evaluation.per_class if evaluation else None,
        dead=evaluation.dead if evaluation else None,
    )


def _end_epoch(
    job: _Job, learner: _Learner, records: list[dict[str, Any]], evaluation: Evaluation | None
) -> None:
    """Lower the rate where the recipe says so; write snapshot, checkpoint, log and, last, the state."""
    position, recipe = learner.position, job.recipe
    judged = evaluation.loss if evaluation else records[-1]["loss"]
    if position.best is None or judged < position.best:
        position.best, position.epochs_since_best = judged, 0
    else:
        position.epochs_since_best += 1
    if recipe.schedule == "plateau" and position.epochs_since_best >= recipe.patience:
        position.rate_factor, position.epochs_since_best = position.rate_factor / 10, 0
    position.next_epoch()
    if position.epoch in job.snapshots:
        trunk = nn.Sequential()
        for name, layer in learner.net.named_children():
            if name == "avgpool":
                break
            trunk.add_module(name, layer)
        save_checkpoint(job.folder.snapshot(position.epoch), trunk, _metadata(job, position.epoch), half=True)
    accuracy = {"centre": evaluation.to_json()} if evaluation else {}
    save_checkpoint(
        job.folder.checkpoint, learner.net, _metadata(job, position.epoch, accuracy), half=job.half
    )
    job.folder.write_records(records)
    _save(job, learner)


def _finish(job: _Job, learner: _Learner, records: list[dict[str, Any]]) -> Iterator[Any]:
    """Write the checkpoint, and into it the accuracy of the file as it loads."""
    accuracy: dict[str, Any] = {}
    save_checkpoint(job.folder.checkpoint, learner.net, _metadata(job, job.recipe.epochs), half=job.half)
    if job.split.held_out:
        loaded = load_checkpoint(job.folder.checkpoint, job.machine.device)
        exact = replace(job.machine, amp=False)
        held_out = data.Streamed(job.held_out_source, job.convention, job.machine.workers)
        for name, crops in (("centre", 1), ("ten_crop", 10)):
            events = evaluate(
                loaded.trunk,
                held_out,
                job.split.held_out,
                job.convention,
                exact,
                crops=crops,
                class_map=job.class_map,
                task="the saved file, one crop" if crops == 1 else "the saved file, ten crops",
            )
            for event in events:
                if isinstance(event, Finished):
                    accuracy[name] = event.result.to_json()
                elif not isinstance(event, Skipped):
                    yield event
    metadata = _metadata(job, job.recipe.epochs, accuracy)
    save_checkpoint(job.folder.checkpoint, learner.net, metadata, half=job.half)
    _save(job, learner)
    return TrainingResult(job.folder.checkpoint, metadata, tuple(records))


def _metadata(job: _Job, epochs: int, accuracy: dict[str, Any] | None = None) -> Metadata:
    recipe = job.recipe
    return Metadata(
        architecture="zfnet",
        arguments={
            "classes": len(job.source.classes),
            "fc": recipe.fc,
            "norm": recipe.norm,
            "dropout": recipe.dropout,
        },
        classes=tuple(job.source.classes),
        input=job.convention,
        recipe=recipe.to_json() | {"seed": job.seed},
        images=job.images,
        epochs=epochs,
        accuracy=accuracy or {},
    )


def _save(job: _Job, learner: _Learner) -> None:
    state.save_state(job.folder.state, learner.net, learner.optimiser, learner.position, job.convention)
