"""One thread for torch: over nets as small as the tests', several only wait for each other."""

from __future__ import annotations

import os

import pytest

os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is imported, also by programs that tests start


@pytest.fixture(scope="module")
def every_core():
    """As many threads as torch takes by default, for tests of the shipped net."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(os.cpu_count() or 1)
    yield
    torch.set_num_threads(before)
