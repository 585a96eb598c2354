"""Caltech-101 from scratch, by the protocol of ZF table 4: does our training beat the paper's?

    python -m benchmarks.scratch --images caltech101 --per-class 15,30 --splits 5

The paper trained its net on 15 or 30 images a class and nothing else, and got 22.8 and 46.5 %: the mean
over the classes of each class's own accuracy. The protocol here is the paper's:

- ``--per-class`` images of every class train the net, drawn anew for every split. At most 50 of the others
  test it. ``BACKGROUND_Google`` is no category and is left out.
- The net is ZFNet with fc6 and fc7 of 4,096. Each split begins from noise.
- The test images are used once, by the net after its last step: ten crops.
- ``--choose`` settles what ``CANDIDATES`` leave open, for every split anew and by its training images alone:
  two thirds of every class train each candidate, and the last third judges it, by ten crops. (What one
  split trains on, another tests on: a choice for all splits would have seen test images.) A split then takes
  four trainings. Without it all splits use ``--candidate``, which no image chooses.

All else is that of the recipe "photographs". It was settled before, on 69,561 photographs of 517 classes,
and most images of Caltech-101 are among them.

A split takes about 900,000 views, in ``ROUNDS`` epochs of ``zfexplore.train``: one of those passes over the
images many times, because it ends by writing weights of 0.7 GB. Every split is one line of
``OUT/log.jsonl``. What is there is not done again, and a split that was interrupted goes on.

``scratch.jsonl`` beside this file is the log of one split of each size, on two CPU cores that multiply
bfloat16 (AMX). It was made by ``--splits 1 --candidate "decay 4e-3" --size 128``, with ``--per-class 30
--epochs 240`` and with ``--per-class 15 --epochs 400``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import shutil
import statistics
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from zfexplore.errors import ExploreError
from zfexplore.files import write_text
from zfexplore.images.open import open_images
from zfexplore.images.sources import Picture, Source, UnreadableImage
from zfexplore.nets.checkpoint import load_checkpoint
from zfexplore.progress import Note, Skipped, finish
from zfexplore.studies.transfer import Drawn, draw
from zfexplore.training.data import Joined
from zfexplore.training.evaluate import Evaluation, evaluate_checkpoint
from zfexplore.training.folder import RunFolder
from zfexplore.training.loop import train
from zfexplore.training.machine import choose_machine
from zfexplore.training.recipe import Recipe, recipe
from zfexplore.training.record import EpochRecord

NO_CATEGORY = "BACKGROUND_Google"
VIEWS = 900_000  # a split
ROUNDS = 20  # epochs of zfexplore.train
PATIENCE = 5  # epochs in which the loss must have left that of guessing; at least twice the warm-up
SMALL_FIRST = 112  # pixels from which half of the epochs see smaller images
PAPER = {15: (22.8, 1.5), 30: (46.5, 1.7)}  # per cent, ZF table 4
# What the training images choose between.
CANDIDATES: dict[str, dict[str, Any]] = {
    "decay 2e-3": {"weight_decay": 2e-3},
    "decay 4e-3": {"weight_decay": 4e-3},
    "decay 1e-3": {"weight_decay": 1e-3},
}


class Part:
    """Some images of a source, each ``passes`` times: for every time, the training draws another view."""

    def __init__(self, source: Source, indices: Sequence[int], fingerprint: str, passes: int = 1) -> None:
        self.name, self.classes = source.name, source.classes
        self._source, self._indices, self._count = source, list(indices), len(indices) * passes
        told = f"{fingerprint} {self._indices} {passes}"
        self._fingerprint = hashlib.sha256(told.encode()).hexdigest()

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Picture:
        try:
            return self._source[self._place(index)]
        except UnreadableImage as error:
            raise UnreadableImage(index, error.name, error.reason) from error

    def label(self, index: int) -> int | None:
        """Give the class of an image."""
        return self._source.label(self._place(index))

    def image_name(self, index: int) -> str:
        """Give the name of an image."""
        return self._source.image_name(self._place(index))

    def same(self, index: int) -> int:
        """Give the number of the image, whichever time it is."""
        return self._place(index)

    def fingerprint(self) -> str:
        """Give a hash of the source's fingerprint, the indices and the passes."""
        return self._fingerprint

    def _place(self, index: int) -> int:
        if not 0 <= index < self._count:
            raise IndexError(index)
        return self._indices[index % len(self._indices)]


