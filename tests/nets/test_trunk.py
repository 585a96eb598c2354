from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from zfexplore.errors import ExploreError
from zfexplore.nets.net import ReceptiveField
from zfexplore.nets.trunk import Trunk
from zfexplore.nets.zfnet import ZFNet
from zfexplore.units import Window

# Stage: receptive field size, jump, start in input pixels; confirmed by autograd support in the paper notes.
FIELDS = {
    "conv1": (7, 2, -1),
    "pool1": (11, 4, -3),
    "conv2": (27, 8, -3),
    "pool2": (43, 16, -11),
    "conv3": (75, 16, -27),
    "conv4": (107, 16, -43),
    "conv5": (139, 16, -59),
    "pool5": (171, 32, -59),
}


@pytest.fixture(scope="module")
def zfnet() -> Trunk:
    return Trunk(ZFNet(classes=7, fc=5).eval())


def test_zfnet_is_cut_into_the_papers_stages(zfnet):
    assert zfnet.names == (*FIELDS, "fc6", "fc7", "fc8")
    assert [stage.channels for stage in zfnet.stages] == [96, 96, 256, 256, 384, 384, 256, 256]
    assert [stage.channels for stage in zfnet.heads] == [5, 5, 7]


@pytest.mark.parametrize("name", FIELDS)
def test_zfnets_receptive_fields_are_the_known_ones(zfnet, name):
    size, jump, start = FIELDS[name]
    assert zfnet.receptive_field(name) == ReceptiveField((size, size), (jump, jump), (start, start))


def test_maps_mean_what_their_names_say(zfnet):
    net, images = zfnet.module, torch.randn(2, 3, 64, 80)
    with torch.inference_mode():
        maps = zfnet.maps(images)
        expected = {}
        x = images
        for name, module in net.named_children():
            x = module(x)
            expected[name] = x
        assert torch.equal(maps["conv3"], expected["relu3"])
        assert torch.equal(maps["pool1"], expected["pool1"])  # before the normalisation
        assert torch.equal(maps["fc7"], expected["relu7"])
        assert torch.equal(maps["fc8"], net(images))


def test_maps_stop_at_the_highest_stage_asked_for(zfnet):
    assert list(zfnet.maps(torch.randn(1, 3, 32, 32), ["conv1"])) == ["conv1"]


def test_the_net_is_left_as_found(zfnet):
    net = ZFNet(classes=2, fc=2).train()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    Trunk(net).maps(torch.randn(1, 3, 64, 64))
    assert net.training
    assert not any(module._forward_hooks for module in net.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())


@pytest.mark.parametrize("name", ["alexnet", "vgg11", "vgg16"])
def test_torchvisions_plain_nets_become_trunks_by_the_same_code(name):
    from torchvision import models

    with torch.device("meta"):
        net = getattr(models, name)(num_classes=3).eval()
        trunk = Trunk(net)
        found = trunk.maps(torch.empty(1, 3, 224, 224), [trunk.names[-1]])
    assert found[trunk.names[-1]].shape == (1, 3)
    convolutions = sum(isinstance(module, nn.Conv2d) for module in net.modules())
    assert [n for n in trunk.names if n.startswith("conv")] == [f"conv{i + 1}" for i in range(convolutions)]
    assert trunk.names[-1] == f"fc{convolutions + 3}"


def test_alexnets_logits_through_the_trunk_are_its_own():
    from torchvision import models

    torch.manual_seed(0)
    net = models.alexnet(num_classes=4).eval()
    images = torch.randn(1, 3, 96, 96)
    with torch.inference_mode():
        assert torch.equal(Trunk(net).maps(images, ["fc8"])["fc8"], net(images))


