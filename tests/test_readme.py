"""The README is a front page: short, with every command, and a link to every page that has more."""

from __future__ import annotations

import re
from pathlib import Path

from zfexplore.cli.main import COMMANDS, EXPORTS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_is_at_most_150_lines():
    assert len(README.splitlines()) <= 150


def test_the_readme_links_to_every_page():
    pages = {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")} | {"CONTRIBUTING.md"}
    assert pages <= set(re.findall(r"\]\(([^)#]+)", README))


def test_the_readmes_table_has_every_command():
    shown = set(re.findall(r"`zfexplore (export \w+|\w+)", README.partition("## Every command")[2]))
    assert shown == {*COMMANDS, *(f"export {name}" for name in EXPORTS)}


def test_the_readmes_python_is_five_lines():
    (block,) = re.findall(r"(?ms)^```python\n(.*?)^```", README)
    assert len([line for line in block.splitlines() if line]) == 5
