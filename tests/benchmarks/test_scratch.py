"""Training from scratch: what an epoch holds, and that no split is done twice."""

from __future__ import annotations

import json
import math
from dataclasses import fields

import pytest

from benchmarks import scratch
from benchmarks.scratch import Part, learning, summary
from tests.training.conftest import Slim, Stripes
from zfexplore.errors import ExploreError
from zfexplore.training.record import EpochRecord


def test_an_epoch_passes_over_a_part_of_the_images_as_often_as_asked():
    source = Stripes(broken=(7,))
    part = Part(source, [4, 7, 2], "abc", passes=2)
    assert [part.image_name(index) for index in range(len(part))] == [
        source.image_name(index) for index in (4, 7, 2, 4, 7, 2)
    ]
    assert part[3].name == source.image_name(4)
    with pytest.raises(ExploreError, match="image 4 "):
        part[4]
    with pytest.raises(IndexError):
        part[6]
    assert part.fingerprint() == Part(source, [4, 7, 2], "abc", 2).fingerprint()
    others = [Part(source, [4, 7, 2], "abc"), Part(source, [4, 2, 7], "abc", 2), Part(source, [4], "ab", 2)]
    assert len({part.fingerprint(), *(other.fingerprint() for other in others)}) == 4


def test_a_split_is_a_line_of_the_log_and_is_not_done_again(monkeypatch, tmp_path):
    monkeypatch.setattr("zfexplore.training.loop.ZFNet", Slim)
    monkeypatch.setattr("zfexplore.nets.zfnet.ZFNet", Slim)
    monkeypatch.setattr(scratch, "open_images", lambda _: Stripes(count=18))
    monkeypatch.setattr(
        scratch, "CANDIDATES", {"fc 8": {"fc": 8, "batch_size": 8}, "fc 12": {"fc": 12, "batch_size": 8}}
    )

    def asked(*more):
        options = ["--images", "stripes", "--per-class", "4", "--size", "56", "--epochs", "2"]
        machine = ["--device", "cpu", "--workers", "0", "--splits", "1", "--out", str(tmp_path)]
        return scratch._parser().parse_args([*options, *machine, "--choose", *more])

    told = list(scratch.run(asked()))
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["split"] for line in lines] == [0]
    assert {(line["training"], line["test"], line["views"]) for line in lines} == {(12, 6, 24)}
    assert told[-1] == summary(4, lines)
    choice = [json.loads(line) for line in (tmp_path / "choice.jsonl").read_text().splitlines()]
    assert [(line["training"], line["test"]) for line in choice] == [(6, 6), (6, 6)]  # 2 and 2 of 4 a class
    best = max(choice, key=lambda line: line["accuracy"])
    assert {line["recipe"]["fc"] for line in lines} == {best["recipe"]["fc"]}
    assert not list((tmp_path / "runs").iterdir())

    monkeypatch.setattr(scratch, "train", None)  # nobody trains
    assert list(scratch.run(asked())) == told
    with pytest.raises(ExploreError, match="with other settings: give another --out"):
        list(scratch.run(asked("--size", "60")))


def test_every_split_chooses_by_its_own_training_images_alone(monkeypatch, tmp_path):
    source, seen = Stripes(count=30), []

    def once(_, log, key, drawn, changes):
        seen.append(
            (log.name, key["split"], set(scratch._all(drawn.training)), set(scratch._all(drawn.test)))
        )
        return {"accuracy": 100 * changes["weight_decay"], "test": 1}

    monkeypatch.setattr(scratch, "open_images", lambda _: source)
    monkeypatch.setattr(scratch.Bench, "once", once)
    asked = ["--images", "stripes", "--per-class", "4", "--splits", "2", "--choose", "--out", str(tmp_path)]
    told = list(scratch.run(scratch._parser().parse_args(asked)))
    assert "4 a class, split 1: decay 4e-3 is best within the training images" in told
    for split in (0, 1):
        training, test = next((row[2], row[3]) for row in seen if row[:2] == ("log.jsonl", split))
        choices = [row[2] | row[3] for row in seen if row[:2] == ("choice.jsonl", split)]
        assert choices == [training] * 3
        assert not training & test


def test_a_net_that_only_guesses_is_given_up():
    def epoch(number, loss):
        blank = dict.fromkeys(field.name for field in fields(EpochRecord))
        return EpochRecord(**blank | {"epoch": number, "loss": loss})

    right = [epoch(4, math.log(7)), epoch(5, math.log(7) - 0.1), epoch(6, 1.0)]
    assert list(learning(iter(right), 7)) == right
    assert len(list(learning(iter([epoch(5, math.log(7))]), 7, 6))) == 1
    with pytest.raises(ExploreError, match="the loss after 5 epochs is that of a guess, 1.946"):
        list(learning(iter([epoch(4, 0.5), epoch(5, math.log(7))]), 7))


def test_the_spread_is_the_standard_deviation_over_the_splits_with_the_papers_beside_it():
    told = summary(15, [{"accuracy": 30.0}, {"accuracy": 34.0}])
    assert told == "15 a class: 32.0 +- 2.8 % over 2 splits; the paper's net from scratch 22.8 +- 1.5 %"
    assert summary(7, [{"accuracy": 30.0}]) == "7 a class: 30.0 % over 1 split"
    assert summary(7, []) == "7 a class: no split done"
