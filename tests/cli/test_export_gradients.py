"""The command around the study, which is exchanged for one that takes no steps."""

from __future__ import annotations

import pytest

from zfexplore.figures.provenance import read_chunks
from zfexplore.progress import Finished
from zfexplore.studies import initialisation
from zfexplore.studies.starts import STARTS, Beginnings, StartRun


@pytest.fixture
def study(monkeypatch):
    """Two starts, after which comes Ctrl-C if it is asked for; keeps the options that it was given."""

    class Study:
        interrupted = False

        def __call__(self, source, **options):
            self.source, self.options = source, options
            runs = [
                StartRun(start, ("conv1", "fc2"), (2.0, 1.0), ((1.0, 2.0),) * 2, (1.0, 1.0), (0.25, 0.5))
                for start in STARTS[:2]
            ]
            for count in (1, 2):
                found = Beginnings(tuple(runs[:count]), 1.5, 6, 2, 2, 64, 8, 0)
                yield found
                if self.interrupted:
                    raise KeyboardInterrupt
            yield Finished(found)

    monkeypatch.setattr(initialisation, "gradients", study := Study())
    return study


IMAGES = ("--images", "pictures")


def test_figure_table_and_outcomes(zfexplore, study, tmp_path):
    code, out, remarks = zfexplore("export", "gradients", "--steps", "2", "--fc", "8", source=IMAGES)
    assert code == 0
    assert out.endswith("wrote out/gradients.png\nwrote out/gradients.csv\n")
    assert out.count("constant 0.01") == out.count("learns") == 2
    assert "25.00%" in out  # of the convolution
    assert "constant 0.01, inputs in [0, 1], rate 0.0001: learns" in remarks
    assert (study.options["steps"], study.options["fc"], study.source.classes) == (2, 8, ("a", "b"))
    head, *rows = (tmp_path / "out" / "gradients.csv").read_text().splitlines()
    assert head == "init,input,rate,outcome,step,loss,conv1,fc2"
    assert rows[0] == 'constant,"[0, 1]",0.01,learns,1,2.0,1.0,2.0'
    command = read_chunks(tmp_path / "out" / "gradients.png")["command"]
    assert command.startswith("zfexplore export gradients --images ")
    assert command.endswith("--steps 2 --batch-size 16 --size 64 --fc 8 --seed 0")
    assert zfexplore("export", "gradients", "--steps", "2", source=IMAGES)[0] == 0  # of the same images
    code, _, remarks = zfexplore("export", "gradients", "--seed", "1", source=IMAGES)
    assert (code, "give another --out, or --overwrite" in remarks) == (1, True)


def test_ctrl_c_draws_the_starts_that_are_complete(zfexplore, study, tmp_path):
    study.interrupted = True
    code, _, remarks = zfexplore("export", "gradients", source=IMAGES)
    assert code == 130
    assert "interrupted: 1 of 12 starts are in out/gradients-partial.png; the same command goes on" in remarks
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "gradients-partial.csv",
        "gradients-partial.png",
    ]
    assert len((tmp_path / "out" / "gradients-partial.csv").read_text().splitlines()) == 3
    assert zfexplore("export", "gradients", source=IMAGES)[0] == 130  # which replaces its own


@pytest.mark.parametrize("name", ["gradients-partial.png", "gradients-partial.csv"])
def test_what_is_complete_so_far_replaces_nobody_elses_file(zfexplore, study, tmp_path, name):
    study.interrupted = True
    (tmp_path / "out").mkdir()
    (theirs := tmp_path / "out" / name).write_text("mine")
    code, _, remarks = zfexplore("export", "gradients", source=IMAGES)
    assert code == 130
    assert f"1 of 12 starts are complete, but not drawn: out/{name} was not made by zfexplore" in remarks
    assert [path.name for path in (tmp_path / "out").iterdir()] == [name]
    assert theirs.read_text() == "mine"
