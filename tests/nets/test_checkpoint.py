from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.nets import checkpoint, zoo
from zfexplore.nets.checkpoint import (
    MEAN_IMAGE,
    METADATA_KEY,
    Metadata,
    load_checkpoint,
    save_checkpoint,
    write_checkpoint,
)
from zfexplore.nets.trunk import Trunk
from zfexplore.nets.zfnet import ZFNet

CLASSES = ("cat", "dog", "owl")


def metadata(**changes) -> Metadata:
    values = {
        "architecture": "zfnet",
        "arguments": {"classes": 3, "fc": 4, "norm": "krizhevsky", "dropout": 0.5},
        "classes": CLASSES,
        "input": InputConvention(size=64, resize=73, mean=(1.0, 2.0, 3.0)),
        "recipe": {"name": "paper"},
        "images": {"name": "pets", "count": 12},
        "epochs": 3,
        "accuracy": {"top1": 0.5},
    }
    return Metadata(**(values | changes))


@pytest.fixture(scope="module")
def net() -> ZFNet:
    torch.manual_seed(0)
    return ZFNet(classes=3, fc=4)


@pytest.fixture(scope="module")
def written(net, tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoint") / "net.safetensors"
    save_checkpoint(path, net, metadata())
    return path


def rewritten(path, tmp_path, *, tensors=None, described=None):
    """The same file with something in it changed."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as opened:
        values = json.loads(opened.metadata()[METADATA_KEY])
    out = tmp_path / "changed.safetensors"
    text = json.dumps(values | (described or {}))
    save_file(load_file(path) if tensors is None else tensors, out, metadata={METADATA_KEY: text})
    return out


def test_a_checkpoint_comes_back_whole(net, written):
    loaded = load_checkpoint(written)
    assert all(
        torch.equal(tensor, loaded.module.state_dict()[name]) for name, tensor in net.state_dict().items()
    )
    assert loaded.metadata.classes == CLASSES
    assert loaded.metadata.input == metadata().input
    assert loaded.metadata.accuracy == {"top1": 0.5}
    assert loaded.metadata.versions["torch"] == torch.__version__
    assert not loaded.module.training
    assert loaded.net.module is loaded.module


def test_half_precision_loads_as_float32_close_to_what_it_was(net, tmp_path):
    save_checkpoint(tmp_path / "half.safetensors", net, metadata(), half=True)
    assert load_file(tmp_path / "half.safetensors")["conv1.weight"].dtype == torch.float16
    loaded = load_checkpoint(tmp_path / "half.safetensors")
    torch.testing.assert_close(loaded.module.conv1.weight, net.conv1.weight.data, rtol=1e-3, atol=1e-6)
    assert loaded.module.conv1.weight.dtype == torch.float32


def test_the_fingerprint_is_of_the_weights_alone(net, written, tmp_path):
    other = tmp_path / "other.safetensors"
    fingerprint = load_checkpoint(written).metadata.weights_fingerprint
    save_checkpoint(other, net, metadata(classes=("a", "b", "c")))
    assert load_checkpoint(other).metadata.weights_fingerprint == fingerprint
    with torch.no_grad():
        net.conv1.bias[0] += 1
    save_checkpoint(other, net, metadata())
    with torch.no_grad():
        net.conv1.bias[0] -= 1
    assert load_checkpoint(other).metadata.weights_fingerprint != fingerprint


def test_a_per_pixel_mean_travels_with_the_weights(net, tmp_path):
    mean = torch.rand(3, 73, 73)
    path = tmp_path / "mean.safetensors"
    save_checkpoint(path, net, metadata(input=InputConvention(size=64, resize=73, mean_image=mean)))
    assert torch.equal(load_checkpoint(path).metadata.input.mean_image, mean)


def test_a_missing_file_and_a_folder_say_so(tmp_path):
    with pytest.raises(ExploreError, match="is not there"):
        load_checkpoint(tmp_path / "none.safetensors")
    with pytest.raises(ExploreError, match="is a folder"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\x00" * 4, b"PK\x03\x04 zip", b"\xff" * 64, b"{" * 1000])
def test_what_is_no_safetensors_file_is_one_clear_line(tmp_path, content):
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(ExploreError, match="not a safetensors file, or is cut short") as caught:
        load_checkpoint(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("keep", [0.01, 0.5, 0.999])
def test_a_truncated_file_is_one_clear_line(written, tmp_path, keep):
    data = written.read_bytes()
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(ExploreError, match="cut short"):
        load_checkpoint(cut)


def test_a_net_that_there_is_not_names_those_like_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ExploreError, match="or a net: alexnet, vgg11 .*; most like it: resnet18"):
        load_checkpoint("resnet-18")


def test_a_torch_file_is_sent_to_convert_by_the_very_command(net, tmp_path):
    torch.save(net.state_dict(), tmp_path / "my net.pth")
    with pytest.raises(ExploreError) as caught:
        load_checkpoint(tmp_path / "my net.pth")
    command = f"`zfexplore convert '{tmp_path}/my net.pth' --out 'my net.safetensors'`"
    assert f"it fits zfnet: {command} reads it once" in str(caught.value)


def test_a_torch_file_of_another_net_is_sent_to_convert_with_the_users_code(tmp_path):
    torch.save({"a.weight": torch.zeros(2, 2)}, tmp_path / "x.pth")
    with pytest.raises(
        ExploreError, match=r"--out x\.safetensors --net package\.module:factory` reads it once"
    ):
        load_checkpoint(tmp_path / "x.pth")


@pytest.mark.parametrize("name", ["x.pth", "x.safetensors", "x"])
def test_a_web_page_in_place_of_weights_is_called_one(tmp_path, name):
    (tmp_path / name).write_text("<html>404</html>")
    with pytest.raises(ExploreError, match="is a web page and not weights; delete it"):
        load_checkpoint(tmp_path / name)


def test_tensors_without_our_metadata_are_sent_to_convert(tmp_path):
    save_file({"a": torch.zeros(2)}, tmp_path / "x.safetensors")
    with pytest.raises(ExploreError, match=r"no zfexplore metadata; .*--out x-zfexplore\.safetensors"):
        load_checkpoint(tmp_path / "x.safetensors")


def test_weights_of_the_users_code_are_not_loaded_because_a_file_says_so(written, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "evil_net.py").write_text("raise AssertionError('imported')")
    file = rewritten(written, tmp_path, described={"architecture": "evil_net:make"})
    with pytest.raises(ExploreError, match=f"give --net evil_net:make --weights {file}"):
        load_checkpoint(file)


def test_batch_normalisations_statistics_stay_as_they_are_in_half_precision(tmp_path):
    torch.manual_seed(0)
    net = zoo.make_net("shufflenet_v2_x0_5", {"num_classes": 2})
    net.conv1[1].running_var.fill_(1e6)  # more than fp16 holds
    net.conv1[1].num_batches_tracked.fill_(70_000)
    described = metadata(architecture="shufflenet_v2_x0_5", arguments={"num_classes": 2})
    save_checkpoint(tmp_path / "s.safetensors", net, described, half=True)
    stored = load_file(tmp_path / "s.safetensors")
    assert stored["conv1.0.weight"].dtype == torch.float16
    assert stored["conv1.1.running_var"][0] == 1e6
    assert stored["conv1.1.num_batches_tracked"] == 70_000


def test_tensors_that_do_not_fit_are_named(written, tmp_path):
    tensors = load_file(written)
    tensors["conv1.weight"] = torch.zeros(96, 3, 11, 11)
    del tensors["fc7.bias"]
    tensors["extra"] = torch.zeros(1)
    with pytest.raises(ExploreError) as caught:
        load_checkpoint(rewritten(written, tmp_path, tensors=tensors))
    message = str(caught.value)
    assert "fc7.bias is missing" in message
    assert "extra is not part of the net" in message
    assert "conv1.weight is (96, 3, 11, 11) and not (96, 3, 7, 7)" in message


def test_values_that_are_not_numbers_are_refused(written, tmp_path):
    tensors = load_file(written)
    tensors["conv2.bias"][0] = float("nan")
    with pytest.raises(ExploreError, match=r"conv2\.bias holds .* not finite"):
        load_checkpoint(rewritten(written, tmp_path, tensors=tensors))


@pytest.mark.parametrize(
    ("described", "message"),
    [
        ({"format": 99}, "format 99; this zfexplore reads 1"),
        ({"architecture": "resnet"}, "no net called 'resnet'"),
        ({"arguments": {"depth": 3}}, "cannot be made with"),
        ({"arguments": {"classes": 10**9, "fc": 10**9}}, "does not fit"),
        ({"arguments": {"classes": -1}}, "zfnet"),
        ({"input": {"size": 1}}, "unreadable metadata"),
        ({"input": InputConvention(size=10**9, resize=10**9).to_json()}, "size is 1000000000 and not"),
        ({"input": InputConvention().to_json() | {"per_pixel_mean": True}}, "per-pixel mean is missing"),
        ({"classes": None}, "unreadable metadata"),
        ({"classes": ["a"]}, "names 1 classes, but its net tells 3 apart"),
        (
            {"input": InputConvention().to_json() | {"scale": float("nan")}},
            "scale is nan and not",
        ),
        ({"input": InputConvention().to_json() | {"std": [1, 0, 1]}}, "std must be three positive numbers"),
        ({"architecture": "alexnet", "arguments": {"weights": "DEFAULT"}}, "cannot be made with 'weights'"),
    ],
)
def test_hostile_metadata_is_one_clear_line(written, tmp_path, described, message):
    with pytest.raises(ExploreError, match=message) as caught:
        load_checkpoint(rewritten(written, tmp_path, described=described))
    assert "\n" not in str(caught.value)


def test_a_hostile_file_cannot_have_weights_downloaded(written, tmp_path, monkeypatch):
    def download(*_arguments, **_options):
        raise AssertionError("a download was tried")

    monkeypatch.setattr("torch.hub.download_url_to_file", download)
    described = {"architecture": "alexnet", "arguments": {"weights": "DEFAULT", "num_classes": 1000}}
    with pytest.raises(ExploreError, match="it takes num_classes, dropout"):
        load_checkpoint(rewritten(written, tmp_path, described=described))


@pytest.mark.parametrize("dtype", [torch.int8, torch.bool, torch.complex64, torch.float8_e4m3fn])
def test_weights_of_a_type_that_cannot_be_computed_with_are_refused(written, tmp_path, dtype):
    tensors = load_file(written)
    tensors["conv1.bias"] = tensors["conv1.bias"].to(dtype)
    with pytest.raises(ExploreError, match=f"conv1.bias holds {dtype} values that are not finite numbers"):
        load_checkpoint(rewritten(written, tmp_path, tensors=tensors))


@pytest.mark.parametrize(
    ("mean", "announced", "message"),
    [
        (torch.full((3, 73, 73), float("nan")), True, "mean is not 3 x 73 x 73 finite numbers"),
        (torch.ones(3, 73, 73, dtype=torch.uint8), True, "mean is not 3 x 73 x 73 finite numbers"),
        (torch.ones(3, 64, 64), True, "mean is not 3 x 73 x 73 finite numbers"),
        (torch.ones(3, 73, 73), False, "a per-pixel mean that the input does not mention"),
    ],
)
def test_a_wrong_mean_image_is_one_clear_line(written, tmp_path, mean, announced, message):
    described = {"input": metadata().input.to_json() | {"per_pixel_mean": announced}}
    tensors = load_file(written) | {MEAN_IMAGE: mean}
    with pytest.raises(ExploreError, match=message):
        load_checkpoint(rewritten(written, tmp_path, tensors=tensors, described=described))


def test_a_snapshot_keeps_its_classes_names_without_logits(net, tmp_path):
    trunk = ZFNet(classes=0)
    save_checkpoint(tmp_path / "s.safetensors", trunk, metadata(arguments=trunk.arguments))
    assert load_checkpoint(tmp_path / "s.safetensors").metadata.classes == CLASSES


def test_class_names_stay_as_they_are(written, tmp_path):
    classes = ["\x1b]0;owned\x07", "d\no", "f l"]  # made printable where they are written
    loaded = load_checkpoint(rewritten(written, tmp_path, described={"classes": classes}))
    assert loaded.metadata.classes == tuple(classes)


def test_metadata_that_is_no_json_is_one_clear_line(tmp_path):
    save_file({"a": torch.zeros(2)}, tmp_path / "x.safetensors", metadata={METADATA_KEY: "[" * 10})
    with pytest.raises(ExploreError, match="unreadable metadata"):
        load_checkpoint(tmp_path / "x.safetensors")


def test_other_nets_of_the_zoo_come_back_as_themselves(tmp_path):
    torch.manual_seed(0)
    net = zoo.make_net("alexnet", {"num_classes": 3})
    save_checkpoint(
        tmp_path / "a.safetensors",
        net,
        metadata(architecture="alexnet", arguments={"num_classes": 3}),
        half=True,
    )
    assert load_checkpoint(tmp_path / "a.safetensors").net.names[-1] == "fc8"


@pytest.mark.parametrize("name", ["shufflenet_v2_x0_5", "mnasnet0_5", "regnet_y_400mf"])
def test_a_net_with_batch_normalisation_comes_back_with_its_statistics(name, tmp_path, monkeypatch):
    torch.manual_seed(0)
    net = zoo.make_net(name, {"num_classes": 3})
    net(torch.randn(2, 3, 64, 64))  # moves the statistics
    save_checkpoint(
        tmp_path / "a.safetensors", net, metadata(architecture=name, arguments={"num_classes": 3})
    )
    # Of the loaded module alone: whether its stages can be named is no matter here.
    monkeypatch.setattr(checkpoint, "net_over", lambda module, convention: Trunk(ZFNet(classes=3, fc=4)))
    loaded = load_checkpoint(tmp_path / "a.safetensors").module
    assert all(torch.equal(tensor, loaded.state_dict()[name]) for name, tensor in net.state_dict().items())
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(loaded(images), net.eval()(images))


def test_the_mean_image_is_stored_once_beside_the_weights(net, tmp_path):
    path = tmp_path / "m.safetensors"
    write_checkpoint(
        path,
        net.state_dict(),
        metadata(input=InputConvention(size=8, resize=8, mean_image=torch.zeros(3, 8, 8))),
    )
    assert MEAN_IMAGE in load_file(path)


@pytest.mark.parametrize("path", [3, b"net.safetensors", ["a"], True])
def test_what_is_no_path_is_told(path):
    with pytest.raises(ExploreError, match="the checkpoint must be a name or a path, not "):
        load_checkpoint(path)


@pytest.mark.parametrize("device", ["cuda:99", "tpu", "nonsense"])
def test_a_device_that_is_not_there_is_told(tmp_path, device):
    from tests.support import write_zfnet

    with pytest.raises(ExploreError, match="device"):
        load_checkpoint(write_zfnet(tmp_path / "net.safetensors"), device)