@dataclass(frozen=True)
class Bench:
    """What all splits have in common."""

    source: Source
    fingerprint: str
    size: int
    passes: int | None
    device: str
    workers: int | None
    out: Path
    runs: Path

    def once(self, log: Path, key: dict[str, Any], drawn: Drawn, changes: dict[str, Any]) -> dict[str, Any]:
        """Give the line of the log for ``key``; train, test and write it if it is not there.

        Raises ExploreError if the log's is of other images or another recipe.
        """
        chosen, in_a_round = self._recipe(drawn, changes)
        for line in _lines(log):
            if key.items() <= line.items():
                if (line["images"], Recipe.from_json(line["recipe"])) != (self.fingerprint, chosen):
                    raise ExploreError(f"{log} has {key} with other settings: give another --out")
                return line
        line = key | self._score(key, drawn, chosen, in_a_round)
        before = log.read_text() if log.exists() else ""
        write_text(log, before + json.dumps(line) + "\n")
        return line

    def _recipe(self, drawn: Drawn, changes: dict[str, Any]) -> tuple[Recipe, int]:
        """Give the recipe, and how often each of its epochs passes over the images."""
        count = sum(map(len, drawn.training))
        passes = self.passes or max(1, round(VIEWS / count))
        in_a_round = max(1, round(passes / ROUNDS))
        stages = ((0.5, 4 / 7),) if self.size >= SMALL_FIRST else ((1.0, 1.0),)
        chosen = recipe(
            "photographs",
            fc=4096,
            size=self.size,
            stages=stages,
            area=(0.25, 1.0),
            colour=0.2,
            dropout=0.5,
            epochs=max(1, round(passes / in_a_round)),
            warmup=300,
        )
        return replace(chosen, name="scratch", **changes), in_a_round

    def _score(self, key: dict[str, Any], drawn: Drawn, chosen: Recipe, in_a_round: int) -> dict[str, Any]:
        """Train on the one part, measure once on the other; give what the log tells of it."""
        began = time.time()
        name = "-".join(str(value).replace(" ", "-") for value in key.values())
        training = Part(self.source, _all(drawn.training), self.fingerprint, in_a_round)
        folder = RunFolder(self.runs / name)
        resumed = folder.state.exists()
        if not resumed:
            shutil.rmtree(folder.path, ignore_errors=True)
        events = train(
            training,
            chosen,
            out=folder.path,
            val=0.0,
            seed=key["seed"] + key["split"],
            snapshots="none",
            half=True,
            device=self.device,
            workers=self.workers,
            resume=resumed,
        )
        steps = math.ceil(len(training) / chosen.batch_size)  # an epoch
        patience = max(PATIENCE, math.ceil(2 * chosen.warmup / steps))
        result = finish(learning(_printed(events, name), len(self.source.classes), patience))
        machine = choose_machine(self.device, amp=False, workers=self.workers)
        test = Part(self.source, _all(drawn.test), self.fingerprint)
        checkpoint = load_checkpoint(result.checkpoint, machine.device)
        measured: Evaluation = finish(
            _printed(evaluate_checkpoint(checkpoint, test, machine, crops=10), name)
        )
        shutil.rmtree(folder.path, ignore_errors=True)
        return {
            "accuracy": round(100 * measured.per_class, 2),
            "of_images": round(100 * measured.top1, 2),
            "training": sum(map(len, drawn.training)),
            "test": measured.count,
            "views": len(training) * chosen.epochs,
            "seconds": round(time.time() - began, 1),
            "resumed": resumed,
            "device": _device(machine.device),
            "torch": torch.__version__,
            "images": self.fingerprint,
            "recipe": chosen.to_json(),
        }


def choose(bench: Bench, split: dict[str, Any], drawn: Drawn) -> str:
    """Give the candidate that does best within the training images of a split."""
    log = bench.out / "choice.jsonl"
    accuracy = {}
    for candidate, changes in CANDIDATES.items():
        line = bench.once(log, split | {"candidate": candidate}, drawn.within(), changes)
        accuracy[candidate] = line["accuracy"]
    return max(accuracy, key=lambda candidate: accuracy[candidate])


def main() -> None:
    """Parse the options, train and test every split that the log does not have, and print the means."""
    asked = _parser().parse_args()
    try:
        for line in run(asked):
            print(line, flush=True)
    except ExploreError as error:
        sys.exit(f"error: {error}")


