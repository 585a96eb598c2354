"""ImageNet's classes by WordNet's names for them, which ImageNet's folders bear (``n01440764``: tench).

The list, ``synsets.txt``, says where it is from.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from zfexplore.nets import zoo

_FOLDER = re.compile(r"(n\d{8})(?:[-_ ].*)?")  # Stanford's dogs are n02085620-Chihuahua


def class_of_synset(folder: str) -> str | None:
    """Give torchvision's name of the class that a folder of ImageNet holds; None for any other name."""
    named = _FOLDER.fullmatch(folder)
    return _classes().get(named[1]) if named else None


@cache
def _classes() -> dict[str, str]:
    lines = Path(__file__).with_name("synsets.txt").read_text(encoding="utf-8").splitlines()
    synsets = [synset for line in lines if not line.startswith("#") for synset in line.split()]
    return dict(zip(synsets, zoo.class_names("resnet18"), strict=True))
