"""The lines of a pane that draws itself, without a look for styles that it does not have.

Textual asks in every line for borders, padding, outline, hatching, tint and opacity, and makes the strip
anew: that took as long as to draw the line. Our panes have a border above, or none.
"""

from __future__ import annotations

from collections.abc import Callable

from textual.geometry import Region, Spacing
from textual.strip import Strip
from textual.widget import Widget


def drawn_lines(widget: Widget, crop: Region, styled: Callable[[Region], list[Strip]]) -> list[Strip]:
    """Give the strips of ``crop`` as ``styled``, Textual's own way, would; that draws the border.

    Where there is another gutter than a border above, it draws all.
    """
    gutter = widget.styles.gutter
    above = max(0, min(gutter.top, crop.bottom) - crop.y)
    if gutter != Spacing(top=gutter.top):
        return styled(crop)
    strips = styled(Region(crop.x, crop.y, crop.width, above)) if above else []
    width, plain = widget.region.width, widget.rich_style
    lines = (widget.render_line(y - gutter.top) for y in range(crop.y + above, crop.bottom))
    drawn = [line.adjust_cell_length(width, plain) for line in lines]
    if filters := widget.get_line_filters():
        _, background = widget.background_colors
        for one in filters:
            drawn = [strip.apply_filter(one, background) for strip in drawn]
    if crop.column_span != (0, width):
        drawn = [strip.crop(*crop.column_span) for strip in drawn]
    return strips + drawn
