"""Questions answered on a small net and its images, a step at a time, without a thread."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from zfexplore.convention import InputConvention
from zfexplore.explorer import Explorer
from zfexplore.figures.provenance import read_chunks
from zfexplore.images.open import open_images
from zfexplore.nets.checkpoint import Metadata, load_checkpoint, save_checkpoint
from zfexplore.nets.zfnet import ZFNet, initialise
from zfexplore.progress import Progress, finish
from zfexplore.studies.ideal import Ascent
from zfexplore.tui import messages as say
from zfexplore.tui import questions as ask
from zfexplore.tui.engine.answers import Answerer
from zfexplore.tui.engine.subject import Subject
from zfexplore.units import Unit


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    """A net of 64 x 64 pixels that knows one of the images' two classes, and its atlas of four images."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("files")
    net = ZFNet(classes=2, fc=8)
    initialise(net, "xavier", seed=0)
    convention = InputConvention(size=64, resize=72, scale=1.0)
    metadata = Metadata("zfnet", {"classes": 2, "fc": 8}, ("dot", "line"), convention)
    save_checkpoint(folder / "tiny.safetensors", net, metadata)
    random = np.random.default_rng(0)
    for number in range(4):
        path = folder / "images" / ("dot" if number % 2 else "noise") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (80, 80, 3)).astype(np.uint8)).save(path)
    setup = say.Setup(
        str(folder / "images"), str(folder / "tiny.safetensors"), device="cpu", out=folder / "out"
    )
    checkpoint, source = load_checkpoint(setup.checkpoint, "cpu"), open_images(setup.images)
    explorer = Explorer.of(setup, checkpoint, source)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZFEXPLORE_CACHE", str(folder / "cache"))
        finish(explorer.index())
    return Subject(setup, explorer)


@pytest.fixture
def posted():
    return []


@pytest.fixture
def answerer(posted):
    return Answerer(posted.append)


def answers(answerer, posted, subject, request):
    """Ask, and give all answers."""
    answerer.take(request)
    while answerer.busy:
        answerer.step(subject, complete=True)
    return [message.answer for message in posted if isinstance(message, ask.Answered)]


def saved(answerer, posted, subject, request):
    """Ask to save; give what is told of it."""
    answerer.take(request)
    answerer.step(subject, complete=True)
    assert posted[-1] == say.Settled(request)
    return posted[-2]


def test_a_picture_of_the_atlas_is_ranked_as_the_atlas_ranks_it(answerer, posted, subject):
    file = f"{subject.setup.images}/dot/1.png"
    (found,) = answers(answerer, posted, subject, ask.RankPicture(3, ask.Chosen("1.png", path=file)))

    assert posted[0].number == 3
    assert (found.images, found.complete, found.picture.pixels.shape) == (4, True, (64, 64, 3))
    best = found.channels[0]
    places = subject.atlas.top(best.unit.stage, best.unit.channel)
    assert places[best.rank - 1].value == pytest.approx(best.activation, rel=1e-4)
    assert {row.unit.stage for row in found.channels} >= {"conv1", "conv5", "fc8"}
    for row in found.channels:
        place = (row.unit.y, row.unit.x)
        if row.unit.stage.startswith("fc"):
            assert row.window is None
        else:
            window = subject.checkpoint.net.window(row.unit.stage, *place, (64, 64))
            assert row.window == window


def test_an_occlusion_grows_to_the_whole_map(answerer, posted, subject):
    # Image 0 is of "dot", which the net knows.
    found = answers(answerer, posted, subject, ask.Occlude(1, ask.Chosen("1.png", "dot", 0), "conv5", 3))

    whole = found[-1]
    assert whole.job is None
    assert all(answer.job is not None and answer.job.total == len(whole.total) ** 2 for answer in found[:-1])
    assert not any(math.isnan(value) for row in whole.total for value in row)
    assert whole.label == "dot"
    row, column = whole.weakest
    assert whole.total[row][column] == min(value for line in whole.total for value in line)
    assert len(whole.windows) == len(whole.total)


