"""The dense deconvnet against arithmetic on paper, and the laws it must obey."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from zfexplore.deconv.dense import backproject, project, record
from zfexplore.nets.trunk import Trunk
from zfexplore.nets.zfnet import ZFNet


def conv(weight: list, bias: list[float], stride: int = 1) -> nn.Conv2d:
    """A convolution with the weights written out."""
    kernel = torch.tensor(weight, dtype=torch.float64)
    layer = nn.Conv2d(kernel.shape[1], kernel.shape[0], tuple(kernel.shape[2:]), stride, dtype=torch.float64)
    layer.weight.data = kernel
    layer.bias.data = torch.tensor(bias, dtype=torch.float64)
    return layer


def picture(rows: list[list[float]]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)[None, None]


class TestTwoConvolutions:
    """4x4 pixels, two 2x2 kernels at stride 2, then two 1x1 filters over their two maps.

    conv1: A = x00 - x11; B = x01 + x10 - 3. On the four blocks of the image
        A = 4-1 = 3 | 0-1 -> 0        B = 1+2-3 = 0 | 2+3-3 = 2
            1-0 = 1 | 5-2 = 3             0+0-3 -> 0 | 1+2-3 = 0
    conv2: channel 0 = 2A - B + 1 = 7, (-1 -> 0), 3, 7; channel 1 = 2A + B + 1 = 7, 3, 3, 7.
    """

    image = picture([[4, 1, 0, 2], [2, 1, 3, 1], [1, 0, 5, 1], [0, 0, 2, 2]])

    @pytest.fixture
    def trunk(self) -> Trunk:
        first = conv([[[[1, 0], [0, -1]]], [[[0, 1], [1, 0]]]], [0, -3], stride=2)
        second = conv([[[[2]], [[-1]]], [[[2]], [[1]]]], [1, 1])
        return Trunk(nn.Sequential(first, nn.ReLU(), second, nn.ReLU()))

    def test_a_unit_comes_back_rectified_between_the_filters_and_signed_in_the_pixels(
        self, trunk: Trunk
    ) -> None:
        projection = project(trunk, self.image, "conv2", 0)
        # The seed 7 reaches A as 14 and B as -7, which is rectified away; A's kernel has a -1.
        expected = torch.zeros(4, 4, dtype=torch.float64)
        expected[:2, :2] = torch.tensor([[14, 0], [0, -14]])
        assert torch.equal(projection.pixels[0, 0], expected)
        assert projection.activation.tolist() == [7]
        assert projection.position.tolist() == [[0, 0]]  # (1, 1) is 7 too: the first one counts
        assert projection.window.tolist() == [[0, 0, 2, 2]]

    def test_the_signal_passes_units_that_were_silent_on_the_way_up(self, trunk: Trunk) -> None:
        # B was 0 at the first block; a guided backward pass would stop its 7 there.
        pixels = project(trunk, self.image, "conv2", 1).pixels[0, 0]
        assert pixels[:2, :2].tolist() == [[14, 7], [7, -14]]
        assert pixels.abs().sum() == 42

    def test_a_chosen_position_is_taken_and_a_silent_unit_projects_to_zero(self, trunk: Trunk) -> None:
        projection = project(trunk, self.image, "conv2", 0, [[0, 1], [1, 0]])
        assert projection.activation.tolist() == [0, 3]
        assert torch.count_nonzero(projection.pixels[0]) == 0
        assert projection.pixels[1, 0, 2:, :2].tolist() == [[6, 0], [0, -6]]

    def test_the_whole_map_is_the_sum_where_units_do_not_meet(self, trunk: Trunk) -> None:
        projection = project(trunk, self.image, "conv2", 0, "all")
        expected = [[14, 0, 0, 0], [0, -14, 0, 0], [6, 0, 14, 0], [0, -6, 0, -14]]
        assert projection.pixels[0, 0].tolist() == expected
        assert projection.activation.tolist() == [7]
        assert projection.window.tolist() == [[0, 0, 4, 4]]


class TestOverlappingPools:
    """5x5 pixels whose middle, 9, is chosen by all four 3x3 windows at stride 2; then one 2x2 filter.

    The unit is 9 * (1 - 2 + 3 + 4) - 10 = 44; the pooled map gets 44, -88, 132 and 176.
    """

    @pytest.fixture
    def trunk(self) -> Trunk:
        second = conv([[[[1, -2], [3, 4]]]], [-10])
        return Trunk(nn.Sequential(conv([[[[1]]]], [0]), nn.ReLU(), nn.MaxPool2d(3, 2), second, nn.ReLU()))

    @pytest.fixture
    def image(self) -> Tensor:
        image = torch.arange(25, dtype=torch.float64).view(1, 1, 5, 5) / 25
        image[0, 0, 2, 2] = 9
        return image

    def test_windows_that_chose_one_pixel_add_there_before_rectifying(
        self, trunk: Trunk, image: Tensor
    ) -> None:
        projection = project(trunk, image, "conv2", 0)
        expected = torch.zeros(5, 5, dtype=torch.float64)
        expected[2, 2] = 44 - 88 + 132 + 176  # overwriting keeps 176; rectifying first gives 352
        assert projection.activation.tolist() == [44]
        assert torch.equal(projection.pixels[0, 0], expected)

    def test_a_pooled_map_adds_up_too(self, trunk: Trunk, image: Tensor) -> None:
        pixels = project(trunk, image, "pool1", 0, "all").pixels[0, 0]
        assert pixels[2, 2] == 4 * 9
        assert pixels.sum() == 4 * 9


def test_rows_and_columns_that_a_stride_skips_come_back_as_zeros() -> None:
    trunk = Trunk(nn.Sequential(conv([[[[2, 0], [0, 0]]]], [0], stride=3), nn.ReLU()))
    pixels = project(trunk, torch.ones(1, 1, 7, 4, dtype=torch.float64), "conv1", 0, "all").pixels[0, 0]
    # 7 x 4 pixels give 2 x 1 units of 2 each, at rows 0 and 3; rows 5-6 and columns 2-3 are never read.
    expected = torch.zeros(7, 4, dtype=torch.float64)
    expected[0, 0] = expected[3, 0] = 4
    assert torch.equal(pixels, expected)


class TestFullyConnected:
    """2x2 pixels, averaged to one value a map, then a matrix with a negative logit."""

    @pytest.fixture
    def trunk(self) -> Trunk:
        matrix = nn.Linear(2, 2, dtype=torch.float64)
        matrix.weight.data = torch.tensor([[2.0, -1.0], [-3.0, 1.0]], dtype=torch.float64)
        matrix.bias.data = torch.tensor([1.0, 0.5], dtype=torch.float64)
        first = conv([[[[1]]], [[[2]]]], [0, -4])
        return Trunk(nn.Sequential(first, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), matrix))

    def test_a_logit_comes_back_through_matrix_and_average(self, trunk: Trunk) -> None:
        # Maps: x (mean 3) and 2x - 4 rectified (0, 0, 0, 12; mean 3). Logit 2*3 - 3 + 1 = 4.
        # Back: 8 and -4 a mean, so 2 and -1 a pixel; the second is rectified, the first filtered by 1.
        projection = project(trunk, picture([[1, 1], [2, 8]]), "fc2", 0)
        assert projection.activation.tolist() == [4]
        assert projection.pixels[0, 0].tolist() == [[2, 2], [2, 2]]
        assert projection.position.tolist() == [[0, 0]]
        assert projection.window.tolist() == [[0, 0, 2, 2]]

    def test_a_negative_logit_is_told_and_projects_to_zero(self, trunk: Trunk) -> None:
        projection = project(trunk, picture([[1, 1], [2, 8]]), "fc2", 1)
        assert projection.activation.tolist() == [-5.5]
        assert torch.count_nonzero(projection.pixels) == 0


def test_pixels_have_exactly_the_inputs_size_at_every_stage(net: nn.Module, images: Tensor) -> None:
    trunk = Trunk(net)
    for stage in trunk.names:
        assert project(trunk, images, stage, 0).pixels.shape == images.shape


def test_zfnet_gives_224_pixels_for_224() -> None:
    trunk = Trunk(ZFNet(classes=2, fc=4))
    projection = project(
        trunk, torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0)), "pool5", 3
    )
    assert projection.pixels.shape == (1, 3, 224, 224)
    assert torch.isfinite(projection.pixels).all()


def test_nothing_reaches_outside_the_window_and_something_reaches_its_edges(
    net: nn.Module, images: Tensor
) -> None:
    trunk = Trunk(net)
    for stage in (stage.name for stage in trunk.stages):
        height, width = trunk.map_size(stage, (97, 126))
        corners = [
            [0, 0],
            [0, width - 1],
            [height - 1, 0],
            [height - 1, width - 1],
            [height // 2, width // 2],
        ]
        for channel in range(3):
            projection = project(trunk, images[:1], stage, channel, corners)
            for pixels, (y0, x0, y1, x1) in zip(projection.pixels, projection.window.tolist(), strict=True):
                outside = pixels.clone()
                outside[:, y0:y1, x0:x1] = 0
                assert torch.count_nonzero(outside) == 0, (stage, channel)


def test_a_units_window_is_filled_where_its_activation_is_positive(zfnet: nn.Module, images: Tensor) -> None:
    projection = project(Trunk(zfnet), images, "conv1", 0)
    for pixels, (y0, x0, y1, x1) in zip(projection.pixels, projection.window.tolist(), strict=True):
        assert torch.count_nonzero(pixels[:, y0:y1, x0:x1]) == 3 * (y1 - y0) * (x1 - x0)


def test_the_default_position_is_each_images_maximum(net: nn.Module, images: Tensor) -> None:
    trunk = Trunk(net)
    for stage, maps in trunk.maps(images).items():
        projection = project(trunk, images, stage, 2)
        best = maps[:, 2].reshape(len(images), -1).max(1)
        assert torch.allclose(projection.activation, best.values, rtol=1e-12)
        columns = trunk.map_size(stage, (97, 126))[1]
        expected = [divmod(index, columns) for index in best.indices.tolist()]
        assert [tuple(place) for place in projection.position.tolist()] == expected


def test_a_batchs_rows_equal_single_calls(net: nn.Module, images: Tensor) -> None:
    trunk = Trunk(net)
    for stage in trunk.names:
        together = project(trunk, images, stage, [0, 1, 2])
        for row in range(3):
            alone = project(trunk, images[row : row + 1], stage, row)
            torch.testing.assert_close(together.pixels[row], alone.pixels[0], rtol=1e-12, atol=1e-13)
            assert together.position[row].tolist() == alone.position[0].tolist()
            assert together.window[row].tolist() == alone.window[0].tolist()


def test_many_channels_of_one_image_equal_single_calls_across_portions(
    zfnet: nn.Module, images: Tensor
) -> None:
    trunk = Trunk(zfnet)
    channels = [channel % 7 for channel in range(20)]  # more than are brought back at once
    together = project(trunk, images[:1], "conv5", channels)
    assert together.channel.tolist() == channels
    for channel in range(7):
        alone = project(trunk, images[:1], "conv5", channel)
        for row in range(channel, 20, 7):
            torch.testing.assert_close(together.pixels[row], alone.pixels[0], rtol=1e-12, atol=1e-13)


def test_pool5_and_conv5_project_the_same(zfnet: nn.Module) -> None:
    # Where the maximum of the map lies inside a pooling window it survives. The size is chosen so
    # that the windows cover conv5's whole map (9 x 9, as 13 x 13 at 224 pixels).
    trunk = Trunk(zfnet)
    images = torch.randn(2, 3, 160, 160, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    assert trunk.map_size("conv5", (160, 160)) == (9, 9)
    for channel in range(7):
        below, above = project(trunk, images, "conv5", channel), project(trunk, images, "pool5", channel)
        assert torch.equal(below.activation, above.activation)
        torch.testing.assert_close(below.pixels, above.pixels, rtol=1e-12, atol=1e-13)
        assert (above.window[:, :2] <= below.window[:, :2]).all()
        assert (above.window[:, 2:] >= below.window[:, 2:]).all()


def test_a_seed_of_ones_own_goes_the_same_way(zfnet: nn.Module, images: Tensor) -> None:
    trunk = Trunk(zfnet)
    with torch.no_grad():
        recording = record(trunk, images, "conv3")
        projection = project(trunk, images, "conv3", 4)
        seed = torch.zeros_like(recording.top)
        for row, (y, x) in enumerate(projection.position.tolist()):
            seed[row, 4, y, x] = 2 * recording.top[row, 4, y, x]
        pixels = backproject(trunk, recording, seed)
    torch.testing.assert_close(pixels, 2 * projection.pixels, rtol=1e-12, atol=1e-13)


def test_the_net_and_the_images_are_left_as_found(zfnet: nn.Module, images: Tensor) -> None:
    zfnet.train()
    weights = {name: value.clone() for name, value in zfnet.state_dict().items()}
    pixels = images.clone()
    project(Trunk(zfnet), images, "fc8", 0)
    assert zfnet.training
    assert all(torch.equal(value, weights[name]) for name, value in zfnet.state_dict().items())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in zfnet.parameters())
    assert not any(module._forward_hooks or module._backward_hooks for module in zfnet.modules())
    assert torch.equal(images, pixels)


def test_a_projection_is_the_same_every_time(zfnet: nn.Module, images: Tensor) -> None:
    trunk = Trunk(zfnet.float())
    first, second = (project(trunk, images.float(), "conv5", 1).pixels for _ in range(2))
    assert torch.equal(first, second)


def test_the_result_can_be_changed_and_trained_on(zfnet: nn.Module, images: Tensor) -> None:
    pixels = project(Trunk(zfnet), images, "conv2", 1).pixels
    before = pixels.clone()
    pixels.mul_(2)
    assert torch.equal(pixels, 2 * before)
    factor = torch.ones(1, dtype=pixels.dtype, requires_grad=True)
    (pixels * factor).square().sum().backward()  # squared, so that autograd must have kept the pixels
    assert factor.grad is not None
    torch.testing.assert_close(factor.grad.item(), 2 * pixels.square().sum().item(), rtol=1e-12, atol=0)
