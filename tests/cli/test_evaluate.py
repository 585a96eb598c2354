"""The command on a net with random weights; test_train.py has one that was trained."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from zfexplore.cli.evaluate import accuracy_table

FIGURES = {"count": 1234, "loss": 1.1804, "top1": 0.5, "top5": 1.0, "per_class": 0.375}


@pytest.fixture
def evaluate(zfexplore, material):
    def run(*words):
        net, pictures = str(material / "net.safetensors"), str(material / "pictures")
        return zfexplore("evaluate", net, "--images", pictures, "--workers", "0", *words, source=())

    return run


@pytest.mark.parametrize(("crops", "key"), [((), "centre"), (("--ten-crop",), "ten_crop")])
def test_it_counts_the_images_that_can_be_read_and_names_the_others(evaluate, crops, key):
    code, out, remarks = evaluate("--json", *crops)
    assert code == 0
    assert "broken.png" in remarks
    (found,) = json.loads(out).items()
    assert found[0] == key
    assert found[1]["count"] == 6
    assert 0 <= found[1]["top1"] <= found[1]["top5"] == 1  # there are three classes


def test_a_class_may_be_left_out(evaluate):
    _, out, _ = evaluate("--json", "--exclude", "a")
    assert json.loads(out)["centre"]["count"] == 3


def test_what_was_not_recorded_cannot_be_held_out(evaluate):
    code, out, complaint = evaluate("--held-out")
    assert (code, out) == (2, "")
    assert "training held no part of its images out" in complaint


def test_the_table_has_a_row_for_each_way_of_cropping():
    console = Console(file=io.StringIO(), width=100)
    console.print(accuracy_table({"centre": FIGURES, "ten_crop": FIGURES}, "images given"))
    heading, _, *rows = (line.split() for line in console.file.getvalue().splitlines() if line.strip())
    assert heading[:2] == ["images", "given"]
    assert rows == [
        ["centre", "crop", "1,234", "1.180", "50.0%", "100.0%", "37.5%"],
        ["ten", "crops", "1,234", "1.180", "50.0%", "100.0%", "37.5%"],
    ]
