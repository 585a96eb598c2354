"""What counts as unseen is held against Unicode's own tables, as Python has them."""

from __future__ import annotations

import json
import unicodedata

import pytest

from zfexplore.printable import (
    UNSEEN,
    all_seen,
    file_safe,
    one_cell_each,
    printable,
    printable_json,
    printable_lines,
)

# Letters and marks without a shape (Unicode's Default_Ignorable_Code_Point, less the format characters).
SHAPELESS = {
    0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), 0x3164, *range(0xFE00, 0xFE10), 0xFFA0,
}  # fmt: skip
RESERVED = {0x2065, *range(0xFFF0, 0xFFF9), *range(0xE0000, 0xE1000)}  # for more of them


def test_all_controls_formats_separators_and_surrogates_are_unseen_and_no_letter_is():
    found, letters = set(), set()
    for code in (*range(0x20000), *range(0xE0000, 0xE1000)):  # between and behind lie letters alone
        kind = unicodedata.category(chr(code))
        if kind in ("Cc", "Cf", "Cs", "Zl", "Zp") or code in SHAPELESS:
            found.add(code)
        elif code not in RESERVED and not 0x13430 <= code <= 0x1343F and not 0x890 <= code <= 0x891:
            letters.add(chr(code))  # the latter are formats that are younger than some Pythons' tables
    every = "".join(map(chr, sorted(found)))

    assert UNSEEN.sub("", every) == ""
    assert not any(map(all_seen, every))  # each alone, too
    assert not UNSEEN.search("".join(sorted(letters)))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("conv5:130 café 猫 ❤", "conv5:130 café 猫 ❤"),
        ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
        ("\x9b31m\x85\x7f", r"\x9b31m\x85\x7f"),
        ("a\nb\rc\td", r"a\nb\rc\td"),
        ("cat\u202egnp.exe", r"cat\u202egnp.exe"),
        ("a\u200bb\u200d\ufe0f\u2028", r"a\u200bb\u200d\ufe0f\u2028"),
        ("cat\u3164", r"cat\u3164"),
        ("❤\ufe0f", r"❤\ufe0f"),
        ("\udce9", r"\udce9"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_is_unseen_becomes_an_escape_and_all_else_stays(text, shown):
    assert printable(text) == shown
    assert printable(shown) == shown


def test_lines_that_were_meant_stay():
    assert printable_lines("one\x1b\ntwo\u2028three") == "one\\x1b\ntwo\\u2028three"


def test_json_keeps_its_values():
    value = {"a\x9b\u202e": ["\x1b\n", "\x7f\U000e0041", "猫"]}
    text = printable_json(json.dumps(value, indent=2, ensure_ascii=False))

    assert json.loads(text) == value
    assert "猫" in text
    assert not UNSEEN.search(text.replace("\n", ""))


def test_a_name_becomes_part_of_a_file_name():
    assert file_safe("a/last v1.2") == "a-last-v1.2"
    assert file_safe("über_猫:\u3164\ufe0f\x1b") == "über_猫----"


def test_symbols_take_a_place_each():
    text = "a\x1bb\x7fc\u202ed\x9b"

    assert one_cell_each(text) == "a␛b␡c\ufffdd\ufffd"
