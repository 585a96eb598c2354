"""What is installed: Python, the packages and the files that come along, held against what they should be."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from zfexplore.doctor.records import Package, Part
from zfexplore.errors import ExploreError
from zfexplore.nets.header import SHIPPED, shipped_checkpoint
from zfexplore.opening import open_plain

# The SHA-256 of what comes along. A test says what to write here when a file is replaced.
WEIGHTS = "2caa2d6d253b9be8a10fde4a3b2ef701eb1aded78c7eaf8e1827821b6503681b"
PHOTOGRAPHS = "81c6bdee2eeae0b06b343eb7613da1c2adaabb37339cc4b9ef770f6f4d21fc7a"

# What each needs to be imported as, where that is not its name.
IMPORTED_AS = {
    "fpdf2": "fpdf",
    "pillow": "PIL",
    "pillow-heif": "pillow_heif",
    "textual-image": "textual_image",
}
REQUIRED = ("torch", "torchvision", "textual", "rich", "typer", "pillow", "numpy", "safetensors")
OPTIONAL = {
    "textual-image": "real pixels in the explorer's large view",
    "pillow-heif": "the photographs of telephones (.heic)",
    "fpdf2": "figures as PDF",
    "timm": "timm's nets, as in --net timm:NAME",
    "scipy": "the labels of the set flowers102",
}


def packages() -> tuple[Package, ...]:
    """Give the packages that zfexplore needs, with what it wants of each where that is known."""
    try:
        lines = metadata.requires("zfexplore") or []
    except metadata.PackageNotFoundError:  # run from its source
        lines = []
    wanted = dict(_requirement(line) for line in lines if "extra ==" not in line)
    return tuple(Package(name, version_of(name), wanted.get(name, "")) for name in {**wanted, **_required()})


def _required() -> dict[str, str]:
    return dict.fromkeys(REQUIRED, "")


def optional() -> tuple[Package, ...]:
    """Give the packages that zfexplore can do without, with what each is for."""
    return tuple(Package(name, version_of(name), gives=gives) for name, gives in OPTIONAL.items())


def version_of(name: str) -> str | None:
    """Give an installed package's version; None where it is not there, or only its entry is left."""
    try:
        if find_spec(IMPORTED_AS.get(name, name)) is None:
            return None
        return metadata.version(name)
    except (metadata.PackageNotFoundError, ImportError, ValueError):
        return None


def complaints(found: tuple[Package, ...]) -> Iterator[str]:
    """Yield what is wrong with the packages that are needed, and what to do."""
    for package in found:
        install = f'pip install "{package.name}{package.wanted}"'
        if package.version is None:
            yield f"{package.name} is not installed: {install}"
        elif not _fits(package.version, package.wanted):
            yield f"{package.name} {package.version} does not fit {package.wanted}: {install}"


def parts() -> tuple[Part, ...]:
    """Give the files that come along, each read whole and held against its digest."""
    from zfexplore.images.photographs import ARCHIVE

    try:
        weights, problem = shipped_checkpoint(), ""
    except ExploreError:
        weights, problem = Path(SHIPPED), "is not there"
    return (
        _part("the shipped weights", weights, WEIGHTS, problem),
        _part("the built-in photographs", ARCHIVE, PHOTOGRAPHS),
    )


def _part(name: str, path: Path, digest: str, problem: str = "") -> Part:
    size = 0
    if not problem:
        try:
            size = path.stat().st_size
            with open_plain(path) as file:
                found = hashlib.sha256(file.read()).hexdigest()
            problem = "" if found == digest else "is damaged, or is another file"
        except FileNotFoundError:
            problem = "is not there"
        except OSError as error:
            problem = f"cannot be read ({(error.strerror or 'unreadable').lower()})"
    return Part(name, str(path), size, problem)


def _requirement(line: str) -> tuple[str, str]:
    """Split ``torch>=2.6; marker`` into its name and what is wanted of it."""
    text = line.partition(";")[0].strip()
    name = re.match(r"[\w.-]+", text)
    return (name[0].lower(), text[name.end() :].strip()) if name else (text, "")


def _fits(version: str, wanted: str) -> bool:
    """Hold a version against ``>=8.0,<9``: the two comparisons that pyproject.toml uses."""
    found = _release(version)
    for sign, number in re.findall(r"(>=|<)([\d.]+)", wanted):
        if (found >= _release(number)) != (sign == ">="):
            return False
    return True


def _release(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(?:\.\d+)*", version)
    numbers = [int(part) for part in found[0].split(".")] if found else []
    while numbers and not numbers[-1]:
        numbers.pop()  # 9 and 9.0 are one
    return tuple(numbers)
