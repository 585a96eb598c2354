"""Textual's compositor, made to draw no more of a frame than has changed.

Textual draws every widget that overlaps the rectangle around all changes, and every line of it. A key
changes a row of the list, one of the map and the line at the top, around which lies the whole screen:
most of a key's time went into lines that were then thrown away.
"""

from __future__ import annotations

from collections.abc import Iterable

from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region
from textual.strip import Strip


class FrugalCompositor(Compositor):
    """Asks widgets only for the lines that changes touch; what is written to the terminal is the same."""

    _changed: tuple[Region, ...] | None = None  # while a part of the screen is drawn

    def render_partial_update(self) -> ChopsUpdate | None:
        """Draw what has changed."""
        self._changed = tuple(self._dirty_regions)
        try:
            return super().render_partial_update()
        finally:
            self._changed = None

    def _get_renders(self, crop: Region | None = None) -> Iterable[tuple[Region, Region, list[Strip]]]:
        """Give each widget's region, the part of it that is drawn, and the strips of that part."""
        if self._changed is None:
            yield from super()._get_renders(crop)
            return
        for widget, (region, clip) in self.visible_widgets.items():
            visible = region.intersection(clip)
            touched = [part for changed in self._changed if (part := visible.intersection(changed))]
            if touched:
                rows = Region.from_union(touched)
                drawn = Region(visible.x, rows.y, visible.width, rows.height)
                yield region, drawn, widget.render_lines(drawn.translate((-region.x, -region.y)))
