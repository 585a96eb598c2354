"""Steps and slices in which a rank is struck, for the launcher to put in their place."""

from __future__ import annotations

import signal

from zfexplore.atlas.maxima import image_maxima
from zfexplore.training.learner import take_step


def die_in_the_second_step(*arguments, **options):
    """Take a step, but for the second."""
    _strike(2, signal.SIGKILL)
    return take_step(*arguments, **options)


def stop_in_the_second_step(*arguments, **options):
    """Take a step, and be told to stop in the second."""
    _strike(2, signal.SIGTERM)
    return take_step(*arguments, **options)


def die_in_the_second_slice(*arguments):
    """Look at a slice, but for the second."""
    _strike(2, signal.SIGKILL)
    return image_maxima(*arguments)


_count = 0


def _strike(number: int, signal_number: int) -> None:
    global _count
    _count += 1
    if _count == number:
        signal.raise_signal(signal_number)
