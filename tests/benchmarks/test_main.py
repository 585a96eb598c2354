"""Which runs are kept, how long a section may take, and a section run with tiny settings."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from rich.console import Console

from benchmarks import __main__ as program
from benchmarks import choice, deconv, material
from benchmarks.host import Host
from benchmarks.material import Options
from benchmarks.report import Remark, Row
from tests.support import write_zfnet

HOST = Host("A", "Linux", 2, 2, "3", "2", "the CPU", 1e11, 1e11, 1e10)
CPU = Options(torch.device("cpu"), True, 1, "photographs", None)


@pytest.mark.parametrize(
    ("device", "asked", "kept"),
    [
        ("cpu", {}, "results.json"),
        ("cuda", {}, "results-cuda.json"),
        ("cuda", {"only": ["normalisation", "training", "atlas", "deconv"]}, "results-cuda.json"),
        ("cuda", {"only": ["deconv"]}, None),
        ("cpu", {"only": ["normalisation", "training", "atlas", "deconv"]}, None),
        ("cuda", {"quick": True}, None),
        ("cuda", {"images": "photographs"}, None),
    ],
)
def test_only_a_run_of_all_sections_is_kept(device: str, asked: dict[str, Any], kept: str | None) -> None:
    given: dict[str, Any] = {"only": None, "quick": False, "images": "specimens", "checkpoint": None, **asked}
    home = program._home(argparse.Namespace(**given), torch.device(device))
    assert (home and home.name) == kept


def test_a_section_is_stopped_once_it_has_had_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = []

    def rows(options: Options, host: Host) -> Iterator[Remark]:
        for number in range(3):
            measured.append(number)
            yield Remark(f"row {number}")

    clock = iter([0.0, 4.0, 11.0])
    monkeypatch.setattr(program, "import_module", lambda name: SimpleNamespace(rows=rows))
    monkeypatch.setattr(program, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    monkeypatch.setitem(program.SECONDS, "cpu", 10.0)
    told = program._measure(Console(quiet=True), "atlas", CPU, HOST)
    assert measured == [0, 1]
    stopped = "atlas was stopped here: it has had its 10 seconds"
    assert [row.text for row in told if isinstance(row, Remark)] == ["row 0", "row 1", stopped]


def test_projections_are_measured_where_captum_is_not_installed(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = Options(CPU.device, True, 1, "photographs", str(write_zfnet(tmp_path / "net.safetensors")))
    monkeypatch.setitem(material.IMAGES, True, 4)
    monkeypatch.setattr(deconv, "find_spec", lambda name: None)
    monkeypatch.setitem(deconv.CHANNELS_COMPARED, True, 1)
    monkeypatch.setitem(deconv.CHANNELS_OF_A_STAGE, True, 2)
    found = list(deconv.rows(options, HOST))
    assert found[0] == Remark("captum is not installed: the rows against it are left out")
    rows = [row for row in found if isinstance(row, Row)]
    assert [row.against for row in rows] == ["dense"] * 5 + [""] * 2
    assert "captum" not in "".join(str(row) for row in found[1:])
    assert rows[-1].name.startswith("conv1 to pool5, 12 channels: ")
    # On a GPU these lines too: what both methods took, and the start that would choose best.
    subject = material.Material(options)
    *measured, best = [remark.text for remark in choice.rows(subject, subject.trunk.stages[:2])]
    assert [line.split(",")[0] for line in measured] == ["conv1", "pool1"]
    assert best.startswith("the choice is right for ")
    assert " of 4 with START['cpu'] = 5.0e+05; " in best
