from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from zfexplore.errors import ExploreError
from zfexplore.nets import zoo
from zfexplore.nets.checkpoint import load_checkpoint


def test_the_table_is_readable_without_torch():
    code = "import sys, zfexplore.nets.zoo as zoo; print(len(zoo.NETS), 'torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == [str(len(zoo.NETS)), "False"]


@pytest.mark.parametrize("name", zoo.NETS)
def test_every_net_of_the_table_can_be_made(name):
    with torch.device("meta"):
        net = zoo.make_net(name, {})
    assert sum(weight.numel() for weight in net.parameters()) > 60_000_000


def test_an_unknown_net_names_those_there_are():
    with pytest.raises(ExploreError, match=r"no net called 'lenet': choose zfnet, alexnet"):
        zoo.make_net("lenet", {})


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
