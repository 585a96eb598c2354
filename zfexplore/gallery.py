"""A page of every channel, to hand on: a folder that any browser shows, without a server.

Of a convolutional channel the page shows its nine projections and what the units saw. A unit of a fully
connected layer sees the whole image, and to bring thousands of them back to pixels takes longer than all the
others together: of these the page shows the images only. Of chosen channels it also has what they would like
best (``studies/ideal.py``), which takes seconds for each.

What OpenAI's Microscope was for a few nets, for any net.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zfexplore.arguments import path_text, text_or_none, whole
from zfexplore.atlas.select import select_channels
from zfexplore.choices import RankedBy
from zfexplore.errors import ExploreError
from zfexplore.exemplars.exemplars import exemplars, firing_places
from zfexplore.exemplars.records import ChannelExemplars
from zfexplore.figures.blocks import SHOWN, BlockUnit
from zfexplore.figures.captions import images_in_words, in_the_papers
from zfexplore.figures.figure import FOLDER, Made
from zfexplore.figures.gallery.folder import GalleryFolder, check_gallery
from zfexplore.figures.gallery.sprite import GAP, tile_of
from zfexplore.files import atomic_folder
from zfexplore.images.photographs import ARCHIVE, Photographs
from zfexplore.images.sources import UnreadableImage
from zfexplore.progress import Finished, Meter, Note, Progress, Skipped
from zfexplore.settings import Command, other_than
from zfexplore.studies.ideal import Ascent, Ideal, ideals
from zfexplore.units import Unit

if TYPE_CHECKING:
    from zfexplore.explorer import Explorer

NAME = "gallery"  # of the folder below out/
STATISTICS = (  # by their names in the data and the explorer's filter, on the page, and what they say
    ("max", "max", "its highest activation on any image; dead: it fires on none"),
    ("mean", "mean", "each image's highest activation, averaged over all images"),
    ("fires", "fires on", "the share of images on which it fires somewhere"),
    ("rarity", "rarity", "the share of images on which it does not fire"),
    ("sel", "selectivity", "how much it prefers its best class, 0 to 1: (b - o) / (b + o), b its mean on "
     "that class's images, o on the other classes'"),
    ("striking", "striking", "how much it is worth a look, at best 1: strong on a few images that look "
     "alike, less what a more striking one shows"),
    ("best", "best class", "the class on whose images it fires most, on average"),
)  # fmt: skip
DIGITS = 5  # of a statistic
# Bytes of projections that wait for their channels: for all of ZFNet's, so that each image goes through the
# net once. Most channels are complete, and drawn, only when nearly all images are done.
MEMORY = 2**30

Rows = dict[Unit, list[list[Any]]]  # of each channel its units, as the page has them
Chosen = Mapping[str, list[Unit]]  # channels, by their layer
Activations = dict[Unit, list[float]]  # of each channel on its ideal images; none if they do not excite it


@dataclass(frozen=True)
class Gallery:
    """A gallery that was written: its folder, and how many channels, images and bytes are in it."""

    path: Path
    channels: int
    images: int
    size: int

    @property
    def page(self) -> Path:
        """The file to open in a browser."""
        return self.path / "index.html"


def made_gallery(
    explorer: Explorer, channels: str = "all", *,
    by: RankedBy = "mean", ideal: str | None = None, title: str | None = None, seed: int = 0,
) -> Made:  # fmt: skip
    """Give the origin, the command and the title of the gallery that ``make_gallery`` makes."""
    title = text_or_none(title, "a title")
    options = {
        "--channels": other_than(channels, "all"), "--by": other_than(by, "mean"), "--ideal": ideal,
        "--title": title, "--out": None, "--seed": other_than(whole(seed, "seed"), 0),
        **explorer.settings.options(),
    }  # fmt: skip
    title = title or f"The channels of {explorer.checkpoint.metadata.architecture}"
    return Made(explorer.origin, Command(("export", "gallery"), options), title, NAME)


def make_gallery(
    explorer: Explorer, out: str | os.PathLike[str] | None = None, channels: str = "all", *,
    by: RankedBy = "mean", ideal: str | None = None, title: str | None = None, seed: int = 0,
) -> Iterator[Progress | Skipped | Note | Finished[Gallery]]:  # fmt: skip
    """Write the page of ``channels`` of every layer into the folder ``out``.

    ``Finished`` carries the ``Gallery``. ``channels`` are chosen as for a grid, in each layer anew. Those of
    them that ``ideal`` names in the same words get their ideal images too; a ``Note`` says of which there are
    none. A gallery that is there is replaced; a folder of anything else raises ExploreError. If the generator
    is closed early, what was there stays as it was, and nothing new does.
    """
    made = made_gallery(explorer, channels, by=by, ideal=ideal, title=title, seed=seed)
    path = Path(path_text(out, "the gallery's folder")) if out is not None else FOLDER / made.name
    check_gallery(path)
    chosen, liked = _chosen(explorer, channels, ideal, by, seed)
    ascent = Ascent(seed=seed)
    rows: Rows = {}
    activations: Activations = {}
    with atomic_folder(path) as new, GalleryFolder(new) as folder:
        named: set[str] = set()  # an image that cannot be read is told of once
        for events in (_project, _look):
            for event in events(explorer, chosen, folder, rows):
                if not isinstance(event, Skipped) or event.name not in named:
                    named |= {event.name} if isinstance(event, Skipped) else set()
                    yield event
        yield from _ascend(explorer, liked, ascent, folder, activations)
        record = made.chunks(path) | _recorded(activations, ascent)
        data = _data(explorer, made, chosen, rows, activations) | {"command": record["command"]}
        terms = ARCHIVE.with_suffix(".md") if isinstance(explorer.source, Photographs) else None
        folder.write_page(data, record, terms)
        size = sum(file.stat().st_size for file in new.rglob("*") if file.is_file())
        done = Gallery(path, sum(map(len, chosen.values())), len(folder.images), size)
    yield Finished(done)


def _chosen(
    explorer: Explorer, channels: str, ideal: str | None, by: RankedBy, seed: int
) -> tuple[Chosen, Chosen]:
    """Give the channels of the page, and those of them that get ideal images."""
    atlas = explorer.atlas

    def named(words: str, by: RankedBy) -> Chosen:
        return {
            name: [Unit(name, number) for number in select_channels(atlas, name, words, seed, by)]
            for name in atlas.stages
        }

    if ideal is None:
        return named(channels, by), {}
    # What "top" goes by holds for whichever of the two has a "top".
    tops = [isinstance(words, str) and words.strip().startswith("top") for words in (channels, ideal)]
    chosen = named(channels, by if tops[0] or not tops[1] else "mean")
    liked = named(ideal, by if tops[1] else "mean")
    for name, units in liked.items():
        if missing := [unit for unit in units if unit not in set(chosen[name])]:
            raise ExploreError(
                f"--ideal {ideal} names {missing[0]}, which is not among --channels {channels}",
                usage=True,
            )
    return chosen, liked


def _project(
    explorer: Explorer, chosen: Chosen, folder: GalleryFolder, rows: Rows
) -> Iterator[Progress | Skipped]:
    """Project the units of all layers but the fully connected ones, and draw them."""
    stages = explorer.atlas.stages
    units = [unit for name, some in chosen.items() if stages[name].kind != "fc" for unit in some]
    if not units:
        return
    found = exemplars(
        explorer.checkpoint, explorer.source, explorer.atlas, units, rule=explorer.settings.rule,
        look=explorer.look, most=SHOWN, memory=MEMORY, half=True,
    )  # fmt: skip
    meter, projected = Meter("drawing", len(units), unit="channels"), False
    for event in found:
        if isinstance(event, Progress | Skipped):
            projected = isinstance(event, Progress) and event.done == event.total
            yield event
        elif isinstance(event, ChannelExemplars):
            block = explorer.block(event)
            rows[event.channel] = [_row(unit) for unit in block.units]
            if block.units:
                folder.add_channel(event.channel.slug, block, _tile(explorer, event.channel.stage))
            if (told := meter.tick(note=str(event.channel))) and projected:
                yield told


def _look(
    explorer: Explorer, chosen: Chosen, folder: GalleryFolder, rows: Rows
) -> Iterator[Progress | Skipped]:
    """Keep the images that the fully connected layers' units saw, as far as they can be read."""
    stages = explorer.atlas.stages
    units = [unit for name, some in chosen.items() if stages[name].kind == "fc" for unit in some]
    places = {unit: firing_places(explorer.atlas, unit)[:SHOWN] for unit in units}
    missing = {place.image: place.name for some in places.values() for place in some}
    missing = {image: name for image, name in missing.items() if image not in folder.images}
    meter = Meter("images", len(missing))
    for image in sorted(missing):
        try:
            folder.add_image(image, explorer.look(image).pixels)
        except UnreadableImage as error:
            yield Skipped(error.name, error.reason)
        if event := meter.tick(note=missing[image]):
            yield event
    for unit, some in places.items():
        rows[unit] = [[place.image, _short(place.value)] for place in some if place.image in folder.images]


