from __future__ import annotations

from dataclasses import replace

import pytest

from zfexplore.figures.captions import channel_caption, filters_caption, in_the_papers, stage_caption
from zfexplore.figures.provenance import Origin
from zfexplore.units import Unit

ORIGIN = Origin("zfnet", "0123456789abcdef", "a71a5", "1111", 1500)
KNOWN = {
    "max": 7.98765, "mean": 2.0, "share_firing": 0.914, "dead": False,
    "selectivity": 0.64, "best_class": "airplane",
}  # fmt: skip
CHANNEL = Unit("conv5", 1)


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ("conv1", "layer 1 in Zeiler & Fergus, layer 0 in the replication"),
        ("conv5", "layer 5 in Zeiler & Fergus, layer 4 in the replication"),
        ("pool5", "layer 5 in the replication"),
        ("fc8", ""),
    ],
)
def test_layers_bear_the_papers_numbers(stage, words):
    assert in_the_papers(stage) == words


def test_another_nets_layers_are_not_the_papers():
    assert in_the_papers("conv5", "vgg16") == ""


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("top9", "9 of 256 channels, the highest by mean of image maxima"),
        ("random9", "9 of 256 channels, drawn at random"),
        ("0-8", "9 of 256 channels \u00b7"),
    ],
)
def test_a_page_says_which_channels_and_images(choice, words):
    caption = stage_caption("conv5", choice, 9, 256, ORIGIN)
    assert words in caption
    assert caption.endswith("on 1,500 images, weights 01234567")


def test_the_page_of_filters_tells_the_filters_from_projections():
    caption = filters_caption("conv1", "top9", 9, 256, ORIGIN)
    assert "above all 256 filters by number" in caption
    assert "below 9 of them, the highest by mean of image maxima: left the filter, right" in caption
    assert "projection" not in caption


def test_a_channel_says_what_the_atlas_knows():
    caption = channel_caption(CHANNEL, KNOWN, ORIGIN)
    assert "max 7.988, mean of image maxima 2 " in caption
    assert "fires on 91% of 1,500 images" in caption
    assert caption.endswith("strongest for airplane, selectivity 0.64")


def test_a_logit_stands_for_its_class():
    caption = channel_caption(Unit("fc8", 1), {**KNOWN, "stands_for": "an airplane"}, ORIGIN)
    assert caption.startswith("stands for an airplane \u00b7 max 7.988")
    assert "stands for" not in channel_caption(CHANNEL, KNOWN, ORIGIN)


def test_without_labels_nothing_is_said_of_classes():
    unlabelled = {**KNOWN, "selectivity": None, "best_class": None}
    caption = channel_caption(CHANNEL, unlabelled, replace(ORIGIN, count=1))
    assert caption.endswith("of 1 image, weights 01234567")


def test_a_channel_that_never_fires_is_dead():
    caption = channel_caption(CHANNEL, {**KNOWN, "max": 0.0, "dead": True}, ORIGIN)
    assert caption.endswith(" \u00b7 dead: fires on none of 1,500 images, weights 01234567")
    assert "max" not in caption


def test_every_caption_that_names_the_weights_says_that_they_are_random():
    drawn = replace(ORIGIN, random=True)
    for told in (
        stage_caption("conv5", "all", 256, 256, drawn),
        filters_caption("conv1", "all", 96, 96, drawn),
        channel_caption(CHANNEL, KNOWN, drawn),
        channel_caption(CHANNEL, {**KNOWN, "dead": True}, drawn),
    ):
        assert "1,500 images, random weights 01234567" in told
