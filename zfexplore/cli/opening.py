"""The start of every command that needs an atlas: open weights, images and atlas, with progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zfexplore.explorer import Explorer
    from zfexplore.settings import Settings


def open_explorer(settings: Settings, layer: str | None = None, channels: str = "all") -> Explorer:
    """Open what ``settings`` name; ``layer`` and ``channels`` are checked before anything takes long.

    Raises ExploreError if one of these does not exist.
    """
    from zfexplore.explorer import Explorer, open_settings
    from zfexplore.showing import watch

    explorer = Explorer.of(settings, *open_settings(settings, layer, channels))
    watch(explorer.index())
    return explorer
