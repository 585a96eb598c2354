"""What the options that several commands share make of what was typed."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from xml.etree import ElementTree as tree

import pytest
from PIL import Image

from tests.support import noise_picture
from zfexplore.figures.provenance import read_chunks
from zfexplore.nets.checkpoint import load_checkpoint, save_checkpoint
from zfexplore.progress import Finished
from zfexplore.studies import initialisation
from zfexplore.studies.starts import STARTS, Beginnings, StartRun

THE_MATERIAL = (
    ("--images", "pictures", "--checkpoint", "net.safetensors"),
    ("net.safetensors", "--images", "pictures"),
)
PICTURES = ("--images", "pictures")
SVG = "{http://www.w3.org/2000/svg}"
TOLD = "--images photographs is the set of that name; write ./photographs for the folder here"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["top", "conv1", "--limit", "1", "--images", "photographs"], True),
        (["evaluate", "--limit", "1", "--images", "photographs"], True),
        (["top", "conv1", "--limit", "1"], False),  # nothing was typed that could mean the folder
        (["top", "conv1", "--limit", "1", "--images", "./photographs"], False),
    ],
)
def test_where_a_folder_is_called_as_a_set_is_it_says_which_is_taken(
    zfexplore, tmp_path, material, words, told
):
    (tmp_path / "photographs").symlink_to(material / "pictures")
    _, _, remarks = zfexplore(*words, source=())
    assert (TOLD in remarks) is told


@pytest.mark.parametrize("words", [["top", "conv1"], ["evaluate"], ["export", "filters"]])
def test_labels_and_what_was_left_out_are_the_same_for_every_command(zfexplore, tmp_path, material, words):
    (tmp_path / "labels.csv").write_text("0,a\n1,b\n2,c\n77,a\n")
    code, _, remarks = zfexplore(
        *words, "--labels", "labels.csv", source=THE_MATERIAL[words[0] == "evaluate"]
    )
    assert code == 0
    assert remarks.count("left out 1 (77): this row of labels.csv fits no image") == 1
    assert remarks.count("without a class 4 (a/4.png, a/broken.png, b/3.png and 1 more)") == 1


def test_labels_are_for_one_folder(zfexplore, material):
    code, _, remarks = zfexplore(
        "evaluate", "--images", "pictures", "--labels", "labels.csv", source=("--images", "photographs")
    )
    assert (code, remarks) == (2, "error: --labels is for one folder, not for 2: give --images once")


MYNET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.norm, self.b = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 5, 3)
        self.fc = nn.Linear(5 * 24 * 24, 3)

    def forward(self, x):
        return self.fc(torch.relu(self.b(self.norm(self.a(x)).relu())).flatten(1))
"""


@pytest.fixture
def mynet(tmp_path, material, monkeypatch):
    (tmp_path / "mynet_of_options.py").write_text(MYNET)
    monkeypatch.syspath_prepend(tmp_path)
    return ("--net", "mynet_of_options:Net")


def test_a_net_of_ones_own_is_explored_by_every_command(zfexplore, tmp_path, mynet):
    code, out, remarks = zfexplore("info", *mynet, "--json", source=())
    assert code == 0
    assert [(stage["name"], stage["channels"]) for stage in json.loads(out)["stages"]] == [
        ("a", 4), ("b", 5), ("fc", 3),
    ]  # fmt: skip
    assert "mynet_of_options:Net is fed 1 x 28 x 28, 0 to 1" in remarks
    assert zfexplore("index", *mynet, source=PICTURES)[0] == 0
    assert zfexplore("top", "b", *mynet, source=PICTURES)[1].startswith("b: 5 of 5 channels")
    code, out, _ = zfexplore(
        "export", "grid", "--layer", "b", "--channels", "0-1", "--rule", "guided", "--stage", "b",
        "--out", "b.png", *mynet, source=PICTURES,
    )  # fmt: skip
    assert (code, out) == (0, "wrote b.png\n")
    with Image.open(tmp_path / "b.png") as figure:
        assert "--net mynet_of_options:Net --stage b --rule guided" in figure.text["command"]


def test_what_does_not_go_together_is_a_usage_error(zfexplore, mynet):
    for words, told in (
        (["top", "b", "--weights", "x.pth"], "--weights go with --net"),
        (["top", "b", *mynet, "--checkpoint", "x.safetensors"], "give --checkpoint or --net, not both"),
        (["top", "b", *mynet, "--stage", "c*"], "there is no layer 'c*': this net has a, b, fc"),
        (["top", "a", *mynet, "--stage", "b"], "a is not indexed: choose b, or add --stage a"),
        (["top", "b", *mynet, "--rule", "lrp"], "'lrp' is not one of 'deconv', 'guided'"),
    ):
        code, _, remarks = zfexplore(*words, source=PICTURES)
        assert code == 2
        assert told in remarks


