"""Going through a tar: long names in each form, sparse files, and sizes that lie."""

from __future__ import annotations

import io
import tarfile

import pytest

from zfexplore.images.tar import DamagedTar, members

LONG = "a" * 90 + "/" + "b" * 300 + ".png"


def packed(names, form) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=form) as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 700
            tar.addfile(info, io.BytesIO(bytes(700)))
    return data.getvalue()


def walked(data: bytes):
    return list(members(io.BytesIO(data), len(data)))


def patched(data: bytes, place: int, field: bytes) -> bytes:
    """Change bytes of the first header, and its sum."""
    block = bytearray(data[:512])
    block[place : place + len(field)] = field
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + data[512:]


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_and_foreign_names_and_places_are_those_of_tarfile(form):
    names = ["x.png", LONG, "é\udcff.png", "y.png"]
    data = packed(names, form)
    found = walked(data)
    assert [one.name for one in found] == names
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert [(one.offset, one.size) for one in found] == [(one.offset_data, one.size) for one in tar]


def test_a_sparse_file_is_refused_and_what_follows_found():
    data = packed(["s.png", "t.png"], tarfile.GNU_FORMAT)
    sparse = patched(patched(data, 156, b"S"), 482, b"\1")
    sparse = sparse[:512] + bytes(512) + sparse[512:]  # a further block of its map
    assert [(one.name, one.offset, one.refusal) for one in walked(sparse)] == [
        ("s.png", 1024, "it is no plain file"), ("t.png", 2560, ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("field", "told"),
    [
        (b"77777777777", "cut short: the member at byte 0 says that it has 8,589,934,591 bytes"),
        (b"-0000000700", "cut short: the member at byte 0 says that it has -448 bytes"),
        (b"\xff" * 12, "cut short"),
        (b"zzz", "it is no tar"),
    ],
)
def test_a_size_that_lies_is_damage_and_no_endless_walk(field, told):
    with pytest.raises(DamagedTar, match=told):
        walked(patched(packed(["x.png"], tarfile.GNU_FORMAT), 124, field))


def test_a_header_that_holds_another_is_bounded():
    pax = packed([LONG], tarfile.PAX_FORMAT)
    for wrong in (b"99999999 path=", b"0 path=aaaaa", b"x path=aaaaaa"):
        place = pax.index(b" path=") - 3
        data = pax[:place] + wrong + pax[place + len(wrong) :]
        with pytest.raises(DamagedTar, match="a damaged header at byte 0"):
            walked(data)
    huge = patched(packed(["x.png"], tarfile.GNU_FORMAT), 156, b"L")
    huge = patched(huge, 124, b"%011o\0" % (2**20 + 1)) + bytes(2**21)
    with pytest.raises(DamagedTar, match="an absurd header at byte 0"):
        walked(huge)
