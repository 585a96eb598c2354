"""CONTRIBUTING.md tells the truth: its rooms exist, in import-linter's order, and so do its files."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "zfexplore"
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def floors() -> list[set[str]]:
    """The rooms of the table, floor by floor from the ground, as module names."""
    found: dict[int, set[str]] = {}
    for floor, room in re.findall(r"(?m)^\| (\d+) \| `(\w+)(?:/|\.py)` \|", PAGE):
        found.setdefault(int(floor), set()).add(room)
    assert list(found) == list(range(len(found)))
    return list(found.values())


def test_the_table_has_every_room_and_no_other():
    packages = {init.parent.name for init in PACKAGE.glob("*/__init__.py")}
    modules = {file.stem for file in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    assert set().union(*floors()) == packages | modules


def test_its_floors_are_the_layers_of_the_import_contract():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (layers,) = (
        contract["layers"]
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    )
    rooms = [set(re.findall(r"zfexplore\.(\w+)", layer)) for layer in layers]
    assert floors() == rooms[::-1]


def test_every_file_and_folder_that_it_names_is_there():
    named = re.findall(r"`([\w./]+(?:\.py|\.toml|\.md|/))`", PAGE)
    missing = [path for path in named if not (ROOT / path).exists() and not (PACKAGE / path).exists()]
    assert len(named) > 40
    assert not missing
