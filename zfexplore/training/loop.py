"""Training: one readable loop, from images and a recipe to a checkpoint (ZF section 3).

For each epoch: decode the images at the epoch's size, take every batch once (random views, forward,
loss, backward, step), measure on the held-out part, write the log, the checkpoint and the state.
After the last epoch: load the saved checkpoint and measure it, with one crop and with ten.

The loop is a generator of events: ``Progress``, ``Note``, ``Skipped``, one ``EpochRecord`` per epoch,
and last ``Finished(TrainingResult)``. It yields only between steps. Closing it there saves the state,
and ``resume`` goes on from it as if nothing had happened. Losses are fetched when progress is shown, not at
every step.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from zfexplore.arguments import path_text, whole
from zfexplore.errors import ExploreError
from zfexplore.images.sources import Source
from zfexplore.images.transforms import normalise
from zfexplore.images.workers import WorkerFailed
from zfexplore.nets import zoo
from zfexplore.nets.checkpoint import Metadata, load_checkpoint, save_checkpoint
from zfexplore.nets.device import told_if_full
from zfexplore.nets.ranks import ALONE, Lost, Ranks, Stopped
from zfexplore.nets.trunk import Trunk
from zfexplore.nets.zfnet import ZFNet, initialise
from zfexplore.plain import LARGEST
from zfexplore.progress import Finished, Meter, Note, Skipped
from zfexplore.training.data import Decoded, Squares, in_batches
from zfexplore.training.evaluate import Evaluation, evaluate
from zfexplore.training.folder import RunFolder, read_log
from zfexplore.training.inputs import Images, at_size, measure_input
from zfexplore.training.learner import Learner, judge_plateau, learning_rate, make_learner
from zfexplore.training.machine import Machine, choose_machine, keep_freed_memory
from zfexplore.training.plan import (
    Outcome,
    Plan,
    check_unchanged,
    make_plan,
    snapshot_arguments,
)
from zfexplore.training.recipe import Recipe
from zfexplore.training.record import EpochRecord, epoch_record
from zfexplore.training.snapshots import AUTO, keeping
from zfexplore.training.state import Position, State, check_state, load_state, restore, save_state
from zfexplore.training.steps import Loss, Steps, Taken

if TYPE_CHECKING:
    from zfexplore.training.on_device import Epoch, OnDevice

SECONDS_BETWEEN_STATES = 300.0  # the most that a killed run loses
SECONDS_BETWEEN_TIDINGS = 2.0  # for those who look on
IMAGES_TO_SCALE_ON = 64  # he-scaled's batch
HOPELESS = 20  # times the first loss


@dataclass(frozen=True)
class TrainingResult:
    """Where the checkpoint is, its metadata, and the epochs' records."""

    checkpoint: Path
    metadata: Metadata
    records: tuple[dict[str, Any], ...]


def train(
    source: Source,
    recipe: Recipe,
    *,
    out: str | os.PathLike[str],
    val: float | Source = 0.1,
    seed: int = 0,
    per_class: int | None = None,
    snapshots: Sequence[int] | str = AUTO,
    half: bool = False,
    device: str = "auto",
    amp: bool | None = None,
    compiled: bool = False,
    workers: int | None = None,
    resume: bool = False,
    asked: dict[str, Any] | None = None,
    ranks: Ranks = ALONE,
) -> Iterator[Any]:
    """Train a ZFNet on a labelled source; yields events, the last one ``Finished(TrainingResult)``.

    ``out`` is the folder of the run. ``val`` is the fraction of every class that is held out, or another
    source. ``per_class`` caps the training images of a class. ``snapshots`` says when the trunk
    is kept, to see how features come about: epochs, or ``"auto"``, ``"every 2"``, ``"5m"``, ``"none"``
    (training/snapshots.py says what they mean). ``half`` stores the checkpoint in fp16. ``asked`` is kept
    in the run's settings, to be read when the run is resumed.

    ``resume`` continues the run in ``out``. A recipe with more epochs then lengthens the run, even a
    finished one: it goes on as a run of that many epochs does.

    ``ranks`` says which of several processes this is that train one net together (``nets/ranks.py``), each
    with the same arguments. Every rank takes its slice of the batches of one process. The first one alone
    writes.

    Raises ExploreError for wrong arguments, a folder that already holds a run or in which another process
    trains, images that have changed since, and a loss that is not a number or 20 times the first one.
    """
    if whole(seed, "the seed", least=0) > LARGEST:
        raise ExploreError(f"the seed must be at most {LARGEST:,}: torch takes no longer ones", usage=True)
    machine = choose_machine(device, amp=amp, compiled=compiled, workers=workers, ranks=ranks)
    if not machine.cuda:
        keep_freed_memory()
    elif machine.unfused is not None:
        yield Note(f"training is slower than this GPU can be, without its own kernels: {machine.unfused}")
    folder = RunFolder(Path(path_text(out, "the run's folder")))
    outcome = Outcome(folder, keeping(snapshots), half)
    plan = make_plan(
        source, recipe, val=val, seed=seed, per_class=per_class, machine=machine, outcome=outcome
    )
    if resume:
        folder.read_settings()  # there is a run, and nothing is made where there is none
    with ExitStack() as stack:
        if ranks.first and not stack.enter_context(folder.lock()).sure:
            yield Note(f"{folder.path} cannot be locked there: see that no other training writes to it")
        yield from _train(plan, asked or {}, resume=resume)


