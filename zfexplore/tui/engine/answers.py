"""The questions about one picture, answered in the engine's thread, a step at a time.

One is worked on at once: a newer one ends it. Occlusion takes seconds and draws as it comes, so it is
a generator of which the engine takes the next event when no request waits; ending it closes that.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zfexplore.errors import ExploreError
from zfexplore.progress import Finished, Progress
from zfexplore.tui import messages as say
from zfexplore.tui import questions as ask
from zfexplore.tui.drawing.bitmap import Bitmap, Box
from zfexplore.units import Unit, Window

if TYPE_CHECKING:
    from PIL import Image

    from zfexplore.studies.occlusion import OcclusionResult
    from zfexplore.tui.engine.subject import Subject

log = logging.getLogger("zfexplore.tui")


@dataclass
class Kept:
    """The occlusion asked for last, as far as it is known: what ``s`` saves."""

    request: ask.Occlude
    result: OcclusionResult


class Inquiries:
    """Begins, works on and ends questions; answers go to ``post``."""

    def __init__(self, post: Callable[[Any], Any]) -> None:
        self._post = post
        self._question: Any = None
        self._answers: Iterator[ask.Answer] | None = None
        self._kept: Kept | None = None

    @property
    def busy(self) -> bool:
        """Whether a question is being worked on."""
        return self._question is not None

    def take(self, request: ask.Question) -> None:
        """Begin with a question in the place of the one worked on, or give that up."""
        if isinstance(request, ask.GiveUp):
            if self.busy and self._question.number == request.number:
                self.end()
            return
        self.end()
        self._question = request

    def step(self, subject: Subject, *, complete: bool) -> None:
        """Work on: post the next answer. ``complete`` tells that the atlas has seen all images."""
        request = self._question
        try:
            if self._answers is None:
                self._answers = self._begin(request, subject, complete)
            answer = next(self._answers, None)
        except (ExploreError, OSError) as error:
            log.warning("%s", error)
            answer = ask.Refused(str(error))
        except Exception as error:
            log.exception("a question could not be answered")
            answer = ask.Refused(f"{type(error).__name__}: {error}")
        if answer is None or isinstance(answer, ask.Refused):
            self.end()
        if answer is not None:
            self._post(ask.Answered(request.number, answer))

    def end(self) -> None:
        """Give up what is worked on."""
        if self._answers is not None:
            with suppress(Exception):
                self._answers.close()  # type: ignore[attr-defined]
        self._question = self._answers = None

    # -- one method a question ---------------------------------------------------------------------

    def _begin(self, request: ask.Question, subject: Subject, complete: bool) -> Iterator[ask.Answer]:
        if subject.atlas is None:
            raise ExploreError("there is no atlas to compare with")
        if isinstance(request, ask.RankPicture):
            return self._ranking(request, subject, complete)
        if isinstance(request, ask.Occlude):
            return self._occlusion(request, subject)
        if isinstance(request, ask.FeedsFrom):
            return self._feeds(request, subject)
        assert isinstance(request, ask.SaveOcclusion)
        return self._save(request, subject)

    def _ranking(self, request: ask.RankPicture, subject: Subject, complete: bool) -> Iterator[ask.Answer]:
        from zfexplore.images.transforms import prepare
        from zfexplore.studies.ranking import rank_channels

        atlas, checkpoint = subject.atlas, subject.checkpoint
        assert atlas is not None
        image = _open(request.chosen, subject)
        size = checkpoint.metadata.input.size
        known: dict[tuple[str, int, int], Box] = {}  # many channels fire most at one place

        def window(unit: Unit) -> Box | None:
            if unit.y is None or unit.x is None:
                return None
            place = (unit.stage, unit.y, unit.x)
            if place not in known:
                known[place] = _box(checkpoint.trunk.window(*place, (size, size)))
            return known[place]

        rows = tuple(
            ask.RankedRow(
                each.unit, each.activation, each.percentile, each.lowest, each.highest, each.rank,
                window(each.unit),
            )
            for each in rank_channels(checkpoint, atlas, image)
        )  # fmt: skip
        seen = prepare(image, checkpoint.metadata.input, atlas.header["fit"])
        yield ask.Ranking(Bitmap(seen), rows, atlas.count, complete)

    def _occlusion(self, request: ask.Occlude, subject: Subject) -> Iterator[ask.Answer]:
        from zfexplore.studies.occlusion import occlude

        assert subject.atlas is not None
        known = request.chosen.label in subject.checkpoint.metadata.classes
        events = occlude(
            subject.checkpoint,
            _open(request.chosen, subject),
            request.stage,
            request.channel,
            label=request.chosen.label if known else None,
            fit=subject.atlas.header["fit"],
        )
        self._kept, job = None, None
        for event in events:
            if isinstance(event, Progress):
                job = event
                continue
            self._kept = Kept(request, event.result)
            yield occlusion_of(event.result, None if isinstance(event, Finished) else job)

    def _feeds(self, request: ask.FeedsFrom, subject: Subject) -> Iterator[ask.Answer]:
        from zfexplore.studies.feeds import feeds_from

        assert subject.atlas is not None
        image = _open(request.chosen, subject)
        found = feeds_from(subject.checkpoint, image, request.unit, fit=subject.atlas.header["fit"])
        rows = tuple(
            ask.FeedRow(
                feed.unit, feed.contribution, feed.share, feed.activation, nearest_shown(feed.unit, subject)
            )
            for feed in found.feeds
        )
        yield ask.Fed(found.unit, found.activation, found.preactivation, found.bias, rows)

    def _save(self, request: ask.SaveOcclusion, subject: Subject) -> Iterator[ask.Answer]:
        from dataclasses import replace

        from zfexplore.figures.occlusion import occlusion_figure
        from zfexplore.figures.provenance import foreign, provenance_of, save_png

        kept = self._kept
        if kept is None or kept.request.number != request.number:
            raise ExploreError("there is no occlusion map to save yet")
        unit, chosen = kept.result.unit, kept.request.chosen
        path = subject.setup.out / occlusion_name(unit, chosen)
        title = f"{unit} on {chosen.name}"
        command = subject.setup.explore_command()
        notes = {"picture": chosen.path or chosen.name, "occlusion": json.dumps(kept.result.described())}
        origin = provenance_of(subject.checkpoint, subject.atlas, command=command, title=title)
        chunks = replace(origin, notes=notes).chunks()
        if not request.overwrite and (reason := foreign(path, chunks)):
            yield ask.Overwrite(path, reason)
            return
        save_png(occlusion_figure(kept.result, title=title), path, chunks)
        self._post(say.FigureSaved(path))


def occlusion_of(found: OcclusionResult, job: Progress | None) -> ask.Occlusion:
    """Describe the maps so far as plain records, drawn over the picture as the figure draws them."""
    places = range(found.grid.places)
    best: list[list[int]] = [] if found.best_class is None else found.best_class.tolist()
    labels = {label for row in best for label in row if label >= 0}
    if found.intact.best_class is not None:
        labels.add(found.intact.best_class)
    probability = found.probability
    return ask.Occlusion(
        label=found.class_name or "",
        response=_laid_over(found, found.total, found.intact.total),
        likelihood=None if probability is None else _laid_over(found, probability, found.intact.probability),
        total=found.total.tolist(),
        probability=[] if probability is None else probability.tolist(),
        best=best,
        names={label: found.name_of(label) for label in labels},
        intact_total=found.intact.total,
        intact_probability=found.intact.probability,
        intact_best=found.intact.best_class,
        windows=[[tuple(found.grid.window(row, column)) for column in places] for row in places],
        weakest=found.most_needed(),
        job=job,
    )


def occlusion_name(unit: Unit, chosen: ask.Chosen) -> str:
    """Name the file of an occlusion's figure after its channel and its picture, folder included.

    Where two pictures have one name all the same, the second is ``foreign`` to the first's figure.
    """
    name = chosen.name.removesuffix(Path(chosen.name).suffix)
    safe = "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in name)
    return f"occlusion-{unit.slug}-{safe or 'picture'}.png"


def nearest_shown(unit: Unit, subject: Subject) -> Unit | None:
    """Give the channel that the explorer shows for a unit: itself, or below a pool its convolution's."""
    trunk, atlas = subject.checkpoint.trunk, subject.atlas
    assert atlas is not None
    names = list(trunk.names)
    if unit.stage not in names:
        return None
    while unit.stage not in atlas.stages:
        place = names.index(unit.stage)
        if trunk.stage(unit.stage).kind != "pool" or place == 0:
            return None
        unit = Unit(names[place - 1], unit.channel)
    return unit


def _laid_over(found: OcclusionResult, values: Any, intact: float | None) -> Bitmap:
    import numpy as np

    from zfexplore.figures.occlusion import overlay

    known = values[np.isfinite(values)].tolist() + ([] if intact is None else [intact])
    low, high = min(known), max(known)
    return Bitmap(overlay(found.image, values, found.grid.stride, low=low, high=high))


def _box(window: Window) -> Box:
    return window.y0, window.x0, window.y1, window.x1


def _open(chosen: ask.Chosen, subject: Subject) -> Image.Image:
    """Open the picture; raises ExploreError."""
    from zfexplore.studies.picture import open_picture

    return open_picture(chosen.path) if chosen.path else subject.source[chosen.image].image
