from __future__ import annotations

import json

import pytest

from zfexplore.cli.main import main
from zfexplore.convention import InputConvention
from zfexplore.nets.checkpoint import Metadata, save_checkpoint
from zfexplore.nets.summary import summarise
from zfexplore.nets.trunk import Trunk
from zfexplore.nets.zfnet import ZFNet


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    net = ZFNet(classes=3, fc=8)
    path = tmp_path_factory.mktemp("net") / "net.safetensors"
    metadata = Metadata(
        "zfnet",
        net.arguments,
        classes=("a", "b", "c"),
        input=InputConvention(mean=(120.0, 110.0, 100.0), std=(5.0, 5.0, 5.0)),
        recipe={"name": "default", "lr": 0.02},
        images={"name": "three classes", "count": 1234},
        epochs=7,
        accuracy={"top1": 0.5},
    )
    save_checkpoint(path, net, metadata)
    return path


def run(monkeypatch, capsys, *words):
    monkeypatch.setattr("sys.argv", ["zfexplore", "info", *map(str, words)])
    monkeypatch.setenv("COLUMNS", "140")
    code = 0
    try:
        main()
    except SystemExit as leave:
        code = int(leave.code or 0)
    return code, capsys.readouterr()


def test_the_tables_say_what_the_paper_says(monkeypatch, capsys, checkpoint):
    code, captured = run(monkeypatch, capsys, checkpoint)
    assert code == 0
    lines = {line.split()[0]: " ".join(line.split()) for line in captured.out.splitlines() if line.strip()}
    assert lines["conv1"] == "conv1 96 110 x 110 7 2 -1 14,208"
    assert lines["conv5"] == "conv5 256 13 x 13 139 16 -59 884,992"
    assert lines["pool5"] == "pool5 256 6 x 6 171 32 -59"
    assert lines["fc6"] == "fc6 8 all 73,736"
    assert lines["classes"] == "classes 3: a, b, c"
    assert "short side to 256, centre 224 x 224, 0..255 less (120, 110, 100), divided by 5" in lines["input"]
    assert lines["images"] == "images name three classes, count 1,234"
    assert lines["recipe"] == "recipe name default, lr 0.02"


def test_json_holds_the_same(monkeypatch, capsys, checkpoint):
    code, captured = run(monkeypatch, capsys, checkpoint, "--json")
    values = json.loads(captured.out)
    assert code == 0
    assert values["stages"][0]["receptive_field"] == {"size": [7, 7], "jump": [2, 2], "start": [-1, -1]}
    assert values["stages"][-1]["receptive_field"] is None
    assert values["parameters"] == sum(stage["parameters"] for stage in values["stages"])
    assert values["classes"] == ["a", "b", "c"]
    assert values["epochs"] == 7


def test_parameters_of_all_stages_are_those_of_the_net():
    net = ZFNet(classes=3, fc=8)
    stages = summarise(Trunk(net), (224, 224))
    assert sum(stage.parameters for stage in stages) == sum(tensor.numel() for tensor in net.parameters())
    assert [stage.name for stage in stages][:3] == ["conv1", "pool1", "conv2"]


def test_a_file_that_is_no_checkpoint_is_one_line(monkeypatch, capsys, tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"nothing of the kind")
    code, captured = run(monkeypatch, capsys, tmp_path / "x.safetensors")
    assert code == 1
    assert captured.out == ""
    assert len(captured.err.split("error:")) == 2
    assert "Traceback" not in captured.err


def written_with(recipe: dict, folder):
    net = ZFNet(classes=3, fc=8)
    save_checkpoint(folder / "net.safetensors", net, Metadata("zfnet", net.arguments, recipe=recipe))
    return folder / "net.safetensors"


def test_metadata_cannot_speak_to_the_terminal(monkeypatch, capsys, tmp_path):
    path = written_with({"name": "\x1b[31mred\nrow"}, tmp_path)
    mark = "\N{REPLACEMENT CHARACTER}"
    assert f"name {mark}[31mred{mark}row" in run(monkeypatch, capsys, path)[1].out


def test_metadata_nested_without_end_is_one_line(monkeypatch, capsys, tmp_path):
    nested: dict = {}
    for _ in range(450):
        nested = {"a": nested}
    code, captured = run(monkeypatch, capsys, written_with(nested, tmp_path))
    assert code == 1
    assert captured.err.startswith("error: RecursionError: maximum recursion depth exceeded")
    assert "Traceback" not in captured.err
