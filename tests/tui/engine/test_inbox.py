from __future__ import annotations

from threading import Thread

from zfexplore.tui.engine.inbox import DEBOUNCE, Inbox
from zfexplore.tui.messages import Explore, SaveChannel, Setup, ShowChannel


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def show(channel: int) -> ShowChannel:
    return ShowChannel("conv5", channel, generation=channel)


def test_a_channel_is_given_once_keys_have_rested():
    clock = Clock()
    inbox = Inbox(clock)
    inbox.put(show(1))
    clock.now += DEBOUNCE / 2
    inbox.put(show(2))
    clock.now += DEBOUNCE

    assert inbox.take(wait=False) == show(2)
    assert inbox.take(wait=False) is None


def test_it_waits_for_the_keys_to_rest():
    inbox = Inbox()
    inbox.put(show(1))

    assert inbox.take(wait=False) == show(1)


def test_other_requests_go_first_and_none_is_lost():
    clock = Clock()
    inbox = Inbox(clock)
    inbox.put(show(1))
    inbox.put(SaveChannel("conv5", 1))
    inbox.put(SaveChannel("conv5", 2))
    clock.now += DEBOUNCE

    assert [inbox.take(wait=False) for _ in range(3)] == [
        SaveChannel("conv5", 1),
        SaveChannel("conv5", 2),
        show(1),
    ]


def test_a_newer_wish_overtakes_the_one_being_served():
    inbox = Inbox(Clock())
    inbox.put(show(1))
    assert not inbox.overtaken(show(1))

    inbox.put(show(2))

    assert inbox.overtaken(show(1))
    assert inbox.busy


def test_only_the_last_net_asked_for_is_explored_and_what_was_to_be_shown_before_is_not():
    clock = Clock()
    inbox = Inbox(clock)
    inbox.put(show(1))
    inbox.put(Explore(Setup(checkpoint="a")))
    assert inbox.overtaken(show(1))
    inbox.put(SaveChannel("conv5", 1))
    inbox.put(Explore(Setup(checkpoint="b")))
    clock.now += DEBOUNCE

    taken = [inbox.take(wait=False) for _ in range(3)]
    assert taken == [SaveChannel("conv5", 1), Explore(Setup(checkpoint="b")), None]


def test_cancelling_forgets_the_wish():
    inbox = Inbox(Clock())
    inbox.put(show(1))
    inbox.cancel()

    assert inbox.overtaken(show(1))
    assert inbox.take(wait=False) is None


def test_closing_wakes_the_waiting_thread():
    inbox = Inbox()
    taken = []
    thread = Thread(target=lambda: taken.append(inbox.take(wait=True)))
    thread.start()

    inbox.close()
    thread.join(5)

    assert taken == [None]
    assert inbox.busy
