"""Where the profile of a likelihood, or an adjusted one, has its top and the ends of its 95 % interval.

A profile is costly: each of its points is a search for all other parameters. It is nearly a parabola, or at
least has a root (of twice how far it has fallen) that grows nearly like the distance from the top, which a
few points are enough for.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Profile", "ends", "summit"]

Array = NDArray[np.float64]
# From a value and where to begin to the log-likelihood of the best point, the value there, and the point.
Profile = Callable[[float, Array], tuple[float, float, Array]]

# Root of twice the fall of the log-likelihood at the end of a 95 % interval, and how far off it may be.
_END = 1.96
_CLOSE = 0.08
# Growth of that root over a standard error that is too little to go by.
_FLAT = 0.3
# Distance of the points that tell the top, in standard errors.
_APART = 0.7
# Fall of the log-likelihood from which on no parabola tells where it began.
_FAR = 3.0


def summit(
    profile: Profile, value: float, row: Array, error: float, way: Array
) -> tuple[float, float, Array, float]:
    """Return log-likelihood, value and point at the top of a profile, and the error that follows from it.

    Parameters
    ----------
    profile : callable
        The profile.
    value, row : float and ndarray of float64
        Where to begin: a value, and the point that has it.
    error : float
        Standard error of the value, roughly.
    way : ndarray of float64
        How the point moves with the value.
    """
    apart = _APART * error

    def beside(point: tuple[float, float, Array], sign: int) -> tuple[float, float, Array]:
        return profile(point[1] + sign * apart, point[2] + sign * apart * way)

    middle = profile(value, row)
    low, high = beside(middle, -1), beside(middle, 1)
    for _ in range(8):
        if high[0] > max(low[0], middle[0]):
            low, middle, high = middle, high, beside(high, 1)
        elif low[0] > middle[0]:
            low, middle, high = beside(low, -1), low, middle
        elif middle[0] - min(low[0], high[0]) > _FAR:
            apart /= 2
            low, high = beside(middle, -1), beside(middle, 1)
        else:
            break
    below, above = middle[0] - low[0], middle[0] - high[0]
    bend = below + above
    if not (0 <= below < _FAR and 0 <= above < _FAR and bend > 0):
        return *middle, error
    # The parabola through the three points.
    off = 0.5 * (below - above) / bend
    error = apart / math.sqrt(bend)
    return middle[0] + 0.5 * bend * off**2, middle[1] + off * apart, middle[2] + off * apart * way, error


def ends(
    profile: Profile, peak: float, at: float, top: Array, error: float, way: Array
) -> tuple[float, float]:
    """Return the ends of the 95 % interval of a profile, infinite where there is none.

    Parameters
    ----------
    profile : callable
        The profile. The value may stay behind the one asked for where no point has it.
    peak, at, top : float, float and ndarray of float64
        Log-likelihood, value and point at the top.
    error : float
        Standard error of the value, roughly.
    way : ndarray of float64
        How the point moves with the value.
    """
    found = []
    for sign in (-1, 1):
        # Distances at which the root of twice the fall is below and above 1.96; the root grows nearly like
        # them.
        near, far = (0.0, 0.0, top), (math.inf, math.inf)
        distance, end = _END * error, sign * math.inf
        for attempt in range(9):
            target = at + sign * distance
            likelihood, reached, row = profile(target, near[2] + way * (target - (at + sign * near[0])))
            fall = math.sqrt(max(2 * (peak - likelihood), 0.0)) if math.isfinite(likelihood) else math.inf
            stuck = not abs(reached - target) < 0.3 * error
            if abs(fall - _END) < _CLOSE and not stuck:
                # The rest of the way, in a straight line.
                rise = (fall - near[1]) / (distance - near[0])
                end = target + sign * (_END - fall) / rise if rise * error > _FLAT else target
                break
            if fall < _END:
                if stuck:  # no point of the model is further away
                    break
                near = (distance, fall, row)
            else:
                far, end = (distance, fall), target
            if math.isinf(far[0]):
                longer = 1.5 if attempt else 1.15
                distance = max(longer * distance, min(near[0] * _END / max(near[1], 0.5), 4 * distance))
            else:
                share = 0.5 if math.isinf(far[1]) else (_END - near[1]) / (far[1] - near[1])
                distance = near[0] + float(np.clip(share, 0.1, 0.9)) * (far[0] - near[0])
            if far[0] - near[0] < 0.03 * error:
                break
        found.append(end)
    return found[0], found[1]
