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
    ],
)
def test_a_damaged_convention_is_refused(change):
    with pytest.raises((ValueError, TypeError)):
        InputConvention.from_json(InputConvention().to_json() | change)
