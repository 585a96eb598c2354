from __future__ import annotations

import sys
from types import ModuleType

import pytest
import torch
from torch import nn

from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.nets import zoo
from zfexplore.nets.checkpoint import Metadata, save_checkpoint
from zfexplore.nets.named import open_named

CODE = """
from torch import nn

def small():
    pooled = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), *pooled)

def flat(channels, side):
    head = nn.Linear(2 * (side - 2) ** 2, 3)
    return nn.Sequential(nn.Conv2d(channels, 2, 3), nn.ReLU(), nn.Flatten(), head)

def digits():
    return flat(1, 28)

def tiles():
    return flat(4, 64)

def odd():
    return flat(3, 50)

def wrapped():
    return nn.DataParallel(flat(1, 28))

def double():
    return flat(1, 28).double()

class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 2, 1), nn.ReLU())

made = small()
number = 3

def gives_a_number():
    return 3

def broken():
    raise KeyError("no\\nsuch")

def leaves():
    raise SystemExit(3)

def needs(width):
    return small()
"""


@pytest.fixture
def code(tmp_path, monkeypatch):
    """A module of the user's own in the current folder."""
    (tmp_path / "users_net.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    yield tmp_path
    sys.modules.pop("users_net", None)


def test_a_net_of_the_zoo_without_weights_is_random_and_says_so():
    one, same, other = (open_named("squeezenet1_1", seed=seed) for seed in (0, 0, 1))
    assert one.notes == ("squeezenet1_1 has random weights (seed 0): give --weights FILE or torchvision",)
    assert (one.input, one.classes, one.random) == (zoo.IMAGENET_INPUT, (), True)
    assert torch.equal(one.module.features[0].weight, same.module.features[0].weight)
    assert not torch.equal(one.module.features[0].weight, other.module.features[0].weight)
    assert not one.module.training
    assert not any(weight.requires_grad for weight in one.module.parameters())


def test_drawing_weights_leaves_the_users_random_numbers_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    open_named("squeezenet1_1")
    assert torch.equal(torch.rand(1), expected)


def test_a_net_of_the_zoo_takes_a_state_dict(tmp_path):
    torch.manual_seed(0)
    state = zoo.make_net("squeezenet1_1", {"num_classes": 3}).state_dict()
    torch.save(
        {"state_dict": {f"module.{name}": tensor for name, tensor in state.items()}}, tmp_path / "x.pth"
    )
    opened = open_named("squeezenet1_1", str(tmp_path / "x.pth"))
    assert opened.arguments == {"num_classes": 3}
    assert opened.notes == opened.classes == ()
    assert torch.equal(opened.module.classifier[1].bias, state["classifier.1.bias"])


def test_a_checkpoint_of_ours_brings_its_classes_and_its_input(tmp_path):
    torch.manual_seed(0)
    net, expected = zoo.make_net("zfnet", {"classes": 2, "fc": 4, "norm": None}), InputConvention(64, 72, 1.0)
    save_checkpoint(tmp_path / "x.safetensors", net, Metadata("zfnet", net.arguments, ("a", "b"), expected))
    opened = open_named("zfnet", str(tmp_path / "x.safetensors"))
    assert (opened.classes, opened.input, opened.arguments["norm"]) == (("a", "b"), expected, None)
    checkpoint = opened.checkpoint()
    assert checkpoint.metadata.classes == ("a", "b")
    assert len(checkpoint.metadata.weights_fingerprint) == 64


def test_weights_of_another_net_are_refused(tmp_path):
    torch.save(zoo.make_net("squeezenet1_0", {"num_classes": 2}).state_dict(), tmp_path / "x.pth")
    with pytest.raises(ExploreError, match=r"x\.pth does not fit squeezenet1_1: "):
        open_named("squeezenet1_1", str(tmp_path / "x.pth"))


def test_pretrained_weights_come_with_imagenets_classes(monkeypatch):
    torch.manual_seed(0)
    state = zoo.make_net("squeezenet1_1", {}).state_dict()
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", lambda *_a, **_k: state)
    opened = open_named("squeezenet1_1", "torchvision")
    assert opened.classes[:2] == ("tench", "goldfish")
    assert torch.equal(opened.module.classifier[1].bias, state["classifier.1.bias"])


@pytest.mark.parametrize(
    ("name", "size", "channels"), [("small", 224, 3), ("digits", 28, 1), ("tiles", 64, 4), ("Net", 224, 3)]
)
def test_the_input_of_the_users_net_is_found(code, name, size, channels):
    opened = open_named(f"users_net:{name}")
    assert (opened.input.size, opened.input.channels) == (size, channels)
    assert opened.input.mean == (zoo.IMAGENET_INPUT.mean if channels == 3 else (0.0,) * channels)
    assert opened.input.resize == (256 if size == 224 else size)
    assert f"users_net:{name} is fed {channels} x {size} x {size}" in opened.notes[1]
    assert ("224 pixels do not do" in opened.notes[1]) == (size != 224)


def test_the_users_weights_are_what_the_code_gives_and_that_is_said(code):
    assert "random ones from seed 4: give --weights FILE" in open_named("users_net:small", seed=4).notes[0]
    import users_net

    opened = open_named("users_net:made")
    assert opened.module is users_net.made
    assert "random" not in opened.notes[0]


def test_the_users_net_takes_a_state_dict_and_then_has_no_random_weights(code):
    state = open_named("users_net:digits", seed=7).module.state_dict()
    torch.save({"model": state}, "x.pth")
    opened = open_named("users_net:digits", "x.pth")
    assert torch.equal(opened.module[0].weight, state["0.weight"])
    assert len(opened.notes) == 1
    torch.save(state | {"0.weight": torch.zeros(2, 1, 5, 5)}, "y.pth")
    with pytest.raises(
        ExploreError, match=r"y\.pth does not fit users_net:digits: 0\.weight is \(2, 1, 5, 5\) and"
    ):
        open_named("users_net:digits", "y.pth")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("users_net:nothing", "users_net has no 'nothing'; it has small, flat, digits"),
        ("users_net:number", "is a int and neither an nn.Module nor a function"),
        ("users_net:gives_a_number", "gives a int and no nn.Module"),
        ("users_net:broken", r"users_net:broken fails with KeyError: 'no\\nsuch' \(--debug shows where\)"),
        ("users_net:leaves", "users_net:leaves fails with SystemExit: 3"),
        ("users_net:needs", "fails with TypeError: needs.. missing 1 required positional argument: 'width'"),
        (
            "users_net:odd",
            "takes no input of 3 channels and 224 pixels, nor of 28, 32.*fails with RuntimeError",
        ),
        ("nowhere_at_all:make", "there is no module 'nowhere_at_all' for nowhere_at_all:make, neither here"),
        ("users_net:", "names no code: write package.module:factory"),
        ("C:\\nets\\a.py", "names no code"),
        ("nets/a.py:make", r"names a file: give its module, as in nets\.a:make"),
        ("lenet", "there is no net called 'lenet': .*; a net of your own is package.module:factory"),
    ],
)
def test_what_is_wrong_with_a_name_or_the_code_is_one_line(code, spec, message):
    with pytest.raises(ExploreError, match=message) as caught:
        open_named(spec)
    assert "\n" not in str(caught.value)