def test_a_checkpoint_is_named_by_its_place_or_by_the_option(zfexplore, material):
    net = str(material / "net.safetensors")
    for command, *words in (["info"], ["evaluate", "--images", str(material / "pictures")]):
        by_place = zfexplore(command, net, "--json", *words, source=())[:2]
        assert by_place[0] == 0
        assert zfexplore(command, "--checkpoint", net, "--json", *words, source=())[:2] == by_place
        assert zfexplore(command, net, "--checkpoint", net, "--json", *words, source=())[:2] == by_place
        code, out, remarks = zfexplore(command, net, "--checkpoint", "x.safetensors", *words, source=())
        told = f"error: two checkpoints are given, {net} and x.safetensors: give one"
        assert (code, out, remarks) == (2, "", told)


FEW = ("--tile", "16")
MOVES = ("--translation", "0,4", "--scale", "1", "--rotation", "0")
FIGURES = {
    "occlusion": ("export", "occlusion", "me.png", "--patch", "32", "--stride", "32", *FEW),
    "invariance": ("export", "invariance", "me.png", *MOVES),
    "evolution": ("export", "evolution", "a.safetensors", "b.safetensors", "--layer", "conv1", *FEW),
    "correspondence": ("export", "correspondence", "parts.json", "--stages", "conv1", "--draws", "1", *FEW),
    "ideal": ("export", "ideal", "conv1:0", "--steps", "1", "--starts", "1", *FEW),
    "tree": ("export", "tree", "conv1", "--channels", "0-3", *FEW),
    "gradients": ("export", "gradients"),
    "renormalised": ("export", "renormalised", "a.safetensors"),
    "compare": ("compare", "a.safetensors", "b.safetensors", "--layer", "conv1", "--count", "1", *FEW),
    "transfer": ("transfer", "--per-class", "2", "--splits", "1", "--stage", "fc7"),
    "explain": ("explain", "me.png", "--layer", "conv1", "--count", "1", *FEW),
}
DRAWN_LINES = {"occlusion", "invariance", "evolution", "correspondence", "gradients", "transfer"}
OWN_NETS = {"evolution", "gradients", "compare"}  # --images, but no --checkpoint


@pytest.fixture
def given(material, tmp_path, monkeypatch):
    """What the commands read in their folder; the study of gradients takes no steps."""
    opened = load_checkpoint(material / "net.safetensors")
    for epoch, name in enumerate("ab", start=1):
        metadata = replace(opened.metadata, epochs=epoch)
        save_checkpoint(tmp_path / f"{name}.safetensors", opened.module, metadata)
    noise_picture(72, seed=1).save(tmp_path / "me.png")
    box = {"nose": {"left": 30, "top": 20, "right": 50, "bottom": 40}}
    (tmp_path / "parts.json").write_text(json.dumps({"a/0.png": box, "b/1.png": box}))
    run = StartRun(STARTS[0], ("conv1", "fc2"), (2.0, 1.0), ((1.0, 2.0),) * 2, (1.0, 1.0), (0.25, 0.5))
    found = Beginnings((run,), 1.5, 6, 2, 2, 64, 8, 0)
    monkeypatch.setattr(initialisation, "gradients", lambda *_, **__: iter([Finished(found)]))


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_may_be_svg_with_its_text_lines_and_origin(zfexplore, given, tmp_path, name):
    source = ("--images", "pictures", "--checkpoint", "net.safetensors")
    source = () if name == "renormalised" else source[:2] if name in OWN_NETS else source
    words = (*FIGURES[name], "--out", "x.svg", "--format", "svg", "--dpi", "100")
    code, _, told = zfexplore(*words, source=source)
    assert code == 0, told
    chunks = read_chunks(tmp_path / "x.svg")
    command = shlex.split(chunks["command"])
    assert command[command.index("--format") :][:4] == ["--format", "svg", "--dpi", "100"]
    root = tree.parse(tmp_path / "x.svg").getroot()
    width, height = map(int, root.attrib["viewBox"].split()[2:])
    assert float(root.attrib["width"].removesuffix("in")) == pytest.approx(width / 100, abs=1e-3)
    assert chunks["Title"].split()[0] in " ".join(each.text for each in root.iter(f"{SVG}text"))
    assert (root.find(f".//{SVG}polyline") is not None) >= (name in DRAWN_LINES)
    pictures = [each.attrib for each in root.iter(f"{SVG}image")]
    assert all(int(each["width"]) < width / 2 or int(each["height"]) < height / 2 for each in pictures)


def test_options_of_a_figure_that_is_not_drawn_are_refused_and_a_folder_takes_the_format(
    zfexplore, given, tmp_path
):
    for words in (FIGURES["compare"], FIGURES["transfer"], FIGURES["explain"]):
        code, _, told = zfexplore(*words, "--dpi", "100", source=())
        assert (code, "--dpi is for a figure: say with --out where to draw it" in told) == (2, True)
    (tmp_path / "many").mkdir()
    for seed in (1, 2):
        noise_picture(72, seed=seed).save(tmp_path / "many" / f"{seed}.png")
    assert zfexplore("explain", "many", *FIGURES["explain"][2:], "--out", "o", "--format", "svg")[0] == 0
    assert sorted(path.suffix for path in (tmp_path / "o").iterdir()) == [".svg", ".svg"]
    assert "--format svg" in read_chunks(next((tmp_path / "o").iterdir()))["command"]
