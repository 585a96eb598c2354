from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from zfexplore.tui.subject import statistics


def test_a_dead_channel_has_no_best_class():
    record = SimpleNamespace(
        max=np.array([2.0, 0.0]),
        mean=np.array([1.0, 0.0]),
        share_firing=np.array([0.5, 0.0]),
        rarity=np.array([0.5, 0.0]),
        selectivity=np.array([0.3, 0.0]),
        best_class=np.array([1, 0]),
        dead=np.array([False, True]),
    )
    told = statistics(SimpleNamespace(stages={"conv1": record}, classes=("face", "hat")))

    assert told["conv1"].best_class == ["hat", ""]