def assign(name, value):
    return lambda net: setattr(net.get_submodule(name.split(".")[0]), name.split(".")[1], value)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda net: setattr(net, "conv3", nn.Conv2d(256, 384, 3, padding=1)), "conv3"),
        (lambda net: setattr(net, "relu2", nn.Identity()), "relu2"),
        (lambda net: delattr(net, "pool5"), "pool5"),
        (lambda net: net.add_module("more", nn.Conv2d(3, 3, 3)), "ZFNet"),
        (assign("conv2.stride", (1, 1)), "conv2"),
        (assign("conv4.padding", (0, 0)), "conv4"),
        (assign("conv4.weight", nn.Parameter(torch.zeros(384, 384, 5, 5))), "conv4"),
        (assign("pool2.kernel_size", 2), "pool2"),
    ],
)
def test_a_trunk_of_layers_that_have_changed_is_refused(change, named):
    trunk = Trunk(ZFNet(classes=2, fc=2).eval())
    trunk.check()
    change(trunk.module)
    for ask in (trunk.check, lambda: trunk.maps(torch.zeros(1, 3, 64, 64), ["conv1"])):
        with pytest.raises(ExploreError, match=f"^{named} has changed since this trunk was made: make"):
            ask()


@pytest.mark.parametrize(
    "net", [nn.Conv2d(3, 2, 3), nn.Sequential(nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU()), nn.MaxPool2d(2))]
)
def test_a_trunk_of_layers_that_are_the_same_holds(net):
    trunk = Trunk(net)
    trunk.module.double().requires_grad_(False)
    for parameter in trunk.module.parameters():
        parameter.data = parameter.data * 2
    trunk.check()


def pool_first():
    return nn.Sequential(nn.MaxPool2d(2), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3), nn.ReLU(), nn.MaxPool2d(2))


def test_a_pool_before_the_first_convolution_has_the_inputs_channels():
    trunk = Trunk(pool_first())
    assert [(stage.name, stage.channels, stage.rectified) for stage in trunk.stages] == [
        ("pool0", 4, False), ("pool0b", 4, False), ("conv1", 6, True), ("pool1", 6, True),
    ]  # fmt: skip
    maps = trunk.maps(torch.randn(1, 4, 24, 24))
    assert {name: tuple(found.shape[1:]) for name, found in maps.items()} == {
        stage.name: (stage.channels, *trunk.map_size(stage.name, (24, 24))) for stage in trunk.stages
    }
    assert trunk.first_filters() is None
    assert trunk.window("pool0b", 1, 2, (24, 24)) == Window(4, 8, 8, 12)


def test_pools_alone_are_no_trunk():
    with pytest.raises(ExploreError, match="Sequential has no convolution"):
        Trunk(nn.Sequential(nn.MaxPool2d(2)))


@pytest.mark.parametrize("thing", ["zfnet", None, nn.Conv2d, {}, Trunk(nn.Sequential(nn.Conv2d(3, 1, 1)))])
def test_what_is_no_module_is_no_trunk(thing):
    with pytest.raises(ExploreError, match="^a trunk is made of a torch module, not of") as caught:
        Trunk(thing)
    assert "\n" not in str(caught.value)


def with_matrix(pool=None):
    """A matrix that reads 5 maps of 3 x 3, as images of 8 or 9 pixels give them, or those of a pool."""
    layers = [nn.Conv2d(3, 5, 3), nn.ReLU(), nn.MaxPool2d(2), *([pool] if pool else [])]
    return Trunk(nn.Sequential(*layers, nn.Flatten(), nn.Linear(45, 7), nn.ReLU(), nn.Linear(7, 2)))


@pytest.mark.parametrize("stage", ["fc2", "fc3"])
def test_fully_connected_stages_say_which_images_they_take(stage):
    trunk = with_matrix()
    assert trunk.maps(torch.zeros(1, 3, 9, 8), [stage])[stage].shape[0] == 1
    assert trunk.map_size(stage, (8, 9)) == (1, 1)
    for ask in (
        lambda: trunk.map_size(stage, (12, 10)),
        lambda: trunk.maps(torch.zeros(1, 3, 12, 10), [stage]),
    ):
        with pytest.raises(ExploreError) as caught:
            ask()
        assert str(caught.value) == (
            "fc2 reads 45 numbers, and an image of 12 x 10 pixels gives it 100: "
            "give 8 x 8 pixels, or up to 9 x 9"
        )
    assert trunk.map_size("pool1", (12, 10)) == (5, 4)


