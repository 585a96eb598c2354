from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch
from PIL import Image

from zfexplore.convention import InputConvention
from zfexplore.tui.engine import subject as module
from zfexplore.tui.engine.subject import Subject, statistics
from zfexplore.tui.messages import Setup


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


class Source:
    """Counts how often each image is read."""

    def __init__(self) -> None:
        self.read: list[int] = []

    def __getitem__(self, number: int) -> SimpleNamespace:
        self.read.append(number)
        return SimpleNamespace(image=Image.new("RGB", (12, 10), (number, 0, 0)))


def test_images_seen_lately_are_not_read_again(monkeypatch):
    monkeypatch.setattr(module, "SEEN_KEPT", 2)
    trunk = SimpleNamespace(device=torch.device("cpu"), dtype=torch.float32)
    metadata = SimpleNamespace(input=InputConvention(size=8, resize=8))
    source = Source()
    subject = Subject(
        Setup(),
        SimpleNamespace(trunk=trunk, metadata=metadata),
        source,
        SimpleNamespace(header={"fit": "crop"}),
    )
    seen = [subject._look(number) for number in (3, 4, 3, 5, 3, 4)]

    assert source.read == [3, 4, 5, 4]  # 4 had made way for 5
    assert [int(one.pixels[0, 0, 0]) for one in seen] == [3, 4, 3, 5, 3, 4]
    assert all(one.batch.shape == (1, 3, 8, 8) for one in seen)
