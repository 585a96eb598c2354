from __future__ import annotations

import importlib
import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file

from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.nets.checkpoint import load_checkpoint
from zfexplore.nets.convert import Fed, convert_state_dict
from zfexplore.nets.zfnet import ZFNet
from zfexplore.nets.zoo import IMAGENET_INPUT, make_net


def foreign(net: ZFNet) -> dict[str, torch.Tensor]:
    """The same tensors under another author's names."""
    return {f"module.layers.{i}": tensor for i, tensor in enumerate(net.state_dict().values())}


@pytest.fixture(scope="module")
def net() -> ZFNet:
    torch.manual_seed(1)
    return ZFNet(classes=3, fc=4, norm="replication").eval()


@pytest.mark.parametrize("nesting", [(), ("state_dict",), ("model", "state_dict")])
def test_foreign_names_are_matched_by_shape_and_number(net, tmp_path, nesting):
    values = foreign(net)
    for key in reversed(nesting):
        values = {key: values, "epoch": 3}
    torch.save(values, tmp_path / "x.pth")
    convert_state_dict(tmp_path / "x.pth", tmp_path / "x.safetensors")
    loaded = load_checkpoint(tmp_path / "x.safetensors")
    found = loaded.module.state_dict()
    assert all(torch.equal(tensor, found[name]) for name, tensor in net.state_dict().items())
    assert loaded.metadata.arguments["norm"] == "replication"


def test_a_bgr_net_is_turned_round_to_rgb(net, tmp_path):
    torch.save(foreign(net), tmp_path / "x.pth")
    convert_state_dict(tmp_path / "x.pth", tmp_path / "x.safetensors", fed=Fed(bgr=True))
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        ours = load_checkpoint(tmp_path / "x.safetensors").module(images.flip(1))
        torch.testing.assert_close(ours, net(images), rtol=1e-5, atol=1e-6)


def test_class_names_and_convention_are_recorded(net, tmp_path):
    torch.save(foreign(net), tmp_path / "x.pth")
    (tmp_path / "names.txt").write_text("cat\ndog\nowl\n")
    convert_state_dict(
        tmp_path / "x.pth",
        tmp_path / "x.safetensors",
        fed=Fed(scale=255.0, mean=(110.0,), size=64),
        classes=tmp_path / "names.txt",
    )
    metadata = load_checkpoint(tmp_path / "x.safetensors").metadata
    assert metadata.classes == ("cat", "dog", "owl")
    assert metadata.input == InputConvention(64, 73, 255.0, (110.0, 110.0, 110.0))


class Payload:
    def __reduce__(self):
        import os

        return os.system, ("touch /tmp/zfexplore-should-not-exist",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": Payload()}, "more than tensors, which is refused"),
        ([1, 2], "holds a list and not a state dict"),
        ({"epoch": 3}, "holds no tensors"),
        (
            {"a": torch.zeros(2)},
            r"fits no net that zfexplore knows: its 1 tensor has other names or shapes .*give --net",
        ),
    ],
)
def test_what_is_no_state_dict_is_one_clear_line(tmp_path, content, message):
    torch.save(content, tmp_path / "x.pth")
    with pytest.raises(ExploreError, match=message) as caught:
        convert_state_dict(tmp_path / "x.pth", tmp_path / "x.safetensors")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "x.safetensors").exists()


