"""The table of a channel's strongest places, one for each image."""

from __future__ import annotations

from functools import lru_cache

from textual.reactive import reactive

from zfexplore.tui.messages import PlaceRow
from zfexplore.tui.widgets.channels import number
from zfexplore.tui.widgets.names import told_apart, without_what_they_share
from zfexplore.tui.widgets.rows import Column, Rows

ROOM_FOR_CLASS = 44  # cells, beside the image's name

COLUMNS = (
    Column("#", 1),
    Column("value", 6),
    Column("y,x", 7, right=False, pane=36),
    Column("class", 16, right=False, pane=ROOM_FOR_CLASS),
    Column("image", 0, right=False, rest=True, front=True),
)
NARROW = (
    *COLUMNS[:3],
    Column("class", 0, right=False, rest=True),
)  # without room for both, the class says more


class TopList(Rows):
    """Nine places, the strongest first."""

    ABOUT = (
        ("#", "the rank: 1 is where the channel fires most of all images"),
        ("value", "the channel's activation there"),
        ("y,x", "row and column of the unit in the channel's map; all where the layer has no map"),
        ("class", "the class of the image, where the images have classes"),
        ("image", "its file"),
    )

    places: reactive[tuple[PlaceRow, ...]] = reactive((), init=False)
    notice: reactive[str] = reactive("nothing yet")
    stale: reactive[bool] = reactive(False, init=False)  # the places are still those of another channel

    def columns(self) -> tuple[Column, ...]:
        """Rank, activation, place in the map; class (if images are labelled) and image, or one of the two."""
        if not any(place.label for place in self.places):
            return (*COLUMNS[:3], COLUMNS[4])
        return COLUMNS if self.scrollable_content_region.width >= ROOM_FOR_CLASS else NARROW

    def count(self) -> int:
        """Number of places."""
        return len(self.places)

    def texts(self, index: int) -> tuple[str, ...]:
        """One place; of names that are too long what tells them apart stays."""
        place = self.places[index]
        labels, names = _named(self.places, self.room_of("class"), self.room_of("image"))
        where = "all" if place.y < 0 else f"{place.y},{place.x}"
        texts = {
            "#": str(place.rank + 1),
            "value": number(place.value),
            "y,x": where,
            "class": labels[index],
            "image": names[index],
        }
        return tuple(texts[title] for title in self.titles())

    def empty_text(self) -> str:
        """Say why the table is empty."""
        return self.notice

    def is_faint(self, index: int) -> bool:
        """Tell whether the places are another channel's."""
        return self.stale

    def watch_stale(self) -> None:
        """Draw the places faintly, or not."""
        self.redraw()

    def watch_places(self) -> None:
        """Draw the new places."""
        self.changed()


@lru_cache(maxsize=4)  # it is asked for each row
def _named(
    places: tuple[PlaceRow, ...], room_for_class: int | None, room_for_image: int | None
) -> tuple[list[str], list[str]]:
    """Give the classes and the images of places, cut to their columns' widths so that they differ."""
    labels = tuple(place.label or bare_name(place.name, place.label) for place in places)
    names = [bare_name(place.name, place.label) for place in places]
    shown = told_apart(labels, room_for_class) if room_for_class is not None else {}
    if room_for_image is not None:
        names = without_what_they_share(names, room_for_image)
    return [shown.get(label, label) for label in labels], names


def bare_name(name: str, label: str) -> str:
    """Give an image's name without the folder of its class, which is shown beside it."""
    return name.removeprefix(f"{label}/") if label else name
