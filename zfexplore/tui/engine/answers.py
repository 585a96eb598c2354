"""The questions about one picture or one channel, answered a step at a time.

Only one is worked on at a time: a newer one ends it. Each answer is a generator, because an occlusion
takes seconds and is shown as it grows. The engine takes the next step when no request waits, and closes
the generator to give the question up. What is to be saved waits in a line of its own: it ends no question,
and no question ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from zfexplore.errors import ExploreError
from zfexplore.progress import Finished, Progress
from zfexplore.tui import messages as say
from zfexplore.tui import questions as ask
from zfexplore.tui.drawing.bitmap import Bitmap
from zfexplore.tui.engine.failures import logged
from zfexplore.tui.engine.own import OwnPictures, cut_shown, draw_shown

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    from zfexplore.figures.figure import Figure
    from zfexplore.studies.ideal import Ideal
    from zfexplore.studies.occlusion import OcclusionResult
    from zfexplore.tui.engine.subject import Subject
    from zfexplore.tui.messages import Setup
    from zfexplore.varied import Varied


# The questions that write a figure.
Saving = ask.SaveOcclusion | ask.SaveUnit | ask.SaveIdeal | ask.SaveVaried


@dataclass
class Kept:
    """The latest occlusion of ``image``, which may still grow: what ``s`` saves.

    ``label`` is the class asked about, None where it is the most probable one.
    """

    request: ask.Occlude
    image: Image.Image
    label: str | None
    result: OcclusionResult


@dataclass
class KeptIdeal:
    """The ideal pictures made last: what ``s`` saves."""

    number: int
    ideal: Ideal


@dataclass
class KeptVaried:
    """The picture moved last, and what that did: what ``s`` saves."""

    number: int
    varied: Varied


class Answerer:
    """Begins, works on and ends questions; answers go to ``post``."""

    def __init__(self, post: Callable[[object], object]) -> None:
        self._post = post
        self._question: ask.Question | None = None
        self._answers: Iterator[object] | None = None
        self._kept: Kept | None = None
        self._kept_ideal: KeptIdeal | None = None
        self._kept_varied: KeptVaried | None = None
        self._saves: list[Saving] = []
        self._own = OwnPictures()

    @property
    def busy(self) -> bool:
        """Whether a question is being worked on."""
        return self._question is not None or bool(self._saves)

    @property
    def asked_of(self) -> Setup | None:
        """The net that the next step is about; None is the one explored."""
        request = self._saves[0] if self._saves else self._question
        return None if request is None else request.setup

    def take(self, request: ask.Question) -> None:
        """Begin with a question and end the one before, or give one up."""
        if isinstance(request, ask.GiveUp):
            if self._question is not None and self._question.number == request.number:
                self.end()
            return
        if isinstance(request, Saving):
            self._saves.append(request)
            return
        self.end()
        self._question = request

    def step(self, subject: Subject, *, complete: bool) -> None:
        """Post the next answer. ``complete`` tells that the atlas has seen all images."""
        if self._saves:
            save = self._saves.pop(0)
            self._post(self._save(save, subject))
            self._post(say.Settled(save))
            return
        request, answer = self._question, None
        assert request is not None
        try:
            if self._answers is None:
                if subject.atlas is None:
                    raise ExploreError("there is no atlas to compare with")
                self._answers = self.METHODS[type(request)](self, request, subject, complete)
            answer = next(self._answers, None)
        except Exception as error:
            answer = ask.Refused(logged(error))
        if answer is None or isinstance(answer, ask.Refused):
            self.end()
        if answer is not None:
            self._post(ask.Answered(request.number, answer))

    def refuse(self, error: Exception) -> None:
        """End what cannot be worked on: its net cannot be opened."""
        line = logged(error)
        if self._saves:
            self._post(say.Failed(line))
            self._post(say.Settled(self._saves.pop(0)))
            return
        assert self._question is not None
        number = self._question.number
        self.end()
        self._post(ask.Answered(number, ask.Refused(line)))

    def end(self) -> None:
        """Give up what is worked on."""
        if self._answers is not None:
            with suppress(Exception):
                self._answers.close()  # type: ignore[attr-defined]
        self._question = self._answers = None

    def save_the_rest(self, subject_of: Callable[[Setup | None], Subject]) -> None:
        """Before the end, save what was asked for; what cannot be is not settled."""
        self.end()
        for save in self._saves:
            try:
                saved = self._save(save, subject_of(save.setup))
            except Exception as error:
                logged(error)
                continue
            if isinstance(saved, say.FigureSaved):
                self._post(say.Settled(save))

    # -- one method a question ---------------------------------------------------------------------

    def _ranking(self, request: ask.RankPicture, subject: Subject, complete: bool) -> Iterator[object]:
        from zfexplore.images.transforms import prepare
        from zfexplore.studies.ranking import rank_picture

        atlas, checkpoint = subject.atlas, subject.checkpoint
        assert atlas is not None
        image = _open(request.chosen, subject)
        found = rank_picture(checkpoint, atlas, image, checked=True)  # nobody else reaches this net
        self._own.keep(request.number, image)
        seen = prepare(image, checkpoint.metadata.input, atlas.header["fit"])
        yield ask.Ranking(Bitmap(seen), found.channels, atlas.count, complete, found.classes)

    def _seeing(self, request: ask.SeeUnit, subject: Subject, complete: bool) -> Iterator[object]:
        image = self._own.image(request.number) or _open(request.chosen, subject)
        for unit in (request.unit, *request.ahead):
            here = subject.on_picture(image, request.chosen.name, unit)
            best, notice = self._own.exemplar(subject, unit)
            both = [shown for shown in (here, best) if shown is not None]
            for shown in both:
                draw_shown(shown, request.sizes)
            if unit == request.unit or not request.cuts:
                yield ask.UnitSeen(unit, here, best, notice)
            if request.cuts:
                for shown in both:
                    cut_shown(shown, request.cuts)
                yield ask.UnitSeen(unit, here, best, notice)

    def _occlusion(self, request: ask.Occlude, subject: Subject, complete: bool) -> Iterator[object]:
        from zfexplore.studies.occlusion import occlude

        assert subject.atlas is not None
        label = _class_of(request.chosen, subject)
        image = _open(request.chosen, subject)
        events = occlude(
            subject.checkpoint,
            image,
            request.stage_name,
            request.channel,
            label=label,
            fit=subject.atlas.header["fit"],
        )
        self._kept, job = None, None
        for event in events:
            if isinstance(event, Progress):
                job = event
                continue
            self._kept = Kept(request, image, label, event.result)
            yield occlusion_of(event.result, None if isinstance(event, Finished) else job)

    def _varying(self, request: ask.Vary, subject: Subject, complete: bool) -> Iterator[object]:
        from zfexplore.on_pictures import name_of
        from zfexplore.varied import vary_pictures

        chosen, explorer = request.chosen, subject.explorer
        picture = name_of(explorer, chosen.path or chosen.image), _open(chosen, subject)
        for event in vary_pictures(explorer, [picture], [_class_of(chosen, subject)], None, None):
            if isinstance(event, Progress):
                yield event
            else:
                self._kept_varied = KeptVaried(request.number, event.result)
                yield ask.Variation(event.result.found[0], event.result.told[0])

    def _feeds(self, request: ask.FeedsFrom, subject: Subject, complete: bool) -> Iterator[object]:
        from zfexplore.studies.feeds import feeds_from

        assert subject.atlas is not None
        image = _open(request.chosen, subject)
        yield feeds_from(subject.checkpoint, image, request.unit, fit=subject.atlas.header["fit"])

    def _seen_feed(self, request: ask.SeeFeed, subject: Subject, complete: bool) -> Iterator[object]:
        from zfexplore.exemplars.seen import see

        chosen, explorer = request.chosen, subject.explorer
        if chosen.path:
            seen = see(subject.checkpoint, _open(chosen, subject), explorer.settings.fit)
        else:
            seen = explorer.look(chosen.image)
        shown = subject.unit_on(seen, chosen.name, request.unit)
        yield shown
        if request.cuts:
            cut_shown(shown, request.cuts)
            yield shown

    def _ideal(self, request: ask.MakeIdeal, subject: Subject, complete: bool) -> Iterator[object]:
        from zfexplore.studies.ideal import Ideal
        from zfexplore.tui.drawing.encode import encode

        unit, explorer = request.unit, subject.explorer
        strongest = float(explorer.atlas.record_of(unit.stage, unit.channel).max[unit.channel])
        best, notice = self._own.exemplar(subject, unit)
        if best is not None:
            cut_shown(best, request.cuts)
        yield ask.IdealBeside(strongest, best, notice)
        for event in explorer.ideals([unit]):
            if isinstance(event, Progress):
                yield event
            elif isinstance(event, Ideal):
                self._kept_ideal = KeptIdeal(request.number, event)
                pictures = tuple(Bitmap(image) for image in event.images)
                for picture in pictures:
                    for cut in request.cuts:
                        picture.keep(encode(picture, *cut))
                yield ask.IdealMade(pictures, tuple(float(one) for one in event.activations))

    def _company(self, request: ask.FindCompany, subject: Subject, complete: bool) -> Iterator[object]:
        yield subject.explorer.alike(request.unit)

    # -- files -------------------------------------------------------------------------------------

    def _save(self, request: Saving, subject: Subject) -> say.FigureSaved | say.OverwriteAsked | say.Failed:
        """Save a figure; give what to tell of it."""
        try:
            if isinstance(request, ask.SaveUnit):
                return self._save_unit(request, subject)
            if isinstance(request, ask.SaveIdeal):
                return self._save_ideal(request, subject)
            if isinstance(request, ask.SaveVaried):
                return self._save_varied(request, subject)
            return self._save_occlusion(request, subject)
        except Exception as error:
            return say.Failed(logged(error))

    def _save_unit(self, request: ask.SaveUnit, subject: Subject) -> say.FigureSaved | say.OverwriteAsked:
        from zfexplore.tui.engine.subject import replaced

        image = self._own.image(request.number) or _open(request.chosen, subject)
        figure, path = subject.figure_on(image, request.chosen.path, request.unit)
        reason = replaced(figure, path)
        if reason is None and request.moves and path.exists():
            reason = "may be of an earlier picture in the same file"
        if reason and not request.overwrite:
            return say.OverwriteAsked(request, path, reason)
        figure.save(path)
        return say.FigureSaved(path)

    def _save_occlusion(
        self, request: ask.SaveOcclusion, subject: Subject
    ) -> say.FigureSaved | say.OverwriteAsked:
        """Save the figure that ``zfexplore export occlusion`` draws, as far as the maps are known."""
        from zfexplore.occluded import beside_its_channel, made_of
        from zfexplore.on_pictures import name_of
        from zfexplore.progress import finish

        kept = self._kept
        if kept is None or kept.request.number != request.number:
            raise ExploreError("there is no occlusion map to save yet")
        explorer, chosen = subject.explorer, kept.request.chosen
        picture = name_of(explorer, chosen.path or chosen.image)
        made = made_of(explorer, picture, kept.result.unit, kept.label, None, None)
        figure = finish(beside_its_channel(explorer, kept.image, picture, kept.result, made)).figure()
        return _written(request, figure, subject)

    def _save_ideal(self, request: ask.SaveIdeal, subject: Subject) -> say.FigureSaved | say.OverwriteAsked:
        """Save the figure that ``zfexplore export ideal`` draws."""
        from zfexplore.study_figures import ideal_figure

        kept = self._kept_ideal
        if kept is None or kept.number != request.number:
            raise ExploreError("the ideal pictures to save are not made yet")
        figure = ideal_figure(subject.explorer, [kept.ideal], [kept.ideal.unit])
        return _written(request, figure, subject)

    def _save_varied(self, request: ask.SaveVaried, subject: Subject) -> say.FigureSaved | say.OverwriteAsked:
        """Save the figure that ``zfexplore export invariance`` draws."""
        kept = self._kept_varied
        if kept is None or kept.number != request.number:
            raise ExploreError("the picture is not moved yet: there is nothing to save")
        return _written(request, kept.varied.figure(), subject)

    # Which method answers which question: a new study adds its line.
    METHODS: ClassVar[Mapping[type[ask.Question], Callable[..., Iterator[object]]]] = {
        ask.RankPicture: _ranking,
        ask.SeeUnit: _seeing,
        ask.Occlude: _occlusion,
        ask.Vary: _varying,
        ask.FeedsFrom: _feeds,
        ask.SeeFeed: _seen_feed,
        ask.MakeIdeal: _ideal,
        ask.FindCompany: _company,
    }


def _written(request: Saving, figure: Figure, subject: Subject) -> say.FigureSaved | say.OverwriteAsked:
    """Write a figure where it is written by default, or ask whether it may replace what is there."""
    from zfexplore.tui.engine.subject import replaced

    path = subject.marked(figure)
    if not request.overwrite and (reason := replaced(figure, path)):
        return say.OverwriteAsked(request, path, reason)
    figure.save(path)
    return say.FigureSaved(path)


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
        intact=found.intact,
        windows=[[found.grid.window(row, column) for column in places] for row in places],
        weakest=found.most_needed(),
        job=job,
    )


def _laid_over(found: OcclusionResult, values: np.ndarray, intact: float | None) -> Bitmap:
    import numpy as np

    from zfexplore.figures.occlusion import overlay

    known = values[np.isfinite(values)].tolist() + ([] if intact is None else [intact])
    low, high = min(known), max(known)
    return Bitmap(overlay(found.image, values, found.grid.stride, low=low, high=high))


def _class_of(chosen: ask.Chosen, subject: Subject) -> str | None:
    """Give the picture's class, if the net has it."""
    from zfexplore.nets.synsets import class_of_synset

    named = class_of_synset(chosen.label) or chosen.label
    return named if named in subject.checkpoint.metadata.classes else None


def _open(chosen: ask.Chosen, subject: Subject) -> Image.Image:
    """Open the picture; raises ExploreError."""
    return subject.explorer.image(chosen.path or chosen.image)
