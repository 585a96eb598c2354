"""Reaction and diffusion: the spots and stripes that Turing (1952) proposed for animals' coats.

The activator u makes more of itself and of the inhibitor v, which spreads further:

    u' = Du lap u + u - u^3 + k - a v,    0 = Dv lap v + u - v

The inhibitor is fast (Dv >> Du). The system is solved on a torus in Fourier space, with implicit
diffusion, so about a hundred large steps are enough. k = 0 gives stripes; k away from 0 gives spots.
Stripes run along y if the activator diffuses more easily along y. The two fields take about a second
to make and are kept as long as the process lives. Specimens are pieces of them, turned and scaled.
"""

from __future__ import annotations

from functools import cache

import numpy as np

FIELD_SIDE = 256  # pixels; about 15 waves across
_STEPS, _STEP = 120, np.float32(0.6)
_ACTIVATOR, _INHIBITOR = 2.0, 36.0  # Du, Dv


@cache
def stripes() -> np.ndarray:
    """Give a repeating field of stripes, mostly along y: float32 ``[256, 256]`` in [-1, 1]."""
    return _grow(seed=5, bias=0.0, inhibition=2.0, along=1.25)


@cache
def spots() -> np.ndarray:
    """Give a repeating field of spots, high inside them: float32 ``[256, 256]`` in [-1, 1]."""
    return _grow(seed=2, bias=-0.09, inhibition=1.0, along=1.0)


def _grow(*, seed: int, bias: float, inhibition: float, along: float) -> np.ndarray:
    """Run the system from faint noise; the activator diffuses ``along`` times as fast along y."""
    down = (2 * np.pi * np.fft.fftfreq(FIELD_SIDE)[:, None]) ** 2
    across = (2 * np.pi * np.fft.rfftfreq(FIELD_SIDE)[None, :]) ** 2
    decay = _ACTIVATOR * (across + along * down) + inhibition / (1 + _INHIBITOR * (across + down))
    divisor = (1 + _STEP * decay).astype(np.float32)
    noise = np.random.default_rng(seed).uniform(-0.1, 0.1, (FIELD_SIDE, FIELD_SIDE))
    activator = noise.astype(np.float32)
    for _ in range(_STEPS):
        grown = activator + _STEP * (activator - activator * activator * activator + np.float32(bias))
        activator = np.fft.irfft2(np.fft.rfft2(grown) / divisor, s=activator.shape).astype(np.float32)
    return activator / np.abs(activator).max()
