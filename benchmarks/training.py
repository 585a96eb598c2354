"""Steps of our training loop against the plain loop, and against bare steps on ready tensors.

Our loop does what ``zfexplore train`` does in a step: on a CPU, take the decoded squares of a batch, make
random views, step; on a GPU, start the recorded step, which finds its squares there. The plain loop trains
as the replication does: a dataset that crops and normalises image by image, contiguous float32 tensors,
``nn.LocalResponseNorm``, SGD. Both use the replication's recipe, so they compute the same thing. The bare
step is ours on one ready batch of views, and on a GPU recorded, too: the fastest that we know.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from benchmarks.host import Host, waiting
from benchmarks.material import Material, Options, forward_multiplications
from benchmarks.measure import Timing, Work, alternate, once
from benchmarks.report import Remark, Row
from zfexplore.convention import InputConvention
from zfexplore.images.augment import Augmentation, augment
from zfexplore.images.open import open_images
from zfexplore.images.transforms import prepare_large
from zfexplore.nets.trunk import Trunk
from zfexplore.nets.zfnet import NORM_CONSTANTS, ContrastNorm, ZFNet, initialise
from zfexplore.training.data import Batch, Decoded, Split, Streamed, in_batches
from zfexplore.training.folder import RunFolder
from zfexplore.training.learner import Learner, make_learner, take_step
from zfexplore.training.machine import Machine, choose_machine
from zfexplore.training.plan import Outcome, Plan
from zfexplore.training.recipe import Recipe, recipe

CLASSES, FC = 1000, {"cpu": 1024, "cuda": 4096}
BATCHES: dict[str, dict[bool, tuple[int, ...]]] = {  # by quick
    "cpu": {False: (32,), True: (4,)},
    "cuda": {False: (128, 512), True: (16,)},
}
STEPS = {"cpu": 1, "cuda": 100}  # per run of ours and of the bare steps
PLAIN_IMAGES = {"cpu": 32, "cuda": 30 * 128}  # per run of the plain loop
STREAMED = {"cpu": {False: 1024, True: 48}, "cuda": {False: 2**14, True: 2**10}}  # images, by quick
STEPS_COMPARED, BATCH_COMPARED = 10, 8
GOAL_PLAIN, GOAL_BARE = {"cpu": 1.3, "cuda": 8.0}, 0.95
JPEG_QUALITY = 90


def rows(options: Options, host: Host) -> Iterator[Row | Remark]:
    """Measure the loop in every form that this device supports."""
    if options.device.type == "cpu":
        yield Remark("no GPU asked for: bfloat16 and torch.compile on CUDA were not measured")
    squares = HeldSquares(Material(options))
    yield _same_losses(options, squares)
    for batch in BATCHES[options.device.type][options.quick]:
        yield from _at_batch(options, host, squares, batch)
    yield from _decoding(options, squares)


class HeldSquares:
    """Decoded squares, as our loop and as a plain dataset hold them."""

    def __init__(self, material: Material) -> None:
        self.convention = InputConvention(scale=1.0, mean=(0.45, 0.45, 0.45))
        large = [prepare_large(picture.image, self.convention) for picture in material.held.decoded]
        self.pixels = torch.from_numpy(np.stack(large))  # [n, R, R, 3]
        self.labels = torch.arange(len(large)) % CLASSES
        self.decoded = Decoded(self.pixels, self.labels, {number: number for number in range(len(large))})

    def many(self, count: int, device: torch.device) -> Decoded:
        """Give ``count`` images on a device: these, repeated."""
        rows = {number: number % len(self.pixels) for number in range(count)}
        return Decoded(self.pixels.to(device), self.labels, rows)

    def order(self, batch: int, steps: int) -> list[list[int]]:
        """Give the image numbers of each step, ``batch`` per step; they repeat if there are fewer images."""
        count = len(self.pixels)
        return [[(step * batch + row) % count for row in range(batch)] for step in range(steps)]


class PlainDataset(Dataset[Any]):
    """Random crop, tensor and mean by torchvision, image by image."""

    def __init__(self, squares: HeldSquares) -> None:
        from torchvision import transforms

        convention = squares.convention
        self.images = [Image.fromarray(pixels) for pixels in squares.pixels.numpy()]
        self.labels = squares.labels.tolist()
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(convention.size),
                transforms.ToTensor(),
                transforms.Normalize(convention.mean, convention.std),
            ]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(self.images[index]), self.labels[index]


def _at_batch(options: Options, host: Host, squares: HeldSquares, batch: int) -> Iterator[Row | Remark]:
    """Compare loop, bare step and plain loop at one batch size: in each precision, compiled and not."""
    kind = options.device.type
    steps = 4 if options.quick and kind == "cuda" else STEPS[kind]
    count = batch * steps
    chosen = recipe("replication", fc=FC[kind], batch_size=batch)
    plain = _plain_loop(options, squares, chosen, steps)
    plain()  # starts the workers
    for machine, called in _machines(options):
        learner = _learner(chosen, machine)
        if machine.kernels:
            loop = _recorded_loop(squares, learner, chosen, machine, steps)
            bare = _recorded_steps(squares, learner, chosen, machine, steps)
        else:
            loop = _loop(squares, learner, chosen, machine, steps)
            bare = _bare(squares, learner, chosen, machine, steps)
        for work in (loop, bare):
            work()  # compiles, chooses algorithms
        ours, by_bare, by_plain = alternate(
            loop, bare, plain, runs=options.runs, wait=waiting(options.device)
        )
        used = _utilisation(learner, host, machine, count, ours)
        name = f"batches of {batch}, {called}"
        yield Row(
            name, ours, "plain loop, float32", by_plain, count, "images", goal=GOAL_PLAIN[kind], note=used
        )
        yield Row(name, ours, "bare step", by_bare, count, "images", goal=GOAL_BARE)


def _machines(options: Options) -> list[tuple[Machine, str]]:
    """Give the forms of our loop to measure, and their names; the first is the usual one."""
    usual = choose_machine(str(options.device))
    exact = choose_machine(str(options.device), amp=False)
    if usual.cuda:
        return [(usual, "bfloat16"), (exact, "float32")]
    return [(exact, "float32")] + ([(usual, "bfloat16")] if usual.amp else [])


def _learner(chosen: Recipe, machine: Machine, views: Tensor | None = None) -> Learner:
    net = ZFNet(CLASSES, chosen.fc, chosen.norm, chosen.dropout)
    initialise(net, chosen.init, seed=0, batch=views)
    return make_learner(net.train(), chosen, machine)


def _loop(squares: HeldSquares, learner: Learner, chosen: Recipe, machine: Machine, steps: int) -> Work:
    """Give our loop from a batch of squares to the step; the losses are fetched after the last step."""
    order = squares.order(chosen.batch_size, steps)
    augmentation = Augmentation(crops="random", flip=chosen.flip)

    def run() -> None:
        losses = []
        for batch in squares.decoded.batches(order):
            pixels, labels = _to_device(batch, machine)
            indices = batch.indices.numpy()
            views = augment(pixels, indices, squares.convention, augmentation, epoch=0, seed=0)
            losses.append(take_step(learner, views, labels, chosen, machine, lr=chosen.lr))
        torch.stack(losses).tolist()

    return run


def _recorded_loop(
    squares: HeldSquares, learner: Learner, chosen: Recipe, machine: Machine, steps: int
) -> Work:
    """Give the epoch of a GPU: from squares that lie there to the last loss."""
    from zfexplore.training.on_device import OnDevice

    order = list(range(chosen.batch_size * steps))
    split = Split(tuple(order), ())
    plan = Plan(chosen, 0, squares, squares, split, None, machine, Outcome(RunFolder(Path())), {})
    device = OnDevice(learner, squares.many(len(order), machine.device), squares.convention, plan)
    batches = in_batches(order, chosen.batch_size)

    def run() -> None:
        epoch = device.epoch(batches)
        deque(epoch, maxlen=0)
        epoch.losses()

    return run


def _recorded_steps(
    squares: HeldSquares, learner: Learner, chosen: Recipe, machine: Machine, steps: int
) -> Work:
    """Give bare steps on one ready batch of views, recorded."""
    views, labels = _views(squares, chosen.batch_size, machine.device)
    views = F.pad(views, (0, 0, 0, 0, 0, learner.channels - 3)).contiguous(memory_format=torch.channels_last)
    views = views.to(torch.bfloat16 if machine.amp else torch.float32)
    rate = torch.tensor(chosen.lr, device=machine.device)

    def step() -> Tensor:
        return take_step(learner, views, labels, chosen, machine, lr=rate)

    stream = torch.cuda.Stream(machine.device)
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        loss = step()

    def run() -> None:
        for _ in range(steps):
            graph.replay()
        loss.item()

    return run


def _to_device(batch: Batch, machine: Machine) -> tuple[Tensor, Tensor]:
    if machine.cuda:
        batch = batch.pinned()
    return (
        batch.pixels.to(machine.device, non_blocking=True),
        batch.labels.to(machine.device, non_blocking=True),
    )


def _bare(squares: HeldSquares, learner: Learner, chosen: Recipe, machine: Machine, steps: int) -> Work:
    """Give bare steps on one ready batch of views."""
    views, labels = _views(squares, chosen.batch_size, machine.device)
    views = views.contiguous(memory_format=torch.channels_last)

    def run() -> None:
        losses = [take_step(learner, views, labels, chosen, machine, lr=chosen.lr) for _ in range(steps)]
        torch.stack(losses).tolist()

    return run


def _views(squares: HeldSquares, batch: int, device: torch.device) -> tuple[Tensor, Tensor]:
    (numbers,) = squares.order(batch, 1)
    views = augment(
        squares.pixels[numbers].to(device),
        numbers,
        squares.convention,
        Augmentation(crops="random", flip=False),
        epoch=0,
        seed=0,
    )
    return views, squares.labels[numbers].to(device)


def _plain_loop(options: Options, squares: HeldSquares, chosen: Recipe, steps: int) -> Work:
    """Give the plain loop over fewer steps, and the seconds that all take at its rate."""
    device, batch = options.device, chosen.batch_size
    fewer = min(max(PLAIN_IMAGES[device.type] // batch, 1), steps)
    step = _plain_step(_plain_net(chosen).to(device), chosen)
    # On a CPU the net needs the cores; beside a GPU as many workers decode as in our loop.
    workers = min(os.cpu_count() or 1, 16) if device.type == "cuda" else 0
    loader: DataLoader[Any] = DataLoader(
        PlainDataset(squares),
        batch_sampler=squares.order(batch, fewer),  # type: ignore[arg-type]
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=device.type == "cuda",
    )

    def run() -> float:
        began = time.perf_counter()
        for images, labels in loader:
            step(images.to(device), labels.to(device)).item()
        return (time.perf_counter() - began) * steps / fewer

    return run


def _plain_net(chosen: Recipe, views: Tensor | None = None) -> nn.Module:
    """Make the same net with torch's normalisation instead of ours."""
    net = ZFNet(CLASSES, chosen.fc, chosen.norm, chosen.dropout)
    initialise(net, chosen.init, seed=0, batch=views)
    k, alpha, beta = NORM_CONSTANTS["replication"]
    for name, module in list(net.named_children()):
        if isinstance(module, ContrastNorm):
            setattr(net, name, nn.LocalResponseNorm(5, alpha, beta, k))
    return net.train()


