from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from tests.support import checkpoint_of, noise_picture, result_of, tiny_checkpoint
from zfexplore.errors import ExploreError
from zfexplore.studies.correspondence import correspond, pair_distances, parts_of, read_parts, signs_of


def linear():
    """A net without ReLUs: of each pixel, red and green added, and red less green."""
    net = nn.Sequential(nn.Conv2d(3, 2, 1, bias=False))
    net[0].weight.data = torch.tensor([[1.0, 1, 0], [1, -1, 0]])[:, :, None, None]
    return checkpoint_of(net, 4)


def of_colour(colour):
    return Image.new("RGB", (4, 4), colour)


RED, GREEN = of_colour((100, 0, 0)), of_colour((0, 100, 0))
LOW_LEFT, TOP_RIGHT, ALL = (0, 2, 2, 4), (2, 0, 4, 2), (0, 0, 4, 4)


def distances(images, parts, **options):
    found, _ = result_of(correspond(linear(), images, parts, ["conv1"], **options))
    return found


def test_a_linear_nets_distances_are_those_by_hand():
    images = {"a": RED, "b": GREEN, "c": RED}
    parts = {
        "a": {"same": LOW_LEFT, "moved": LOW_LEFT},
        "b": {"same": LOW_LEFT, "moved": TOP_RIGHT},
        "c": {"same": LOW_LEFT},
    }
    found = distances(images, parts, draws=3)
    same, moved = found.rows
    # Of 32 features 8 change in each image, by (+, +) where red is hidden and by (+, -) for green: 4 differ.
    assert (same.part, same.images, same.pairs) == ("same", 3, 3)
    assert same.distance == pytest.approx((4 + 0 + 4) / 32 / 3, abs=1e-12)
    # The standard deviation of 1/8, 0, 1/8 is 1/sqrt(192).
    assert same.error == pytest.approx(1 / np.sqrt(192) / np.sqrt(3), abs=1e-12)
    # Hidden in different places, all 8 and 8 differ. One pair has no standard error.
    assert (moved.images, moved.pairs, moved.error) == (2, 1, None)
    assert moved.distance == pytest.approx(16 / 32, abs=1e-12)
    # Of those that change in either image, 4 of 8 differ where the part is the same, and all where it moved.
    same, moved = distances(images, parts, draws=3, share="changed").rows
    assert same.distance == pytest.approx((0.5 + 0 + 0.5) / 3, abs=1e-12)
    assert moved.distance == 1
    assert found.pictures[0].parts["same"] == (window := found.pictures[1].parts["same"])
    assert tuple(window) == (2, 0, 4, 2)


def test_random_parts_have_the_same_sizes_and_lie_within():
    images, parts = {"a": RED, "b": GREEN}, {name: {"part": LOW_LEFT, "around": LOW_LEFT} for name in "ab"}
    (row,) = distances(images, parts, within="around", draws=4).rows
    # There is only one place for them: the part's own.
    assert (row.random, row.random_error, row.above, row.draws) == (row.distance, 0, 0, 4)
    free = {name: {"part": LOW_LEFT} for name in "ab"}
    (first,), (again,), (other,) = (distances(images, free, seed=seed).rows for seed in (1, 1, 2))
    assert first == again != other
    # Two squares of 2 x 2 that share k pixels differ in 16 - 3 k signs: 4 where they lie alike.
    assert 4 / 32 < first.random < 16 / 32
    assert first.above > 10


def test_identical_images_change_alike_in_every_stage():
    image, boxes = noise_picture(20), {"eye": (3, 4, 9, 8)}
    found, events = result_of(
        correspond(tiny_checkpoint(), {"a": image, "b": image}, {"a": boxes, "b": boxes})
    )
    assert [(row.stage, row.distance) for row in found.rows] == [("conv2", 0.0), ("fc3", 0.0)]
    assert all(row.random > 0 and row.above == row.draws == 20 for row in found.rows)
    assert events[-1].done == events[-1].total == 2 * 21


def test_rounding_is_no_change_and_silence_agrees():
    intact = torch.tensor([[1.0, 0.0, 5.0, 2.0]])
    signs = signs_of(intact, torch.tensor([[2.0, 0.0, 5.0 + 1e-6, 1.0]]))
    assert signs.tolist() == [[-1, 0, 0, 1]]
    three = np.array([[1, 0, 0, 1], [1, 0, 1, -1], [1, 0, 0, 1]], np.int8)
    assert pair_distances(three).tolist() == [0.5, 0, 0.5]
    assert pair_distances(three, "changed").tolist() == [2 / 3, 0, 2 / 3]
    assert pair_distances(0 * three, "changed").tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("parts", "options", "message"),
    [
        ({"a": {"part": ALL}, "b": {}}, {}, "only a has a part 'part': it takes two images or more"),
        ({"a": {}, "b": {}}, {}, "there is no part to hide"),
        ({"a": {"part": (-1, 0, 2, 2)}}, {"fit": "whole"}, "part of a reaches out of the picture, which has"),
        ({"a": {"part": (0, 0, 2, 99)}}, {}, "part of a reaches out of the picture, which has"),
        ({"a": {"part": ALL}, "b": {"part": ALL}}, {"within": "face"}, "a has no part 'face'"),
        ({"a": {}, "b": {}}, {"share": "some"}, "the share of all or of changed features, not 'some'"),
        (
            {name: {"part": ALL, "face": LOW_LEFT} for name in "ab"},
            {"within": "face"},
            "part of a is larger than face, within which",
        ),
    ],
)
def test_parts_that_cannot_be_compared_are_refused(parts, options, message):
    with pytest.raises(ExploreError, match=message):
        distances({"a": RED, "b": RED}, parts, **options)


def test_a_part_in_what_the_crop_leaves_out_is_refused():
    with pytest.raises(ExploreError, match="the net does not see all of part in a: draw another box, or see"):
        distances({"a": Image.new("RGB", (8, 4))}, {"a": {"part": (1, 1, 4, 4)}})


def test_a_file_of_parts_is_read_strictly(tmp_path):
    path = tmp_path / "parts.json"
    box = {"left": 1, "top": 2, "right": 3.5, "bottom": 4}
    path.write_text(json.dumps({"x.jpg": {"nose": box}}))
    assert read_parts(path) == {"x.jpg": {"nose": (1, 2, 3.5, 4)}}
    for wrong, message in (
        ({"x.jpg": {"nose": box | {"right": 1}}}, "nose of x.jpg: left must be below right"),
        ({"x.jpg": {"nose": [1, 2, 3, 4]}}, "nose of x.jpg: .* stands where an object with left belongs"),
        ({"x.jpg": {"nose": box | {"top": "2"}}}, "nose of x.jpg: top is '2' and not a finite number"),
        ({"x.jpg": 5}, "it: x.jpg: parts is 5 and not an object"),
    ):
        with pytest.raises(ExploreError, match=message):
            parts_of(wrong, "it")
    path.write_text("{")
    with pytest.raises(ExploreError, match=r"parts\.json cannot be read"):
        read_parts(path)
    with pytest.raises(ExploreError, match=r"none\.json cannot be read: No such file"):
        read_parts(tmp_path / "none.json")
