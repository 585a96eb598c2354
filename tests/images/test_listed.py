"""What sources of a list share is tested with them; here what a subclass has to give."""

from __future__ import annotations

import pytest
from PIL import Image

from zfexplore.images.decode import UndecodableError
from zfexplore.images.listed import ListedSource
from zfexplore.images.sources import Picture, UnreadableImage


class Drawn(ListedSource):
    content = "plain"

    def _decode(self, index):
        if index == 1:
            raise UndecodableError("torn")
        return Image.new("RGB", (2, 2))

    def _contents(self):
        return (self.content for _ in range(len(self)))


def test_names_labels_and_pictures_go_together():
    source = Drawn("set", ["a", "b", "c"], [0, None, 1], ["x", "y"])
    assert isinstance(source[2], Picture)
    assert (source[2].name, source[2].label, source.label(1), source.image_name(1)) == ("c", 1, None, "b")
    with pytest.raises(UnreadableImage, match="image 1 .b. cannot be read: torn"):
        source[1]


def test_the_fingerprint_follows_names_labels_and_content_but_not_the_sets_name():
    def of(name="set", names=("a",), labels=(0,), classes=("x",)):
        return Drawn(name, names, labels, classes)

    first = of().fingerprint()
    assert of(name="other").fingerprint() == first
    for other in (of(names=("b",)), of(labels=(None,)), of(classes=("z",))):
        assert other.fingerprint() != first
    changed = of()
    changed.content = "other"
    assert changed.fingerprint() != first
