from __future__ import annotations

import pytest

from zfexplore.tui.widgets.channels import number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0.00"), (21.43, "21.4"), (-21.43, "-21.4"), (0.0123, "0.0123"), (-0.0648, "-0.065"),
        (-0.5, "-0.50"), (1234.5, "1234"), (-12345, "-12345"), (99999, "99999"), (-99999.7, "-1.0e5"),
        (1234567, "1.2e6"), (-1234567, "-1.2e6"), (1e-5, "1e-05"), (-3e-5, "-3e-05"),
    ],
)  # fmt: skip
def test_a_number_has_six_characters_at_most(value, text):
    assert number(value) == text


def test_no_number_is_cut():
    values = [
        sign * digits * 10.0**power
        for sign in (1, -1)
        for digits in (1, 1.2345, 9.9996)
        for power in range(-40, 39)
    ]

    assert max(len(number(value)) for value in values) <= 6
