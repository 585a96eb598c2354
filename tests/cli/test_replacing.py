from __future__ import annotations

import sys

import pytest

from tests.support import noise_picture

EXPORTS = {
    "grid": ("export", "grid", "--layer", "conv1", "--channels", "0", "--tile", "16", "--npz"),
    "channel": ("export", "channel", "conv1:0", "--tile", "16", "--npz"),
    "filters": ("export", "filters", "--channels", "0", "--tile", "16"),
    "csv": ("export", "atlas", "--format", "csv"),
    "npz": ("export", "atlas", "--format", "npz"),
    "unit": ("export", "unit", "conv1:0@1,1", "own/me.png", "--tile", "16", "--npz"),
    "explain all": ("explain", "own", "--layer", "conv1", "--count", "1", "--out", "out"),
}


@pytest.fixture(autouse=True)
def own_picture(tmp_path):
    (tmp_path / "own").mkdir()
    noise_picture(70, seed=1).save(tmp_path / "own" / "me.png")


@pytest.fixture
def another(material):
    """The same images below another net."""
    from zfexplore.convention import InputConvention
    from zfexplore.nets.checkpoint import Metadata, save_checkpoint
    from zfexplore.nets.zfnet import ZFNet, initialise

    path = material / "another.safetensors"
    if not path.exists():
        net = ZFNet(classes=3, fc=16)
        initialise(net, "xavier", seed=2)
        convention = InputConvention(size=64, resize=72, scale=1.0, mean=(0.5, 0.5, 0.5))
        save_checkpoint(path, net, Metadata("zfnet", net.arguments, ("a", "b", "c"), convention))
    return ("--images", "pictures", "--checkpoint", str(path))


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("words", EXPORTS.values(), ids=EXPORTS)
def test_no_export_replaces_another_nets_files_unasked(zfexplore, another, tmp_path, words):
    out = tmp_path / "out"
    assert zfexplore(*words)[0] == 0
    before = contents(out)
    assert zfexplore(*words)[0] == 0  # the same origin: in silence
    assert contents(out) == before
    for name in before:  # each alone keeps the others from being written
        for other in out.iterdir():
            other.unlink()
        (out / name).write_bytes(before[name])
        code, told, remarks = zfexplore(*words, source=another)
        assert (code, told) == (1, "")
        assert f"out/{name} " in remarks
        assert "give another --out, or --overwrite to replace it" in remarks
        assert contents(out) == {name: before[name]}
    for name in before:
        (out / name).write_bytes(before[name])
    assert zfexplore(*words, "--overwrite", source=another)[0] == 0
    assert set(contents(out)) == set(before)
    assert all(contents(out)[name] != before[name] for name in before)


def test_whose_a_figure_is_is_told(zfexplore, another):
    zfexplore(*EXPORTS["filters"])
    _, _, remarks = zfexplore(*EXPORTS["filters"], source=another)
    assert "out/filters.png came from another checkpoint (zfexplore export filters" in remarks


@pytest.mark.parametrize("name", ["conv1-0.csv", "conv1-0.json", "conv1-0.npz"])
def test_files_of_somebody_else_beside_a_figure_stay(zfexplore, tmp_path, name):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("my notes\n")
    code, _, remarks = zfexplore(*EXPORTS["channel"])
    assert code == 1
    assert f"out/{name} was not made by zfexplore" in remarks
    assert contents(tmp_path / "out") == {name: b"my notes\n"}


@pytest.mark.parametrize("answer", [True, False])
def test_in_a_terminal_it_asks(tmp_path, monkeypatch, answer):
    from zfexplore.cli.replacing import check_replacing
    from zfexplore.errors import ExploreError

    asked = []
    monkeypatch.setattr("typer.confirm", lambda text, **_: asked.append(text) or answer)
    for stream in (sys.stdin, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    path = tmp_path / "x.png"
    path.write_bytes(b"a holiday picture")
    if answer:
        check_replacing({}, path, overwrite=False)
    else:
        with pytest.raises(ExploreError, match="x.png stays as it is"):
            check_replacing({}, path, overwrite=False)
    assert asked == [f"{path} was not made by zfexplore. Replace it?"]
