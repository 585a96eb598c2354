from __future__ import annotations

import struct

import numpy as np
import pytest
from safetensors.numpy import save_file

from zfexplore.atlas import container
from zfexplore.atlas.container import METADATA_KEY, read_arrays, read_header, write_arrays
from zfexplore.errors import ExploreError

ARRAYS = {"value": np.arange(6, dtype=np.float32).reshape(2, 3), "seen": np.array([7])}


def test_what_is_written_is_read_back(tmp_path):
    write_arrays(tmp_path / "x", {"value": ARRAYS["value"].T, "seen": ARRAYS["seen"]}, {"k": 3, "name": "é"})
    arrays, header = read_arrays(tmp_path / "x")
    np.testing.assert_array_equal(arrays["value"], ARRAYS["value"].T)  # not contiguous when it was given
    assert arrays["seen"].dtype == np.int64
    assert header == {"k": 3, "name": "é", "format": 1} == read_header(tmp_path / "x")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "is no atlas, or is damaged"),
        (b"", "is no atlas, or is damaged"),
        (b"\x89PNG\r\n\x1a\n", "is no atlas, or is damaged"),
        (struct.pack("<Q", 2**62) + b"{}", "is no atlas, or is damaged"),
    ],
)
def test_another_file_is_refused_and_has_no_header(tmp_path, content, complaint):
    if content is not None:
        (tmp_path / "x").write_bytes(content)
    assert read_header(tmp_path / "x") is None
    with pytest.raises(ExploreError, match=complaint):
        read_arrays(tmp_path / "x")


@pytest.mark.parametrize(
    ("metadata", "complaint"),
    [
        ({}, "is no atlas of zfexplore's"),
        ({METADATA_KEY: "{"}, "is no atlas, or is damaged"),
        ({METADATA_KEY: "[" * 100_000}, "is no atlas, or is damaged"),
        ({METADATA_KEY: "[1]"}, "of another version"),
        ({METADATA_KEY: '{"format": 2}'}, "of another version"),
    ],
)
def test_foreign_metadata_is_refused(tmp_path, metadata, complaint):
    save_file(ARRAYS, tmp_path / "x", metadata=metadata)
    assert read_header(tmp_path / "x") is None
    with pytest.raises(ExploreError, match=complaint):
        read_arrays(tmp_path / "x")


def test_a_file_cut_short_is_refused(tmp_path):
    write_arrays(tmp_path / "x", ARRAYS, {})
    whole = (tmp_path / "x").read_bytes()
    (tmp_path / "x").write_bytes(whole[:-1])
    with pytest.raises(ExploreError, match="damaged"):
        read_arrays(tmp_path / "x")


def test_what_could_not_be_read_again_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(container, "LONGEST_HEADER", 2**20)
    write_arrays(tmp_path / "x", ARRAYS, {"skipped": "x" * (2**20 - 40)})
    with pytest.raises(ExploreError, match=r"y could not be read again: its header of 1 MB exceeds the"):
        write_arrays(tmp_path / "y", ARRAYS, {"skipped": "x" * 2**20})
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
