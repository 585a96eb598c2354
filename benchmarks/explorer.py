"""The explorer in a real pseudo-terminal: the time from a key to its effect, and to nine pictures.

A key moves the cursor one channel down; its effect is the cursor on that row. Under load, a key comes
every tenth of a second, each to a channel that was never shown before, so the engine projects without
pause. At rest, the engine has nothing to do when the key comes. The time for nine pictures is taken from
the engine's log, for channels that it had not projected ahead: reading, projecting and drawing.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.host import Host
from benchmarks.material import IMAGES, Options
from benchmarks.measure import Timing
from benchmarks.report import Remark, Row, seconds
from benchmarks.response import home_of_its_own
from benchmarks.terminal import Terminal
from zfexplore.tui.widgets.rows import MARK

KEYS_UNDER_LOAD = {False: 110, True: 6}  # by quick; with those at rest 300
KEYS_AT_REST = {False: 16, True: 1}  # per layer
JUMPS = {False: 3, True: 1}  # per layer, each to a channel whose nine pictures are timed
FAR = 5  # channels; the engine does not project so far ahead
BETWEEN_KEYS = 0.1  # seconds
SILENT = 2.0  # seconds without output, after which the engine counts as at rest
LIMIT_MEDIAN, LIMIT_WORST = 0.009, 0.020  # seconds, as measured when the explorer was designed
LAYERS = ("conv5", "conv4", "conv3", "conv2", "conv1")
SHOWN = re.compile(r" (conv\d):(\d+) shown in ([\d.]+) s")


@dataclass
class Waits:
    """The seconds of one run of the explorer: from key to cursor, and to nine pictures by layer."""

    building: list[float] = field(default_factory=list)
    working: list[float] = field(default_factory=list)
    resting: list[float] = field(default_factory=list)
    pictures: dict[str, list[float]] = field(default_factory=dict)


def rows(options: Options, host: Host) -> Iterator[Row | Remark]:
    """Measure one explorer while it builds the atlas, under load and at rest."""
    waits = _drive(options)
    resting = Timing(tuple(waits.resting))
    loads = {"while the atlas is built": waits.building, "while conv5 is projected": waits.working}
    for what, times in loads.items():
        worst = f"worst of {len(times)}: {seconds(max(times))} (wanted: {seconds(LIMIT_WORST)})"
        echo = Timing(tuple(times))
        yield Row(f"key echo {what}", echo, "at rest", resting, limit=LIMIT_MEDIAN, note=worst)
    yield Remark(f"key echo at rest: worst of {len(waits.resting)} {seconds(max(waits.resting))}")
    for layer, times in waits.pictures.items():
        yield Row(f"nine pictures of a {layer} channel", Timing(tuple(times)), note=f"{len(times)} channels")


def _drive(options: Options) -> Waits:
    load, rest, jumps = (each[options.quick] for each in (KEYS_UNDER_LOAD, KEYS_AT_REST, JUMPS))
    waits, jumped = Waits(), set()
    with TemporaryDirectory() as folder:
        home = Path(folder)
        with Terminal(_command(options, home), home_of_its_own(home)) as terminal:
            terminal.until(r"conv5:0\b")
            waits.building = [_echo(terminal, number) for number in range(1, load + 1)]
            terminal.until_silent(SILENT)
            waits.working = [_echo(terminal, number) for number in range(load + 1, 2 * load + 1)]
            channel = 2 * load
            for layer in LAYERS:
                terminal.until_silent(SILENT)
                waits.resting += [_echo_at_rest(terminal, channel + step) for step in range(1, rest + 1)]
                channels = range(channel + rest + FAR, channel + rest + FAR * jumps + 1, FAR)
                for number in channels:
                    _echo_at_rest(terminal, number, steps=FAR)
                    jumped.add((layer, number))
                _layer_below(terminal, layer)
                channel = 0
            terminal.leave("q")
        waits.pictures = _shown(home / "cache" / "explorer.log", jumped)
    return waits


def _command(options: Options, home: Path) -> list[str]:
    words = ["tui", "conv5:0", "--images", options.images, "--limit", str(IMAGES[options.quick])]
    words += ["--out", str(home / "out")]
    if options.checkpoint:
        words += ["--checkpoint", options.checkpoint]
    return [sys.executable, "-m", "zfexplore", *words]


def _echo(terminal: Terminal, channel: int, steps: int = 1) -> float:
    """Move down to ``channel``; give the seconds until the cursor is drawn on its row."""
    sent = terminal.send("j" * steps)
    echo = terminal.until(rf"{MARK} +{channel} ") - sent
    terminal.wait(BETWEEN_KEYS - (time.perf_counter() - sent))
    return echo


def _echo_at_rest(terminal: Terminal, channel: int, steps: int = 1) -> float:
    echo = _echo(terminal, channel, steps)
    terminal.until_silent(SILENT)
    return echo


def _layer_below(terminal: Terminal, layer: str) -> None:
    """Move down to the next convolution, past the pools between."""
    following = LAYERS.index(layer) + 1
    if following == len(LAYERS):
        return
    terminal.send("[")
    terminal.until(r"(conv|pool)\d:0\b")
    while f"{LAYERS[following]}:0".encode() not in terminal.written:
        terminal.send("[")
        terminal.until(r"(conv|pool)\d:0\b")


def _shown(log: Path, channels: set[tuple[str, int]]) -> dict[str, list[float]]:
    """Give, from the engine's log, how long it took to show ``channels``, by layer."""
    times: dict[str, list[float]] = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        found = SHOWN.search(line)
        if found is not None and (found[1], int(found[2])) in channels:
            times.setdefault(found[1], []).append(float(found[3]))
    return times