def test_a_wrong_shape_names_their_tensor_and_ours(net, tmp_path):
    values = foreign(net)
    values["module.layers.0"] = torch.zeros(96, 3, 11, 11)
    torch.save(values, tmp_path / "x.pth")
    with pytest.raises(
        ExploreError, match=r"module\.layers\.0 is \(96, 3, 11, 11\) where conv1\.weight is \(96, 3, 7, 7\)"
    ):
        convert_state_dict(tmp_path / "x.pth", tmp_path / "x.safetensors")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda weight: weight * float("nan"),
        lambda weight: weight.to(torch.int8),
        lambda w: w.to(torch.complex64),
    ],
)
def test_values_that_are_no_finite_numbers_are_refused_before_anything_is_written(net, tmp_path, spoil):
    values = foreign(net)
    values["module.layers.2"] = spoil(values["module.layers.2"])
    torch.save(values, tmp_path / "x.pth")
    with pytest.raises(ExploreError, match=r"module\.layers\.2 holds torch\.\w+ values that are not finite"):
        convert_state_dict(tmp_path / "x.pth", tmp_path / "x.safetensors")
    assert not (tmp_path / "x.safetensors").exists()


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("x.pth", r"name ends in \.safetensors: .*x\.pth does not"),
        ("x", r"name ends in \.safetensors"),
        ("folder.safetensors", "is a folder"),
        ("bare.safetensors", "is the file to read; name another one"),
    ],
)
def test_a_name_that_would_not_do_is_refused_and_the_file_that_is_read_left_alone(
    net, tmp_path, out, message
):
    (tmp_path / "folder.safetensors").mkdir()
    torch.save(foreign(net), tmp_path / "x.pth")
    save_file({"a": torch.zeros(2)}, tmp_path / "bare.safetensors")
    file = tmp_path / (out if out == "bare.safetensors" else "x.pth")
    before = file.read_bytes()
    with pytest.raises(ExploreError, match=message) as caught:
        convert_state_dict(file, tmp_path / out)
    assert caught.value.exit_code == 2
    assert file.read_bytes() == before


def test_a_pickle_of_another_protocol_is_refused_without_a_warning(tmp_path):
    (tmp_path / "x.pth").write_bytes(pickle.dumps({"a": Payload()}, protocol=4))
    with pytest.raises(ExploreError, match="more than tensors, which is refused"):
        convert_state_dict(tmp_path / "x.pth", tmp_path / "x.safetensors")


def test_garbage_and_missing_files_say_so(tmp_path):
    (tmp_path / "x.pth").write_bytes(b"not a torch file at all")
    with pytest.raises(ExploreError, match="not a torch file|more than tensors"):
        convert_state_dict(tmp_path / "x.pth", tmp_path / "x.safetensors")
    with pytest.raises(ExploreError, match="is not there"):
        convert_state_dict(tmp_path / "y.pth", tmp_path / "x.safetensors")


@pytest.mark.parametrize("error", [IndexError, AssertionError, MemoryError])
def test_whatever_torch_raises_on_a_damaged_file_is_one_clear_line(tmp_path, monkeypatch, error):
    def load(*_arguments, **_options):
        raise error("pop from\nempty list")

    (tmp_path / "x.pth").write_bytes(pickle.dumps({}, protocol=2))
    monkeypatch.setattr(torch, "load", load)
    with pytest.raises(ExploreError, match=f"not a torch file, or is cut short .{error.__name__}."):
        convert_state_dict(tmp_path / "x.pth", tmp_path / "x.safetensors")


def test_a_file_that_holds_itself_comes_to_an_end(tmp_path):
    endless: dict = {}
    endless["model"] = endless["other"] = endless
    torch.save(endless, tmp_path / "x.pth")
    with pytest.raises(ExploreError, match="holds no tensors"):
        convert_state_dict(tmp_path / "x.pth", tmp_path / "x.safetensors")


def test_class_names_must_be_as_many_as_the_nets(net, tmp_path):
    torch.save(foreign(net), tmp_path / "x.pth")
    (tmp_path / "names.txt").write_text("cat\n")
    with pytest.raises(ExploreError, match="names 1 classes, the net has 3"):
        convert_state_dict(tmp_path / "x.pth", tmp_path / "x.safetensors", classes=tmp_path / "names.txt")


@pytest.mark.parametrize(
    "prefixes",
    [
        ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"),
        tuple(f"features.{number}" for number in (0, 3, 7, 9, 11, 20, 23, 26)),
    ],
)
def test_a_bare_safetensors_file_converts_though_its_names_come_sorted(net, tmp_path, prefixes):
    weights = list(net.state_dict().values())
    named = {
        f"{prefix}.{part}": weights[2 * i + j]
        for i, prefix in enumerate(prefixes)
        for j, part in enumerate(("weight", "bias"))
    }
    save_file(named, tmp_path / "bare.safetensors")
    convert_state_dict(tmp_path / "bare.safetensors", tmp_path / "x.safetensors")
    assert torch.equal(load_checkpoint(tmp_path / "x.safetensors").module.fc8.weight, net.fc8.weight)


