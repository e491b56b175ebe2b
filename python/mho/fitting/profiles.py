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
    found = {0: profile(value, row)}

    def add(k: int, beside: int) -> None:
        found[k] = profile(value + k * apart, found[beside][2] + way * (k - beside) * apart)

    add(-1, 0)
    add(1, 0)
    for _ in range(6):
        best = max(found, key=lambda k: found[k][0])
        missing = {best - 1, best + 1} - found.keys()
        if not missing:
            break
        add(missing.pop(), best)
    likelihood, at, top = found[best]
    if not {best - 1, best + 1} <= found.keys():
        return likelihood, at, top, error
    # The parabola through three points.
    below, above = found[best - 1][0] - likelihood, found[best + 1][0] - likelihood
    bend = -(below + above)
    if not 0 < bend < math.inf:
        return likelihood, at, top, error
    off = 0.5 * (above - below) / bend
    return (
        likelihood + 0.5 * bend * off**2,
        at + off * apart,
        top + way * off * apart,
        apart / math.sqrt(bend),
    )


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