def test_a_module_that_the_users_code_lacks_is_the_codes_error_and_not_a_missing_net(code):
    (code / "lacking_net.py").write_text("import not_installed_at_all\n")
    with pytest.raises(
        ExploreError, match="lacking_net:make fails with ModuleNotFoundError: No module named"
    ):
        open_named("lacking_net:make")


@pytest.mark.parametrize(
    ("spec", "weights", "message"),
    [
        ("zfnet", "torchvision", "torchvision has no weights for zfnet"),
        ("alexnet", "timm", "--weights timm is for timm's nets, as in timm:alexnet"),
        ("users_net:small", "torchvision", "has no pretrained weights to download: give --weights FILE"),
        ("timm:resnet18", "torchvision", "for timm:resnet18 give timm"),
        ("squeezenet1_1", "nowhere.pth", "nowhere.pth is not there"),
    ],
)
def test_weights_that_a_net_cannot_have_are_one_line(code, spec, weights, message):
    with pytest.raises(ExploreError, match=message):
        open_named(spec, weights)


def test_without_timm_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(
        ExploreError, match="timm:resnet18 needs timm, which is not installed: pip install timm"
    ):
        open_named("timm:resnet18")


@pytest.fixture
def timm(monkeypatch):
    """A timm with one net, as far as zfexplore knows timm."""
    fake, data = ModuleType("timm"), ModuleType("timm.data")

    class Tiny(nn.Module):
        default_cfg = {"classifier": "head"}  # noqa: RUF012

        def __init__(self, num_classes: int) -> None:
            super().__init__()
            self.num_classes = num_classes
            self.stem, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, num_classes)

    def create_model(name: str, pretrained: bool = False, num_classes: int = 1000) -> nn.Module:
        if name != "tiny":
            raise RuntimeError(f"Unknown model ({name})")
        return Tiny(num_classes)

    fake.create_model = create_model
    config = {
        "input_size": (3, 160, 160),
        "crop_pct": 0.8,
        "mean": (0.5, 0.5, 0.5),
        "std": (0.25, 0.25, 0.25),
    }
    data.resolve_model_data_config = lambda model: config
    monkeypatch.setitem(sys.modules, "timm", fake)
    monkeypatch.setitem(sys.modules, "timm.data", data)


def test_a_net_of_timms_comes_with_timms_input(timm):
    opened = open_named("timm:tiny")
    assert opened.input == InputConvention(160, 200, 1.0, (0.5,) * 3, (0.25,) * 3)
    assert "timm:tiny has random weights (seed 0)" in opened.notes[0]
    assert opened.random
    pretrained = open_named("timm:tiny", "timm")
    assert (pretrained.classes[0], pretrained.random) == ("tench", False)
    with pytest.raises(ExploreError, match=r"timm:huge fails with RuntimeError: Unknown model \(huge\)"):
        open_named("timm:huge")


def test_a_net_of_timms_takes_a_head_of_another_width(timm, tmp_path):
    state = {"stem.weight": torch.ones(4, 3, 3, 3), "stem.bias": torch.ones(4)}
    state |= {"head.weight": torch.ones(7, 4), "head.bias": torch.ones(7)}
    torch.save({f"module.{name}": tensor for name, tensor in state.items()}, tmp_path / "x.pth")
    opened = open_named("timm:tiny", str(tmp_path / "x.pth"))
    assert opened.module.num_classes == 7
    assert (opened.notes, opened.random) == ((), False)


def test_a_wrapper_is_taken_off_the_users_net(code):
    opened = open_named("users_net:wrapped").checkpoint()

    assert not isinstance(opened.module, nn.DataParallel)
    assert opened.net.names == ("conv1", "fc2")


def test_a_net_of_another_precision_is_explored_in_float32_and_that_is_said(code):
    opened = open_named("users_net:double").checkpoint()

    assert opened.net.dtype == torch.float32
    assert opened.notes[-1] == "users_net:double is explored in float32, which its weights are not in"