def _plain_step(net: nn.Module, chosen: Recipe) -> Callable[[Tensor, Tensor], Tensor]:
    optimiser = torch.optim.SGD(net.parameters(), lr=chosen.lr, momentum=chosen.momentum)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        optimiser.zero_grad()
        loss = F.cross_entropy(net(images), labels)
        loss.backward()
        optimiser.step()
        return loss.detach()

    return step


def _same_losses(options: Options, squares: HeldSquares) -> Remark:
    """Train both on the same views and compare their losses, in float64 and in float32.

    Training amplifies rounding errors from step to step, so in float32 no two orders of summation stay
    together. How far they drift apart is shown by the plain loop against itself in another memory layout.
    """
    steps = 2 if options.quick else STEPS_COMPARED
    # Scaled layers learn something in so few steps; the replication's initial weights hardly move.
    chosen = recipe("replication", init="he-scaled", fc=FC["cpu"], batch_size=BATCH_COMPARED, lr=1e-3)
    machine = choose_machine(str(options.device), amp=False)
    # A GPU's own kernels add up in float32.
    by_layers = replace(machine, unfused="for float64")
    views, labels = _views(squares, chosen.batch_size, options.device)

    def plain(dtype: torch.dtype, layout: torch.memory_format) -> list[float]:
        net: Any = _plain_net(chosen, views.cpu())
        step = _plain_step(net.to(options.device, dtype, memory_format=layout), chosen)
        laid_out = views.to(dtype).contiguous(memory_format=layout)
        return _losses(lambda: step(laid_out, labels), steps)

    def ours(dtype: torch.dtype) -> list[float]:
        on = by_layers if dtype == torch.float64 else machine
        learner = make_learner(_learner(chosen, machine, views.cpu()).net.to(dtype), chosen, on)
        given = views.to(dtype)
        return _losses(lambda: take_step(learner, given, labels, chosen, machine, lr=chosen.lr), steps)

    usual, other = torch.contiguous_format, torch.channels_last
    exact, single = plain(torch.float64, usual), plain(torch.float32, usual)
    return Remark(
        f"{steps} steps on the same views, loss {exact[0]:.3f} to {exact[-1]:.3f}: in float64 ours and "
        f"the plain loop's are at most {_apart(ours(torch.float64), exact):.0e} apart, in float32 "
        f"{_apart(ours(torch.float32), single):.0e}; there the plain loop's are "
        f"{_apart(plain(torch.float32, other), single):.0e} from themselves in another memory layout"
    )


