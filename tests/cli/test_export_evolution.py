# tests zfexplore/study_figures.py too: its figures are what the two commands write

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from PIL import Image

from zfexplore.explorer import Explorer
from zfexplore.figures.provenance import read_chunks

IMAGES = ("--images", "pictures", "--limit", "3")


@pytest.fixture(scope="session")
def run(material):
    """The folder of a run that kept its weights twice: the second time one layer had turned around."""
    from zfexplore.nets.checkpoint import load_checkpoint, save_checkpoint

    folder = material / "run"
    (folder / "snapshots").mkdir(parents=True, exist_ok=True)
    opened = load_checkpoint(material / "net.safetensors")
    for epoch in (1, 2):
        path = folder / "snapshots" / f"epoch-{epoch:03}.safetensors"
        save_checkpoint(path, opened.module, replace(opened.metadata, epochs=epoch))
        opened.module.get_submodule("conv3").weight.data.neg_()
    return str(folder)


def test_a_run_is_drawn_printed_and_written_as_tables(zfexplore, run, tmp_path, material):
    words = ("export", "evolution", run, "--channels", "0-1", "--tile", "16")
    code, out, _ = zfexplore(*words, source=IMAGES)
    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    assert ["conv2", "1.00", "1.00"] in lines
    assert ["conv3", "-1.00", "-1.00"] in lines
    assert [f"wrote out/evolution.{ending}" for ending in ("png", "csv", "json")] == out.splitlines()[-3:]
    rows = (tmp_path / "out" / "evolution.csv").read_text().splitlines()
    assert len(rows) == 1 + 5 * 2 * 2  # layers, channels, epochs
    chunks = read_chunks(tmp_path / "out" / "evolution.png")
    first, second = json.loads(chunks["unit conv1:0"])
    assert (first["epoch"], second["epoch"]) == (1, 2)
    assert first["activation"] == pytest.approx(second["activation"], rel=1e-5)
    assert not second["another_image"]
    assert chunks["command"].startswith(
        f"zfexplore export evolution {run} --channels 0-1 --tile 16 --images "
    )
    # From Python it is the same; of the run only what it kept before counts.
    last = f"{run}/snapshots/epoch-002.safetensors"
    explorer = Explorer(images=material / "pictures", checkpoint=last, limit=3)
    figure = explorer.evolution_figure(run, channels="0-1", tile=16)
    with Image.open(tmp_path / "out" / "evolution.png") as drawn:
        assert figure.image.tobytes() == drawn.tobytes()
    found = explorer.evolution(run, channels=["conv3:0"])
    assert [moment.epochs for moment in found.moments] == [1, 2]
    # Files in any order are the same, and the figure is replaced without a question.
    one = ("--layer", "conv1", "--channels", "0", "--tile", "16")
    files = [last, f"{run}/snapshots/epoch-001.safetensors"]
    assert zfexplore("export", "evolution", *files, *one, source=IMAGES)[0] == 0
    code, _, remarks = zfexplore("export", "evolution", files[0], source=IMAGES)
    assert (code, remarks.partition(": ")[2]) == (
        2,
        f"{files[0]} is all: give weights of two epochs or more",
    )


def test_what_is_no_run_is_refused_in_one_line(zfexplore, tmp_path):
    (tmp_path / "empty").mkdir()
    code, out, remarks = zfexplore("export", "evolution", "empty", source=IMAGES)
    assert (code, out) == (2, "")
    assert "empty holds no run: name the folder" in remarks