def _ascend(
    explorer: Explorer, chosen: Chosen, ascent: Ascent, folder: GalleryFolder, activations: Activations
) -> Iterator[Progress | Note]:
    """Make the ideal images, layer by layer; say of which channels there are none, and why."""
    meter = Meter("ascending", sum(map(len, chosen.values())) * ascent.steps, unit="steps")
    for name, units in chosen.items():
        before = meter.done
        try:
            for event in ideals(explorer.checkpoint, units, ascent):
                if isinstance(event, Progress):
                    if told := meter.tick(before + event.done - meter.done, note=event.note):
                        yield told
                elif isinstance(event, Ideal):
                    values = [float(value) for value in event.activations]
                    activations[event.unit] = values if values[0] > 0 else []
                    if values[0] > 0:
                        folder.add_ideal(event.unit.slug, list(event.images), _tile(explorer, name))
                    else:
                        yield Note(f"{event.unit}: none of {ascent.starts} ideal images excites it")
        except ExploreError as error:
            yield Note(f"{name}: its ideal images cannot be made: {error}")


def _recorded(activations: Activations, ascent: Ascent) -> dict[str, str]:
    """Say in the gallery's record how ideal images were made, if they were."""
    if not activations:
        return {}
    how = f"starts: {ascent.starts}, steps: {ascent.steps}, seed: {ascent.seed}"
    return {"ideal": f"{sum(map(bool, activations.values()))} channels; {how}"}