def replications(net: ZFNet) -> dict[str, torch.Tensor]:
    """The names of the replication (Yao 2024), which sort the fully connected layers before the others."""
    layers = [*(f"layer{number}.0" for number in range(5)), "fc1.0", "fc2.0", "fc3"]
    names = [f"{layer}.{part}" for layer in layers for part in ("weight", "bias")]
    return dict(zip(names, net.state_dict().values(), strict=True))


@pytest.mark.parametrize("classes", [3, 4])  # 4: fc7 and fc8 have the same shape, and only names tell
def test_the_replications_own_names_convert_from_safetensors(tmp_path, classes):
    torch.manual_seed(2)
    net = ZFNet(classes=classes, fc=4)
    torch.nn.init.normal_(net.fc7.bias)
    save_file(replications(net), tmp_path / "bare.safetensors")
    convert_state_dict(tmp_path / "bare.safetensors", tmp_path / "x.safetensors")
    found = load_checkpoint(tmp_path / "x.safetensors").module.state_dict()
    assert all(torch.equal(tensor, found[name]) for name, tensor in net.state_dict().items())


def test_layers_that_only_their_names_could_tell_apart_are_named(net, tmp_path):
    values = foreign(net)
    values["first.bias"], values["last.bias"] = values.pop("module.layers.3"), values.pop("module.layers.9")
    torch.save(values, tmp_path / "x.pth")
    told = r"(first|last)\.bias and (first|last)\.bias have the same shape"
    with pytest.raises(ExploreError, match=told) as caught:
        convert_state_dict(tmp_path / "x.pth", tmp_path / "x.safetensors")
    assert "which is conv2.bias and which conv5.bias" in str(caught.value)


@pytest.fixture(scope="module")
def squeezed() -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    return make_net("squeezenet1_1", {"num_classes": 5}).state_dict()


def test_a_net_of_torchvisions_is_found_with_its_head_and_its_input(squeezed, tmp_path):
    torch.save({"net": {f"module.{name}": tensor for name, tensor in squeezed.items()}}, tmp_path / "x.pth")
    converted = convert_state_dict(tmp_path / "x.pth", tmp_path / "x.safetensors")
    assert converted.metadata.architecture == "squeezenet1_1"
    assert converted.metadata.arguments == {"num_classes": 5}
    assert converted.metadata.input == IMAGENET_INPUT
    assert converted.notes == ()
    stored = load_file(tmp_path / "x.safetensors")
    assert all(torch.equal(tensor, stored[name]) for name, tensor in squeezed.items())


def test_the_scale_takes_mean_and_std_along_unless_they_are_given(squeezed, tmp_path):
    torch.save(squeezed, tmp_path / "x.pth")
    fed = Fed(scale=255.0, std=(1.0,))
    metadata = convert_state_dict(tmp_path / "x.pth", tmp_path / "x.safetensors", fed=fed).metadata
    assert metadata.input.mean == pytest.approx((123.675, 116.28, 103.53))
    assert metadata.input.std == (1.0, 1.0, 1.0)


def test_a_norm_is_for_zfnet_alone(squeezed, tmp_path):
    torch.save(squeezed, tmp_path / "x.pth")
    with pytest.raises(ExploreError, match="--norm is for zfnet alone, and .* holds squeezenet1_1"):
        convert_state_dict(tmp_path / "x.pth", tmp_path / "x.safetensors", norm="krizhevsky")


def test_a_net_that_is_named_must_fit(squeezed, tmp_path):
    torch.save(squeezed, tmp_path / "x.pth")
    with pytest.raises(
        ExploreError, match=r"x\.pth does not fit squeezenet1_0: .* is \(64, 3, 3, 3\) and not"
    ):
        convert_state_dict(tmp_path / "x.pth", tmp_path / "x.safetensors", net="squeezenet1_0")
    with pytest.raises(ExploreError, match="no net called 'squeezenet': choose .*like it: squeezenet1"):
        convert_state_dict(tmp_path / "x.pth", tmp_path / "x.safetensors", net="squeezenet")


