"""Units of several stages of one image, against the reference."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from zfexplore.deconv import dense, one_image
from zfexplore.deconv.dense import record, record_stages
from zfexplore.deconv.one_image import image_projector
from zfexplore.errors import ExploreError
from zfexplore.nets.trunk import Trunk


def _places(trunk: Trunk, stage: str, size: tuple[int, int], count: int) -> list[tuple[int, int]]:
    height, width = trunk.map_size(stage, size)
    return [(row * 5 % height, row * 3 % width) for row in range(count)]


def _wanted(trunk: Trunk, image: Tensor, stages: list[str], count: int) -> dict[str, list[tuple[int, int]]]:
    size = (image.shape[2], image.shape[3])
    return {stage: _places(trunk, stage, size, count) for stage in stages}


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """The stages of each recording that is made."""
    made: list[set[str]] = []

    def watched(trunk: Trunk, image: Tensor, stages: dict[str, object]) -> object:
        made.append(set(stages))
        return record_stages(trunk, image, stages)

    monkeypatch.setattr(one_image, "record_stages", watched)
    return made


def test_one_recording_serves_every_stage(zfnet: nn.Module, images: Tensor, recorded: list[set[str]]) -> None:
    trunk, image = Trunk(zfnet), images[:1]
    stages = [stage.name for stage in trunk.stages]
    wanted = _wanted(trunk, image, [*stages, "fc7"], 6)
    bring_back = image_projector(trunk, image, wanted)
    assert recorded == [set(stages)]
    for stage, places in wanted.items():
        channels = [row % 3 for row in range(len(places))]
        found = bring_back(stage, channels, places)
        expected = dense.project(trunk, image, stage, channels, places)
        torch.testing.assert_close(found.pixels, expected.pixels, rtol=1e-10, atol=1e-11)
        torch.testing.assert_close(found.activation, expected.activation, rtol=1e-10, atol=1e-11)
        assert torch.equal(found.window, expected.window)
        assert torch.equal(found.channel, expected.channel)


def test_a_unit_low_in_the_net_is_run_up_in_its_window(
    zfnet: nn.Module, images: Tensor, recorded: list[set[str]]
) -> None:
    trunk, image = Trunk(zfnet), images[:1]
    bring_back = image_projector(trunk, image, {"conv1": [(3, 3)]})
    assert recorded == []
    expected = dense.project(trunk, image, "conv1", [1], [(3, 3)])
    found = bring_back("conv1", [1], [(3, 3)])
    torch.testing.assert_close(found.pixels, expected.pixels, rtol=1e-10, atol=1e-11)


def test_the_recordings_of_several_stages_are_those_of_each(zfnet: nn.Module, images: Tensor) -> None:
    trunk = Trunk(zfnet)
    for name, found in record_stages(trunk, images, ["conv2", "fc6", "pool5"]).items():
        alone = record(trunk, images, name)
        assert found.stage == alone.stage
        assert found.shapes == alone.shapes
        assert torch.equal(found.top, alone.top)
        assert found.switches.keys() == alone.switches.keys()
        assert all(torch.equal(found.switches[step], alone.switches[step]) for step in alone.switches)


def test_what_is_not_there_is_refused(zfnet: nn.Module, images: Tensor) -> None:
    trunk, image = Trunk(zfnet), images[:1]
    with pytest.raises(ExploreError, match="there is no layer 'conv9'"):
        image_projector(trunk, image, {"conv9": [(0, 0)]})
    with pytest.raises(ExploreError, match="channel"):
        image_projector(trunk, image, {"conv5": [(0, 0)]})("conv5", [10**6], [(0, 0)])


def test_a_pool_above_the_pixels_is_not_recorded(
    pool_first: nn.Module, images: Tensor, recorded: list[set[str]]
) -> None:
    trunk, image = Trunk(pool_first), images[:1]
    wanted = _wanted(trunk, image, ["pool0", "conv1", "pool1"], 400)
    bring_back = image_projector(trunk, image, wanted)
    assert recorded == [{"conv1", "pool1"}]
    for stage, places in wanted.items():
        channels = [row % 3 for row in range(len(places))]
        expected = dense.project(trunk, image, stage, channels, places)
        found = bring_back(stage, channels, places)
        torch.testing.assert_close(found.pixels, expected.pixels, rtol=1e-10, atol=1e-10)