def test_a_class_that_the_net_does_not_know_gives_way_to_the_most_probable(answerer, posted, subject):
    chosen = ask.Chosen("0.png", "noise", 2)
    answerer.take(ask.Occlude(1, chosen, "conv5", 3))
    answerer.step(subject, complete=True)
    found = posted[0].answer

    assert found.label == found.names[found.intact.best_class]


def test_a_newer_question_ends_the_one_that_is_worked_on(answerer, posted, subject):
    answerer.take(ask.Occlude(1, ask.Chosen("1.png", "dot", 0), "conv5", 3))
    answers(answerer, posted, subject, ask.FeedsFrom(2, ask.Chosen("1.png", "dot", 0), Unit("conv5", 3)))

    assert [message.number for message in posted] == [2]


def test_giving_up_ends_only_the_question_of_that_number(answerer):
    answerer.take(ask.Occlude(5, ask.Chosen("1.png", "dot", 0), "conv5", 3))
    answerer.take(ask.GiveUp(4))
    assert answerer.busy
    answerer.take(ask.GiveUp(5))
    assert not answerer.busy


def test_what_feeds_a_unit_is_the_studys_own_record(answerer, posted, subject):
    (found,) = answers(
        answerer, posted, subject, ask.FeedsFrom(1, ask.Chosen("1.png", "dot", 0), Unit("conv2", 7))
    )

    total = found.bias + sum(feed.contribution for feed in found.feeds)
    assert total == pytest.approx(found.preactivation, abs=1e-6)
    assert found.feeds[0].unit.stage == "pool1"


def test_a_lower_unit_is_brought_back_on_the_same_picture_as_the_explorer_does_it(answerer, posted, subject):
    unit = Unit("pool1", 7, 3, 4)
    (shown,) = answers(answerer, posted, subject, ask.SeeFeed(1, ask.Chosen("1.png", "dot", 0), unit))
    found = subject.explorer.project(0, unit)

    assert (shown.place, shown.value) == ((3, 4), pytest.approx(float(found.activation[0])))
    y0, x0, y1, x1 = found.window[0].tolist()
    assert tuple(shown.window) == (y0, x0, y1, x1)
    inside = found.pixels[0, :, y0:y1, x0:x1]
    assert float(abs(shown.projection.pixels).sum()) == pytest.approx(float(inside.abs().sum()), rel=1e-4)


def test_an_ideal_picture_comes_beside_the_strongest_exemplar_and_is_the_studys_own(
    answerer, posted, subject, monkeypatch
):
    monkeypatch.setattr("zfexplore.progress.SECONDS_BETWEEN_EVENTS", 0.0)
    brief = Ascent(steps=3)
    monkeypatch.setattr("zfexplore.studies.ideal.Ascent", lambda: brief)
    unit = Unit("conv2", 7)
    beside, *steps, made = answers(answerer, posted, subject, ask.MakeIdeal(1, unit, ((4, 8, (2, 4)),)))
    expected = subject.explorer.ideal(unit, ascent=brief)

    assert [step.done for step in steps] == [1, 2, 3]
    assert beside.strongest == pytest.approx(subject.atlas.top("conv2", 7)[0].value)
    assert beside.best.value == pytest.approx(beside.strongest, rel=1e-4)
    assert made.activations == tuple(expected.activations.tolist())
    assert all((one.pixels == image).all() for one, image in zip(made.pictures, expected.images, strict=True))
    assert all(len(one.tiles) == 1 for one in (*made.pictures, beside.best.projection, beside.best.patch))


def test_ideal_pictures_are_saved_as_the_command_saves_them_and_only_once_they_are_made(
    answerer, posted, subject, monkeypatch
):
    brief = Ascent(steps=2)
    monkeypatch.setattr("zfexplore.studies.ideal.Ascent", lambda: brief)
    none = saved(answerer, posted, subject, ask.SaveIdeal(2))
    assert none == say.Failed("the ideal pictures to save are not made yet")
    answers(answerer, posted, subject, ask.MakeIdeal(3, Unit("conv2", 7)))
    path = subject.setup.out / "conv2-7-ideal.png"
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")

    told = say.OverwriteAsked(ask.SaveIdeal(3), path, "was not made by zfexplore")
    assert saved(answerer, posted, subject, ask.SaveIdeal(3)) == told
    assert saved(answerer, posted, subject, ask.SaveIdeal(3, overwrite=True)) == say.FigureSaved(path)
    assert "export ideal conv2:7" in " ".join(read_chunks(path).values())
    assert path.with_suffix(".csv").read_text().count("conv2:7") == 3


