from __future__ import annotations

import pytest

from zfexplore.tui.naming import name_of, names_of


def test_a_net_is_named_by_its_file_by_net_or_as_the_shipped_one():
    assert name_of("runs/a/last.safetensors") == "last"
    assert name_of(None, "resnet18") == "resnet18"
    assert name_of(None) == name_of("shipped") == "shipped"


@pytest.mark.parametrize(
    ("checkpoints", "names"),
    [
        (("a/one.safetensors", "b/two.safetensors"), ["one", "two"]),
        (("a/last.safetensors", "b/last.safetensors", "b/first.pt"), ["a/last", "b/last", "first"]),
        (("x/a/last.pt", "y/a/last.pt"), ["x/a/last", "y/a/last"]),
        (("last.pt", "b/last.pt"), ["last", "b/last"]),
        (("a/one.pt", "a/one.safetensors"), ["one.pt", "one.safetensors"]),
        (("a/one.pt", "a/one.safetensors", "b/one.pt"), ["one.pt", "one.safetensors", "one"]),
        ((), []),
    ],
)
def test_names_are_as_short_as_tells_the_nets_apart(checkpoints, names):
    assert list(names_of(checkpoints).values()) == names
