"""The head of a file of tensors may be so long and no longer, whoever reads it."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import save_file

from zfexplore.atlas.container import METADATA_KEY, read_arrays
from zfexplore.errors import ExploreError
from zfexplore.nets import tensors
from zfexplore.nets.checkpoint import load_checkpoint
from zfexplore.nets.foreign import read_weights
from zfexplore.training.state import load_state

LOADERS = {"atlas": read_arrays, "checkpoint": load_checkpoint, "weights": read_weights, "state": load_state}


@pytest.mark.parametrize("load", LOADERS.values(), ids=LOADERS)
def test_a_head_that_is_too_long_is_refused_before_it_is_parsed(tmp_path, monkeypatch, load):
    file = tmp_path / "x.safetensors"
    save_file({"x": np.zeros(9)}, file, metadata={METADATA_KEY: "[" + "[]," * 2**20 + "[]]"})
    monkeypatch.setattr(tensors, "LONGEST", 3 * 2**20)
    with pytest.raises(ExploreError, match=r"its head of 3 MB exceeds the limit of 3 MB") as caught:
        load(file)
    assert str(file) in str(caught.value)


def test_a_head_within_the_limit_is_read(tmp_path):
    save_file({"x": np.arange(9)}, tmp_path / "x", metadata={"key": "value"})
    with tensors.opened_tensors(tmp_path / "x", "numpy") as opened:
        assert opened.metadata() == {"key": "value"}
        assert opened.get_tensor("x").tolist() == list(range(9))
