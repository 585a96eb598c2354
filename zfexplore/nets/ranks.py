"""Several processes that work as one: which of them this is, and what they tell each other.

``torchrun``, and SLURM's ``srun`` with MASTER_ADDR set, start the same command many times and say in the
environment which one each is: its rank. There is no launcher here. Ranks talk by gloo, and GPUs by nccl.

What the ranks make together is what one process makes. So the work is cut by number and not at random, and
sums are taken in one order or are exact. A process by itself is ``ALONE``: it is the first of one, and
nothing here costs it anything.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from zfexplore.errors import ExploreError

Item = TypeVar("Item")

LONGEST_WAIT = timedelta(minutes=10)  # for another rank, which then counts as lost
PORT = "29500"  # torch's own, where SLURM says nothing
PATIENCE = 2.0  # seconds
_TOLD = "zfexplore/told"


class Lost(ExploreError):
    """Another rank has ended, or does not answer."""


class Stopped(KeyboardInterrupt):
    """One of the ranks was told to stop, and all do so at the same step."""


@dataclass(frozen=True)
class Share:
    """Which rows of a batch are this rank's: ``count`` from ``start`` on, of ``total``."""

    start: int
    count: int
    total: int


@dataclass(eq=False)
class Ranks:
    """This process among ``size``: ``rank`` of all, ``local_rank`` of the ``local_size`` on this machine.

    ``stopping`` is set by whoever receives a signal, and ``share`` before each training step.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1
    stopping: bool = False
    share: Share | None = None

    @property
    def first(self) -> bool:
        """Whether this is the one that writes and prints."""
        return self.rank == 0

    @property
    def many(self) -> bool:
        """Whether there are others."""
        return self.size > 1

    def part(self, items: Sequence[Item]) -> Sequence[Item]:
        """Give this rank's part of a sequence; the parts of all ranks, end to end, are the sequence."""
        return items[len(items) * self.rank // self.size : len(items) * (self.rank + 1) // self.size]

    def dealt(self, batches: Sequence[Sequence[int]]) -> list[tuple[int, Sequence[int]]]:
        """Deal batches out like cards: for each round, how many images it has and this rank's batch.

        Where the last round does not reach this rank, its batch is empty.
        """
        rounds = [batches[start : start + self.size] for start in range(0, len(batches), self.size)]
        return [
            (sum(map(len, dealt)), dealt[self.rank] if self.rank < len(dealt) else []) for dealt in rounds
        ]

    def numbers(self, *own: int) -> list[tuple[int, ...]]:
        """Tell all ranks some whole numbers; give those of each."""
        if not self.many:
            return [own]
        told = [torch.empty(len(own), dtype=torch.int64) for _ in range(self.size)]
        with _losing():
            dist.all_gather(told, torch.tensor(own, dtype=torch.int64))
        return [tuple(one.tolist()) for one in told]

    def all(self, holds: bool) -> bool:
        """Whether something holds for every rank."""
        return all(each == (1,) for each in self.numbers(int(holds)))

    def gather(self, own: Item) -> list[Item]:
        """Give the plain values or tensors of every rank, by rank."""
        if not self.many:
            return [own]
        found: list[Any] = [None] * self.size
        with _losing():
            dist.all_gather_object(found, own)
        return found

    def collect(self, tensor: Tensor) -> list[Tensor]:
        """Give the first rank the tensors of all, of one shape and on the CPU; the others none."""
        found = [torch.empty_like(tensor) for _ in range(self.size)] if self.first else []
        with _losing():
            dist.gather(tensor, found if self.first else None)
        return found

    def add(self, tensor: Tensor) -> Tensor:
        """Add up a tensor over the ranks, in place; give it."""
        if self.many:
            with _losing():
                dist.all_reduce(tensor)
        return tensor

    def spread(self, tensor: Tensor, source: int) -> None:
        """Fill a tensor in place with that of the rank ``source``."""
        if self.many and tensor.numel():
            with _losing():
                dist.broadcast(tensor, source)

    def wrapped(self, net: nn.Module, form: Callable[[Any], nn.Module] | None = None) -> nn.Module:
        """Give the net's forward pass, after which the mean gradient over the ranks comes back.

        ``form`` makes of the net what computes the same. All ranks then have the weights of the first.
        Dropout is that of the whole batch (``_Dropout``).
        """
        if not self.many:
            return net if form is None else form(net)
        for name, layer in list(net.named_children()):
            if isinstance(layer, nn.Dropout):
                setattr(net, name, _Dropout(layer.p, self))
        with _losing():
            return DistributedDataParallel(net if form is None else form(net), gradient_as_bucket_view=True)

    def mean_loss(self, own: Tensor) -> tuple[Tensor, Tensor]:
        """Give from the mean loss of this rank's share what to differentiate, and the mean of all ranks'.

        The wrapped net takes the plain mean of the gradients, so each loss is weighted by its images.
        """
        if not self.many or self.share is None:
            return own, own.detach()
        weighted = own * (self.share.count * self.size / self.share.total)
        return weighted, self.add(weighted.detach().clone()) / self.size

    @contextmanager
    def step(self) -> Iterator[None]:
        """Take a step: if a rank is lost within it, no random numbers were drawn, and ``Lost`` is raised."""
        if not self.many:
            yield
            return
        before = torch.get_rng_state()
        try:
            with _losing():
                yield
        except Lost:
            torch.set_rng_state(before)
            raise

    def tells(self) -> bool:
        """Whether this rank is to tell of the error that ends all: the first to ask is."""
        if not self.many or not dist.is_initialized():
            return self.first
        try:
            return dist.distributed_c10d._get_default_store().add(_TOLD, 1) == 1
        except RuntimeError:  # it is gone with the first rank
            return self.rank == 1


ALONE = Ranks()


def from_environment(environment: Mapping[str, str] = os.environ) -> Ranks:
    """Give which rank the environment says that this is; raises ExploreError (usage) for half a word.

    It is that of torchrun (RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR). Where MASTER_ADDR is
    set and they are not, it is SLURM's of the step that srun started.
    """
    by_torch = "WORLD_SIZE" in environment or "RANK" in environment
    if not by_torch and not ("MASTER_ADDR" in environment and "SLURM_STEP_NUM_TASKS" in environment):
        return ALONE
    rank, size, local = (
        ("RANK", "WORLD_SIZE", "LOCAL_RANK")
        if by_torch
        else ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID")
    )
    count = _number(environment, size, least=1)
    if count == 1:
        return ALONE
    if "MASTER_ADDR" not in environment:
        raise ExploreError(
            f"{size} is {count}, but MASTER_ADDR does not say where the first rank is: set it, use torchrun, "
            f"or unset {size}",
            usage=True,
        )
    own = _number(environment, rank, most=count - 1)
    here = (
        environment.get("LOCAL_WORLD_SIZE") if by_torch else _before(environment, "SLURM_STEP_TASKS_PER_NODE")
    )
    nearby = int(here) if here is not None and here.isdecimal() and int(here) else count
    place = _number(environment, local) if local in environment else own % nearby
    return Ranks(own, count, place, max(min(nearby, count), place + 1))


def join(ranks: Ranks, device: str) -> None:
    """Meet the other ranks, which all do the same; ``device`` is where the net will run.

    Raises ``Lost`` if they do not come.
    """
    if not ranks.many or dist.is_initialized():
        return
    cuda = torch.cuda.is_available() and device != "cpu"
    os.environ.setdefault("MASTER_PORT", PORT)
    with _losing():
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if cuda else "gloo",
            timeout=LONGEST_WAIT,
            rank=ranks.rank,
            world_size=ranks.size,
        )


