"""Inside the receptive field or whole: both measured for some numbers of units, and held against the choice.

``project.START`` says what starting an operation costs, and so which of the two is taken. The start that
would be right most often on this device is told.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from unittest.mock import patch

import torch

from benchmarks.host import waiting
from benchmarks.material import Material
from benchmarks.measure import Work, alternate
from benchmarks.report import Remark, seconds
from zfexplore.deconv import dense, project, windowed
from zfexplore.deconv.request import Request, read_units
from zfexplore.nets.net import Stage

ROWS = {False: (1, 9, 64, 512), True: (1, 9)}  # by quick
IMAGES = 64  # at most; more units share them
RUNS = 3
STARTS = [10 ** (step / 8) for step in range(4 * 8, 12 * 8)]  # multiplications: 1e4 to 1e12


@dataclass(frozen=True)
class Case:
    """Units of a stage, and the seconds that they took in windows and whole."""

    request: Request
    windowed: float
    dense: float

    def lost(self, chosen: str) -> float:
        """Give the seconds that a choice loses."""
        return (self.windowed if chosen == "windowed" else self.dense) - min(self.windowed, self.dense)


def rows(material: Material, stages: Sequence[Stage]) -> Iterator[Remark]:
    """Measure both for every stage; then compare with what is chosen."""
    cases: list[Case] = []
    for stage in stages:
        some = [_case(material, stage, count) for count in ROWS[material.options.quick]]
        yield Remark(
            f"{stage.name}, windowed and dense: "
            + "; ".join(
                f"{len(case.request)} {seconds(case.windowed)}, {seconds(case.dense)}" for case in some
            )
        )
        cases += some
    kind = material.options.device.type
    now = sum(_chosen(material, case, project.START[kind]) for case in cases)
    start, right = best_start(cases, lambda case, start: _choose(material, case, start))
    yield Remark(
        f"the choice is right for {now} of {len(cases)} with START[{kind!r}] = {project.START[kind]:.1e}; "
        f"with {start:.1e} it would be right for {right}"
    )


def best_start(
    cases: Sequence[Case], choose: Callable[[Case, float], str], starts: Sequence[float] = STARTS
) -> tuple[float, int]:
    """Give the start with which ``choose`` is right most often, and how often; of equals the middle one.

    Of those that are right equally often, those count that lose the least time.
    """
    scores = []
    for start in starts:
        lost = [case.lost(choose(case, start)) for case in cases]
        scores.append((sum(one == 0 for one in lost), -math.fsum(lost)))
    best = [start for start, score in zip(starts, scores, strict=True) if score == max(scores)]
    return best[len(best) // 2], max(scores)[0]


def _chosen(material: Material, case: Case, start: float) -> bool:
    return case.lost(_choose(material, case, start)) == 0


def _choose(material: Material, case: Case, start: float) -> str:
    with patch.dict(project.START, {material.options.device.type: start}):
        return project.choose(material.trunk, case.request)


def _case(material: Material, stage: Stage, count: int) -> Case:
    """Measure ``count`` units all over the map, of as many images, but of ``IMAGES`` at most."""
    trunk, size = material.trunk, material.size
    number = min(count, IMAGES, len(material.held))
    images = material.batch(list(range(number)))
    height, width = trunk.map_size(stage.name, size)
    generator = torch.Generator().manual_seed(0)
    places = torch.stack([torch.randint(length, (count,), generator=generator) for length in (height, width)])
    channels = torch.arange(count) % stage.channels
    request = read_units(trunk, 1, size, stage.name, channels, places.T)
    request = replace(request, image=torch.arange(count) % number)
    works: list[Work] = [
        lambda: _drop(windowed.project_request(trunk, images, request)),
        lambda: _drop(dense.project_request(trunk, images, request)),
    ]
    runs = min(RUNS, material.options.runs)
    in_windows, whole = alternate(*works, runs=runs, wait=waiting(material.options.device))
    return Case(request, in_windows.median, whole.median)


def _drop(_: object) -> None:
    """Drop the result of a call, so that it can be timed as a ``Work``."""
