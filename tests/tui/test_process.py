"""The contract that keeps torch in the engine's process names every module of the explorer's own."""

from __future__ import annotations

import tomllib
from pathlib import Path

import zfexplore.tui

ROOT = Path(zfexplore.tui.__file__).parent


def test_the_contract_names_all_but_the_engine():
    project = tomllib.loads((ROOT.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    sources = [contract.get("source_modules", ()) for contract in contracts]
    (named,) = [names for names in sources if "zfexplore.tui.app" in names]
    there = {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}

    assert {name.rpartition(".")[2] for name in named} == there - {"engine", "__init__"}
