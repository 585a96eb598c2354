"""The README's Python is run as it stands, on three images of ours in place of the reader's photographs."""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"


def test_the_readmes_python_runs_as_it_stands(tmp_path, monkeypatch):
    from zfexplore.images.specimens.source import Specimens

    blocks = re.findall(r"(?ms)^```python\n(.*?)^```", README.read_text(encoding="utf-8"))
    (tmp_path / "photos").mkdir()
    for picture in Specimens(limit=3):
        picture.image.save(tmp_path / "photos" / f"{picture.name}.png")
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec("\n".join(blocks), names)
    assert names["atlas"].count == 3
    assert names["place"].value >= 0
    assert names["place"].name.endswith(".png")