def _train(plan: Plan, asked: dict[str, Any], *, resume: bool) -> Iterator[Any]:
    """Begin the run or go on with it: the folder is this process's."""
    folder, recipe = plan.outcome.folder, plan.recipe
    saved = None
    if resume:
        began = folder.read_settings()
        epochs = check_unchanged(began, plan.settings({}), folder)
        saved = _saved_state(plan, recipe) if folder.state.exists() else None
        if saved is not None and (torn := read_log(folder.log)[1]):
            lines = f"{torn} lines of it" if torn > 1 else "a line of it"
            yield Note(f"{folder.log} is damaged: {lines} cannot be read and will be left out")
        _check_alike(plan, saved)
        if recipe.epochs > epochs:
            if plan.machine.ranks.first:
                folder.write_settings(began | {"recipe": recipe.to_json()})
            yield Note(_lengthened(plan, epochs, saved.position if saved else Position()))
        at = saved.position if saved else Position()
        if plan.machine.ranks.first:
            folder.forget_snapshots_after(at.epoch, at.step)
    else:
        if plan.machine.ranks.first:
            folder.begin(plan.settings(asked))
        _check_alike(plan, saved)
    if saved is not None:
        yield Note(f"going on after epoch {saved.position.epoch} and {saved.position.step} steps")
    named: set[str] = set()  # an unreadable image comes up every epoch, but is named once
    with closing(_Training(plan, saved).events()) as events:
        for event in events:
            if isinstance(event, Skipped):
                if event.name in named:
                    continue
                named.add(event.name)
            yield event


def _saved_state(plan: Plan, recipe: Recipe) -> State:
    """Read the state to go on from, and hold it against the net and the images before any are decoded."""
    path = plan.outcome.folder.state
    saved, most = load_state(path), plan.steps_per_epoch
    if saved.position.epoch > recipe.epochs or saved.position.step > most:
        raise ExploreError(
            f"{path} is of epoch {saved.position.epoch}, step {saved.position.step}, in a run of "
            f"{recipe.epochs} epochs of {most} steps: start anew in another folder"
        )
    with zoo.weightless():
        net = ZFNet(len(plan.source.classes), **recipe.architecture())
    check_state(saved, net.state_dict())
    return saved


def _check_alike(plan: Plan, saved: State | None) -> None:
    """Raise ExploreError unless all ranks have the same images, recipe and state before them."""
    ranks, position = plan.machine.ranks, saved.position if saved else Position()
    told = ranks.gather((plan.settings({}), position.epoch, position.step))
    if any(one != told[0] for one in told):
        raise ExploreError(
            f"the ranks do not see the same images, or not the same run in {plan.outcome.folder.path}: "
            "give both on a file system that all machines share"
        )


