"""Every module has its test at the same path, or is named by the test that looks after it.

The latter says so in a line of its own: ``# tests zfexplore/PATH.py too: REASON``.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ELSEWHERE = re.compile(r"(?m)^# tests (zfexplore/[\w/]+\.py) too: \S.*$")


def modules() -> list[str]:
    found = (path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "zfexplore").rglob("*.py")))
    return [path for path in found if not path.endswith(("__init__.py", "__main__.py"))]


def named_elsewhere() -> list[str]:
    texts = (path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    return [path for text in texts for path in ELSEWHERE.findall(text)]


def mirror(module: str) -> Path:
    room, name = Path(module).relative_to("zfexplore").parent, Path(module).name
    return ROOT / "tests" / room / f"test_{name}"


def test_every_module_has_a_test():
    named = named_elsewhere()
    missing = [module for module in modules() if not mirror(module).is_file() and module not in named]

    assert not missing


def test_what_is_tested_elsewhere_is_there_and_has_no_test_of_its_own():
    for module in named_elsewhere():
        assert (ROOT / module).is_file(), module
        assert not mirror(module).is_file(), module
