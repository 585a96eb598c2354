from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from zfexplore.figures.captions import channel_caption, filters_caption, in_the_papers, stage_caption

CHECKPOINT = SimpleNamespace(
    metadata=SimpleNamespace(architecture="zfnet", weights_fingerprint="0123456789abcdef"),
    class_names=lambda stage: ("an ant", "an airplane") if stage == "fc8" else (),
)


def atlas(labelled=True, count=1500):
    record = SimpleNamespace(
        channels=256,
        max=np.array([0.0, 7.98765]),
        mean=np.array([0.0, 2.0]),
        share_firing=np.array([0.0, 0.914]),
        selectivity=np.array([0.0, 0.64]) if labelled else None,
        best_class=np.array([0, 1]) if labelled else None,
    )
    return SimpleNamespace(stage=lambda name: record, classes=("ant", "airplane"), count=count)


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
    caption = stage_caption("conv5", choice, 9, CHECKPOINT, atlas())
    assert words in caption
    assert caption.endswith("on 1,500 images, weights 01234567")


def test_the_page_of_filters_tells_the_filters_from_projections():
    caption = filters_caption("conv1", "top9", 9, CHECKPOINT, atlas())
    assert "above all 256 filters by number" in caption
    assert "below 9 of them, the highest by mean of image maxima: left the filter, right" in caption
    assert "projection" not in caption


def test_a_channel_says_what_the_atlas_knows():
    caption = channel_caption("conv5", 1, CHECKPOINT, atlas())
    assert "max 7.988, mean of image maxima 2 " in caption
    assert "fires on 91% of 1,500 images" in caption
    assert caption.endswith("strongest for airplane, selectivity 0.64")


def test_a_logit_stands_for_its_class():
    assert channel_caption("fc8", 1, CHECKPOINT, atlas()).startswith(
        "stands for an airplane \u00b7 max 7.988"
    )
    assert "stands for" not in channel_caption("conv5", 1, CHECKPOINT, atlas())


def test_without_labels_nothing_is_said_of_classes():
    caption = channel_caption("conv5", 1, CHECKPOINT, atlas(labelled=False, count=1))
    assert caption.endswith("of 1 image, weights 01234567")


def test_a_channel_that_never_fires_is_strongest_for_nothing():
    assert "strongest for" not in channel_caption("conv5", 0, CHECKPOINT, atlas())