def test_what_fires_with_a_channel_is_the_studys_own_or_refused(answerer, posted, subject):
    (found,) = answers(answerer, posted, subject, ask.FindCompany(6, Unit("conv5", 3)))
    assert (found.unit, found.images) == (Unit("conv5", 3), 4)
    assert found == subject.explorer.alike("conv5:3")

    posted.clear()
    (refused,) = answers(answerer, posted, subject, ask.FindCompany(7, Unit("conv5", 999)))
    assert refused.text.startswith("conv5 has no channel 999")


def test_an_ideal_picture_is_given_up_between_two_steps(answerer, posted, subject, monkeypatch):
    monkeypatch.setattr("zfexplore.progress.SECONDS_BETWEEN_EVENTS", 0.0)
    answerer.take(ask.MakeIdeal(4, Unit("conv2", 7)))
    for _ in range(3):
        answerer.step(subject, complete=True)
    answerer.take(ask.GiveUp(4))

    assert not answerer.busy
    assert [message.answer.done for message in posted[1:]] == [1, 2]


def test_the_figure_carries_its_origin_and_replaces_nothing_of_another(answerer, posted, subject):
    chosen = ask.Chosen("1.png", "dot", 0)
    answerer.take(ask.Occlude(9, chosen, "conv5", 3))
    answerer.step(subject, complete=True)  # as far as it was when the user stopped it
    answerer.take(ask.GiveUp(9))
    path = subject.setup.out / "occlusion-conv5-3-dot-1.png"
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")

    save = ask.SaveOcclusion(9)
    asked = say.OverwriteAsked(save, path, "was not made by zfexplore")
    assert saved(answerer, posted, subject, save) == asked
    assert path.read_text() == "mine"

    told = ask.SaveOcclusion(9, overwrite=True)
    assert saved(answerer, posted, subject, told) == say.FigureSaved(path)
    chunks = read_chunks(path)
    note = json.loads(chunks["occlusion"])
    file = f"{subject.setup.images}/dot/1.png"
    assert (note["channel"], note["class"], chunks["picture"]) == ("conv5:3", "dot", file)
    assert chunks["command"].startswith(f"zfexplore export occlusion {file} --unit conv5:3 --label dot")


def test_an_occlusion_is_saved_as_far_as_it_is_and_when_whole_as_the_command_saves_it(
    answerer, posted, subject, monkeypatch, tmp_path
):
    monkeypatch.setattr("zfexplore.progress.SECONDS_BETWEEN_EVENTS", 0.0)
    answerer.take(ask.Occlude(11, ask.Chosen("3.png", "dot", 1), "conv5", 4))
    answerer.step(subject, complete=True)
    assert posted[-1].answer.job is not None
    answerer.take(ask.SaveOcclusion(11))
    answerer.step(subject, complete=True)
    path = subject.setup.out / "occlusion-conv5-4-dot-3.png"
    assert posted[-2:] == [say.FigureSaved(path), say.Settled(ask.SaveOcclusion(11))]
    assert read_chunks(path)["Title"] == "conv5:4 on dot/3.png, 1 of 256 squares"
    assert len(path.with_suffix(".csv").read_text().splitlines()) == 1 + 1  # no line of what is not known
    while answerer.busy:
        answerer.step(subject, complete=True)
    assert posted[-1].answer.job is None

    assert saved(answerer, posted, subject, ask.SaveOcclusion(11)) == say.FigureSaved(path)
    (same, *_) = subject.explorer.occluded(1, "conv5:4", label="dot").save(tmp_path / "same.png")
    assert path.with_suffix(".csv").read_text() == same.with_suffix(".csv").read_text()
    with Image.open(path) as mine, Image.open(same) as theirs:
        assert mine.tobytes() == theirs.tobytes()
    none = saved(answerer, posted, subject, ask.SaveOcclusion(12))
    assert none == say.Failed("there is no occlusion map to save yet")


