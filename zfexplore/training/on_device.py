"""An epoch's steps on one GPU, at which the host only looks on.

What the host knows beforehand goes up once an epoch: which square, which view of it and which label come
when, and the rate of each step. A step then finds its own images by a number that lies on the device, too.
So a step on a whole batch, from the squares to the new weights, is recorded once as a CUDA graph and
started again with one call. Where the squares do not fit on the device, they go up while the step before
is taken.

The first steps, and batches that are not whole, are taken by the same code, unrecorded. Needs Triton.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, cycle, pairwise

import numpy as np
import torch
from torch import Tensor

from zfexplore.convention import InputConvention
from zfexplore.images.augment import cuts
from zfexplore.training.data import Batch, Decoded, Squares
from zfexplore.training.learner import Learner, learning_rate, take_step
from zfexplore.training.plan import Plan
from zfexplore.training.steps import Loss, Taken
from zfexplore.training.views import Views

AHEAD = 32  # steps that may be under way: the device never waits, and still stops at once
UNRECORDED = 3  # steps before the recording, in which libraries choose their algorithms


class OnDevice:
    """Takes steps on squares of one size; ``epoch`` prepares those of an epoch."""

    def __init__(self, learner: Learner, squares: Squares, convention: InputConvention, plan: Plan) -> None:
        device = plan.machine.device
        self.learner, self.plan = learner, plan
        self.stream = torch.cuda.Stream(device)
        held = isinstance(squares, Decoded) and squares.pixels.device.type == device.type
        self.source = (_Held if held else _Fed)(squares, convention, plan, self.stream)
        self._views = Views(convention, plan.augmentation, device)
        self._dtype = torch.bfloat16 if plan.machine.amp else torch.float32
        self.rates = torch.zeros(plan.steps_per_epoch, device=device)
        self.losses = torch.zeros(plan.steps_per_epoch, device=device)
        self._batch = torch.arange(plan.recipe.batch_size, device=device)
        self._step = torch.zeros(1, dtype=torch.int64, device=device)
        self._graph: torch.cuda.CUDAGraph | None = None
        self._unrecorded = 0

    def epoch(self, batches: Sequence[Sequence[int]]) -> Epoch:
        """Send up what the steps on these batches need, and give the steps."""
        plan, position = self.plan, self.learner.position
        self.stream.wait_stream(torch.cuda.current_stream(plan.machine.device))
        rates = [
            learning_rate(plan.recipe, replace(position, step=step), plan.steps_per_epoch)
            for step in range(plan.steps_per_epoch)
        ]
        with torch.cuda.stream(self.stream):
            _send(self.rates, torch.tensor(rates))
            self._step.fill_(position.step)
            self.source.begin(batches, position.epoch)
        return Epoch(self, batches)

    def take(self, count: int) -> None:
        """Begin a step on the next ``count`` images, on the current stream."""
        if not count:
            self._step += 1
        elif count < len(self._batch):
            self._advance(count)
        elif self._unrecorded < UNRECORDED:
            self._unrecorded += 1
            self._advance(count)
        else:
            if self._graph is None:
                self._graph = self._recorded()
            self._graph.replay()

    def _recorded(self) -> torch.cuda.CUDAGraph:
        """Record a step on a whole batch, without taking it."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self.stream):
            self._advance(len(self._batch))
        return graph

    def _advance(self, count: int) -> None:
        """Take a step on the next ``count`` images; only the device knows which these are."""
        source, plan = self.source, self.plan
        places = self._batch[:count] + source.place  # [n]
        views = self._views(
            source.pixels,
            source.rows[places],
            source.boxes[:, places].contiguous(),
            source.gains[places],
            dtype=self._dtype,
            channels=self.learner.channels,
        )  # [n, c, size, size]
        rate = self.rates[self._step].squeeze(0)
        loss = take_step(self.learner, views, source.labels[places], plan.recipe, plan.machine, lr=rate)
        self.losses[self._step] = loss
        source.place += count
        self._step += 1


class Epoch:
    """The steps of an epoch, each begun when it is asked for, and their losses: what ``Steps`` is."""

    def __init__(self, device: OnDevice, batches: Sequence[Sequence[int]]) -> None:
        self._device, self._batches = device, batches
        self._under_way: deque[tuple[int, int, torch.cuda.Event]] = deque()
        self._taken: list[tuple[int, int]] = []  # steps, and their images, whose losses were not given
        self._aside = torch.cuda.Stream(device.plan.machine.device)

    def __iter__(self) -> Iterator[Taken]:
        """Begin the steps, of which at most ``AHEAD`` are under way. Raises ``WorkerFailed``."""
        device = self._device
        for step, wanted in enumerate(self._batches, start=device.learner.position.step):
            with torch.cuda.stream(device.stream):
                began = time.perf_counter()
                count, unreadable = device.source.next(wanted)
                device.learner.position.waited += time.perf_counter() - began
                device.source.bring()
                device.take(count)
                self._under_way.append((step, count, device.stream.record_event()))
            if len(self._under_way) > AHEAD:
                self._end_oldest()
            yield Taken(len(wanted), count, unreadable)

    def losses(self, *, wait: bool = True) -> list[Loss]:
        """Give the losses that were not given before; without ``wait`` only those of steps that are over.

        After waiting, what is begun on the device follows the steps.
        """
        while self._under_way and (wait or self._under_way[0][2].query()):
            self._end_oldest()
        if not self._taken:
            return []
        steps = [step for step, _ in self._taken]
        with torch.cuda.stream(self._aside):  # so that it does not wait for the steps under way
            values = self._device.losses[steps[0] : steps[-1] + 1].tolist()
        found = [Loss(step, values[step - steps[0]], images) for step, images in self._taken]
        self._taken.clear()
        return found

    def _end_oldest(self) -> None:
        step, count, event = self._under_way.popleft()
        event.synchronize()
        if count:
            self._taken.append((step, count))


