from __future__ import annotations

import csv

import pytest

from tests.support import write_zfnet


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_net_alone_stands_beside_itself_renormalised(zfexplore, material, tmp_path):
    code, out, _ = zfexplore(
        "export", "renormalised", str(material / "net.safetensors"), "--cap", "0.02", source=()
    )
    assert (code, out) == (0, "wrote out/renormalised.png\nwrote out/renormalised.csv\n")
    found = rows(tmp_path / "out" / "renormalised.csv")
    assert [row["filter"] for row in found] == [*map(str, range(96))] * 2
    for before, after in zip(found[:96], found[96:], strict=True):
        assert float(after["rms"]) == pytest.approx(min(float(before["rms"]), 0.02), rel=1e-5)
    assert found[96]["net"] == "the same, renormalised to 0.02"
    code, _, remarks = zfexplore("export", "renormalised", "net.safetensors", "--cap", "0", source=())
    assert (code, "is not there" in remarks) == (1, True)


def test_two_nets_stand_beside_one_another_as_they_are(zfexplore, material, tmp_path):
    write_zfnet(tmp_path / "b.safetensors", fc=4)
    words = ("export", "renormalised", str(material / "net.safetensors"), "b.safetensors")
    assert zfexplore(*words, "--cap", "-1", source=())[0] == 2
    code, _, remarks = zfexplore(*words, source=())
    assert (code, "both nets have the same filters" in remarks) == (0, True)  # of the same seed
    found = rows(tmp_path / "out" / "renormalised.csv")
    assert [row["rms"] for row in found[:96]] == [row["rms"] for row in found[96:]]
    assert {row["net"] for row in found} == {"net.safetensors", "b.safetensors"}


def test_two_files_of_one_name_are_told_apart(zfexplore, tmp_path):
    files = [f"{name}/checkpoint.safetensors" for name in ("with", "without")]
    for file in files:
        (tmp_path / file).parent.mkdir()
        write_zfnet(tmp_path / file, fc=4)
    assert zfexplore("export", "renormalised", *files, source=())[0] == 0
    assert {row["net"] for row in rows(tmp_path / "out" / "renormalised.csv")} == set(files)
