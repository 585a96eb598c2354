from __future__ import annotations

from PIL import Image

from zfexplore.figures.figure import Made
from zfexplore.figures.provenance import Origin, read_chunks
from zfexplore.figures.rows import FigureWithRows
from zfexplore.settings import Command


def test_figure_and_rows_are_written_beside_one_another(tmp_path):
    made = Made(
        Origin("zfnet", "fresh", "images", "images", 4), Command(("export", "gradients")), "T", "g.png"
    )
    rows = [{"step": 1, "conv1": 1.0}, {"step": 2, "conv1": 3.5}]
    figure = FigureWithRows(Image.new("RGB", (2, 2)), made, {}, rows=rows)
    assert figure.save(tmp_path / "g.png") == [tmp_path / "g.png", tmp_path / "g.csv"]
    assert (tmp_path / "g.csv").read_text() == "step,conv1\n1,1.0\n2,3.5\n"
    assert read_chunks(tmp_path / "g.png")["checkpoint"] == "fresh"