class _Held:
    """Squares that lie on the device; ``place`` is how many images of the epoch were taken."""

    def __init__(
        self, squares: Squares, convention: InputConvention, plan: Plan, _stream: torch.cuda.Stream
    ) -> None:
        assert isinstance(squares, Decoded)
        most, device = len(plan.split.training), plan.machine.device
        self._squares, self._convention, self._plan = squares, convention, plan
        self.pixels = squares.pixels
        self.rows = torch.zeros(most, dtype=torch.int64, device=device)
        self.labels = torch.zeros(most, dtype=torch.int64, device=device)
        self.boxes = torch.zeros(4, most, device=device)
        self.gains = torch.zeros(most, 3, device=device)
        self.place = torch.zeros(1, dtype=torch.int64, device=device)
        self._counts: Iterator[int] = iter(())

    def begin(self, batches: Sequence[Sequence[int]], epoch: int) -> None:
        indices = np.fromiter(chain.from_iterable(batches), np.int64)
        rows = self._squares.rows(indices)
        readable = rows >= 0
        ends = np.cumsum([0, *map(len, batches)])
        self._counts = iter([int(readable[start:end].sum()) for start, end in pairwise(ends)])
        boxes, gains = _cuts(indices[readable], self._convention, self._plan, epoch)
        _send(self.rows, torch.from_numpy(rows[readable]))
        _send(self.boxes, boxes)
        _send(self.gains, gains)
        _send(self.labels, self._squares.labels[torch.from_numpy(rows[readable])])
        self.place.zero_()

    def next(self, _wanted: Sequence[int]) -> tuple[int, tuple[tuple[str, str], ...]]:
        return next(self._counts), ()

    def bring(self) -> None:
        """Do nothing: the squares are there."""


@dataclass
class _Buffer:
    """Room for a batch on its way up: on the host and on the device, and when it is free again."""

    pinned: tuple[Tensor, ...]
    arriving: tuple[Tensor, ...]
    free: torch.cuda.Event | None = None


class _Fed:
    """Squares of the host that come up a batch at a time, beside the step before; else as ``_Held``.

    They must not lie on the device: a stream of their own brings them up, and waits for no other.
    """

    def __init__(
        self, squares: Squares, convention: InputConvention, plan: Plan, stream: torch.cuda.Stream
    ) -> None:
        batch, side, device = plan.recipe.batch_size, convention.resize, plan.machine.device
        self._squares, self._convention, self._plan, self._stream = squares, convention, plan, stream
        self._up = torch.cuda.Stream(device)
        self.pixels = torch.zeros(batch, side, side, 3, dtype=torch.uint8, device=device)
        self.rows = torch.arange(batch, device=device)
        self.labels = torch.zeros(batch, dtype=torch.int64, device=device)
        self.boxes = torch.zeros(batch, 4, device=device).T
        self.gains = torch.zeros(batch, 3, device=device)
        self.place = torch.zeros(1, dtype=torch.int64, device=device)
        self._own = (self.pixels, self.labels, self.boxes.T, self.gains)
        buffers = [
            _Buffer(
                tuple(torch.empty(each.shape, dtype=each.dtype).pin_memory() for each in self._own),
                tuple(torch.empty_like(each) for each in self._own),
            )
            for _ in range(2)
        ]
        self._buffers = cycle(buffers)
        self._loaded: Iterator[Batch] = iter(())
        self._batch: Batch | None = None
        self._epoch = 0

    def begin(self, batches: Sequence[Sequence[int]], epoch: int) -> None:
        self._loaded, self._epoch = iter(self._squares.batches(batches)), epoch
        self._up.wait_stream(self._stream)  # the buffers' memory may have been another's, still at work

    def next(self, _wanted: Sequence[int]) -> tuple[int, tuple[tuple[str, str], ...]]:
        self._batch = batch = next(self._loaded)
        return len(batch), batch.unreadable

    def bring(self) -> None:
        """Bring up what ``next`` gave; this waits for the device until a buffer is free."""
        assert self._batch is not None
        batch, buffer = self._batch, next(self._buffers)
        boxes, gains = _cuts(batch.indices.numpy(), self._convention, self._plan, self._epoch)
        if buffer.free is not None:
            buffer.free.synchronize()
        given = (batch.pixels, batch.labels, boxes.T, gains)
        with torch.cuda.stream(self._up):
            for values, pinned, arriving in zip(given, buffer.pinned, buffer.arriving, strict=True):
                pinned[: len(batch)].copy_(values)
                arriving[: len(batch)].copy_(pinned[: len(batch)], non_blocking=True)
        self._stream.wait_stream(self._up)
        for own, arriving in zip(self._own, buffer.arriving, strict=True):
            own[: len(batch)].copy_(arriving[: len(batch)])
        buffer.free = self._stream.record_event()
        self.place.zero_()


def _cuts(indices: np.ndarray, convention: InputConvention, plan: Plan, epoch: int) -> tuple[Tensor, Tensor]:
    """Give boxes ``[4, n]`` and gains ``[n, 3]`` of the views of some images."""
    boxes, gains = cuts(indices, convention, plan.augmentation, epoch=epoch, seed=plan.seed)
    return torch.from_numpy(boxes), torch.from_numpy(gains)


def _send(to: Tensor, values: Tensor) -> None:
    """Copy values from the host into the beginning of a tensor."""
    room = to[tuple(slice(length) for length in values.shape)]
    room.copy_(values.pin_memory(), non_blocking=True)
