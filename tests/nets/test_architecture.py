"""The paper's other architectures (figure 6, table 3): sizes and parameters by hand, names, files."""

from __future__ import annotations

import json

import pytest
import torch

from zfexplore.errors import ExploreError
from zfexplore.nets import zoo
from zfexplore.nets.architecture import other_architecture
from zfexplore.nets.checkpoint import Metadata, load_checkpoint, save_checkpoint
from zfexplore.nets.trunk import Trunk
from zfexplore.nets.zfnet import ZFNet
from zfexplore.training.recipe import recipe

ALL = ["conv1", "pool1", "conv2", "pool2", "conv3", "conv4", "conv5", "pool5", "fc6", "fc7", "fc8"]
NARROW = [4, 6, 6, 6, 4]

# What each net has more than the paper's, by hand: weights and biases of the layers that are other.
CONV1 = 96 * 3 * (11 * 11 - 7 * 7)
WITHOUT_3_4 = 256 * 256 * 9 + 256 - (384 * 256 * 9 + 384) - (384 * 384 * 9 + 384) - (256 * 384 * 9 + 256)
WITHOUT_6_7 = 1000 * 9216 + 1000 - (4096 * 9216 + 4096) - (4096 * 4096 + 4096) - (1000 * 4096 + 1000)
WIDE = (
    (512 * 256 * 9 + 512) + (1024 * 512 * 9 + 1024) + (512 * 1024 * 9 + 512) + 4096 * 512 * 36
    - (384 * 256 * 9 + 384) - (384 * 384 * 9 + 384) - (256 * 384 * 9 + 256) - 4096 * 256 * 36
)  # fmt: skip


def made(**arguments):
    with torch.device("meta"):
        return ZFNet(**arguments)


@pytest.mark.parametrize(
    ("arguments", "more", "left_out"),
    [
        ({"first": "11x11/4"}, CONV1, []),
        ({"without": (4, 3)}, WITHOUT_3_4, ["conv3", "conv4"]),
        ({"without": (6, 7)}, WITHOUT_6_7, ["fc6", "fc7"]),
        ({"without": (3, 4, 6, 7)}, WITHOUT_3_4 + WITHOUT_6_7, ["conv3", "conv4", "fc6", "fc7"]),
        ({"widths": (96, 256, 512, 1024, 512)}, WIDE, []),
    ],
)
def test_layers_keep_their_numbers_maps_their_sizes_and_nothing_else_changes(arguments, more, left_out):
    net = made(**arguments)
    trunk = Trunk(net)
    assert sum(weight.numel() for weight in net.parameters()) == 62_357_608 + more
    assert trunk.names == tuple(name for name in ALL if name not in left_out)
    sizes = {name: trunk.map_size(name, (224, 224))[0] for name in ("conv1", "conv2", "conv5", "pool5")}
    assert sizes == {"conv1": 55 if "first" in arguments else 110, "conv2": 26, "conv5": 13, "pool5": 6}
    assert net(torch.empty(1, 3, 56, 56, device="meta")).shape == (1, 1000)  # the smallest input


def test_krizhevskys_units_see_11_pixels_4_apart():
    field = Trunk(made(first="11x11/4")).receptive_field("conv1")
    assert (field.size, field.jump, field.start) == ((11, 11), (4, 4), (-2, -2))


def test_a_file_has_only_what_is_not_the_papers_and_comes_back_the_same(tmp_path):
    arguments = {"first": "11x11/4", "widths": NARROW, "without": [3, 7]}
    net = ZFNet(3, 5, **arguments)
    assert net.arguments == {"classes": 3, "fc": 5, "norm": "krizhevsky", "dropout": 0.5, **arguments}
    assert list(made(fc=5, first="7x7/2", without=()).arguments) == ["classes", "fc", "norm", "dropout"]
    save_checkpoint(tmp_path / "net.safetensors", net, Metadata("zfnet", net.arguments))
    loaded = load_checkpoint(tmp_path / "net.safetensors")
    views = torch.randn(2, 3, 64, 64)
    assert torch.equal(loaded.module(views), net.eval()(views))
    assert loaded.metadata.arguments == json.loads(json.dumps(net.arguments))
    assert loaded.net.names == ("conv1", "pool1", "conv2", "pool2", "conv4", "conv5", "pool5", "fc6", "fc8")
    trunk = zoo.make_net("zfnet", net.arguments | {"classes": 0})  # as a snapshot has it
    assert list(trunk.state_dict()) == [name for name in net.state_dict() if name.startswith("conv")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"first": "3x3/1"}, "first"),
        ({"widths": [1, 2]}, "widths must be 5 numbers above 0"),
        ({"widths": [1, 2, 3, 4, 0]}, "widths"),
        ({"widths": [1, 2, 3, 4, 5.5]}, "widths"),
        ({"widths": "12345"}, "widths"),
        ({"widths": [2**31] * 5}, "cannot be made"),
        ({"without": [5]}, "layer 5 cannot be left out: only 3, 4, 6 and 7 can"),
        ({"without": [True]}, "without"),
        ({"without": 3}, "without"),
    ],
)
def test_what_a_file_may_not_ask_for_is_one_error(arguments, message):
    with zoo.weightless(), pytest.raises(ExploreError, match=message):
        zoo.make_net("zfnet", {"classes": 2, "fc": 2, **arguments})


@pytest.mark.parametrize(
    "wrong",
    [{"widths": "12345"}, {"widths": 5}, {"widths": (1.5,) * 5}, {"without": 3}, {"without": [3.0]}],
)
def test_what_a_caller_may_not_ask_for_is_one_error(wrong):
    with pytest.raises(ExploreError, match=f"{next(iter(wrong))} must be"):
        recipe("default", **wrong)


def test_only_what_differs_from_the_paper_is_other():
    assert other_architecture() == {}
    assert other_architecture("11x11/4", (96, 256, 384, 384, 256), [7, 6]) == {
        "first": "11x11/4",
        "without": [6, 7],
    }
