from __future__ import annotations

import pickle

import pytest
import torch
from safetensors.torch import save_file

from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.nets.checkpoint import load_checkpoint
from zfexplore.nets.convert import convert_state_dict
from zfexplore.nets.zfnet import ZFNet


def foreign(net: ZFNet) -> dict[str, torch.Tensor]:
    """The same tensors under another author's names."""
    return {f"module.layers.{i}": tensor for i, tensor in enumerate(net.state_dict().values())}


@pytest.fixture(scope="module")
def net() -> ZFNet:
    torch.manual_seed(1)
    return ZFNet(classes=3, fc=4, norm="replication").eval()


@pytest.mark.parametrize("nesting", [(), ("state_dict",), ("model", "state_dict")])
def test_foreign_names_are_matched_by_order_and_shape(net, tmp_path, nesting):
    values = foreign(net)
    for key in reversed(nesting):
        values = {key: values, "epoch": 3}
    torch.save(values, tmp_path / "x.pth")
    convert_state_dict(tmp_path / "x.pth", tmp_path / "x.safetensors")
    loaded = load_checkpoint(tmp_path / "x.safetensors")
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(loaded.module(images), net(images))
    assert loaded.metadata.arguments["norm"] == "replication"


def test_a_bgr_net_is_turned_round_to_rgb(net, tmp_path):
    torch.save(foreign(net), tmp_path / "x.pth")
    convert_state_dict(tmp_path / "x.pth", tmp_path / "x.safetensors", bgr=True)
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
        convention=InputConvention(scale=255.0),
        classes=tmp_path / "names.txt",
    )
    metadata = load_checkpoint(tmp_path / "x.safetensors").metadata
    assert metadata.classes == ("cat", "dog", "owl")
    assert metadata.input.scale == 255.0


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
        ({"a": torch.zeros(2)}, "is no ZFNet: it has 1 tensors where eight layers have 16"),
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

    (tmp_path / "x.pth").touch()
    monkeypatch.setattr(torch, "load", load)
    with pytest.raises(ExploreError, match=f"not a torch file, or is cut short .{error.__name__}."):
        convert_state_dict(tmp_path / "x.pth", tmp_path / "x.safetensors")


def test_a_file_that_holds_itself_comes_to_an_end(tmp_path):
    endless: dict = {}
    endless["model"] = endless
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