def _losses(step: Callable[[], Tensor], steps: int) -> list[float]:
    losses = []
    for number in range(steps):
        torch.manual_seed(number)  # the same neurons drop out
        losses.append(step().item())
    return losses


def _apart(found: list[float], expected: list[float]) -> float:
    return max(abs(ours - theirs) / abs(theirs) for ours, theirs in zip(found, expected, strict=True))


def _utilisation(learner: Learner, host: Host, machine: Machine, count: int, timing: Timing) -> str:
    """Give, as text, the share of the measured matmul rate that the products of a step reach."""
    forward = forward_multiplications(Trunk(learner.net), (224, 224))
    operations = 2 * 3 * forward * count  # the backward pass takes twice the forward pass
    rate = host.matmul_bfloat16 if machine.amp else host.matmul
    share = operations / timing.median / rate
    return f"{100 * share:.0f} % of the matmul rate in {'bfloat16' if machine.amp else 'float32'}"


def _decoding(options: Options, squares: HeldSquares) -> Iterator[Row | Remark]:
    """Decode JPEG files of the squares in worker processes, against the steps that would wait for them."""
    kind = options.device.type
    count = STREAMED[kind][options.quick]
    machine, called = _machines(options)[-1 if kind == "cpu" else 0]  # the faster
    chosen = recipe("replication", fc=FC[kind], batch_size=BATCHES[kind][options.quick][-1])
    step = _bare(squares, _learner(chosen, machine), chosen, machine, 1)
    wait = waiting(options.device)

    def steps() -> float:
        return once(step, wait).median * count / chosen.batch_size

    with TemporaryDirectory() as folder:
        for number, pixels in enumerate(squares.pixels.numpy()):
            Image.fromarray(pixels).save(Path(folder) / f"{number}.jpg", quality=JPEG_QUALITY)
        streamed = Streamed(open_images(folder), squares.convention, machine.workers)
        order = squares.order(chosen.batch_size, count // chosen.batch_size)
        step()
        ours, reference = alternate(
            lambda: deque(streamed.batches(order), maxlen=0).clear(), steps, runs=options.runs, wait=wait
        )
    limit = f"the limit for steps above {count / ours.median:,.0f} images/s, unless memory holds the squares"
    name = f"decoding JPEG at {squares.convention.resize} px, {machine.workers} processes"
    yield Row(name, ours, f"steps, {called}", reference, count, "images", note=limit)
