"""Which way a module goes, and which of its stages are watched."""

import pytest
import torch
from torch import nn

from tests import foreign
from tests.support import small_net
from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.nets.anynet import AnyNet
from zfexplore.nets.stages import net_over, unwrapped, watch
from zfexplore.nets.trunk import Trunk

INPUT = InputConvention(size=24, resize=24)


def test_a_plain_stack_is_a_trunk_and_everything_else_any_net():
    assert isinstance(net_over(small_net(24), INPUT), Trunk)
    ends_in_softmax = nn.Sequential(*small_net(24), nn.Softmax(1))
    for module in (foreign.seeded(foreign.Residual), foreign.seeded(foreign.Inception), ends_in_softmax):
        assert isinstance(net_over(module, INPUT), AnyNet)
    assert net_over(ends_in_softmax, INPUT).watched[-1] == "10"  # the logits


@pytest.mark.filterwarnings("ignore")  # tracing is deprecated, which does not matter here
def test_a_scripted_module_is_refused():
    scripted = torch.jit.trace(small_net(24), torch.zeros(1, 3, 24, 24))

    with pytest.raises(ExploreError, match="is scripted.*give the module itself"):
        net_over(scripted, INPUT)


def test_wrappers_are_taken_off():
    module = foreign.seeded(foreign.Residual)

    assert unwrapped(nn.DataParallel(module)) is module
    assert unwrapped(torch.compile(module)) is module
    assert unwrapped(nn.DataParallel(torch.compile(module))) is module
    assert unwrapped(module) is module


@pytest.mark.parametrize("net", [small_net(24), foreign.seeded(foreign.Residual)])
def test_stages_are_watched_by_name_and_by_pattern(net):
    net = net_over(net, INPUT)
    first, default = net.names[0], net.watched

    watch(net, [])
    assert net.watched == default
    watch(net, [net.names[2], first])
    assert net.watched == (first, net.names[2])
    watch(net, ["*"])
    assert net.watched == net.names


def test_a_pattern_chooses_among_all_stages():
    net = net_over(foreign.seeded(foreign.Residual), INPUT)

    watch(net, ["blocks.*.conv1", "blocks.2"])

    assert net.watched == ("blocks.0.conv1", "blocks.1.conv1", "blocks.2.conv1", "blocks.2.conv2")


def test_a_stage_that_is_not_there_is_named():
    with pytest.raises(ExploreError, match=r"there is no layer 'layer9\.\*': this net has stem"):
        watch(net_over(foreign.seeded(foreign.Residual), INPUT), ["layer9.*"])