def _data(
    explorer: Explorer, made: Made, chosen: Chosen, rows: Rows, activations: Activations
) -> dict[str, Any]:
    """Give all that the page knows: plain values, as ``gallery.js`` reads them."""
    from zfexplore import __version__

    atlas, origin = explorer.atlas, made.origin
    labels = {name: number for number, name in enumerate(atlas.classes)}
    stages = [_stage(explorer, name, units, rows, activations, labels) for name, units in chosen.items()]
    known = {
        key
        for stage in stages
        for one in stage["channels"]
        for key, value in one.items()
        if value is not None
    }
    used = {row[0] for some in rows.values() for row in some}
    count = sum(map(len, chosen.values()))
    return {
        "title": made.title,
        "caption": f"{count:,} channels of {origin.architecture}, each with its strongest units "
        f"on {images_in_words(origin)}",
        "version": __version__,
        "channelCommand": str(
            Command(
                ("export", "channel", "CHANNEL"), explorer.made(Unit(next(iter(chosen)), 0)).command.options
            )
        ),
        "size": explorer.checkpoint.metadata.input.size,
        "statistics": [
            {"key": key, "name": name, "about": about} for key, name, about in STATISTICS if key in known
        ],
        "classes": list(atlas.classes),
        "images": {
            image: [atlas.image_names[image], int(label) if (label := atlas.labels[image]) >= 0 else None]
            for image in sorted(used)
        },
        "stages": stages,
    }


def _stage(
    explorer: Explorer,
    name: str,
    units: list[Unit],
    rows: Rows,
    activations: Activations,
    labels: Mapping[str, int],
) -> dict[str, Any]:
    record = explorer.atlas.stage(name)
    return {
        "name": name,
        "kind": record.kind,
        "about": in_the_papers(name, explorer.checkpoint.metadata.architecture),
        "side": _side(explorer, name),
        "tile": _tile(explorer, name),
        "gap": GAP,
        "channels": [
            _channel(explorer, unit, rows.get(unit, []), labels) | _liked(activations.get(unit))
            for unit in units
        ],
    }


def _channel(
    explorer: Explorer, unit: Unit, units: list[list[Any]], labels: Mapping[str, int]
) -> dict[str, Any]:
    known, striking = explorer.known(unit), explorer.atlas.stage(unit.stage).striking
    own = {"stands": known["stands_for"]} if known.get("stands_for") else {}
    return own | {
        "n": unit.channel,
        "max": _short(known["max"]),
        "mean": _short(known["mean"]),
        "fires": _short(known["share_firing"]),
        "rarity": _short(known["rarity"]),
        "sel": _short(known["selectivity"]),
        "striking": None if striking is None else _short(striking[unit.channel]),
        "best": None if known["best_class"] is None else labels[known["best_class"]],
        "units": units,
    }


def _liked(activations: list[float] | None) -> dict[str, Any]:
    return {} if activations is None else {"ideal": [_short(one) for one in activations]}


def _row(unit: BlockUnit) -> list[Any]:
    """Give a unit as the page has it: image, activation, row, column, window."""
    return [unit.index, _short(unit.value), unit.y, unit.x, *map(int, unit.window)]


def _side(explorer: Explorer, name: str) -> int:
    """Give the edge of what a unit sees, in pixels of the input."""
    size = explorer.checkpoint.metadata.input.size
    field = explorer.checkpoint.net.receptive_field(name)
    return size if field is None or explorer.atlas.stage(name).kind == "fc" else min(max(field.size), size)


def _tile(explorer: Explorer, name: str) -> int:
    return tile_of(_side(explorer, name))


def _short(value: Any) -> float | None:
    return None if value is None else float(f"{float(value):.{DIGITS}g}")
