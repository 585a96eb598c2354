from __future__ import annotations

import re
import subprocess
import sys

import pytest
import torch

from zfexplore.errors import ExploreError
from zfexplore.nets import zoo
from zfexplore.nets.checkpoint import load_checkpoint
from zfexplore.nets.fitting import expected_of


def test_the_table_is_readable_without_torch():
    code = "import sys, zfexplore.nets.zoo as zoo; print(len(zoo.NETS), 'torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == [str(len(zoo.NETS)), "False"]


def test_the_table_is_torchvisions_nets_that_classify_with_relus():
    from torch import nn
    from torchvision import models

    rectified = {"googlenet", "inception_v3"}  # by a function, not by modules
    families: dict[str, list[str]] = {}  # nets that differ in depth or width alone have the same ReLUs
    for name in models.list_models(module=models):
        families.setdefault(re.split(r"[\d_]", name)[0], []).append(name)
    for family, names in families.items():
        if family not in ("googlenet", "inception", "regnet", "vit", "swin", "maxvit", "convnext"):
            with torch.device("meta"):
                net = models.get_model(names[0], weights=None)
            if any(isinstance(layer, nn.ReLU | nn.ReLU6) for layer in net.modules()):
                rectified.update(names)
    rectified |= set(models.list_models(module=models, include="regnet_*"))
    assert rectified == set(zoo.NETS) - {"zfnet"}


@pytest.mark.parametrize("name", ["zfnet", "vgg19_bn", "googlenet", "densenet121", "regnet_y_400mf"])
def test_a_net_is_made_with_the_classes_asked_for_and_without_memory(name):
    arguments = {"classes" if name == "zfnet" else "num_classes": 3}
    with zoo.weightless():
        net = zoo.make_net(name, arguments)
    assert all(weight.is_meta for weight in net.parameters())
    assert list(net.parameters())[-1].shape == (3,)
    with torch.device("meta"):
        assert zoo.make_net(name, arguments).state_dict().keys() == net.state_dict().keys()


def test_every_net_of_the_table_can_be_made_and_no_two_are_alike():
    shapes = {
        name: tuple((key, tuple(tensor.shape)) for key, tensor in expected_of(name).items())
        for name in zoo.NETS
        if not name.startswith("regnet") or name.endswith("00mf")
    }
    assert len(set(shapes.values())) == len(shapes)


def test_a_nets_input_is_what_torchvision_feeds_its_best_weights():
    inception = zoo.convention_of("inception_v3")
    assert (inception.size, inception.resize, inception.mean) == (299, 342, zoo.IMAGENET_INPUT.mean)
    assert zoo.convention_of("alexnet") == zoo.IMAGENET_INPUT
    assert zoo.convention_of("resnet50").resize == 232


def test_an_unknown_net_names_those_there_are_and_what_is_like_it():
    with pytest.raises(
        ExploreError, match=r"no net called 'lenet': choose zfnet, alexnet, vgg11 \.\. vgg19_bn"
    ):
        zoo.make_net("lenet", {})
    with pytest.raises(ExploreError, match="most like it: resnet50"):
        zoo.make_net("ResNet-50", {})


@pytest.mark.parametrize(
    ("name", "taken"),
    [("resnet18", "num_classes"), ("googlenet", "num_classes, dropout, transform_input")],
)
def test_only_what_shapes_a_net_may_be_asked_for(name, taken):
    with pytest.raises(ExploreError, match=f"with 'progress': it takes {taken}$"):
        zoo.make_net(name, {"progress": True})


def test_weights_that_cannot_be_downloaded_say_what_to_do(monkeypatch, tmp_path):
    def refused(*_arguments, **_options):
        raise OSError("network is unreachable")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", refused)
    with pytest.raises(ExploreError, match=r"weights for alexnet cannot be downloaded .*hub/checkpoints"):
        load_checkpoint("alexnet")


def test_downloaded_weights_make_a_checkpoint_with_imagenets_convention(monkeypatch, tmp_path):
    from torchvision import models

    torch.manual_seed(0)
    state = models.alexnet().state_dict()
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", lambda *_a, **_k: state)
    loaded = load_checkpoint("alexnet")
    assert loaded.metadata.input == zoo.IMAGENET_INPUT
    assert len(loaded.metadata.classes) == 1000
    assert torch.equal(loaded.module.state_dict()["features.0.weight"], state["features.0.weight"])


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """The folder where torch keeps what it has downloaded, and no network."""

    def refused(*_arguments, **_options):
        raise OSError("network is unreachable")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", refused)
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    return tmp_path / "hub" / "checkpoints"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html>not found</html>", "is a web page and not weights"),
        (b"PK\x03\x04 and no more", "is cut short or damaged"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a git-lfs pointer"),
    ],
)
def test_a_damaged_download_is_one_line_with_its_path(hub, content, what):
    file = zoo.pretrained_file("alexnet")
    assert file.parent == hub
    file.write_bytes(content)
    with pytest.raises(ExploreError, match=what) as caught:
        load_checkpoint("alexnet")
    told = str(caught.value)
    assert told.startswith(f"{file} is ")
    assert told.endswith(": delete it, and torchvision's weights for alexnet are downloaded again")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ("squeezenet1_0", r"squeezenet1_1-b8a52dc0\.pth does not fit squeezenet1_1: .*: delete it, and"),
        (
            "squeezenet1_1",
            r"squeezenet1_1-b8a52dc0\.pth is of a squeezenet1_1 of 2 classes and not of 1000: delete",
        ),
    ],
)
def test_a_download_of_another_net_is_one_line_with_its_path(hub, other, message):
    torch.save(zoo.make_net(other, {"num_classes": 2}).state_dict(), zoo.pretrained_file("squeezenet1_1"))
    with pytest.raises(ExploreError, match=message) as caught:
        load_checkpoint("squeezenet1_1")
    assert "\n" not in str(caught.value)
