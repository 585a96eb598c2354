from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from zfexplore.tui.engine.subject import nearest_shown, statistics


def test_a_dead_channel_has_no_best_class_and_what_strikes_is_told_at_the_end():
    record = SimpleNamespace(
        max=np.array([2.0, 0.0]),
        mean=np.array([1.0, 0.0]),
        share_firing=np.array([0.5, 0.0]),
        rarity=np.array([0.5, 0.0]),
        selectivity=np.array([0.3, 0.0]),
        best_class=np.array([1, 0]),
        dead=np.array([False, True]),
        kind="fc",
        striking=np.array([1.0, 0.0]),
    )
    atlas = SimpleNamespace(
        stages={"conv1": record}, classes=("face", "hat"), count=5, skipped=[1], image_names="abcdef"
    )
    told = statistics(atlas)

    assert told["conv1"].best_class == ["hat", ""]
    assert told["conv1"].striking == [1.0, 0.0]
    atlas.count = 4  # images still come: what takes long is left for the end
    assert statistics(atlas)["conv1"].striking == ()


def test_a_pool_that_is_not_watched_is_shown_as_what_it_pools():
    kinds = {"conv1": "conv", "pool1": "pool", "conv2": "conv", "pool2": "pool", "fc6": "fc", "extra": "conv"}
    trunk = SimpleNamespace(names=tuple(kinds), stage=lambda name: SimpleNamespace(kind=kinds[name]))

    assert nearest_shown(trunk, ("conv1", "conv2", "pool2", "fc6")) == {
        "conv1": "conv1", "pool1": "conv1", "conv2": "conv2", "pool2": "pool2", "fc6": "fc6",
    }  # fmt: skip
