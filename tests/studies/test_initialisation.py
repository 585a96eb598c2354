"""The study's steps, against a descent written out beside it."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from tests.support import result_of
from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.images.augment import Augmentation, augment
from zfexplore.images.listed import ListedSource
from zfexplore.images.transforms import prepare_large
from zfexplore.nets.zfnet import ZFNet, initialise
from zfexplore.progress import Note
from zfexplore.studies import initialisation
from zfexplore.studies.initialisation import gradients
from zfexplore.studies.starts import Beginnings, Start

SIZE, RESIZE = 56, 64
Run = initialisation._Run
NORMAL, XAVIER = Start("paper", 1.0, 1e-2), Start("xavier", 255.0, 1e-2)
CONSTANT, LARGE = Start("constant", 255.0, 1e-2), Start("paper", 255.0, 1e-2)


class Squares(ListedSource):
    """Four squares of noise in two classes, without files."""

    def __init__(self, labels=(0, 1, 0, 0)):
        super().__init__("squares", [str(number) for number in range(4)], list(labels), ("a", "b"))

    def _decode(self, index):
        generator = torch.Generator().manual_seed(index)
        pixels = torch.randint(256, (RESIZE, RESIZE, 3), dtype=torch.uint8, generator=generator)
        return Image.fromarray(pixels.numpy())

    def _contents(self):
        return map(str, range(4))


class Narrow(ZFNet):
    """ZFNet with a few channels, no dropout and no normalisation: what it does can be done again."""

    def __init__(self, classes, fc):
        super().__init__(classes, fc, norm=None, dropout=0.0, widths=(4, 6, 6, 6, 4))


@pytest.fixture(scope="module")
def found():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(initialisation, "ZFNet", Narrow)
        options = {"steps": 3, "batch_size": 4, "size": SIZE, "fc": 8, "device": "cpu", "workers": 0}
        return result_of(gradients(Squares(), starts=(NORMAL, XAVIER, CONSTANT, LARGE), **options))


def test_the_steps_are_those_of_plain_descent(found):
    beginnings, before = found
    source = Squares()
    pixels = torch.stack(
        [
            torch.from_numpy(prepare_large(source[index].image, InputConvention(size=SIZE, resize=RESIZE)))
            for index in range(4)
        ]
    )
    labels = torch.tensor([0, 1, 0, 0])
    mean = tuple((pixels.double() / 255).mean((0, 1, 2)).tolist())
    convention = InputConvention(size=SIZE, resize=RESIZE, scale=1.0, mean=mean)
    net = Narrow(2, 8)
    initialise(net, "paper", seed=0)
    weights = {name: net.get_parameter(f"{name}.weight") for name in beginnings.runs[0].stages}
    begun = {name: weight.detach().clone() for name, weight in weights.items()}
    momentum = [torch.zeros_like(weight) for weight in net.parameters()]
    run = beginnings.runs[0]
    for step in range(3):
        views = augment(pixels, torch.arange(4), convention, Augmentation(), epoch=step, seed=0)
        loss = F.cross_entropy(net(views), labels)
        slopes = torch.autograd.grad(loss, list(net.parameters()))
        by_weight = dict(zip(net.parameters(), slopes, strict=True))
        norms = [float(by_weight[weight].norm()) for weight in weights.values()]
        assert run.losses[step] == pytest.approx(loss.item(), rel=1e-5)
        assert run.gradients[step] == pytest.approx(norms, rel=1e-3)
        with torch.no_grad():
            for held, slope, weight in zip(momentum, slopes, net.parameters(), strict=True):
                held.mul_(0.9).add_(slope)
                weight.sub_(1e-2 * held)
    shares = [((weight - begun[name]).norm() / begun[name].norm()).item() for name, weight in weights.items()]
    assert run.moved == pytest.approx(shares, rel=1e-2)
    assert [event for event in before if isinstance(event, Beginnings)][1].runs == beginnings.runs[:2]


def test_gradients_are_in_proportion_to_the_input(found):
    """A net of ReLUs without biases and normalisation passes a factor on, and the softmax is flat near 0."""
    small, large = found[0].runs[0], found[0].runs[3]
    for one, other in zip(small.gradients[0], large.gradients[0], strict=True):
        assert other / one == pytest.approx(255, rel=1e-3)
    for one, other in zip(small.signals, large.signals, strict=True):
        assert other / one == pytest.approx(255, rel=1e-3)


def test_a_constant_tells_no_classes_apart(found):
    """All logits are equal, so the loss is ln 2; what they send down adds up to nothing but rounding."""
    run = found[0].runs[2]
    assert run.losses[0] == pytest.approx(math.log(2), rel=1e-6)
    assert max(run.gradients[0][:-1]) < 1e-5 * run.gradients[0][-1]


def test_the_same_seed_gives_the_same_and_blind_is_the_classes_entropy(found):
    assert found[0].blind == pytest.approx(0.5623, abs=1e-4)  # of 3 and 1 images
    assert (found[0].images, found[0].classes) == (4, 2)


def test_an_interrupted_study_goes_on_to_the_same_numbers(found, tmp_path, monkeypatch):
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(tmp_path))
    monkeypatch.setattr(initialisation, "ZFNet", Narrow)
    options = {"batch_size": 4, "size": SIZE, "fc": 8, "device": "cpu", "workers": 0, "keep": True}
    starts = (NORMAL, XAVIER, CONSTANT, LARGE)
    events = gradients(Squares(), starts=starts, steps=3, **options)
    while len(getattr(next(events), "runs", ())) < 3:
        pass
    events.close()
    taken = []
    monkeypatch.setattr(initialisation, "_Run", lambda start, *rest: taken.append(start) or Run(start, *rest))
    again, before = result_of(gradients(Squares(), starts=starts, steps=3, **options))
    assert (again, taken) == (found[0], [LARGE])
    assert Note("going on: 3 of 4 starts are complete already") in before
    result_of(gradients(Squares(), starts=(NORMAL,), steps=2, **options))
    assert taken == [LARGE, NORMAL]


def test_a_cache_that_cannot_be_written_is_told_once(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(initialisation, "ZFNet", Narrow)
    options = {"batch_size": 4, "size": SIZE, "fc": 8, "device": "cpu", "workers": 0, "keep": True}
    result, before = result_of(gradients(Squares(), starts=(NORMAL, XAVIER), steps=1, **options))
    assert len(result.runs) == 2
    (told,) = [event.text for event in before if isinstance(event, Note)]
    assert told.startswith("the starts are not kept: ")
    assert "ZFEXPLORE_CACHE" in told


def test_images_without_classes_and_impossible_numbers_are_refused():
    with pytest.raises(ExploreError, match="no labels"):
        next(gradients(Squares((None,) * 4), size=SIZE))
    with pytest.raises(ExploreError, match="size must be at least 56"):
        next(gradients(Squares(), size=8))
