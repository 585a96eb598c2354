from __future__ import annotations

import json

import pytest

from zfexplore.figures.provenance import read_chunks

FEW = ("--per-class", "2", "--splits", "2", "--stage", "fc7")


def test_a_stage_is_measured_drawn_and_not_replaced_by_other_weights(zfexplore, tmp_path):
    code, out, told = zfexplore("transfer", *FEW, "--stage", "pool5", "--out", "few.png")
    assert code == 0
    assert "broken.png" not in told or "left out" in told
    assert "wrote few.png" in out
    assert "wrote few.csv" in out
    assert "mean accuracy of a class, over 2 splits; guessing scores 50.0%" in out
    assert {line.split()[0] for line in out.splitlines() if "%" in line and "±" in line} == {"pool5", "fc7"}
    command = read_chunks(tmp_path / "few.png")["command"]
    assert "zfexplore transfer --per-class 2 --splits 2 --out few.png" in command
    first, *rows = (tmp_path / "few.csv").read_text().splitlines()
    assert first.startswith("stage,features,per_class,mean")
    assert [row.split(",")[0] for row in rows] == ["pool5", "fc7"]

    (tmp_path / "few.png").write_bytes(b"mine")
    code, _, told = zfexplore("transfer", *FEW, "--out", "few.png")
    assert code == 1
    assert "few.png was not made by zfexplore" in told


def test_json_holds_every_split(zfexplore):
    code, out, _ = zfexplore("transfer", *FEW, "--json")
    assert code == 0
    (row,) = json.loads(out)
    assert (row["stage"], row["features"], row["per_class"]) == ("fc7", 16, 2)
    assert row["mean"] == pytest.approx((row["split_0"] + row["split_1"]) / 2)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--per-class", "some"), "--per-class takes numbers such as 15,30, not 'some'"),
        (("--per-class", "4"), "too few to train on 4 and to test on others"),
        (("--exclude", "c"), "there is no class 'c' to leave out"),
        (("--out", "few.jpg"), "must end in .png"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(zfexplore, words, told):
    code, out, errors = zfexplore("transfer", *words)
    assert (code, out) == (2, "")
    assert told in errors
