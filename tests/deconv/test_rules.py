"""The rules: against captum on plain nets, the textbook on stacks, and alike for every form of ReLU."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests import foreign
from zfexplore.deconv import dense
from zfexplore.deconv.project import project
from zfexplore.errors import ExploreError
from zfexplore.nets.anynet import AnyNet
from zfexplore.nets.trunk import Trunk
from zfexplore.nets.zfnet import ContrastNorm

ORACLES = {
    "deconv": "NeuronDeconvolution",
    "guided": "NeuronGuidedBackprop",
    "gradient": "NeuronGradient",
}


def plain(*, norm=None):
    return foreign.seeded(_plain, norm).double()


def _plain(norm):
    layers = [
        nn.Conv2d(3, 6, 5, 2, 1), nn.ReLU(), nn.MaxPool2d(3, 2, 1), nn.Conv2d(6, 8, 3), nn.ReLU(),
        nn.Conv2d(8, 7, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(112, 5), nn.ReLU(), nn.Linear(5, 4),
    ]  # fmt: skip
    if norm is not None:
        layers.insert(3, norm)
    return nn.Sequential(*layers)


@pytest.mark.parametrize("rule", ORACLES)
@pytest.mark.parametrize(("stage", "layer"), [("0", 1), ("3", 4), ("5", 6)])
@pytest.mark.filterwarnings("ignore")
def test_a_rule_gives_what_captum_gives(rule, stage, layer):
    import captum.attr  # a second, which only the worker with this test spends

    module, image = plain(), foreign.picture(26)

    found = project(AnyNet(module, (26, 26)), image, stage, 2, rule=rule)

    oracle = plain()
    y, x = found.position[0].tolist()
    attribution = getattr(captum.attr, ORACLES[rule])(oracle, oracle[layer])
    wanted = attribution.attribute(image.clone().requires_grad_(), (2, y, x))
    scale = 1.0 if rule == "gradient" else found.activation[0]
    torch.testing.assert_close(found.pixels, scale * wanted, rtol=1e-12, atol=1e-13)
    assert found.pixels.abs().max() > 0


@pytest.mark.parametrize("rule", ["deconv", "guided", "gradient"])
def test_a_unit_of_the_first_layer_projects_to_its_filter(rule):
    module = plain()

    found = project(AnyNet(module, (26, 26)), foreign.picture(26), "0", 2, [[5, 4]], rule=rule)

    scale = float(found.activation > 0) if rule == "gradient" else F.relu(found.activation)
    y, x = 2 * 5 - 1, 2 * 4 - 1  # stride 2, padding 1
    torch.testing.assert_close(
        found.pixels[0, :, y : y + 5, x : x + 5], scale * module[0].weight[2].detach(), rtol=1e-12, atol=0
    )
    assert found.window.tolist() == [[y, x, y + 5, x + 5]]


@pytest.mark.parametrize("norm", [nn.LocalResponseNorm(5), ContrastNorm(5)])
def test_the_deconvnet_of_a_stack_is_that_of_the_textbook(norm):
    module, images = plain(norm=norm), foreign.picture(26, count=3)
    trunk, net = Trunk(module), AnyNet(module, (26, 26))

    for stage, name in (("conv1", "0"), ("conv3", "6"), ("fc4", "9"), ("fc5", "11")):
        wanted = dense.project(trunk, images, stage, 1)
        found = project(net, images, name, 1)

        torch.testing.assert_close(found.pixels, wanted.pixels, rtol=1e-12, atol=1e-13)
        assert torch.equal(found.position, wanted.position)
        torch.testing.assert_close(found.activation, wanted.activation, rtol=1e-12, atol=0)
    wanted = dense.project(trunk, images, "conv2", 4, "all")
    torch.testing.assert_close(
        project(net, images, "4", 4, "all").pixels, wanted.pixels, rtol=1e-12, atol=1e-13
    )


@pytest.mark.parametrize("rule", ["guided", "gradient", "input-gradient"])
def test_a_trunk_takes_the_other_rules_too(rule):
    module, image = plain(norm=ContrastNorm(5)), foreign.picture(26)

    ours = project(Trunk(module), image, "conv3", 3, rule=rule)
    theirs = project(AnyNet(module, (26, 26)), image, "6", 3, rule=rule)

    assert torch.equal(ours.pixels, theirs.pixels)
    assert ours.pixels.abs().max() > 0


@pytest.mark.parametrize("form", foreign.FORMS)
@pytest.mark.parametrize("rule", ["deconv", "guided", "gradient"])
def test_every_form_of_a_relu_gives_the_same(form, rule):
    image = foreign.picture(24)
    nets = [
        AnyNet(foreign.seeded(foreign.Residual, foreign.FORMS[name]).double(), (24, 24))
        for name in ("F.relu", form)
    ]

    wanted, found = (project(net, image, "blocks.2.conv2", [0, 3], rule=rule) for net in nets)

    torch.testing.assert_close(found.pixels, wanted.pixels, rtol=1e-12, atol=1e-14)


def test_a_residual_block_is_undone_by_hand():
    net = AnyNet(foreign.seeded(foreign.Residual).double(), (24, 24))
    image, (stem, block) = foreign.picture(24), (net.module.stem, net.module.blocks[0])
    found = project(net, image, "blocks.0.conv2", 1)

    shapes = F.relu(stem(image))
    pooled, switches = F.max_pool2d(shapes, 3, 2, 1, return_indices=True)
    seed = torch.zeros_like(pooled)
    y, x = found.position[0].tolist()
    seed[0, 1, y, x] = found.activation[0]
    scale2, scale1 = (bn.weight / (bn.running_var + bn.eps).sqrt() for bn in (block.bn2, block.bn1))
    through = F.relu(F.conv_transpose2d(seed * scale2[:, None, None], block.conv2.weight, padding=1))
    through = F.conv_transpose2d(through * scale1[:, None, None], block.conv1.weight, padding=1)
    unpooled = torch.zeros_like(shapes).flatten(2)
    unpooled.scatter_add_(2, switches.flatten(2), (seed + through).flatten(2))
    wanted = F.conv_transpose2d(
        F.relu(unpooled.view_as(shapes)), stem.weight, stride=2, padding=1, output_padding=1
    )

    torch.testing.assert_close(found.pixels, wanted.detach(), rtol=1e-12, atol=1e-14)


def test_rows_of_several_images_and_channels_are_each_their_own():
    net = AnyNet(foreign.seeded(foreign.Residual).double(), (24, 24))
    images = foreign.picture(24, count=3)

    together = project(net, images, "blocks.1.conv2", [0, 5, 2], [[0, 0], [3, 4], [5, 1]])
    one_image = project(net, images[1:2], "blocks.1.conv2", [5, 0, 1], [[3, 4], [2, 2], [3, 4]])

    alone = project(net, images[1:2], "blocks.1.conv2", 5, [[3, 4]])
    torch.testing.assert_close(together.pixels[1], alone.pixels[0], rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(one_image.pixels[0], alone.pixels[0], rtol=1e-12, atol=1e-14)
    assert together.position.tolist() == [[0, 0], [3, 4], [5, 1]]


def test_a_window_is_the_rectangle_around_what_came_back():
    net = AnyNet(foreign.seeded(foreign.Residual).double(), (24, 24))

    found = project(net, foreign.picture(24), "blocks.0.conv2", [1, 2, 3])

    for row, (y0, x0, y1, x1) in enumerate(found.window.tolist()):
        there = (found.pixels[row] != 0).any(0).nonzero()
        assert there.amin(0).tolist() == [y0, x0]
        assert (there.amax(0) + 1).tolist() == [y1, x1]
        seen = net.window("blocks.0.conv2", *found.position[row].tolist(), (24, 24))
        assert seen.y0 <= y0 < y1 <= seen.y1
        assert seen.x0 <= x0 < x1 <= seen.x1


def test_the_input_gradient_adds_up_to_the_unit_in_a_net_without_biases():
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3, bias=False), nn.ReLU(), nn.Conv2d(4, 2, 3, bias=False), nn.ReLU()
    )
    net = AnyNet(foreign.seeded(lambda: module).double(), (9, 9))

    found = project(net, foreign.picture(9), "2", [0, 1], rule="input-gradient")

    torch.testing.assert_close(found.pixels.sum((1, 2, 3)), found.activation, rtol=1e-12, atol=0)


def test_a_silent_unit_projects_to_zero():
    module = foreign.seeded(foreign.Residual).double()
    with torch.no_grad():
        module.stem.bias[2] = -1000.0

    found = project(AnyNet(module, (24, 24)), foreign.picture(24), "stem", 2)

    assert found.activation.tolist() == [0.0]
    assert not found.pixels.any()


def test_a_net_without_relus_is_refused_and_offered_the_gradient():
    net, image = AnyNet(foreign.seeded(foreign.Smooth), (8, 8)), foreign.picture(8).float()

    with pytest.raises(ExploreError, match="Smooth has no ReLU.*take --rule gradient"):
        project(net, image, "b", 0)
    assert project(net, image, "b", 0, rule="gradient").pixels.abs().max() > 0
    with pytest.raises(ExploreError, match="rule must be deconv, guided, gradient, input-gradient"):
        project(net, image, "b", 0, rule="lrp")
    with pytest.raises(ExploreError, match="the dense method is for the deconvnet of a plain stack"):
        project(net, image, "b", 0, method="dense")


def test_no_gradient_is_left_behind():
    module = foreign.seeded(foreign.Residual).double()
    images = foreign.picture(24)

    project(AnyNet(module, (24, 24)), images, "blocks.1.conv2", 0)

    assert all(parameter.grad is None for parameter in module.parameters())
    assert images.grad is None
    assert not images.requires_grad