@pytest.mark.parametrize(
    ("output", "size", "fits"),
    [(3, (30, 11), True), ((3, None), (30, 8), True), ((3, None), (30, 12), False), (None, (30, 30), False)],
)
def test_a_pool_to_a_fixed_size_lets_other_images_through(output, size, fits):
    trunk = with_matrix(nn.AdaptiveAvgPool2d(output))
    if fits:
        assert trunk.maps(torch.zeros(1, 3, *size), ["fc3"])["fc3"].shape == (1, 2)
    else:
        with pytest.raises(ExploreError, match="fc2 reads 45 numbers, and an image of 30 x"):
            trunk.map_size("fc3", size)


def test_no_size_is_offered_where_none_fits():
    trunk = Trunk(nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(7, 2)))
    with pytest.raises(ExploreError, match="fc2 reads 7 numbers, and an image of 5 x 5 pixels gives it 45$"):
        trunk.map_size("fc2", (5, 5))


def residual():
    from torchvision import models

    return models.resnet18()


class Branching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Conv2d(3, 2, 1)

    def forward(self, x):
        return self.left(x) + x[:, :2]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (residual, r"bn1 \(BatchNorm2d\)"),
        (lambda: nn.Sequential(nn.Conv2d(3, 2, 3), Branching()), r"1 \(Branching\) .* may branch"),
        (lambda: nn.Sequential(nn.Conv2d(3, 2, 3, dilation=2)), "dilation"),
        (lambda: nn.Sequential(nn.Conv2d(3, 2, 3), nn.MaxPool2d(3, dilation=2)), "dilation"),
        (lambda: nn.Sequential(nn.Conv2d(3, 2, 3, padding=1, padding_mode="reflect")), "'reflect' padding"),
        (lambda: nn.Sequential(nn.Conv2d(3, 2, 2, padding="same")), "lopsided"),
        (lambda: nn.Sequential(nn.Conv2d(3, 2, 3), nn.GELU()), r"1 \(GELU\) is a GELU layer"),
        (
            lambda: nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(2), nn.Conv2d(2, 2, 1)),
            "2 .* behind the end",
        ),
        (lambda: nn.Sequential(nn.Linear(3, 2)), "no convolution"),
    ],
)
def test_what_cannot_be_a_trunk_is_named(make, message):
    with pytest.raises(ExploreError, match=message):
        Trunk(make())


def test_unknown_stages_and_units_outside_the_map_say_what_there_is(zfnet):
    with pytest.raises(ExploreError, match=r"no layer 'conv9': this net has conv1, pool1.*fc8"):
        zfnet.stage("conv9")
    with pytest.raises(ExploreError, match=r"conv5 has no unit at row 13, column 0: its map is 13 x 13"):
        zfnet.window("conv5", 13, 0, (224, 224))
    with pytest.raises(ExploreError, match="too small for this net"):
        zfnet.map_size("pool5", (20, 20))


def test_windows_go_down_map_by_map_and_clip_at_each_border(zfnet):
    windows = zfnet.windows("conv2", 0, 25, (224, 224))
    assert windows[-1] == windows[-2] == Window(0, 25, 1, 26)  # conv2 before and after its ReLU
    assert windows[3] == windows[4] == Window(0, 50, 5, 55)  # pool1, normalised or not
    assert windows[1] == windows[2] == Window(0, 99, 10, 110)  # conv1: row -1 is padding
    assert windows[0] == Window(0, 197, 24, 224)


def test_fully_connected_units_see_the_whole_image(zfnet):
    assert zfnet.window("fc6", 0, 0, (60, 70)) == Window(0, 0, 60, 70)