class _Training:
    """The loop, and what it keeps between epochs."""

    def __init__(self, plan: Plan, saved: State | None) -> None:
        self.plan = plan
        self.saved = saved
        logged = plan.outcome.folder.records() if saved else []
        self.records = [record for record in logged if saved and record["epoch"] <= saved.position.epoch]
        self.convention = saved.convention if saved else plan.unmeasured_input
        largest = at_size(self.convention, plan.recipe.size)
        how: dict[str, Any] = {"workers": plan.machine.workers, "ranks": plan.machine.ranks}
        self._training = Images(plan.source, plan.split.training, largest, what="training", **how)
        self._held_out = Images(plan.held_out_source, plan.split.held_out, largest, what="held-out", **how)
        self.learner: Learner | None = None
        self.kept_at = time.monotonic()  # when the last snapshot was taken
        self.began_at = self.kept_at - sum(record.get("seconds") or 0.0 for record in self.records)

    def events(self) -> Generator[Any, None, None]:
        """Train the remaining epochs, then finish."""
        sizes = self.plan.recipe.sizes()
        opened: _Opened | None = None
        try:
            for epoch in range(self.saved.position.epoch if self.saved else 0, len(sizes)):
                if opened is None or opened.size != sizes[epoch]:
                    opened = None  # free its memory first
                    opened = yield from self._open(sizes[epoch])
                learner = self.learner or (yield from self._begin(opened))
                with told_if_full(
                    f"batches of {self.plan.recipe.batch_size} images of {opened.size} px",
                    "give a smaller --batch-size, in another --out",
                ):
                    yield from self._steps(learner, opened)
                    evaluation = yield from self._measure(learner, opened)
                yield self._end_epoch(learner, opened.size, evaluation)
            result = yield from self._finish(self.learner or (yield from self._begin(None)))
        except (GeneratorExit, Stopped, WorkerFailed):
            self._save()
            raise
        except Lost as lost:
            if not self.plan.machine.cuda:  # whose stream may wait for the lost one for ever
                self._save()
            path = self.plan.outcome.folder.path
            raise Lost(f"{lost}; go on with zfexplore train --resume --out {path}, in any number") from lost
        yield Finished(result)

    def _open(self, size: int) -> Generator[Any, None, _Opened]:
        """Decode the training and the held-out images at an input size."""
        convention = at_size(self.convention, size)
        training = yield from self._training.at(convention)
        held_out = yield from self._held_out.at(convention)
        return _Opened(size, training, held_out)

    def _begin(self, opened: _Opened | None) -> Generator[Any, None, Learner]:
        """Make the net: restored from the saved state, or new, after measuring the mean of its input."""
        plan, recipe = self.plan, self.plan.recipe
        torch.manual_seed(plan.seed)
        net = ZFNet(len(plan.source.classes), **recipe.architecture())
        if self.saved is None and opened is not None:
            order = plan.order(0).tolist()
            convention = at_size(self.convention, opened.size)
            measured = yield from measure_input(
                recipe, opened.training, order, convention, plan.machine.ranks
            )
            some = next(iter(opened.training.batches([order[:IMAGES_TO_SCALE_ON]])))
            initialise(net, recipe.init, seed=plan.seed, batch=normalise(some.pixels, measured))
            self.convention = at_size(measured, recipe.size)
        self.learner = make_learner(net, recipe, plan.machine)
        if self.saved is not None:
            restore(self.saved, self.learner.net, self.learner.optimiser)
            self.learner.position = replace(self.saved.position)
        return self.learner

    def _steps(self, learner: Learner, opened: _Opened) -> Generator[Any, None, None]:
        """Take an epoch's steps, from the current position to the end."""
        plan, recipe, position = self.plan, self.plan.recipe, learner.position
        order = plan.order(position.epoch)
        batches = in_batches(order, recipe.batch_size)[position.step :]
        done = len(order) - sum(map(len, batches))
        meter = Meter(f"epoch {position.epoch + 1} of {recipe.epochs}", len(order), done=done)
        saved_at, told_at = time.monotonic(), -math.inf
        learner.net.train()
        steps = self._stepping(learner, opened, batches)
        try:
            for taken in _timed(steps, position):
                position.step += 1
                event = meter.tick(taken.wanted, _so_far(position))
                if event or taken.unreadable:
                    _count(steps.losses(wait=False), position, recipe)
                for name, reason in taken.unreadable:
                    yield Skipped(name, reason)
                if event:
                    yield event
                    told_at = self._let_others_see(learner, steps, told_at)
                    if time.monotonic() - saved_at > SECONDS_BETWEEN_STATES:
                        _count(steps.losses(), position, recipe)
                        self._save()
                        saved_at = time.monotonic()
        except Lost:
            if not plan.machine.cuda:  # whose stream may wait for the lost one for ever
                _count(steps.losses(), position, recipe)
            raise
        except (GeneratorExit, Stopped, WorkerFailed):  # the state that is saved then has all steps' losses
            _count(steps.losses(), position, recipe)
            raise
        began = time.perf_counter()
        _count(steps.losses(), position, recipe)
        position.seconds += time.perf_counter() - began

    def _stepping(self, learner: Learner, opened: _Opened, batches: Sequence[Sequence[int]]) -> Steps | Epoch:
        """Give the steps on some batches, the way that the machine takes them fastest."""
        plan, convention = self.plan, at_size(self.convention, opened.size)
        if not plan.machine.kernels or plan.machine.ranks.many:
            return Steps(learner, opened.training, batches, convention, plan)
        if opened.on_device is None:
            from zfexplore.training.on_device import OnDevice  # which needs Triton

            opened.training = _placed(opened.training, plan.machine)
            opened.held_out = _placed(opened.held_out, plan.machine)
            opened.on_device = OnDevice(learner, opened.training, convention, plan)
        return opened.on_device.epoch(batches)

    def _measure(self, learner: Learner, opened: _Opened) -> Generator[Any, None, Evaluation | None]:
        """Measure on the held-out images at this epoch's size."""
        plan = self.plan
        if not plan.split.held_out:
            return None
        events = evaluate(
            Trunk(learner.net),
            opened.held_out,
            plan.split.held_out,
            at_size(self.convention, opened.size),
            plan.machine,
            class_map=plan.class_map,
            task=f"held-out images after epoch {learner.position.epoch + 1}",
        )
        return (yield from _passing_on(events))

    def _end_epoch(self, learner: Learner, size: int, evaluation: Evaluation | None) -> EpochRecord:
        """End an epoch: record it, judge the rate, write snapshot, checkpoint, log and, last, the state."""
        plan, position = self.plan, learner.position
        folder = plan.outcome.folder
        record = epoch_record(plan, position, size, evaluation)
        self.records.append(asdict(record))
        judge_plateau(plan.recipe, position, evaluation.loss if evaluation else record.loss)
        position.next_epoch()
        accuracy = {"centre": evaluation.to_json()} if evaluation else {}
        metadata = plan.metadata(self.convention, position.epoch, accuracy)
        since = time.monotonic() - self.kept_at
        if plan.outcome.snapshots.after(position.epoch, plan.recipe.epochs, since):
            self._keep(learner, accuracy)
        if plan.machine.ranks.first:
            save_checkpoint(folder.checkpoint, learner.net, metadata, half=plan.outcome.half)
            folder.write_records(self.records)
        self._save()
        return record

    def _let_others_see(self, learner: Learner, steps: Steps | Epoch, told_at: float) -> float:
        """Amid an epoch: tell how far it is and keep the trunk, if it is time; give when it was told last."""
        plan, position, now = self.plan, learner.position, time.monotonic()
        if not plan.machine.ranks.first:
            return now
        if now - told_at > SECONDS_BETWEEN_TIDINGS:
            mean = position.loss_sum / position.images if position.images else None
            folder = plan.outcome.folder
            folder.tell_progress(position.epoch + 1, position.step, plan.steps_per_epoch, mean)
            told_at = now
        under_way = position.step < plan.steps_per_epoch
        if under_way and plan.outcome.snapshots.within(now - self.kept_at, now - self.began_at):
            _count(steps.losses(), position, plan.recipe)
            self._keep(learner)
        return told_at

    def _keep(self, learner: Learner, accuracy: dict[str, Any] | None = None) -> None:
        """Write the trunk as it is now, in fp16: before the log, so that who reads of an epoch can see it."""
        plan, position = self.plan, learner.position
        if not plan.machine.ranks.first:
            return
        within = position.step / plan.steps_per_epoch
        metadata = plan.metadata(self.convention, position.epoch + within, accuracy or {})
        trunk = learner.net[: [name for name, _ in learner.net.named_children()].index("avgpool")]
        alone = replace(metadata, arguments=snapshot_arguments(metadata.arguments))
        folder = plan.outcome.folder
        path = (
            folder.snapshot(position.epoch + 1, position.step) if within else folder.snapshot(position.epoch)
        )
        save_checkpoint(path, trunk, alone, half=True)
        self.kept_at = time.monotonic()

    def _finish(self, learner: Learner) -> Generator[Any, None, TrainingResult]:
        """Write the checkpoint with its accuracy, measured in float32 on the file as loaded."""
        plan, path = self.plan, self.plan.outcome.folder.checkpoint
        if not plan.machine.ranks.first:  # the first one measures alone, since only it may see its file
            return TrainingResult(
                path, plan.metadata(self.convention, plan.recipe.epochs, {}), tuple(self.records)
            )
        half, epochs = plan.outcome.half, plan.recipe.epochs
        accuracy: dict[str, Any] = {}
        if plan.split.held_out:
            save_checkpoint(path, learner.net, plan.metadata(self.convention, epochs, {}), half=half)
            trunk = load_checkpoint(path, plan.machine.device).net
            squares = yield from self._held_out.at(self.convention)
            for name, crops in (("centre", 1), ("ten_crop", 10)):
                events = evaluate(
                    trunk,
                    squares,
                    plan.split.held_out,
                    self.convention,
                    replace(plan.machine, amp=False, ranks=ALONE),
                    crops=crops,
                    class_map=plan.class_map,
                    task=f"the saved file, {crops} crop{'s' if crops > 1 else ''}",
                )
                accuracy[name] = (yield from _passing_on(events)).to_json()
        metadata = plan.metadata(self.convention, epochs, accuracy)
        save_checkpoint(path, learner.net, metadata, half=half)
        plan.outcome.folder.progress.unlink(missing_ok=True)
        return TrainingResult(path, metadata, tuple(self.records))

    def _save(self) -> None:
        """Write the state, if there is one yet."""
        if (learner := self.learner) and self.plan.machine.ranks.first:
            path = self.plan.outcome.folder.state
            save_state(path, learner.net, learner.optimiser, learner.position, self.convention)


