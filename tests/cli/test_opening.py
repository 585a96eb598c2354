from __future__ import annotations

import pytest
from zfexplore.cli.opening import open_explorer

from zfexplore.errors import ExploreError
from zfexplore.settings import Settings


@pytest.fixture
def settings(material, monkeypatch):
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(material / "cache"))
    return Settings(str(material / "pictures"), str(material / "net.safetensors"))


def test_weights_images_and_their_atlas_are_opened(settings):
    explorer = open_explorer(settings, "conv5", "0-3")
    assert explorer.settings is settings
    assert (explorer.atlas.count, len(explorer.source)) == (6, 7)  # one of them is broken


@pytest.mark.parametrize(
    ("layer", "channels", "complaint"), [("conv9", "all", "no layer 'conv9'"), ("conv5", "0-256", "256")]
)
def test_a_layer_or_channel_that_there_is_not_is_refused_before_anything_is_read(
    settings, monkeypatch, layer, channels, complaint
):
    monkeypatch.setattr("zfexplore.explorer.Explorer.index", lambda *_: pytest.fail("indexed"))
    with pytest.raises(ExploreError, match=complaint):
        open_explorer(settings, layer, channels)
