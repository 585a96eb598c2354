"""What a source says of itself, in lines."""

from __future__ import annotations

from zfexplore.images.folder import FileSource, ImageFile
from zfexplore.images.remarks import left_out_lines, remarks, without_class
from zfexplore.images.sources import LeftOut


def test_what_was_left_out_is_counted_by_reason_and_named():
    records = [LeftOut("x.svg", "a drawing"), *(LeftOut(f"{n}.heic", "no plugin") for n in range(5))]
    assert left_out_lines(records) == [
        "left out 5 (0.heic, 1.heic, 2.heic and 2 more): no plugin",
        "left out 1 (x.svg): a drawing",
    ]


def test_many_reasons_make_at_most_five_lines():
    lines = left_out_lines([LeftOut(str(number), f"reason {number}") for number in range(9)])
    assert len(lines) == 5
    assert lines[-1] == "left out 5 (4, 5, 6 and 2 more): for other reasons"


def test_images_without_a_class_are_named_only_beside_others_with_one():
    files = [ImageFile("a", "a.png", 0), ImageFile("b", "b.png", None)]
    source = FileSource("set", files, ["cat"], [LeftOut("c", "hidden")])
    assert remarks(source) == ["left out 1 (c): hidden", "without a class 1 (b.png)"]
    assert without_class(FileSource("set", [ImageFile("b", "b.png", None)])) == []


def test_a_source_with_nothing_to_say_says_nothing():
    class Plain:
        classes = ()

    assert remarks(Plain()) == []