@dataclass
class _Opened:
    """The decoded images at the current input size, and what takes steps on them if it is a GPU."""

    size: int
    training: Squares
    held_out: Squares
    on_device: OnDevice | None = None


def _placed(squares: Squares, machine: Machine) -> Squares:
    """Put squares on the device if they leave at least half of its free memory free."""
    free, _ = torch.cuda.mem_get_info(machine.device)
    # What torch keeps of an earlier size is free for it, too.
    free += torch.cuda.memory_reserved(machine.device) - torch.cuda.memory_allocated(machine.device)
    if isinstance(squares, Decoded) and squares.pixels.nbytes <= free // 2:
        return squares.on(machine.device)
    return squares


def _timed(steps: Iterable[Taken], position: Position) -> Iterator[Taken]:
    """Give the steps, and add the time that they take to the position."""
    source = iter(steps)
    while True:
        began = time.perf_counter()
        taken = next(source, None)
        position.seconds += time.perf_counter() - began
        if taken is None:
            return
        yield taken


def _count(losses: Sequence[Loss], position: Position, recipe: Recipe) -> None:
    """Add losses up; raise ExploreError at the first hopeless one."""
    for loss in losses:
        if position.first_loss is None:
            position.first_loss = loss.value
        lost = None
        if not math.isfinite(loss.value):
            lost = f"became {loss.value}"
        elif loss.value > HOPELESS * position.first_loss:
            lost = (
                f"grew to {loss.value:.4g}, over {HOPELESS} times the first one ({position.first_loss:.4g}),"
            )
        if lost is not None:
            raise ExploreError(
                f"the loss {lost} at step {loss.step + 1} of epoch {position.epoch + 1} with recipe "
                f"{recipe.name} (init {recipe.init}, lr {recipe.lr:g}): try {_remedies(recipe)}, "
                "in another --out"
            )
        position.loss_sum += loss.value * loss.images
        position.images += loss.images


