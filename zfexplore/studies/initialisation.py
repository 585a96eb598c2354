"""How a net begins: the same steps from several initialisations, and every layer's gradient meanwhile.

The paper initialises "to 10^-2" and takes inputs of about [-128, 128] at a rate of 1e-2 (ZF section 3). The
replication (Yao 2024) met vanishing and exploding gradients so, and took Xavier's initialisation, inputs in
[0, 1] and a rate of 1e-4. Here all of these begin on the same images, in the same order, with the same views
and the same random numbers: a literal constant of 0.01, a normal distribution of standard deviation 0.01,
and Xavier's; both inputs, less the mean; both rates.

The descent is plain: SGD with momentum 0.9, in float32, without decay, clipping or renormalisation. What is
kept of every step is the loss and the norm of the gradient of each layer's weights, before the step is taken.
Before the first step the root mean square of each layer's map is kept, too: it says why. The gradient of a
layer's weights is a product of its input and of what comes back from above. Where every layer shrinks its
input, both are small; where every layer adds up thousands of equal terms, both are huge.

No start depends on another. So one that is complete can be kept (``kept_starts``): the study then goes on
with the next one, to the same numbers.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zfexplore import __version__
from zfexplore.arguments import whole
from zfexplore.atlas.build import Unkept
from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.images.augment import Augmentation, augment
from zfexplore.images.sources import Source
from zfexplore.nets.trunk import Trunk
from zfexplore.nets.zfnet import ZFNet, initialise
from zfexplore.progress import Finished, Meter, Note
from zfexplore.studies.kept_starts import KeptStarts
from zfexplore.studies.starts import STARTS, Beginnings, Start, StartRun, blind_loss
from zfexplore.training.data import Decoded, decode, epoch_order, in_batches, members
from zfexplore.training.inputs import at_size, measure_input
from zfexplore.training.machine import Machine, choose_machine
from zfexplore.training.recipe import Recipe

MOMENTUM = 0.9
MOST_IMAGES = 4096  # that are decoded: 0.8 GB at 224 pixels. More steps meet them again, in other views
STEPS_AT_ONCE = 20  # between two looks at the losses, for which a GPU has to be waited for


def gradients(
    source: Source,
    *,
    steps: int = 300,
    batch_size: int = 32,
    size: int = 64,
    fc: int = 256,
    starts: Sequence[Start] = STARTS,
    seed: int = 0,
    device: str = "auto",
    workers: int | None = None,
    keep: bool = False,
) -> Iterator[Any]:
    """Take ``steps`` steps from each of ``starts`` on a labelled source.

    Yields ``Progress``, ``Note``, ``Skipped``, the ``Beginnings`` so far after each start, and last
    ``Finished`` with them all. A run ends early at the first loss or gradient that is no finite number.
    ``size`` is the input in pixels, ``fc`` the width of fc6 and fc7; the paper's are 224 and 4096. With
    ``keep``, each start that is complete is kept in the user's cache, and those that are there are not taken
    again. Where the cache cannot be written, an ``Unkept`` note says so once. Raises ExploreError for a
    source without classes, and for numbers out of range.
    """
    steps = whole(steps, "steps", least=1)
    recipe = Recipe("gradients", batch_size=batch_size, size=size, fc=fc)  # which checks its numbers
    machine = choose_machine(device, amp=False, workers=workers)
    members(source)  # raises for a source without labels
    decoded, chosen = yield from _decoded(source, recipe, steps, seed, machine)
    kept = _kept(source, chosen, recipe, steps, seed, machine) if keep else None
    there = (yield from _there(kept, starts)) if kept is not None else {}
    conventions = {}
    for scale in {start.scale for start in starts if start not in there}:
        wanted = Recipe("gradients", size=size, scale=scale)
        unmeasured = at_size(InputConvention(scale=scale), size)
        conventions[scale] = yield from measure_input(wanted, decoded, chosen, unmeasured)
    counts = Counter(source.label(index) for index in chosen)
    common = (blind_loss(list(counts.values())), len(chosen), len(counts), batch_size, size, fc, seed)
    batches = _batches(chosen, batch_size, steps, seed)
    runs: list[StartRun] = []
    meter = Meter("taking steps", len(starts) * steps, unit="steps", done=len(there) * steps)
    for start in starts:
        if start not in there:
            run = _Run(start, len(source.classes), fc, seed, machine, conventions[start.scale])
            yield from run.steps(decoded, batches, meter)
            there[start] = run.record()
            if kept is not None and (unkept := _keep(kept, there[start])) is not None:
                kept = None
                yield unkept
        runs.append(there[start])
        yield Beginnings(tuple(runs), *common)
    yield Finished(Beginnings(tuple(runs), *common))


def _kept(
    source: Source, chosen: list[int], recipe: Recipe, steps: int, seed: int, machine: Machine
) -> KeptStarts:
    """Give where the starts of this study are kept: of these images, as far as they could be read."""
    decisive = {
        "images": source.fingerprint(), "chosen": chosen, "batch_size": recipe.batch_size,
        "size": recipe.size, "fc": recipe.fc, "seed": seed, "device": machine.device.type,
        "versions": [__version__, torch.__version__],
    }  # fmt: skip
    return KeptStarts(decisive, steps)


def _there(kept: KeptStarts, starts: Sequence[Start]) -> Generator[Note, None, dict[Start, StartRun]]:
    """Read the starts that are kept already, and say how many."""
    there = {}
    for start in dict.fromkeys(starts):
        try:
            if (run := kept.read(start)) is not None:
                there[start] = run
        except ExploreError as error:
            yield Note(f"a start is taken again: {error}")
    if there:
        yield Note(f"going on: {len(there)} of {len(starts)} starts are complete already")
    return there


def _keep(kept: KeptStarts, run: StartRun) -> Unkept | None:
    """Keep a start; give a line for the user where it cannot be kept."""
    try:
        kept.write(run)
    except ExploreError as error:
        return Unkept(f"the starts are not kept: {error}: ZFEXPLORE_CACHE names the folder of the cache")
    return None


def _decoded(
    source: Source, recipe: Recipe, steps: int, seed: int, machine: Machine
) -> Generator[Any, None, tuple[Decoded, list[int]]]:
    """Decode as many images as the steps need; give them, and the numbers of those that could be."""
    count = min(len(source), steps * recipe.batch_size, MOST_IMAGES)
    chosen = epoch_order(range(len(source)), seed=seed, epoch=0)[:count].tolist()
    convention = at_size(InputConvention(), recipe.size)
    for event in decode(source, chosen, convention, workers=machine.workers, task="decoding"):
        if isinstance(event, Decoded):
            (batch,) = event.batches([chosen])
            if not len(batch):
                raise ExploreError("none of the images can be read")
            return event, batch.indices.tolist()
        yield event
    raise AssertionError("this ends with decoded squares")


def _batches(chosen: list[int], size: int, steps: int, seed: int) -> list[tuple[int, list[int]]]:
    """Give (epoch, images) of every step; each epoch has an order of its own."""
    batches: list[tuple[int, list[int]]] = []
    epoch = 0
    while len(batches) < steps:
        order = epoch_order(chosen, seed=seed, epoch=epoch)
        batches += [(epoch, images) for images in in_batches(order, size)]
        epoch += 1
    return batches[:steps]


class _Run:
    """A net that begins in one way, and what is kept of its steps."""

    def __init__(
        self, start: Start, classes: int, fc: int, seed: int, machine: Machine, convention: InputConvention
    ) -> None:
        self.start, self.seed, self.machine, self.convention = start, seed, machine, convention
        self.net: nn.Module = ZFNet(classes, fc)
        initialise(self.net, start.init, seed=seed)
        self.net.to(machine.device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        self.trunk = Trunk(self.net)
        stages = (*self.trunk.stages, *self.trunk.heads)
        self.names = tuple(stage.name for stage in stages if stage.kind != "pool")
        self.begun = {name: weight.detach().clone() for name, weight in self._weights()}
        self.signals: tuple[float, ...] = ()
        self.kept: list[list[float]] = []  # a row a step: the loss, then a norm of each layer

    def steps(
        self, decoded: Decoded, batches: Sequence[tuple[int, list[int]]], meter: Meter
    ) -> Iterator[Any]:
        """Take the steps, or those before the first number that is not finite."""
        device = self.machine.device
        optimiser = torch.optim.SGD(self.net.parameters(), lr=self.start.rate, momentum=MOMENTUM)
        pending: list[Tensor] = []
        loaded = decoded.batches([images for _, images in batches])
        first_done = meter.done
        with torch.random.fork_rng([device] if self.machine.cuda else []):
            torch.manual_seed(self.seed)  # the dropout's
            for number, ((epoch, _), batch) in enumerate(zip(batches, loaded, strict=True), start=1):
                pixels, labels = batch.pixels.to(device), batch.labels.to(device)
                indices, random = batch.indices.numpy(), Augmentation()
                views = augment(pixels, indices, self.convention, random, epoch=epoch, seed=self.seed)
                views = views.contiguous(memory_format=torch.channels_last)  # [n, 3, size, size]
                if not self.signals:
                    self.signals = self._signals(views)
                pending.append(self._step(optimiser, views, labels))
                if event := meter.tick(note=str(self.start)):
                    yield event
                if number % STEPS_AT_ONCE == 0 or number == len(batches):
                    if not self._keep(pending):
                        break
                    pending = []
        if event := meter.tick(first_done + len(batches) - meter.done):
            yield event

    def _step(self, optimiser: torch.optim.SGD, views: Tensor, labels: Tensor) -> Tensor:
        """Take a step; give the loss and the layers' norms ``[1 + layers]``, still on the device."""
        loss = F.cross_entropy(self.net(views), labels)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norms = [_norm(weight.grad) for _, weight in self._weights()]
        optimiser.step()
        return torch.stack([loss.detach().double(), *norms])

    def _weights(self) -> list[tuple[str, Any]]:
        return [(name, self.net.get_parameter(f"{name}.weight")) for name in self.names]

    def _keep(self, pending: list[Tensor]) -> bool:
        """Keep the steps up to the first that is not finite; give whether to go on."""
        for row in torch.stack(pending).tolist():
            self.kept.append(row)
            if not all(map(math.isfinite, row)):
                return False
        return True

    @torch.no_grad()
    def _signals(self, views: Tensor) -> tuple[float, ...]:
        """Give the root mean square of each layer's map, after its ReLU."""
        maps = self.trunk.maps(views, self.names)
        return tuple(float(maps[name].double().square().mean().sqrt()) for name in self.names)

    @torch.no_grad()
    def record(self) -> StartRun:
        """Give what was kept."""
        moved = (
            _norm(weight - self.begun[name]) / _norm(self.begun[name]) for name, weight in self._weights()
        )
        return StartRun(
            start=self.start,
            stages=self.names,
            losses=tuple(row[0] for row in self.kept),
            gradients=tuple(tuple(row[1:]) for row in self.kept),
            signals=self.signals,
            moved=tuple(map(float, moved)),
        )


def _norm(values: Tensor) -> Tensor:
    """Give the Euclidean norm as float64: the squares of an exploding gradient do not fit into float32."""
    return torch.linalg.vector_norm(values, dtype=torch.float64)
