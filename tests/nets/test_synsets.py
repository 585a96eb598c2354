from __future__ import annotations

import pytest
from torchvision.datasets import Imagenette

from zfexplore.nets import zoo
from zfexplore.nets.synsets import _classes, class_of_synset


def test_the_thousand_classes_are_in_the_order_of_their_synsets():
    assert len(_classes()) == 1000
    assert list(_classes()) == sorted(_classes())
    assert tuple(_classes().values()) == zoo.class_names("alexnet")


def test_imagenettes_ten_have_the_names_that_torchvision_gives_them_there():
    for synset, names in Imagenette._WNID_TO_CLASS.items():
        assert class_of_synset(synset) in names


@pytest.mark.parametrize(
    ("folder", "name"),
    [("n02085620-Chihuahua", "Chihuahua"), ("n00000000", None), ("tench", None), ("n014407641", None)],
)
def test_only_a_synset_of_imagenet_is_taken_for_one(folder, name):
    assert class_of_synset(folder) == name
