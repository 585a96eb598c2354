from __future__ import annotations

import json

import pytest

from zfexplore.convention import InputConvention


def test_a_convention_survives_json():
    convention = InputConvention(160, 192, 255.0, (1.0, 2.0, 3.0), (4.0, 5.0, 6.0))
    assert InputConvention.from_json(json.loads(json.dumps(convention.to_json()))) == convention


@pytest.mark.parametrize(
    "change",
    [
        {"mean": [1, 2]},
        {"std": [1]},
        {"size": "big"},
        {"scale": 0},
        {"scale": float("nan")},
        {"std": [1, 0, 1]},
        {"std": [1, 1, float("inf")]},
        {"mean": [float("nan"), 0, 0]},
        {"mean": [], "std": []},
    ],
)
def test_a_damaged_convention_is_refused(change):
    with pytest.raises((ValueError, TypeError)):
        InputConvention.from_json(InputConvention().to_json() | change)


def test_a_net_that_sees_grey_has_one_mean_and_one_std():
    convention = InputConvention(28, 28, 1.0, (0.1307,), (0.3081,))
    assert convention.channels == 1
    assert convention.to_json()["colour"] == "grey"
    assert InputConvention.from_json(convention.to_json()) == convention


def test_what_was_written_before_reads_as_before():
    values = {"size": 224, "resize": 256, "scale": 1.0, "mean": [1, 2, 3], "std": [4, 5, 6], "colour": "RGB"}
    convention = InputConvention.from_json(values | {"per_pixel_mean": False})
    assert (convention.mean, convention.std, convention.channels) == ((1.0, 2.0, 3.0), (4.0, 5.0, 6.0), 3)


def test_as_many_means_as_stds():
    with pytest.raises(ValueError, match="the mean has 1 numbers and the std 3"):
        InputConvention(mean=(1.0,))


def test_of_many_wrong_numbers_a_few_are_told():
    with pytest.raises(ValueError, match=r"4001 positive numbers, not 0, 0, 0, 0, 0, 0, …$"):
        InputConvention(mean=(0.0,) * 4001, std=(0.0,) * 4001)
