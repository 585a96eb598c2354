"""Room for decoding: never more is taken than there is, and it comes back."""

from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from zfexplore.images import room, tokens
from zfexplore.images.room import Room, Rooms, decoding, unpacking, until_used

MEGA = 2**20


@pytest.fixture
def one_unit():
    """Rooms for one small picture in this process, as those of all."""
    before, rooms = room._rooms, Rooms(Room(8 * MEGA), Room(8 * MEGA))
    room.use(rooms)
    yield rooms
    room.use(before)


def is_free(of: Room) -> bool:
    if of._free.acquire(False):
        of._free.release()
        return True
    return False


@pytest.mark.parametrize("context", [threading, multiprocessing, tokens])
def test_no_more_is_taken_at_a_time_than_there_is_and_all_get_their_turn(context):
    shared, lock, taken, most = Room(48 * MEGA, context), threading.Lock(), 0, 0

    def take(size: int) -> int:
        nonlocal taken, most
        with shared.taken(size):
            with lock:
                taken += size
                most = max(most, taken)
            with lock:
                taken -= size
        return size

    sizes = [8 * MEGA * (1 + number % 6) for number in range(200)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(take, sizes)) == sizes
    assert most <= 48 * MEGA


def test_who_needs_more_than_there_is_waits_for_all_of_it(one_unit):
    with decoding(2**40):
        assert not is_free(one_unit.decoded)
    assert is_free(one_unit.decoded)


def test_room_comes_back_after_an_error(one_unit):
    with pytest.raises(ValueError, match="cut"), decoding(1):
        raise ValueError("cut")
    assert is_free(one_unit.decoded)


def test_in_a_pool_a_picture_keeps_its_room_until_it_is_used(one_unit):
    with until_used():
        with decoding(1):
            pass
        assert not is_free(one_unit.decoded)
        with decoding(1):  # another one lets go of the first
            pass
    assert is_free(one_unit.decoded)
    with decoding(1):
        pass
    assert is_free(one_unit.decoded)


def test_what_is_unpacked_has_room_of_its_own(one_unit):
    with unpacking(1), decoding(1):
        assert not is_free(one_unit.unpacked)
    assert is_free(one_unit.unpacked)


def test_a_process_that_was_forked_begins_with_all_room(one_unit):
    with decoding(1), unpacking(1):
        room._anew()
        assert is_free(room._rooms.decoded)
        assert is_free(room._rooms.unpacked)
