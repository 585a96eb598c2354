from __future__ import annotations

import json

import pytest


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ((), "out/atlas.csv"),
        (("--format", "npz"), "out/atlas.npz"),
        (("--out", "x.json"), "x.json"),
        (("--out", "table.txt", "--format", "csv"), "table.txt"),
    ],
)
def test_the_file_is_written_where_and_as_told(zfexplore, tmp_path, options, name):
    code, out, _ = zfexplore("export", "atlas", *options)
    assert (code, out) == (0, f"wrote {name}\n")
    start = (tmp_path / name).read_bytes()[:11]
    suffix = name.rpartition(".")[2]
    assert start.startswith(
        {"csv": b"channel,max", "txt": b"channel,max", "json": b'{"header"', "npz": b"PK"}[suffix]
    )


def test_it_is_the_atlas_of_these_images(zfexplore, tmp_path):
    zfexplore("export", "atlas", "--out", "x.json")
    values = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    assert values["count"] == 6
    assert [item["name"] for item in values["skipped"]] == ["a/broken.png"]
    assert values["classes"] == ["a", "b"]
    assert len(values["stages"]["conv5"]["channels"]) == 256


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("x.xml", "an atlas is written as csv, json or npz, not xml: give --format"),
        (".", ". is a folder: give a file, as in --out atlas.csv"),
    ],
)
def test_a_file_that_cannot_be_is_refused_before_any_work(zfexplore, tmp_path, out, message):
    code, _, remarks = zfexplore("export", "atlas", "--out", out, source=("--images", "nowhere"))
    assert code == 2
    assert message in remarks
    assert not any(tmp_path.iterdir())


def test_an_unknown_format_is_a_usage_error(zfexplore):
    code, _, remarks = zfexplore("export", "atlas", "--format", "xls")
    assert code == 2
    assert "'xls' is not one of" in remarks
