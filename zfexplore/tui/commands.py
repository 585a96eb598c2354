"""What the palette finds: layers, channels by number, name or class, every action in the table of keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from zfexplore.printable import printable
from zfexplore.tui.keys import EVERYWHERE, FOLLOWING, written
from zfexplore.tui.messages import Stage, StageStatistics
from zfexplore.units import Unit

if TYPE_CHECKING:
    from zfexplore.tui.app import ExplorerApp

TYPED = re.compile(r"(?:(?P<stage>\w[\w.#-]*)(?:\s*:\s*|\s+))?(?P<channel>\d{1,9})(?:@\d+,\d+)?")
FIRST = 1e6  # a score above those of all matches of letters
PER_LAYER = 3  # channels of a layer that are offered for one class

Entry = tuple[str, Callable[[], object], str]


class ExplorerCommands(Provider):
    """Textual's palette asks this class."""

    async def discover(self) -> Hits:
        """Offer everything but single channels while nothing is typed yet."""
        for name, run, about in self._entries():
            yield DiscoveryHit(printable(name), run, help=about)

    async def search(self, query: str) -> Hits:
        """Offer what matches; a channel that is typed (``130``, ``conv5:130``, ``conv5 130``) comes first."""
        named = channels_typed(query, self._explorer.stages, self._explorer.stage_name)
        for rank, unit in enumerate(named):
            called = self._explorer.panes.called(unit)
            yield Hit(
                FIRST - rank, Content(printable(called)), self._go(unit), called, help="go to this channel"
            )
        matcher = self.matcher(query)
        for name, run, about in chain(self._entries(), self._named(named), self._excited(query)):
            name = printable(name)
            if (score := matcher.match(name)) > 0:
                yield Hit(score, matcher.highlight(name), run, help=about)

    @property
    def _explorer(self) -> ExplorerApp:
        return cast("ExplorerApp", self.app)

    def _go(self, unit: Unit) -> Callable[[], object]:
        return partial(self._explorer.go_to, unit.stage, unit.channel)

    def _named(self, offered: Sequence[Unit]) -> Iterator[Entry]:
        """Give the channels that stand for a class, but for those that are ``offered`` already."""
        for layer in self._explorer.stages:
            for channel, name in enumerate(layer.names):
                unit = Unit(layer.name, channel)
                if unit not in offered:
                    yield f"{name} {unit}", self._go(unit), "go to the channel of this class"

    def _excited(self, query: str) -> Iterator[Entry]:
        """Give the channels that answer most to the classes whose names hold ``query``."""
        panes = self._explorer.panes
        here = self._explorer.stage_name
        layers = sorted(panes.statistics, key=lambda name: name != here)
        for layer in layers:
            for name, channels in excited_by(query, panes.statistics[layer]).items():
                for channel in channels:
                    unit = Unit(layer, channel)
                    yield f"{unit} answers most to {name}", self._go(unit), "go to this channel"

    def _entries(self) -> Iterator[Entry]:
        for layer in self._explorer.stages:
            go = partial(self._explorer.go_to, layer.name)
            yield layer.name, go, f"go to this layer of {layer.channels} channels"
        resting = self._explorer.resting_keys()
        for key in (*EVERYWHERE, *FOLLOWING):
            if key.id not in ("palette", *resting):
                yield (
                    f"{key.label}: {key.help}",
                    partial(self.app.run_action, key.action),
                    f"key {written(self._explorer.keymap.get(key.id, key.keys))}",
                )


def channels_typed(query: str, stages: Sequence[Stage], here: str) -> list[Unit]:
    """Give the channels that ``query`` names; a bare number is one of layer ``here`` first, then others."""
    typed = TYPED.fullmatch(query.strip())
    if typed is None:
        return []
    channel, name = int(typed["channel"]), typed["stage"]
    layers = [stage for stage in stages if channel < stage.channels and name in (None, stage.name)]
    return [Unit(stage.name, channel) for stage in sorted(layers, key=lambda stage: stage.name != here)]


def excited_by(query: str, known: StageStatistics) -> Mapping[str, list[int]]:
    """Give by class, whose name holds ``query``, the channels that answer most to it, the best first."""
    wanted = query.casefold().strip()
    found: dict[str, list[int]] = {}
    if len(wanted) < 2:
        return found
    matching = {name for name in set(known.best_class) if name and wanted in name.casefold()}
    for channel, name in enumerate(known.best_class) if matching else ():
        if name in matching:
            found.setdefault(name, []).append(channel)
    for channels in found.values():
        channels.sort(key=lambda channel: -known.selectivity[channel])
        del channels[PER_LAYER:]
    return found
