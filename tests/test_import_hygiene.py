"""What an import may not load, looked at in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys

import pytest

from zfexplore.cli.main import COMMANDS, EXPORTS

HEAVY = ("torch", "torchvision", "numpy", "PIL")


IMPORTS = (
    "import zfexplore",
    "import zfexplore.cli.main",
    "import zfexplore.training.recipe",
    "import zfexplore.nets.zoo",
    "import zfexplore.tui.app",
    "import zfexplore.nets, zfexplore.images, zfexplore.training, zfexplore.deconv, zfexplore.atlas, "
    "zfexplore.figures, zfexplore.exemplars, zfexplore.studies, zfexplore.tui, zfexplore.cli",
    "import zfexplore.settings, zfexplore.showing, zfexplore.choices",
)
HELPED = ([], *([name] for name in COMMANDS), ["export"], *(["export", name] for name in EXPORTS))
LOOK = f"""
import sys
before = set()
for code in eval(sys.argv.pop()):
    exec(code)
    loaded = {{name for name in {HEAVY!r} if name in sys.modules}}
    print("\\nLOADED", *sorted(loaded - before))
    before |= loaded
"""


def help_of(command: list[str]) -> str:
    arguments = ["zfexplore", *command, "--help"]
    return (
        f"sys.argv = {arguments!r}\nfrom zfexplore.cli.main import main\n"
        "try: main()\nexcept SystemExit as stop: assert stop.code == 0, stop.code"
    )


def loaded_by(*codes: str) -> list[list[str]]:
    """What each of ``codes``, run in turn in a fresh interpreter, loads that those before it did not."""
    done = subprocess.run(
        [sys.executable, "-c", LOOK, repr(codes)], capture_output=True, text=True, timeout=60, check=True
    )
    return [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("LOADED")]


def test_importing_it_loads_nothing_heavy():
    assert dict(zip(IMPORTS, loaded_by(*IMPORTS), strict=True)) == dict.fromkeys(IMPORTS, [])


def test_help_loads_nothing_heavy():
    told = [" ".join(command) for command in HELPED]
    found = loaded_by(*map(help_of, HELPED))
    assert dict(zip(told, found, strict=True)) == dict.fromkeys(told, [])


def test_what_is_heavy_is_told_of_the_one_that_loads_it():
    assert loaded_by("import zfexplore", "import numpy", "import numpy.linalg") == [[], ["numpy"], []]


def test_the_public_names_resolve_at_first_use():
    import zfexplore

    assert zfexplore.__all__[0] == "Explorer"
    for name in zfexplore.__all__:
        assert getattr(zfexplore, name).__name__.endswith(name)
    assert set(zfexplore.__all__) <= set(dir(zfexplore))


def test_an_unknown_name_is_an_attribute_error():
    import zfexplore

    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        zfexplore.nope  # noqa: B018
