"""What an installed wheel holds, and that the pins allow what the ranges ask for."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from zfexplore.errors import ExploreError
from zfexplore.nets import checkpoint, header

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    (built,) = out.glob("*.whl")
    return zipfile.ZipFile(built)


def test_the_wheel_carries_weights_photographs_with_their_terms_styles_and_the_mark_of_its_types(wheel):
    names = set(wheel.namelist())
    assert {"zfexplore/images/photographs.zip", "zfexplore/images/photographs.md"} <= names
    assert f"zfexplore/checkpoints/{header.SHIPPED}" in names
    assert {"zfexplore/tui/theme.tcss", "zfexplore/tui/screens/screens.tcss"} <= set(names)
    page = ("index.html", "gallery.css", "gallery.js")
    assert {f"zfexplore/figures/gallery/{name}" for name in page} <= names
    assert "zfexplore/py.typed" in names  # type checkers read our annotations only with it
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]


def test_the_wheel_installs_the_command(wheel):
    (entry_points,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "zfexplore = zfexplore.__main__:main" in wheel.read(entry_points).decode()


def test_in_an_installed_wheel_the_weights_are_found_beside_the_package(tmp_path, monkeypatch):
    installed = tmp_path / "zfexplore"
    (installed / "nets").mkdir(parents=True)
    (installed / "checkpoints").mkdir()
    (installed / "checkpoints" / header.SHIPPED).touch()
    monkeypatch.setattr(header, "__file__", str(installed / "nets" / "header.py"))
    assert header.shipped_checkpoint() == installed / "checkpoints" / header.SHIPPED


def test_without_the_shipped_weights_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(header, "__file__", str(tmp_path / "zfexplore" / "nets" / "header.py"))
    with pytest.raises(ExploreError, match="not beside this installation; name a file with --checkpoint"):
        checkpoint.load_checkpoint()


def test_every_direct_dependency_is_pinned_and_the_pin_is_installed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[<>=!~ \[]", requirement)[0] for requirement in wanted}
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    assert names <= set(pins)
    installed = {name: metadata.version(name).partition("+")[0] for name in names}
    assert installed == {name: pins[name] for name in names}