@pytest.mark.parametrize(
    ("chosen", "told"),
    [(ask.Chosen("3.png", "dot", 1), True), (ask.Chosen("3.png", "a class of others", 1), False)],
)
def test_a_picture_is_moved_and_saved_as_the_command_saves_it(
    answerer, posted, subject, monkeypatch, tmp_path, chosen, told
):
    monkeypatch.setattr("zfexplore.progress.SECONDS_BETWEEN_EVENTS", 0.0)
    nothing = saved(answerer, posted, subject, ask.SaveVaried(13))
    assert nothing == say.Failed("the picture is not moved yet: there is nothing to save")
    *progress, last = answers(answerer, posted, subject, ask.Vary(13, chosen))
    assert {type(event) for event in progress} == {Progress}
    assert (last.told, last.found.class_name in ("dot", "line")) == (told, True)
    assert [course.kind for course in last.found.courses] == ["translation", "scale", "rotation"]

    path = subject.setup.out / "invariance-dot-3.png"
    assert saved(answerer, posted, subject, ask.SaveVaried(13)) == say.FigureSaved(path)
    labels = ["dot"] if told else [None]
    (same, *_) = subject.explorer.vary(1, labels=labels).save(tmp_path / "same.png")
    assert path.with_suffix(".csv").read_text() == same.with_suffix(".csv").read_text()
    with Image.open(path) as mine, Image.open(same) as theirs:
        assert mine.tobytes() == theirs.tobytes()
    path.write_text("mine")
    asked = saved(answerer, posted, subject, ask.SaveVaried(13))
    assert asked == say.OverwriteAsked(ask.SaveVaried(13), path, "was not made by zfexplore")
    for each in path.parent.glob("invariance-*"):
        each.unlink()


def test_what_cannot_be_answered_is_refused_in_one_line(answerer, posted, subject, tmp_path):
    (tmp_path / "no.png").write_text("not a picture")
    path = str(tmp_path / "no.png")
    (found,) = answers(answerer, posted, subject, ask.RankPicture(1, ask.Chosen("no.png", path=path)))

    assert isinstance(found, ask.Refused)
    assert "no.png" in found.text
    assert "\n" not in found.text


@pytest.fixture
def ranked(answerer, posted, subject, tmp_path):
    """A picture that was ranked as question 7, and whose file has become another since."""
    file = tmp_path / "frame.png"
    chosen = ask.Chosen("frame.png", path=str(file))
    noise = np.random.default_rng(5).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    Image.fromarray(noise).save(file)
    (ranking,) = answers(answerer, posted, subject, ask.RankPicture(7, chosen))
    Image.new("RGB", (64, 64)).save(file)
    posted.clear()
    return chosen, ranking


def test_a_picture_has_its_classes_and_maps_before_vectors(ranked):
    _, ranking = ranked
    assert [found.name for found in ranking.classes] in (["dot", "line"], ["line", "dot"])
    assert sum(found.probability for found in ranking.classes) == pytest.approx(1)
    stages = [row.unit.stage for row in ranking.channels]
    assert not any(stage.startswith("conv") for stage in stages[stages.index("fc6") :])
    assert {row.name for row in ranking.channels if row.unit.stage == "fc8"} == {"dot", "line"}


def test_units_are_brought_back_on_the_picture_that_was_ranked_whatever_its_file_became(
    answerer, posted, subject, ranked
):
    chosen, ranking = ranked
    units = tuple(row.unit for row in ranking.channels if row.activation > 0)[:3]
    size = (4, 8, "quadrants")
    found = answers(answerer, posted, subject, ask.SeeUnit(7, chosen, units[0], units[1:], (size,)))

    assert [seen.unit for seen in found] == [*units]
    for seen, row in zip(found, ranking.channels, strict=False):
        assert seen.here.value == pytest.approx(row.activation, rel=1e-4)
        assert (seen.here.window, seen.here.place) == (row.window, (row.unit.y, row.unit.x))
        assert size in seen.here.projection.drawings
        best = subject.atlas.top(row.unit.stage, row.unit.channel)[0]
        assert (seen.best is None) == (best.value <= 0)
        assert seen.best is None or seen.best.value == pytest.approx(best.value, rel=1e-3)


