"""Any net as named stages: which names it gets, which are watched, and that the module stays as it is."""

# tests zfexplore/nets/walk.py too: what the walk writes down is what these nets' stages are.
# tests zfexplore/nets/taps.py too: maps are taken at taps, and are compared with the modules' own outputs.
# tests zfexplore/nets/net.py too: it only says what a net has.

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision import models
from torchvision.models.resnet import BasicBlock, ResNet

from tests import foreign
from zfexplore.errors import ExploreError
from zfexplore.nets.anynet import AnyNet


@pytest.fixture(scope="module")
def residual():
    return AnyNet(foreign.seeded(foreign.Residual).double(), (24, 24))


def test_a_stage_is_a_layer_s_output_after_the_relu_that_follows(residual):
    images = foreign.picture(24, count=2)
    seen = {}
    block = residual.module.blocks[1]
    hook = block.register_forward_hook(lambda _part, _inputs, output: seen.update(block=output))
    with torch.no_grad():
        residual.module(images)
        maps = residual.maps(images)
    hook.remove()

    assert torch.equal(maps["blocks.1.conv2"], seen["block"])
    assert torch.equal(maps["stem"], F.relu(residual.module.stem(images)))
    assert (maps["blocks.1.conv1"] >= 0).all()


def test_by_default_the_last_relu_of_every_block_is_watched_and_the_logits(residual):
    assert residual.watched == ("stem", "blocks.0.conv2", "blocks.1.conv2", "blocks.2.conv2", "fc")
    assert [residual.stage(name).channels for name in residual.watched] == [6, 6, 6, 6, 4]
    assert [residual.stage(name).rectified for name in residual.watched] == [True, True, True, True, False]


def test_the_logits_are_a_stage_and_not_what_a_softmax_makes_of_them(residual):
    images = foreign.picture(24)

    logits = residual.maps(images, ["fc"])["fc"]

    torch.testing.assert_close(logits.log_softmax(1), residual.module(images), rtol=0, atol=1e-12)


def test_a_block_that_joins_branches_is_a_stage_of_its_own():
    net = AnyNet(foreign.seeded(foreign.Inception), (16, 16))

    assert net.watched == ("first", "mixed1", "mixed2", "mixed3", "fc")
    assert net.stage("mixed2").channels == 7
    assert {"mixed2.narrow", "mixed2.wide"} <= set(net.names)
    joined = net.maps(foreign.picture(16).float(), ["mixed2", "mixed2.narrow", "mixed2.wide"])
    assert torch.equal(joined["mixed2"], torch.cat([joined["mixed2.narrow"], joined["mixed2.wide"]], 1))


@pytest.mark.parametrize("form", foreign.FORMS)
def test_every_form_of_a_relu_is_found(form):
    net = AnyNet(foreign.seeded(foreign.Residual, foreign.FORMS[form]), (24, 24))

    assert net.watched == ("stem", "blocks.0.conv2", "blocks.1.conv2", "blocks.2.conv2", "fc")


def test_of_a_sum_s_two_ways_the_longer_one_gives_the_name():
    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.short, self.long1, self.long2 = (
                nn.Conv2d(3, 3, size, padding=size // 2) for size in (1, 3, 1)
            )

        def forward(self, x):
            return torch.relu(self.short(x) + self.long2(F.relu(self.long1(x))))

    net = AnyNet(foreign.seeded(Sum).double(), (8, 8))
    image = foreign.picture(8)

    assert net.names == ("short", "long1", "long2")
    maps = net.maps(image)
    assert torch.equal(maps["long2"], net.module(image))
    assert torch.equal(maps["short"], net.module.short(image))


def test_a_resnet_s_stages_are_named_as_in_torchvision():
    torch.manual_seed(0)
    net = AnyNet(ResNet(BasicBlock, [1, 2, 1, 1], num_classes=5).eval(), (64, 64))

    assert net.watched == (
        "conv1", "layer1.0.conv2", "layer2.0.conv2", "layer2.1.conv2", "layer3.0.conv2", "layer4.0.conv2",
        "fc",
    )  # fmt: skip
    assert net.stage("layer2.1").name == "layer2.1.conv2"  # the block gives the same map
    assert net.stage("relu").name == "conv1"
    assert net.map_size("layer2.1", (64, 64)) == (8, 8)
    assert net.map_size("layer2.1", (96, 64)) == (12, 8)


def test_batch_normalised_stacks_and_squeezenet_have_their_convolutions_and_modules():
    small = models.vgg11_bn(num_classes=3).eval()
    assert AnyNet(small, (32, 32)).watched[:3] == ("features.0", "features.4", "features.8")
    squeezed = AnyNet(models.squeezenet1_1(num_classes=7).eval(), (64, 64))
    assert squeezed.watched[:2] == ("features.0", "features.3")
    assert squeezed.watched[-2:] == ("classifier.1", "output")
    assert squeezed.stage("output").channels == 7
    with torch.no_grad():
        image = foreign.picture(64).float()
        assert torch.equal(squeezed.maps(image, ["output"])["output"], squeezed.module(image))


def test_a_layer_that_is_used_again_is_another_stage():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1)

        def forward(self, x):
            return F.relu(self.conv(F.relu(self.conv(x))))

    net = AnyNet(foreign.seeded(Twice).double(), (8, 8))
    image = foreign.picture(8)

    assert net.names == ("conv", "conv#2")
    maps = net.maps(image)
    assert torch.equal(maps["conv"], F.relu(net.module.conv(image)))
    assert torch.equal(maps["conv#2"], F.relu(net.module.conv(maps["conv"])))


