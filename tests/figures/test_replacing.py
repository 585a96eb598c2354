from __future__ import annotations

import json
import tracemalloc
import zipfile

import numpy as np
import pytest
from PIL import Image

from zfexplore.figures.provenance import save_png
from zfexplore.figures.replacing import NOT_OURS, SILENT, difference

OURS = {"checkpoint": "c0ffee", "atlas": "a71a5", "command": "zfexplore export channel conv1:0"}
OTHERS = OURS | {"checkpoint": "other"}


def record(path, **values):
    path.write_text(json.dumps(values))
    return path


def test_a_record_or_an_atlas_says_whose_it_is(tmp_path):
    figure = record(tmp_path / "x.json", **OURS)
    assert difference(figure, OURS) is None
    assert difference(figure, OTHERS) == "came from another checkpoint (zfexplore export channel conv1:0)"
    header = {"weights": "c0ffee", "fingerprint": "a71a5"}
    atlas = record(tmp_path / "atlas.json", header=header)
    np.savez(tmp_path / "atlas.npz", header=np.array(json.dumps(header)))
    for path in (atlas, tmp_path / "atlas.npz"):
        assert difference(path, OURS) is None
        assert difference(path, OURS | {"atlas": "new"}) == "came from another atlas"
    assert difference(tmp_path / "nothing.json", OURS) is None


@pytest.mark.parametrize("beside", ["x.png", "x.json"])
def test_a_table_belongs_to_the_figure_or_record_beside_it(tmp_path, beside):
    table = tmp_path / "x.csv"
    table.write_text("rank,activation\n1,2\n")
    np.savez(tmp_path / "x.npz", **{"conv1-0.pixels": np.zeros(1)})
    for path in (table, tmp_path / "x.npz"):
        assert difference(path, OURS) == SILENT
    if beside == "x.png":
        save_png(Image.new("RGB", (4, 4)), tmp_path / beside, OURS)
    else:
        record(tmp_path / beside, **OURS)
    for path in (table, tmp_path / "x.npz"):
        assert difference(path, OURS) is None
        assert difference(path, OTHERS) == SILENT


@pytest.mark.parametrize("name", ["x.png", "x.csv", "x.json", "x.npz", "x.txt"])
@pytest.mark.parametrize("content", [b"", b"mine\n", b"[]", b"{}", b'{"header": 1}', b"\xff\xfe"])
def test_what_is_of_another_program_is_told(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert difference(tmp_path / name, OURS) == NOT_OURS


def test_a_file_of_any_name_is_read_as_the_form_that_is_named(tmp_path):
    path = record(tmp_path / "x.txt", **OURS)
    assert difference(path, OURS, "json") is None


def test_an_npz_that_unpacks_to_gigabytes_is_nobodys(tmp_path):
    form = {"descr": "<U100000000", "fortran_order": False, "shape": ()}
    packed = zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED)
    with packed as archive, archive.open("header.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, form)
        file.write(bytes(2**24))
    tracemalloc.start()
    assert difference(tmp_path / "a.npz", {}) == NOT_OURS
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("packing", "content"),
    [
        *((zipfile.ZIP_STORED, b"\x93NUMPY\x01\x00\x40\x00" + header.ljust(64)) for header in [
            b"(((", b"\n  a\n b", b"{'descr': ',', 'fortran_order': False, 'shape': ()}",
            b"{'descr': '<U1', 'fortran_order': False, 'shape': (1L,), }",
        ]),
        (zipfile.ZIP_LZMA, b"damaged below"),
    ],
)  # fmt: skip
def test_an_npz_of_which_numpy_or_its_packing_makes_another_error_is_nobodys(tmp_path, packing, content):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", packing) as archive:
        archive.writestr("header.npy", content)
    whole = (tmp_path / "a.npz").read_bytes()
    start = 30 + len("header.npy")
    damaged = (
        whole if packing == zipfile.ZIP_STORED else whole[: start + 4] + b"\xff" * 5 + whole[start + 9 :]
    )
    (tmp_path / "a.npz").write_bytes(damaged)
    assert difference(tmp_path / "a.npz", {}) == NOT_OURS


@pytest.mark.parametrize("values", ["checkpoint", ["checkpoint"], {"checkpoint": 1}, {"header": []}, 3])
def test_a_record_of_another_kind_is_nobodys(tmp_path, values):
    (tmp_path / "a.json").write_text(json.dumps(values))
    assert difference(tmp_path / "a.json", {}) == NOT_OURS