def test_a_unit_of_a_fully_connected_layer_is_brought_back_too(answerer, posted, subject, ranked):
    chosen, ranking = ranked
    row = next(row for row in ranking.channels if row.unit.stage == "fc6" and row.activation > 0)
    (seen,) = answers(answerer, posted, subject, ask.SeeUnit(7, chosen, row.unit))
    assert seen.here.value == pytest.approx(row.activation, rel=1e-4)
    assert np.abs(seen.here.projection.pixels).max() > 0
    assert (seen.here.y, seen.here.x) == (-1, -1)


def test_where_pixels_are_shown_a_unit_comes_at_once_and_again_with_its_tiles(
    answerer, posted, subject, ranked
):
    chosen = ask.Chosen("0.png", "noise", 2)
    cut = (4, 8, (10, 20))
    request = ask.SeeFeed(9, chosen, Unit("conv2", 3, 1, 1), (cut,))
    answerer.take(request)
    tiles = []
    while answerer.busy:  # the pipe pickles each answer when it is posted
        before = len(posted)
        answerer.step(subject, complete=True)
        tiles += [set(message.answer.projection.tiles) for message in posted[before:]]
    assert tiles == [set(), {cut}]


def test_an_exemplar_is_projected_once(answerer, posted, subject, ranked, monkeypatch):
    chosen, ranking = ranked
    row = next(row for row in ranking.channels if subject.top_rows(row.unit.stage, row.unit.channel))
    (first,) = answers(answerer, posted, subject, ask.SeeUnit(7, chosen, row.unit))
    monkeypatch.setattr(Subject, "strongest", lambda *given: pytest.fail("projected again"))
    *_, second = answers(answerer, posted, subject, ask.SeeUnit(7, chosen, row.unit))
    assert second.best is first.best


def test_the_figure_of_a_unit_on_ones_own_picture_replaces_nothing_of_another(
    answerer, posted, subject, ranked, tmp_path
):
    chosen, ranking = ranked
    unit = ranking.channels[0].unit
    save = ask.SaveUnit(7, chosen, unit)
    path = subject.setup.out / f"{unit.slug}-on-frame.png"
    assert saved(answerer, posted, subject, save) == say.FigureSaved(path)
    chunks = read_chunks(path)
    assert chunks["picture"] == chosen.path
    assert chunks["command"].startswith(f"zfexplore export unit {unit} {chosen.path}")

    assert saved(answerer, posted, subject, save) == say.FigureSaved(path)
    moving = ask.SaveUnit(7, chosen, unit, moves=True)
    earlier = "may be of an earlier picture in the same file"
    assert saved(answerer, posted, subject, moving) == say.OverwriteAsked(moving, path, earlier)
    other = ask.SaveUnit(7, ask.Chosen("frame.png", path=str(tmp_path / "other" / "frame.png")), unit)
    another = "came from another picture"
    assert saved(answerer, posted, subject, other) == say.OverwriteAsked(other, path, another)
    path.unlink()
    asked = saved(answerer, posted, subject, save)
    assert (asked.path, "which it did not come with" in asked.reason) == (path, True)
    assert not path.exists()
    assert saved(answerer, posted, subject, replace(save, overwrite=True)) == say.FigureSaved(path)


def test_a_save_ends_no_question_and_no_question_ends_a_save(answerer, posted, subject, ranked):
    chosen, ranking = ranked
    save = ask.SaveUnit(7, chosen, ranking.channels[1].unit)
    answerer.take(ask.SeeUnit(7, chosen, ranking.channels[0].unit))
    answerer.take(save)
    answerer.take(ask.FeedsFrom(8, chosen, ranking.channels[0].unit))
    while answerer.busy:
        answerer.step(subject, complete=True)

    assert [type(message) for message in posted] == [say.FigureSaved, say.Settled, ask.Answered]
    assert posted[-1].number == 8


def test_what_cannot_be_opened_to_save_from_is_told_and_the_next_is_served(answerer, posted):
    answerer.take(ask.SaveOcclusion(3))
    answerer.refuse(RuntimeError("the weights\nare gone"))
    assert not answerer.busy
    assert posted == [say.Failed("RuntimeError: the weights are gone"), say.Settled(ask.SaveOcclusion(3))]
