from __future__ import annotations

import json
import shlex

import pytest
import torch

from zfexplore.cli.main import main
from zfexplore.convention import InputConvention
from zfexplore.nets.checkpoint import Metadata, is_checkpoint, save_checkpoint, write_checkpoint
from zfexplore.nets.summary import summarise
from zfexplore.nets.trunk import Trunk
from zfexplore.nets.zfnet import ZFNet
from zfexplore.nets.zoo import make_net


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
    assert r"name \x1b[31mred\nrow" in run(monkeypatch, capsys, path)[1].out


def test_metadata_nested_without_end_is_one_line(monkeypatch, capsys, tmp_path):
    nested: dict = {}
    for _ in range(450):
        nested = {"a": nested}
    code, captured = run(monkeypatch, capsys, written_with(nested, tmp_path))
    assert code == 1
    assert captured.err.endswith("net.safetensors has unreadable metadata (it is nested too deep)\n")
    assert "Traceback" not in captured.err


def rows(text: str) -> dict[str, str]:
    """The lines of a table of two columns, by their first."""
    return {line[:12].strip(): " ".join(line[12:].split()) for line in text.splitlines() if line.strip()}


@pytest.fixture(scope="module")
def state_dict(tmp_path_factory):
    torch.manual_seed(0)
    state = make_net("squeezenet1_1", {"num_classes": 5}).state_dict()
    path = tmp_path_factory.mktemp("state") / "my-net.pth"
    torch.save({"model": {f"module.{name}": tensor for name, tensor in state.items()}}, path)
    return path


def test_a_state_dict_is_told_with_its_net_and_the_command_to_go_on_with(
    monkeypatch, capsys, state_dict, tmp_path
):
    monkeypatch.chdir(tmp_path)
    code, captured = run(monkeypatch, capsys, state_dict)
    assert code == 0
    told = rows(captured.out)
    assert told["what"] == "a torch file: a state dict"
    assert told["tensors"].startswith("52 with 725,061 values: module.features.0.weight (64, 3, 3, 3) ..")
    assert told["net"] == "architecture squeezenet1_1, num_classes 5"
    assert (
        captured.out.replace("\n", "")
        .replace(" ", "")
        .endswith(f"zfexplore convert {state_dict} --out my-net.safetensors".replace(" ", ""))
    )


def test_json_of_a_state_dict_holds_the_same(monkeypatch, capsys, state_dict, tmp_path):
    monkeypatch.chdir(tmp_path)
    values = json.loads(run(monkeypatch, capsys, state_dict, "--json")[1].out)
    assert (values["net"], values["arguments"], values["tensors"]) == (
        "squeezenet1_1",
        {"num_classes": 5},
        52,
    )
    assert values["go_on"] == f"zfexplore convert {state_dict} --out my-net.safetensors"


def test_the_command_to_go_on_with_is_one_that_works(monkeypatch, capsys, state_dict, tmp_path):
    monkeypatch.chdir(tmp_path)
    values = json.loads(run(monkeypatch, capsys, state_dict, "--json")[1].out)
    monkeypatch.setattr("sys.argv", shlex.split(values["go_on"]))
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code
    assert is_checkpoint(tmp_path / "my-net.safetensors")


def test_of_weights_that_fit_no_net_the_nearest_is_told(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    torch.save(ZFNet(classes=3, fc=4).state_dict() | {"conv1.bias": torch.zeros(7)}, "x.pth")
    told = rows(run(monkeypatch, capsys, "x.pth")[1].out)
    assert told["net"].startswith("fits no net that zfexplore knows; the nearest is zfnet (15 of 16 tensors)")
    assert told["go on with"] == "zfexplore convert x.pth --out x.safetensors --net package.module:factory"


def test_a_checkpoint_of_the_users_code_is_told_without_importing_it(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    write_checkpoint("x.safetensors", {"a": torch.zeros(2)}, Metadata("no_such_module:make", {}))
    code, captured = run(monkeypatch, capsys, "x.safetensors")
    told = rows(captured.out)
    assert (code, told["what"]) == (0, "a zfexplore checkpoint")
    assert told["go on with"] == "zfexplore tui --net no_such_module:make --weights x.safetensors"


def test_a_file_of_another_program_is_told(monkeypatch, capsys, tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"\x08\x07\x12\x07pytorch")
    code, captured = run(monkeypatch, capsys, tmp_path / "x.onnx")
    assert code == 0
    assert rows(captured.out)["what"] == "an ONNX model"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"<html>", "is a web page and not weights"),
        (b"hello", "nor any other that is known"),
    ],
)
def test_what_is_no_file_of_weights_is_one_line(monkeypatch, capsys, tmp_path, content, message):
    (tmp_path / "x.pth").write_bytes(content)
    code, captured = run(monkeypatch, capsys, tmp_path / "x.pth")
    assert (code, captured.out) == (1, "")
    assert message in " ".join(captured.err.split())


def test_filters_are_told_with_the_channels_that_are_dead(zfexplore):
    source = ("--checkpoint", "net.safetensors")
    told = json.loads(zfexplore("info", "--filters", "--json", source=source)[1])
    assert [(row["stage"], row["filters"], row["dead"]) for row in told[:2]] == [
        ("conv1", 96, None),
        ("conv2", 256, None),
    ]
    assert told[0]["median"] == pytest.approx((2 / (49 * 99)) ** 0.5, rel=0.02)  # Xavier's
    code, out, _ = zfexplore("info", "--filters", source=(*source, "--images", "pictures"))
    assert code == 0
    assert "cap 0.1; dead over 6 images" in out
    row = next(line for line in out.splitlines() if line.split()[:1] == ["conv1"]).split()
    assert row[1:2] + row[5:7] == ["96", "0", "0"]
    assert zfexplore("info", "--images", "pictures", source=source)[0] == 2