def test_the_module_stays_as_it_was():
    module = foreign.seeded(foreign.Residual, nn.ReLU(inplace=True)).double()
    module.train()
    module.blocks[1].bn1.eval()
    modes = [part.training for part in module.modules()]
    weights = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    net = AnyNet(module, (24, 24))
    net.receptive_field("stem")
    images = foreign.picture(24).requires_grad_()
    assert net.maps(images, ["blocks.0.conv2"])["blocks.0.conv2"].requires_grad

    assert [part.training for part in module.modules()] == modes
    assert all(not part._forward_hooks and not part._forward_pre_hooks for part in module.modules())
    assert module.blocks[0].relu.inplace
    assert all(parameter.grad is None and parameter.requires_grad for parameter in module.parameters())
    assert all(torch.equal(tensor, weights[name]) for name, tensor in module.state_dict().items())


def test_it_stays_as_it_was_after_an_error_too():
    module = foreign.seeded(foreign.Residual).train()

    with pytest.raises(
        ExploreError, match="Sequential does not run on an image of 3 x 24 x 24: mat1 and mat2"
    ):
        AnyNet(nn.Sequential(module, nn.Linear(99, 2)), (24, 24))

    assert module.training
    assert all(not part._forward_hooks for part in module.modules())


def test_a_run_ends_where_the_last_map_is_taken():
    class Ends(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second, self.runs = nn.Conv2d(3, 2, 3), nn.Conv2d(2, 2, 3), 0

        def forward(self, x):
            x = F.relu(self.first(x))
            self.runs += 1
            return F.relu(self.second(x))

    net = AnyNet(foreign.seeded(Ends), (8, 8))
    runs = net.module.runs
    net.maps(foreign.picture(8).float(), ["first"])

    assert net.module.runs == runs


def test_images_do_not_mix_where_batch_statistics_are_missing():
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False), nn.ReLU())
    net = AnyNet(foreign.seeded(lambda: module).double(), (8, 8))
    images = foreign.picture(8, count=3)

    together = net.maps(images, ["0"])["0"]

    torch.testing.assert_close(together[1], net.maps(images[1:2], ["0"])["0"][0], rtol=0, atol=1e-12)


def test_a_net_that_takes_grey_is_asked_with_grey():
    net = AnyNet(foreign.seeded(foreign.Residual, colours=1), (24, 24))

    assert net.input_channels == 1
    assert net.first_filters().shape == (6, 1, 3, 3)


def test_an_unknown_stage_and_a_place_outside_are_named(residual):
    with pytest.raises(ExploreError, match="there is no layer 'layer9': this net has stem, blocks.0.conv2"):
        residual.stage("layer9")
    with pytest.raises(ExploreError, match="blocks.0.conv2 has no unit at row 9, column 0: its map is 6 x 6"):
        residual.window("blocks.0.conv2", 9, 0, (24, 24))
    with pytest.raises(ExploreError, match="makes no map"):
        AnyNet(nn.Sequential(nn.Flatten(), nn.Linear(48, 2)), (4, 4))
    with pytest.raises(ExploreError, match="does not run on an image of 3 x 5 x 5"):
        AnyNet(nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(8, 2)), (4, 4)).map_size("2", (5, 5))
