from __future__ import annotations

import numpy as np
import pytest

from zfexplore.atlas.records import StageRecord

NAN = np.nan


def record(class_mean=None, value=((4.0, 1.0), (0.0, -1.0), (2.0, 2.0))):
    value = np.array(value, np.float32)
    places = np.zeros(value.shape, np.int32)
    return StageRecord(
        "conv1", "conv", (3, 5), value, places.astype(np.int64), places, places,
        mean=np.array([2.0, 0.0, 1.0]), share_firing=np.array([0.75, 0.0, 1.0]),
        histogram=np.zeros((3, 4), np.int64),
        class_mean=None if class_mean is None else np.array(class_mean, np.float32),
    )  # fmt: skip


def test_the_maximum_is_the_first_place_and_dead_is_a_channel_that_never_fired():
    assert record().channels == 3
    assert record().max.tolist() == [4, 0, 2]
    assert record().dead.tolist() == [False, True, False]
    assert record().rarity.tolist() == [0.25, 1, 0]


def test_selectivity_compares_the_best_class_with_the_mean_of_the_others():
    found = record([[3, 1, 1], [0, 0, 0], [1, 5, 3]])
    assert found.best_class.tolist() == [0, 0, 1]
    assert found.selectivity == pytest.approx([(3 - 1) / (3 + 1), 0, (5 - 2) / (5 + 2)])


def test_classes_without_images_do_not_count():
    found = record([[3, NAN, 1], [0, NAN, 0], [1, NAN, 4]])
    assert found.best_class.tolist() == [0, 0, 2]
    assert found.selectivity == pytest.approx([0.5, 0, 0.6])


def test_negative_means_are_kept_inside_the_bounds():
    found = record([[2, -1, -1], [-1, -2, -3], [0, 0, 0]])  # 3 / 1, a negative sum, a sum of zero
    assert found.selectivity.tolist() == [1, 0, 0]


@pytest.mark.parametrize("class_mean", [None, [[1, NAN]] * 3])
def test_with_fewer_than_two_classes_there_is_no_selectivity(class_mean):
    assert record(class_mean).best_class is None
    assert record(class_mean).selectivity is None


@pytest.mark.parametrize("class_mean", [None, [[1, 2]] * 3])
def test_it_is_read_back_from_its_parts(class_mean):
    whole = record(class_mean)
    arrays = whole.arrays()
    assert ("conv1.class_mean" in arrays) == (class_mean is not None)
    found = StageRecord.from_arrays(whole.described(), arrays, k=2, images=1, classes=2)
    assert found.described() == whole.described() == {"name": "conv1", "kind": "conv", "map_size": [3, 5]}
    for name, array in found.arrays().items():
        np.testing.assert_array_equal(array, arrays[name])


@pytest.mark.parametrize(
    ("part", "array", "error"),
    [
        ("mean", None, ValueError),
        ("mean", np.zeros(2), ValueError),
        ("value", np.zeros((3, 2)), ValueError),  # float64
        ("image", np.full((3, 2), 1), ValueError),  # there is one image
        ("y", np.full((3, 2), 3, np.int32), ValueError),
        ("x", np.full((3, 2), -1, np.int32), ValueError),
        ("class_mean", np.zeros((3, 3), np.float32), ValueError),
    ],
)
def test_parts_that_do_not_fit_are_refused(part, array, error):
    whole = record([[1, 2]] * 3)
    arrays = whole.arrays() | {f"conv1.{part}": array}
    if array is None:
        del arrays[f"conv1.{part}"]
    with pytest.raises(error):
        StageRecord.from_arrays(whole.described(), arrays, k=2, images=1, classes=2)