def _remedies(recipe: Recipe) -> str:
    """Give the options that may help, of those not in use already."""
    remedies = [f"--lr {recipe.lr / 10:g}"]
    if recipe.init != "he-scaled":
        remedies.append("--init he-scaled")
    if recipe.name != "default":
        remedies.append("--recipe default")
    return " or ".join([", ".join(remedies[:-1]), remedies[-1]] if len(remedies) > 1 else remedies)


def _so_far(position: Position) -> str:
    return f"loss {position.loss_sum / position.images:.3f}" if position.images else ""


def _lengthened(plan: Plan, before: int, position: Position) -> str:
    """Give a line on how a run with more epochs than it began with goes on."""
    recipe, done = plan.recipe, position.epoch
    rate = learning_rate(recipe, position, plan.steps_per_epoch)
    then = {"cosine": "falls to 0 by the end", "plateau": "falls on a plateau", "constant": "stays"}
    return (
        f"lengthened from {before} to {recipe.epochs} epochs: it goes on as a run of {recipe.epochs} does "
        f"after {done}, at {recipe.sizes()[done]} px and a rate of {rate:.2g}, which {then[recipe.schedule]}"
    )


def _passing_on(events: Iterator[Any]) -> Generator[Any, None, Any]:
    """Yield the events, and return the result of the last."""
    for event in events:
        if isinstance(event, Finished):
            return event.result
        yield event
    raise AssertionError("long work ends with Finished")