def test_thousand_classes_are_taken_for_imagenets_and_that_is_said(tmp_path):
    torch.save(make_net("squeezenet1_1", {}).state_dict(), tmp_path / "x.pth")
    converted = convert_state_dict(tmp_path / "x.pth", tmp_path / "x.safetensors")
    assert converted.metadata.classes[0] == "tench"
    assert converted.notes == ("its 1000 classes are taken for ImageNet's; --classes FILE names others",)


def test_inceptions_input_is_turned_as_for_torchvisions_weights_unless_it_is_said(tmp_path):
    state = make_net("googlenet", {"num_classes": 2}).state_dict()
    torch.save(state | {"aux1.fc2.weight": torch.zeros(2, 1024)}, tmp_path / "x.pth")
    converted = convert_state_dict(tmp_path / "x.pth", tmp_path / "x.safetensors")
    assert converted.metadata.arguments == {"num_classes": 2, "transform_input": True}
    assert converted.notes == ("left out: aux1.fc2.weight: classifiers that only training uses",)
    fed = Fed(mean=(0.5,), std=(0.5,))
    metadata = convert_state_dict(tmp_path / "x.pth", tmp_path / "x.safetensors", fed=fed).metadata
    assert metadata.arguments["transform_input"] is False


GREY_NET = """
from torch import nn

def make():
    return nn.Sequential(
        nn.Conv2d(1, 4, 5), nn.ReLU(), nn.MaxPool2d(4), nn.Flatten(), nn.Linear(4 * 6 * 6, 10)
    )
"""


def test_a_net_of_the_users_own_is_converted_by_the_code_that_makes_it(tmp_path, monkeypatch):
    (tmp_path / "grey_net.py").write_text(GREY_NET)
    monkeypatch.syspath_prepend(tmp_path)
    made = importlib.import_module("grey_net").make()
    torch.save({"model": made.state_dict()}, tmp_path / "x.pth")
    (tmp_path / "digits.txt").write_text("".join(f"{digit}\n" for digit in range(10)))
    converted = convert_state_dict(
        tmp_path / "x.pth",
        tmp_path / "x.safetensors",
        net="grey_net:make",
        fed=Fed(mean=(0.1307,), std=(0.3081,)),
        classes=tmp_path / "digits.txt",
    )
    metadata = converted.metadata
    assert metadata.architecture == "grey_net:make"
    assert metadata.input == InputConvention(28, 28, 1.0, (0.1307,), (0.3081,))
    assert metadata.classes == tuple("0123456789")
    assert torch.equal(load_file(tmp_path / "x.safetensors")["0.weight"], made[0].weight)
    assert converted.notes == ()
    with pytest.raises(
        ExploreError, match="grey_net:make fails on an input of 1 x 64 x 64 with RuntimeError"
    ):
        convert_state_dict(
            tmp_path / "x.pth", tmp_path / "y.safetensors", net="grey_net:make", fed=Fed(size=64)
        )
    with pytest.raises(ExploreError, match=r"--mean takes one number for this net; not 3"):
        convert_state_dict(
            tmp_path / "x.pth", tmp_path / "y.safetensors", net="grey_net:make", fed=Fed(mean=(1.0, 2.0, 3.0))
        )
    with pytest.raises(ExploreError, match="--bgr is for nets of three colours"):
        convert_state_dict(
            tmp_path / "x.pth", tmp_path / "y.safetensors", net="grey_net:make", fed=Fed(bgr=True)
        )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"scale": float("nan")}, "the scale must be a positive number, not nan"),
        ({"std": (1.0, 0.0, 1.0)}, "the std must be three positive numbers, not 1, 0, 1"),
        ({"mean": (float("inf"),)}, "the mean must be a finite number, not inf"),
    ],
)
def test_numbers_that_no_input_can_have_are_refused(given, message):
    with pytest.raises(ExploreError, match=message) as caught:
        Fed(**given)
    assert caught.value.exit_code == 2
