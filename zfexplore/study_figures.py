"""The figures of studies, begun: which channels, which caption, which command, and where they came from.

How features come about is ZF figure 4, which parts a net relates is ZF table 1, and what it knows of other
classes is ZF table 7.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from zfexplore.arguments import text_or_none, whole
from zfexplore.atlas.select import select_channels
from zfexplore.choices import SHIPPED_NET, RankedBy, Share
from zfexplore.errors import ExploreError
from zfexplore.figures.captions import SEPARATOR, images_in_words, in_the_papers, weights_in_words
from zfexplore.figures.correspondence import (
    MOST_PICTURES,
    CorrespondenceFigure,
    correspondence_figure,
    correspondence_rows,
)
from zfexplore.figures.evolution import EvolutionFigure, evolution_figure, evolved_from, settling_rows
from zfexplore.figures.figure import Made
from zfexplore.figures.ideal import TILE as IDEAL_TILE
from zfexplore.figures.ideal import IdealFigure, ideal_page
from zfexplore.figures.provenance import PICTURE, Origin
from zfexplore.nets.fingerprint import of_no_training, weights_in_use
from zfexplore.progress import Finished, Note, Progress, Skipped
from zfexplore.settings import Command, other_than
from zfexplore.studies.correspondence import DRAWS, NORMALISATIONS, Correspondence, described
from zfexplore.studies.evolution import Evolution, Moment
from zfexplore.studies.ideal import Ascent, Ideal
from zfexplore.units import Unit

if TYPE_CHECKING:
    from zfexplore.explorer import Explorer

CORRESPONDENCE_TITLE = "Does hiding the same part change the features alike?"
EVOLUTION_TITLE = "How features came about, epoch by epoch"
IDEAL_CAPTION = (
    "made by ascent from noise: no photograph, and not all that excites the channel · each covers what the "
    "unit sees, the strongest of {starts} first, its activation below · "
    "compared with the strongest of {images}"
)


@dataclass(frozen=True)
class EvolutionDrawing:
    """The figure of how channels came about, begun: what it is made from, and its page.

    ``earlier`` are files of weights, ``units`` the channels by layer.
    """

    explorer: Explorer
    earlier: tuple[str, ...]
    units: tuple[Unit, ...]
    made: Made
    tile: int

    def events(self) -> Iterator[Progress | Note | Skipped | Finished[EvolutionFigure]]:
        """Index the images by each of the weights, project, draw; the last event carries the figure."""
        for event in self.explorer.evolving(*self.earlier, channels=self.units):
            yield Finished(self._figure(event.result)) if isinstance(event, Finished) else event

    def _figure(self, found: Evolution) -> EvolutionFigure:
        net, origin = self.explorer.checkpoint.net, self.made.origin
        evolved = [
            evolved_from(unit, one, net.receptive_field(unit.stage), self.explorer.atlas.classes)
            for unit, one in zip(found.channels, found.strongest, strict=True)
        ]
        stages = [
            (
                SEPARATOR.join(filter(None, [name, in_the_papers(name, origin.architecture)])),
                [one for one, unit in zip(evolved, found.channels, strict=True) if unit.stage == name],
            )
            for name in dict.fromkeys(unit.stage for unit in found.channels)
        ]
        epochs = [moment.epochs for moment in found.moments]
        settling = [one for one in found.settling if net.stage(one.stage).kind == "conv"]
        caption = (
            f"the strongest activation of each channel over {origin.count:,} images after each epoch, "
            "back in pixels, each on its own scale · right, what it saw at the end · "
            "a bar: another image than the epoch before excites it most · "
            "below, how the layer's filters correlate with the last ones"
        )
        image = evolution_figure(
            stages, epochs, settling, tile=self.tile, title=self.made.title, subtitle=caption
        )
        tables = {one.name: one.rows(epochs) for one in evolved}
        return EvolutionFigure(image, self.made, tables, settling_rows(found.settling, epochs))


def draw_evolution(
    explorer: Explorer, moments: Sequence[Moment], channels: str = "random6", *, layer: str | None = None,
    by: RankedBy = "mean", tile: int = 72, title: str | None = None, seed: int = 0,
    words: Sequence[str] = (),
) -> EvolutionDrawing:  # fmt: skip
    """Begin the figure of how channels of ``layer`` (None: all convolutions) came about (ZF figure 4).

    ``moments`` are the weights before the explorer's own. ``channels`` are chosen as ``--channels`` does, by
    the explorer's own. ``words`` are what its command names, by default all the weights.
    """
    title, seed, tile = text_or_none(title, "a title"), whole(seed, "seed"), whole(tile, "a tile")
    stages = explorer.atlas.stages
    names = (
        [one for one in stages if stages[one].kind == "conv"] if layer is None else [explorer.stage(layer)]
    )
    units = [
        Unit(name, channel)
        for name in names
        for channel in select_channels(explorer.atlas, name, channels, seed, by)
    ]
    origin, own = explorer.origin, explorer.settings.checkpoint or SHIPPED_NET
    weights = " ".join([*(moment.weights for moment in moments), origin.weights])
    options = {
        "--layer": layer, "--channels": other_than(channels, "random6"), "--by": other_than(by, "mean"),
        "--tile": other_than(tile, 72), "--title": title, "--out": None, "--seed": other_than(seed, 0),
        **{**explorer.settings.options(), "--checkpoint": None, "--net": None, "--weights": None},
    }  # fmt: skip
    command = Command(
        ("export", "evolution", *(words or [*(moment.name for moment in moments), own])), options
    )
    made = Made(replace(origin, weights=weights), command, title or EVOLUTION_TITLE, "evolution.png")
    return EvolutionDrawing(explorer, tuple(moment.name for moment in moments), tuple(units), made, tile)


def correspondence_made(
    explorer: Explorer, parts: str, *, stages: Sequence[str] | None = None, share: Share = "all",
    within: str | None = None, draws: int = DRAWS, seed: int = 0, tile: int = 150, title: str | None = None,
) -> Made:  # fmt: skip
    """Give the origin and the command of the figure of ``parts``, a JSON file; it needs no index."""
    options = {
        "--stages": None if stages is None else ",".join(stages), "--share": other_than(share, "all"),
        "--within": within,
        "--draws": other_than(draws, DRAWS), "--tile": other_than(tile, 150), "--title": title, "--out": None,
        "--seed": other_than(seed, 0), **explorer.settings.options(),
    }  # fmt: skip
    command = Command(("export", "correspondence", parts), options)
    name = f"{Path(parts).stem}-correspondence.png"
    heading = title or CORRESPONDENCE_TITLE
    return Made(_without_atlas(explorer), command, heading, name, {PICTURE: parts})


def draw_correspondence(found: Correspondence, made: Made, *, tile: int = 150) -> CorrespondenceFigure:
    """Draw a correspondence, with its boxes and its table (ZF table 1)."""
    around = f"within {found.within}" if found.within else "anywhere in the input"
    count = len(found.pictures)
    shown = f", of which the first {MOST_PICTURES} are shown" if count > MOST_PICTURES else ""
    caption = (
        f"{NORMALISATIONS[found.share]} · dot and bar: mean and standard error over the pairs of "
        f"{count} images{shown} · grey: random parts of the same sizes {around}, mean and "
        "standard deviation of a draw"
    )
    if made.origin.random:
        caption += SEPARATOR + weights_in_words(made.origin)
    rows = correspondence_rows(found)
    image = correspondence_figure(found, tile=tile, title=made.title, subtitle=caption)
    return CorrespondenceFigure(image, made, {}, rows, described(found))


def transfer_made(
    explorer: Explorer, per_class: Sequence[int] = (15, 30), *, splits: int = 5, seed: int = 0,
    exclude: Iterable[str] = (), title: str | None = None,
) -> Made:  # fmt: skip
    """Give the origin and the command of the figure of ``Explorer.transfer``; it needs no atlas."""
    options = {
        "--per-class": other_than(",".join(map(str, per_class)), "15,30"), "--splits": other_than(splits, 5),
        "--seed": other_than(seed, 0), "--exclude": tuple(exclude), "--out": None,
        "--title": text_or_none(title, "a title"), **explorer.settings.options(),
    }  # fmt: skip
    heading = title or "What each layer knows of other classes"
    return Made(_without_atlas(explorer), Command(("transfer",), options), heading, "transfer.png")


def _without_atlas(explorer: Explorer) -> Origin:
    checkpoint, source = explorer.checkpoint, explorer.source
    weights = weights_in_use(checkpoint)
    return Origin(
        checkpoint.metadata.architecture, weights, "", source.fingerprint(), len(source),
        random=of_no_training(checkpoint, weights),
    )  # fmt: skip


def draw_ideals(
    explorer: Explorer, channels: Sequence[str | Unit], *, tile: int = IDEAL_TILE, title: str | None = None,
    ascent: Ascent | None = None,
) -> Iterator[Progress | Finished[IdealFigure]]:  # fmt: skip
    """Make and draw what channels, units and classes would like best; ``conv5:top9`` is a choice of several.

    ``ascent`` is how the pictures are made. The command in the file knows its starts, steps and seed.
    """
    ascent, title = ascent or Ascent(), text_or_none(title, "a title")
    units = chosen_units(explorer, channels, ascent.seed)
    found: list[Ideal] = []
    for event in explorer.ideals(units, ascent=ascent):
        if isinstance(event, Ideal):
            found.append(event)
        elif isinstance(event, Progress):
            yield event
    yield Finished(ideal_figure(explorer, found, channels, tile=tile, title=title, ascent=ascent))


def ideal_figure(
    explorer: Explorer, found: Sequence[Ideal], channels: Sequence[str | Unit], *, tile: int = IDEAL_TILE,
    title: str | None = None, ascent: Ascent | None = None,
) -> IdealFigure:  # fmt: skip
    """Draw ideals that are made already; the arguments are those that ``draw_ideals`` was given."""
    ascent = ascent or Ascent()
    made = ideal_made(explorer, channels, tile=tile, title=title, ascent=ascent)
    blocks = [explorer.ideal_block(one) for one in found]
    starts = "one start" if ascent.starts == 1 else f"{ascent.starts} starts"
    caption = IDEAL_CAPTION.format(starts=starts, images=images_in_words(explorer.origin))
    image = ideal_page(blocks, tile=tile, title=made.title, subtitle=caption)
    return IdealFigure(image, made, {block.name: block.rows() for block in blocks})


def ideal_made(
    explorer: Explorer, channels: Sequence[str | Unit], *, tile: int, title: str | None, ascent: Ascent
) -> Made:
    """Give the origin and the command of the page that ``draw_ideals`` draws."""
    usual = Ascent()
    options = {
        "--starts": other_than(ascent.starts, usual.starts), "--steps": other_than(ascent.steps, usual.steps),
        "--tile": other_than(tile, IDEAL_TILE), "--title": title, "--out": None,
        "--seed": other_than(ascent.seed, usual.seed), **explorer.settings.options(),
    }  # fmt: skip
    words = tuple(str(channel) for channel in channels)
    heading = title or f"What {words[0] if len(words) == 1 else 'channels'} would like best"
    name = f"{words[0].replace(':', '-').replace('@', '-').replace(',', '-')}-ideal.png"
    return Made(explorer.origin, Command(("export", "ideal", *words), options), heading, name)


def chosen_units(explorer: Explorer, channels: Sequence[str | Unit], seed: int = 0) -> list[Unit]:
    """Read channels, units, and choices of channels such as ``conv5:top9`` and ``conv5:0-15``, each once.

    Raises ExploreError for what is not in the atlas, too: its strongest image is told beside the pictures.
    """
    units: dict[Unit, None] = {}
    for text in channels:
        stage, _, choice = text.partition(":") if isinstance(text, str) else ("", "", "")
        if isinstance(text, Unit) or choice.isdecimal() or "@" in choice or not choice:
            units[explorer.unit(text)] = None
            continue
        stage = explorer.stage(stage)
        chosen = select_channels(explorer.atlas, stage, choice, seed)
        units |= dict.fromkeys(Unit(stage, channel) for channel in chosen)
    if not units:
        raise ExploreError("no channel was named", usage=True)
    for unit in units:
        explorer.atlas.record_of(unit.stage, unit.channel)
    return list(units)