def leave(listeners: int = 0) -> None:
    """Part from the other ranks, which then end.

    So many ``listeners`` of them are to find out that the error was told, if they do within two seconds: what
    they ask goes with this process, where it is the first.
    """
    if not dist.is_initialized():
        return
    with suppress(RuntimeError):
        store = dist.distributed_c10d._get_default_store()
        dist.destroy_process_group()
        until = time.monotonic() + PATIENCE
        while listeners and store.add(_TOLD, 0) <= listeners and time.monotonic() < until:
            time.sleep(0.02)


def device_of(ranks: Ranks, name: str) -> str:
    """Give the device of this rank: each on a machine takes the GPU of its number.

    Raises ExploreError (usage) if one GPU was named for all of them.
    """
    if not ranks.many or name == "cpu" or not torch.cuda.is_available():
        return name
    if name not in ("auto", "cuda"):
        raise ExploreError(
            f"of several ranks each takes a GPU of its own: give --device cuda, not {name}", usage=True
        )
    # SLURM may show each task its own GPU only.
    number = ranks.local_rank if torch.cuda.device_count() > 1 else 0
    if number < torch.cuda.device_count():
        torch.cuda.set_device(number)
    return f"cuda:{number}"


class _Dropout(nn.Dropout):
    """Dropout of a batch that is spread over ranks: all draw the mask of the whole, and take their rows.

    So every rank has drawn as many random numbers as one process by itself.
    """

    def __init__(self, p: float, ranks: Ranks) -> None:
        super().__init__(p)
        self._ranks = ranks

    def forward(self, x: Tensor) -> Tensor:
        share = self._ranks.share
        if not self.training or share is None:
            return super().forward(x)
        mask = nn.functional.dropout(x.new_ones(share.total, *x.shape[1:]), self.p, training=True)
        own = mask[share.start : share.start + share.count] if share.count else mask[: len(x)]
        return x * own


@contextmanager
def _losing() -> Iterator[None]:
    """Raise ``Lost`` for what torch raises when another rank does not answer."""
    try:
        yield
    except RuntimeError as error:
        text = str(error)
        of_others = isinstance(error, dist.DistError) or any(
            word in text
            for word in ("gloo", "Connection", "onnection closed", "NCCL", "Timed out", "TCPStore")
        )
        if isinstance(error, torch.OutOfMemoryError) or not of_others:
            raise
        raise Lost("another rank has ended or does not answer: all end") from error


def _number(environment: Mapping[str, str], name: str, *, least: int = 0, most: int | None = None) -> int:
    told = environment.get(name, "")
    if not told.isdecimal() or not least <= int(told) <= (int(told) if most is None else most):
        upto = "on" if most is None else f"to {most}"
        raise ExploreError(
            f"the environment's {name} is {told!r}, not a number from {least} {upto}: start with torchrun, "
            "or unset it",
            usage=True,
        )
    return int(told)


def _before(environment: Mapping[str, str], name: str) -> str | None:
    """Give the first number of SLURM's lists such as 4(x2),3."""
    told = environment.get(name)
    return None if told is None else told.partition(",")[0].partition("(")[0]
