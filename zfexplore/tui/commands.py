"""What the palette finds: layers, channels by name, and every action in the table of keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from zfexplore.errors import ExploreError
from zfexplore.tui.keys import EVERYWHERE, written
from zfexplore.units import Unit

if TYPE_CHECKING:
    from zfexplore.tui.app import ExplorerApp


class ExplorerCommands(Provider):
    """Textual's palette asks this class."""

    async def discover(self) -> Hits:
        """Offer everything but single channels while nothing is typed yet."""
        for name, run, about in self._entries():
            yield DiscoveryHit(name, run, help=about)

    async def search(self, query: str) -> Hits:
        """Offer what matches; if a channel is typed (``conv5:130``), it comes first."""
        unit = _unit(query)
        layers = {layer.name: layer for layer in self._explorer.stages}
        if unit is not None and unit.stage in layers and unit.channel < layers[unit.stage].channels:
            go = partial(self._explorer.go_to, unit.stage, unit.channel)
            yield Hit(1.0, str(unit), go, help="go to this channel")
        matcher = self.matcher(query)
        for name, run, about in chain(self._entries(), self._named()):
            if (score := matcher.match(name)) > 0:
                yield Hit(score, matcher.highlight(name), run, help=about)

    @property
    def _explorer(self) -> ExplorerApp:
        return cast("ExplorerApp", self.app)

    def _named(self) -> Iterator[tuple[str, Callable[[], object], str]]:
        for layer in self._explorer.stages:
            for channel, name in enumerate(layer.names):
                go = partial(self._explorer.go_to, layer.name, channel)
                yield f"{name} {layer.name}:{channel}", go, "go to the channel of this class"

    def _entries(self) -> Iterator[tuple[str, Callable[[], object], str]]:
        for layer in self._explorer.stages:
            go = partial(self._explorer.go_to, layer.name)
            yield layer.name, go, f"go to this layer of {layer.channels} channels"
        for key in EVERYWHERE:
            if key.id != "palette":
                yield (
                    f"{key.label}: {key.help}",
                    partial(self.app.run_action, key.action),
                    f"key {written(self._explorer.keymap.get(key.id, key.keys))}",
                )


def _unit(query: str) -> Unit | None:
    try:
        return Unit.parse(query)
    except ExploreError:
        return None
