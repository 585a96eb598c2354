"""Nine projections while other processes want the cores too, as in the explorer beside other work.

A projection is hundreds of small operations, and each ends with a barrier at which OpenMP's threads wait for
each other. By default they spin there. Beside busy processes a thread that spins holds the core that
the other one needs. The commands tell them to sleep (``cli.main.IDLE``). Both ways are measured in
processes of their own, in turns: the runtime reads its settings once, when it is loaded.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks.host import Host
from benchmarks.material import Options
from benchmarks.measure import alternate
from benchmarks.report import Remark, Row
from zfexplore.cli.main import IDLE

STAGES = ("conv3", "conv4", "conv5")
NINE = 9
BUSY = 2  # processes


def rows(options: Options, host: Host) -> Iterator[Row | Remark]:
    """Measure each stage, first quiet and then beside busy processes."""
    others = {name: value for name, value in os.environ.items() if name not in IDLE}
    with Projector(others | IDLE, options) as ours, Projector(others, options) as spinning:
        for load in (0, BUSY):
            with busy(load):
                for stage in STAGES:
                    works = [lambda who=who, stage=stage: who.seconds(stage) for who in (ours, spinning)]
                    sleeping, spun = alternate(*works, runs=options.runs)
                    beside = f"beside {load} busy processes" if load else "quiet"
                    yield Row(f"{stage}, nine images, {beside}", sleeping, "threads that spin", spun)


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Keep ``count`` processes busy with nothing."""
    with ExitStack() as stack:
        for _ in range(count):
            process = stack.enter_context(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
            stack.callback(process.kill)
        yield


class Projector:
    """A process that projects nine units of a stage whenever it is told to."""

    def __init__(self, environment: dict[str, str], options: Options) -> None:
        command = [sys.executable, "-m", "benchmarks.busy", *filter(None, [options.checkpoint])]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment, text=True)

    def __enter__(self) -> Projector:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()  # it ends when there is nothing more to read

    def seconds(self, stage: str) -> float:
        """Give the seconds that it took."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{stage}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())


def serve(checkpoint: str | None) -> None:
    """Project what is named on stdin, a stage a line; answer with the seconds."""
    from zfexplore.deconv.project import project
    from zfexplore.exemplars.seen import see
    from zfexplore.images.open import open_images
    from zfexplore.nets.checkpoint import load_checkpoint

    opened = load_checkpoint(checkpoint)
    batches = [see(opened, picture.image).batch for picture in open_images(limit=NINE)]
    for line in sys.stdin:
        stage = line.strip()
        height, width = opened.net.map_size(stage, tuple(batches[0].shape[2:]))
        began = time.perf_counter()
        for channel, batch in enumerate(batches):
            project(opened.net, batch, stage, channel, [(height // 2, width // 2)])
        print(time.perf_counter() - began, flush=True)


if __name__ == "__main__":
    serve(sys.argv[1] if len(sys.argv) > 1 else None)
