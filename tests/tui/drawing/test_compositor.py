"""What the frugal compositor writes is what Textual's own would have written."""

from __future__ import annotations

import pytest
from textual._compositor import Compositor

from tests.support import until
from zfexplore.tui.drawing.compositor import FrugalCompositor

KEYS = (
    "down",
    "down",
    "right_square_bracket",
    "3",
    "right",
    "b",
    "greater_than_sign",
    "G",
    "slash",
    "1",
    "escape",
)


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (50, 14)])
async def test_every_frame_is_textuals_own(app, monkeypatch, size):
    frames = []
    frugal = FrugalCompositor.render_partial_update

    def both(self):
        changed = set(self._dirty_regions)
        ours = frugal(self)
        self._dirty_regions = changed
        theirs = Compositor.render_partial_update(self)
        if ours is not None:
            frames.append([each.render_segments(app.console) for each in (ours, theirs)])
        return ours

    monkeypatch.setattr(FrugalCompositor, "render_partial_update", both)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.settled > 0)
        for key in KEYS:
            await pilot.press(key)
            await pilot.pause(0.02)

    assert len(frames) > len(KEYS) / 2
    assert all(ours == theirs for ours, theirs in frames)