def run(asked: argparse.Namespace) -> Iterator[str]:
    """Do what was asked; yields the lines to print."""
    found = open_images(asked.images)
    source = Joined([found], [NO_CATEGORY] if NO_CATEGORY in found.classes else [])
    out = Path(asked.out)
    bench = Bench(
        source,
        source.fingerprint(),
        asked.size,
        asked.epochs,
        asked.device,
        asked.workers,
        out,
        Path(asked.runs) if asked.runs else out / "runs",
    )
    sizes = list(dict.fromkeys(int(word) for word in asked.per_class.split(",")))
    log = out / "log.jsonl"
    done: dict[int, list[dict[str, Any]]] = {size: [] for size in sizes}
    for split in range(asked.splits):  # one of each size before a second of any
        for size in sizes:
            drawn = draw(source, size, seed=asked.seed, split=split)
            key = {"per_class": size, "split": split, "seed": asked.seed}
            chosen = asked.candidate or next(iter(CANDIDATES))
            if asked.choose:
                chosen = choose(bench, key, drawn)
                yield f"{size} a class, split {split}: {chosen} is best within the training images"
            line = bench.once(log, key, drawn, CANDIDATES[chosen])
            yield f"{size} a class, split {split}: {line['accuracy']:.1f} % of {line['test']} images"
            done[size].append(line)
    for size in sizes:
        yield summary(size, done[size])


def summary(per_class: int, lines: Sequence[dict[str, Any]]) -> str:
    """Say the mean and the standard deviation over these splits, and the paper's beside them."""
    values = [line["accuracy"] for line in lines]
    if not values:
        return f"{per_class} a class: no split done"
    spread = f" +- {statistics.stdev(values):.1f}" if len(values) > 1 else ""
    splits = f"{len(values)} split{'s' if len(values) > 1 else ''}"
    told = f"{per_class} a class: {statistics.mean(values):.1f}{spread} % over {splits}"
    if per_class in PAPER:
        told += "; the paper's net from scratch {} +- {} %".format(*PAPER[per_class])
    return told


def learning(events: Iterator[Any], classes: int, patience: int = PATIENCE) -> Iterator[Any]:
    """Pass a training's events on; raise ExploreError where it still guesses after ``patience`` epochs.

    Then something is wrong, and the test images are not used. The one time that it happened, on a GPU, images
    met the labels of others by a race in the training's engine, which is mended: the recipe learns.
    """
    guessing = math.log(classes) - 0.01
    for event in events:
        yield event
        if isinstance(event, EpochRecord) and event.epoch >= patience and event.loss > guessing:
            raise ExploreError(
                f"nothing is learnt: the loss after {event.epoch} epochs is that of a guess, {event.loss:.3f}"
            )


def _printed(events: Iterator[Any], name: str) -> Iterator[Any]:
    """Print a line an epoch, and what was left out; pass the events on."""
    for event in events:
        if isinstance(event, EpochRecord):
            told = f"epoch {event.epoch}, {event.size} px, loss {event.loss:.3f}, {event.seconds:.1f} s"
            print(f"{name}: {told}", flush=True)
        elif isinstance(event, Note):
            print(f"{name}: {event.text}", flush=True)
        elif isinstance(event, Skipped):
            print(f"{name}: {event.name} cannot be read: {event.reason}", flush=True)
        yield event


def _all(parts: Iterable[Sequence[int]]) -> list[int]:
    return [index for part in parts for index in part]


def _lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def _device(device: torch.device) -> str:
    return (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else f"cpu, {torch.get_num_threads()} threads"
    )


def _parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(
        prog="python -m benchmarks.scratch",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found.add_argument("--images", required=True, metavar="DIR|NAME", help="Caltech-101, a folder a class")
    found.add_argument("--per-class", default="15,30", metavar="N,...", help="default: %(default)s")
    found.add_argument("--splits", type=int, default=5, metavar="N", help="default: %(default)s")
    found.add_argument("--seed", type=int, default=0, metavar="N", help="default: %(default)s")
    found.add_argument("--device", default="auto", help="default: %(default)s")
    found.add_argument("--workers", type=int, metavar="N", help="processes that decode; default: one a core")
    found.add_argument("--size", type=int, default=224, metavar="PX", help="default: %(default)s")
    found.add_argument(
        "--candidate", choices=list(CANDIDATES), help=f"without --choose; default: {next(iter(CANDIDATES))}"
    )
    found.add_argument(
        "--epochs", type=int, metavar="N", help="passes over the training images; default: 900,000 views"
    )
    found.add_argument("--choose", action="store_true", help="choose the decay by a split's training images")
    found.add_argument("--out", default="out/scratch", metavar="DIR", help="default: %(default)s")
    found.add_argument(
        "--runs", metavar="DIR", help="the nets while they train; removed afterwards; default: OUT/runs"
    )
    return found


if __name__ == "__main__":
    main()