axis_numbers = st.fixed_dictionaries(
    {"kernel": st.integers(1, 4), "stride": st.integers(1, 4), "padding": st.integers(0, 3)}
)


@st.composite
def stacks(draw):
    """Random stacks of convolutions and pools, kernels smaller than strides and large paddings included."""
    layers: list[nn.Module] = []
    for kind in draw(st.lists(st.sampled_from(["conv", "pool"]), min_size=1, max_size=4)):
        rows, columns = draw(axis_numbers), draw(axis_numbers)
        kernel, stride = (rows["kernel"], columns["kernel"]), (rows["stride"], columns["stride"])
        padding = (rows["padding"], columns["padding"])
        if kind == "conv" or not layers:
            layers.append(nn.Conv2d(1, 1, kernel, stride, padding, bias=False))
        else:
            padding = (min(padding[0], kernel[0] // 2), min(padding[1], kernel[1] // 2))
            layers.append(nn.MaxPool2d(kernel, stride, padding, ceil_mode=draw(st.booleans())))
    return nn.Sequential(*layers)


def support(stack: nn.Sequential, unit: tuple[int, int], size: tuple[int, int]) -> torch.Tensor:
    """The pixels that reach a unit: all weights 1, pools summed, nothing rectified."""
    image = torch.ones(1, 1, *size, dtype=torch.float64, requires_grad=True)
    x = image
    for layer in stack:
        if isinstance(layer, nn.Conv2d):
            x = F.conv2d(
                x, torch.ones_like(layer.weight, dtype=torch.float64), None, layer.stride, layer.padding
            )
        else:
            pad, kernel = layer.padding, layer.kernel_size
            extra = tuple(k + s for k, s in zip(kernel, layer.stride, strict=True))  # room for ceil_mode
            rows, columns = F.max_pool2d(x, kernel, layer.stride, pad, ceil_mode=layer.ceil_mode).shape[2:]
            padded = F.pad(x, (pad[1], pad[1] + extra[1], pad[0], pad[0] + extra[0]))
            summed = F.avg_pool2d(padded, kernel, layer.stride)[:, :, :rows, :columns]
            x = summed
    (gradient,) = torch.autograd.grad(x[0, 0, unit[0], unit[1]], image, allow_unused=True)
    return torch.zeros(size) if gradient is None else gradient[0, 0]


@settings(deadline=None, max_examples=150)
@given(stacks(), st.integers(5, 24), st.integers(5, 24), st.data())
def test_the_window_is_the_bounding_box_of_the_autograd_support(stack, height, width, data):
    trunk = Trunk(stack)
    name = trunk.names[-1]
    try:
        rows, columns = trunk.map_size(name, (height, width))
    except ExploreError:
        assume(False)
    corner = st.sampled_from([0, -1])
    y = data.draw(st.one_of(st.integers(0, rows - 1), corner)) % rows
    x = data.draw(st.one_of(st.integers(0, columns - 1), corner)) % columns
    reached = support(stack, (y, x), (height, width)).nonzero()
    window = trunk.window(name, y, x, (height, width))
    if len(reached) == 0:
        assert window.height == 0 or window.width == 0
        return
    (y0, x0), (y1, x1) = reached.min(0).values.tolist(), reached.max(0).values.tolist()
    assert window == Window(y0, x0, y1 + 1, x1 + 1)


@settings(deadline=None, max_examples=60)
@given(stacks(), st.integers(5, 30), st.integers(5, 30))
def test_map_sizes_are_torchs(stack, height, width):
    trunk = Trunk(stack)
    try:
        expected = tuple(stack(torch.zeros(1, 1, height, width)).shape[2:])
    except RuntimeError:
        with pytest.raises(ExploreError, match="too small"):
            trunk.map_size(trunk.names[-1], (height, width))
        return
    assert trunk.map_size(trunk.names[-1], (height, width)) == expected
