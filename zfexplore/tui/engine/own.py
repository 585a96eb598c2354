"""The user's own pictures, as they were when they were ranked, and the exemplars shown beside their units."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from zfexplore.errors import ExploreError
from zfexplore.tui import messages as say
from zfexplore.tui.drawing.bitmap import Bitmap, Cut, Size
from zfexplore.tui.engine.failures import logged
from zfexplore.tui.engine.gallery import KINDS
from zfexplore.units import Unit

if TYPE_CHECKING:
    from PIL import Image

    from zfexplore.tui.engine.subject import Subject

PICTURES_KEPT = 2  # the one shown, and the one that a watched file has become meanwhile
EXEMPLARS_KEPT = 64  # at most 1 MB each


class OwnPictures:
    """Pictures by the number of the question that ranked them, and the strongest exemplars of channels."""

    def __init__(self) -> None:
        self._pictures: OrderedDict[int, Image.Image] = OrderedDict()
        self._strongest: OrderedDict[tuple[object, ...], say.ShownUnit | None] = OrderedDict()

    def keep(self, number: int, image: Image.Image) -> None:
        """Keep a picture in place of the oldest."""
        self._pictures[number] = image
        while len(self._pictures) > PICTURES_KEPT:
            self._pictures.popitem(last=False)

    def image(self, number: int) -> Image.Image | None:
        """Give the picture of that question; None if it is not kept."""
        return self._pictures.get(number)

    def exemplar(self, subject: Subject, unit: Unit) -> tuple[say.ShownUnit | None, str]:
        """Give the strongest exemplar of a unit's channel, and why there is none, if there is none."""
        try:
            return self.strongest(subject, unit), "fires on no image"
        except ExploreError as error:
            logged(error)
            return None, "the images are gone" if subject.gone else "its image cannot be read"

    def strongest(self, subject: Subject, unit: Unit) -> say.ShownUnit | None:
        """Give the strongest exemplar of a unit's channel, projected anew only if the atlas has another."""
        rows = subject.top_rows(unit.stage, unit.channel)
        assert subject.atlas is not None
        key = (subject.atlas.header["weights"], unit.stage, unit.channel, rows[:1])
        if key not in self._strongest:
            self._strongest[key] = subject.strongest(unit)
        self._strongest.move_to_end(key)
        while len(self._strongest) > EXEMPLARS_KEPT:
            self._strongest.popitem(last=False)
        return self._strongest[key]


def draw_shown(shown: say.ShownUnit, sizes: Iterable[Size]) -> None:
    """Draw a unit's pictures at ``sizes``, and drop the drawings of other sizes."""
    from zfexplore.tui.drawing.picture import draw

    for kind in KINDS:
        bitmap: Bitmap = getattr(shown, kind)
        bitmap.drawings = {size: draw(bitmap, *size) for size in sizes}


def cut_shown(shown: say.ShownUnit, cuts: Iterable[Cut]) -> None:
    """Make the tiles of a unit's pictures that they do not have yet."""
    from zfexplore.tui.drawing.encode import encode

    for kind in KINDS:
        bitmap: Bitmap = getattr(shown, kind)
        for cut in cuts:
            if cut not in bitmap.tiles:
                bitmap.keep(encode(bitmap, *cut))
