from __future__ import annotations

import json
import shutil
from statistics import median

import pytest

from zfexplore.figures.provenance import read_chunks

IMAGES = ("--images", "pictures")


@pytest.fixture(scope="session")
def nets(material):
    """The material's net, and the same with the channels of its first convolution in another order."""
    from zfexplore.nets.checkpoint import load_checkpoint, save_checkpoint

    path = material / "turned.safetensors"
    if not path.exists():
        opened = load_checkpoint(material / "net.safetensors")
        first = _first_convolution(opened.module)
        first.weight.data = first.weight.data.flip(0)
        first.bias.data = first.bias.data.flip(0)
        save_checkpoint(path, opened.module, opened.metadata)
    return str(material / "net.safetensors"), str(path)


def _first_convolution(module):
    from torch import nn

    return next(each for each in module.modules() if isinstance(each, nn.Conv2d))


def test_the_same_channels_are_found_at_other_numbers(zfexplore, nets, tmp_path):
    code, out, _ = zfexplore("compare", *nets, "--layer", "conv1", "--json", source=IMAGES)
    assert code == 0
    found = json.loads(out)
    assert (found["layer"], found["other_layer"], found["images"]) == ("conv1", "conv1", 6)
    assert found["matches"]
    for match in found["matches"]:
        assert match["correlation"] == pytest.approx(1, abs=1e-3)
        own, other = (int(match[each].split(":")[1]) for each in ("unit", "other"))
        assert other == 95 - own
    told = [len(found[part]) for part in ("matches", "unmatched_a", "dead_a")]
    assert sum(told) == 96

    words = ("compare", *nets, "--layer", "conv1", "--count", "2", "--tile", "16", "--out", "pairs.png")
    code, out, _ = zfexplore(*words, source=IMAGES)
    assert code == 0
    best = found["matches"][0]
    (line,) = [line for line in out.splitlines() if f" {best['unit']} " in line]
    assert best["other"] in line
    assert f"and {len(found['matches']) - 2} more pairs" in out
    assert "wrote pairs.png" in out
    chunks = read_chunks(tmp_path / "pairs.png")
    units = [key for key in chunks if key.startswith("unit ")]
    expected = [
        f"unit {net} {match[end]}"
        for match in found["matches"][:2]
        for net, end in (("A", "unit"), ("B", "other"))
    ]
    assert units == expected
    assert len(set(chunks["checkpoint"].split())) == 2
    assert chunks["command"].startswith("zfexplore compare ")


def test_without_a_layer_there_is_a_line_for_each(zfexplore, nets):
    code, out, _ = zfexplore("compare", nets[0], nets[0], "--json", source=IMAGES)
    assert code == 0
    found = {each["layer"]: each for each in json.loads(out)}
    assert list(found) == ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]
    _, out, _ = zfexplore("compare", nets[0], nets[0], source=IMAGES)
    for name, each in found.items():
        (line,) = [line for line in out.splitlines() if line.split()[:1] == [name]]
        correlations = [match["correlation"] for match in each["matches"]]
        told = f"{median(correlations):.2f}" if correlations else f"{each['chance']:.2f}"
        assert line.split()[1:3] == [str(len(correlations)), told]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--out", "x.png"), "--out is for one layer: add --layer, as in --layer conv3"),
        (("--layer", "conv9"), "there is no layer 'conv9'"),
        (("--layer", "conv1", "--out", "x.jpg"), "a figure is a PNG file"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(zfexplore, nets, options, message):
    code, out, remarks = zfexplore("compare", *nets, *options, source=IMAGES)
    assert (code, out) == (2, "")
    assert message in remarks


def test_an_index_of_an_older_version_is_built_again(zfexplore, nets, monkeypatch, tmp_path):
    from zfexplore.atlas.container import read_arrays, write_arrays
    from zfexplore.atlas.open import atlas_folder

    cache = tmp_path / "cache"  # one of its own: the fixture's is shared
    monkeypatch.setattr("zfexplore.atlas.open.cache_dir", lambda: cache)
    zfexplore("top", "conv1", "--checkpoint", nets[0], source=IMAGES)
    (path,) = atlas_folder().glob("*.safetensors")
    arrays, header = read_arrays(path)
    older = {name: array for name, array in arrays.items() if "response" not in name and name != "sample"}
    write_arrays(path, older, header)
    code, _, remarks = zfexplore("compare", nets[0], nets[0], "--layer", "conv1", source=IMAGES)
    assert code == 0
    assert "the index is built again" in remarks


def test_that_the_images_are_gone_is_told_before_the_pairs(zfexplore, nets, material, tmp_path):
    gone = ("--images", "gone")
    shutil.copytree(material / "pictures", tmp_path / "gone")
    zfexplore("top", "conv1", "--checkpoint", nets[0], source=gone)
    shutil.rmtree(tmp_path / "gone")
    words = ("compare", nets[0], nets[0], "--layer", "conv1")
    assert zfexplore(*words, source=gone)[0] == 0  # the numbers are still there
    code, out, remarks = zfexplore(*words, "--out", "pairs.png", source=gone)
    assert (code, out) == (1, "")
    assert "they can be neither indexed nor drawn" in remarks
