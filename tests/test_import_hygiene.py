"""What an import may not load, looked at in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys

import pytest

from zfexplore.cli.main import COMMANDS, EXPORTS

HEAVY = ("torch", "torchvision", "numpy", "PIL")


def loaded_after(code: str) -> set[str]:
    report = f"import sys\n{code}\nprint('LOADED', *(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", report], capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize(
    "code",
    [
        "import zfexplore",
        "import zfexplore.cli.main",
        "import zfexplore.training.recipe",
        "import zfexplore.nets.zoo",
        "import zfexplore.tui.app",
        "import zfexplore.nets, zfexplore.images, zfexplore.training, zfexplore.deconv, zfexplore.atlas, "
        "zfexplore.figures, zfexplore.exemplars, zfexplore.studies, zfexplore.tui, zfexplore.cli",
        "import zfexplore.settings, zfexplore.showing, zfexplore.choices",
    ],
)
def test_importing_it_loads_nothing_heavy(code):
    assert loaded_after(code) == set()


@pytest.mark.parametrize(
    "command", [[], *([name] for name in COMMANDS), ["export"], *(["export", name] for name in EXPORTS)]
)
def test_help_loads_nothing_heavy(command):
    arguments = ["zfexplore", *command, "--help"]
    code = (
        f"sys.argv = {arguments!r}\nfrom zfexplore.cli.main import main\n"
        "try: main()\nexcept SystemExit as stop: assert stop.code == 0, stop.code"
    )
    assert loaded_after(code) == set()


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
