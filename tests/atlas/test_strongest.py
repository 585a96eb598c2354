from __future__ import annotations

import torch

from zfexplore.atlas import strongest as module
from zfexplore.atlas.strongest import kernels_for, strongest


def results(count, channels):
    return torch.empty(count, channels), torch.full((count, channels), -1)


def test_of_equal_places_the_first_row_by_row_counts():
    maps = torch.zeros(1, 2, 3, 4)
    maps[0, 0, 1, 2] = maps[0, 0, 1, 3] = maps[0, 0, 2, 0] = 5.0
    maxima, places = results(1, 2)
    strongest(maps.contiguous(memory_format=torch.channels_last), maxima, places)
    assert maxima.tolist() == [[5.0, 0.0]]
    assert places.tolist() == [[1 * 4 + 2, 0]]


def test_a_head_has_one_place():
    maxima, places = results(2, 3)
    strongest(torch.tensor([[1.0, -2.0, 3.0], [0.0, 4.0, -1.0]]), maxima, places)
    assert maxima.tolist() == [[1.0, -2.0, 3.0], [0.0, 4.0, -1.0]]
    assert places.tolist() == [[0, 0, 0], [0, 0, 0]]


def test_kernels_that_do_not_work_here_are_left_alone(monkeypatch):
    """Without a GPU the trial fails, as it does where Triton has no compiler; torch then does it."""
    module.kernels_for.cache_clear()
    monkeypatch.setattr("torch.tensor", lambda *_, **__: 1 / 0)
    try:
        assert kernels_for(torch.device("cuda")) is None
    finally:
        module.kernels_for.cache_clear()
    assert kernels_for(torch.device("cpu")) is None
