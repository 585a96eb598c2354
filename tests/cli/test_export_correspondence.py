from __future__ import annotations

import json

import pytest

from zfexplore.figures.provenance import read_chunks


@pytest.fixture
def parts(tmp_path):
    """The same box in two of the pictures."""
    box = {"left": 30, "top": 20, "right": 50, "bottom": 40}
    path = tmp_path / "parts.json"
    path.write_text(json.dumps({"a/0.png": {"nose": box}, "b/1.png": {"nose": box}}))
    return path


def test_it_prints_the_table_and_writes_it_beside_the_figure(zfexplore, parts, tmp_path, material):
    words = ("export", "correspondence", "parts.json", "--stages", "conv1,fc7", "--draws", "2")
    code, out, _ = zfexplore(*words, "--out", "x.png")
    assert code == 0
    (line,) = [line.split() for line in out.splitlines() if line.split()[:2] == ["fc7", "nose"]]
    rows = json.loads((tmp_path / "x.json").read_text())["distances"]
    assert [(row["layer"], row["pairs"], row["error"]) for row in rows] == [
        ("conv1", 1, None),
        ("fc7", 1, None),
    ]
    assert float(line[3]) == pytest.approx(rows[1]["distance"], abs=6e-4)
    assert "of all features of a layer, the share whose sign of change (-1, 0, 1) differs" in out
    assert out.splitlines()[-3:] == ["wrote x.png", "wrote x.csv", "wrote x.json"]
    chunks = read_chunks(tmp_path / "x.png")
    assert chunks["picture"] == "parts.json"
    assert "--stages conv1,fc7 --draws 2" in chunks["command"]
    assert not (tmp_path / "atlases").exists()
    # A file from the folder of the parts stands for an image as well, and gives the same.
    (tmp_path / "mine.png").write_bytes((material / "pictures" / "b" / "1.png").read_bytes())
    parts.write_text(parts.read_text().replace("b/1.png", "mine.png"))
    assert zfexplore(*words, "--out", "x.png")[0] == 0
    assert json.loads((tmp_path / "x.json").read_text())["distances"] == rows


def test_a_layer_or_an_image_that_is_not_there_is_told_in_one_line(zfexplore, parts):
    code, out, remarks = zfexplore("export", "correspondence", "parts.json", "--stages", "conv9")
    assert (code, out) == (2, "")
    assert "there is no layer 'conv9'" in remarks
    parts.write_text(parts.read_text().replace("b/1.png", "c.png"))
    code, out, remarks = zfexplore("export", "correspondence", "parts.json")
    assert (code, out) == (1, "")
    assert "c.png is neither one of pictures nor a file: c.png is not there" in remarks
