"""Response functions: the mean step of a pulse against the weight, as the theory writes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mho.errors import MhoTypeError, MhoValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import ArrayLike

    from mho.devices.pulsed_device import PulsedDevice

__all__ = ["ResponseFunctions", "response_functions", "symmetry_points", "weights_within"]

Array = NDArray[np.float64]

# Devices whose symmetry points are searched for together.
_CHUNK = 2**16
# What a weight in single precision may lie beyond a bound, relative to the range.
_ROUNDING = 1e-6


@dataclass(frozen=True, kw_only=True, slots=True)
class ResponseFunctions:
    """The response functions of a device, or of every device of a tile, at some weights.

    A pulse changes the weight by ``dw_min * q_up`` or ``-dw_min * q_down`` on average. Many small pulses
    that are asked to change it by ``dw`` change it by ``dw * F - |dw| * G``.

    Attributes
    ----------
    q_up, q_down : ndarray of float64
        Mean steps up and down, in units of the device's `dw_min`; positive where they go the way they should.
    F, G : ndarray of float64
        The symmetric part ``(q_down + q_up) / 2`` and the asymmetric part ``(q_down - q_up) / 2``.
    symmetry_point : ndarray of float64
        The weight at which G is 0, NaN where there is none or more than one; one for each device, and of
        shape ``()`` for the nominal device.

    References
    ----------
    Z. Wu et al., NeurIPS (2024), arXiv:2406.12774; arXiv:2502.06309.
    """

    q_up: Array
    q_down: Array
    F: Array
    G: Array
    symmetry_point: Array


def response_functions(up: Array, down: Array, dw_min: float, symmetry_point: ArrayLike) -> ResponseFunctions:
    """Return the response functions that belong to mean steps up and down."""
    q_up, q_down = np.asarray(up / dw_min), np.asarray(-down / dw_min)
    return ResponseFunctions(
        q_up=q_up,
        q_down=q_down,
        F=np.asarray((q_down + q_up) / 2),
        G=np.asarray((q_down - q_up) / 2),
        symmetry_point=np.asarray(symmetry_point, dtype=np.float64),
    )


def weights_within(w: ArrayLike, low: ArrayLike, high: ArrayLike) -> Array:
    """Return weights as numbers, NaN where they lie outside of the bounds.

    Raises
    ------
    MhoError
        If they are not real, finite numbers, or their shape does not go with that of the bounds.
    """
    try:
        numbers = np.asarray(w)
    except ValueError:  # rows of several lengths
        numbers = np.asarray(None)
    if numbers.dtype.kind not in "fiu":
        raise MhoTypeError(f"w must be a number or an array of numbers, got {type(w).__name__}")
    weights = numbers.astype(np.float64)
    if not np.isfinite(weights).all():
        raise MhoValueError("w must be finite")
    low, high = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    try:
        np.broadcast_shapes(weights.shape, low.shape)
    except ValueError:
        raise MhoValueError(
            f"w must have a shape that broadcasts with that of the devices, {low.shape}, got {weights.shape}"
        ) from None
    slack = _ROUNDING * (high - low)
    inside = (weights >= low - slack) & (weights <= high + slack)
    return np.where(inside, np.clip(weights, low, high), np.nan)


def symmetry_points(device: PulsedDevice, devices: Mapping[str, Array]) -> Array:
    """Find the symmetry point of each device, NaN where there is none or more than one.

    Parameters
    ----------
    device : PulsedDevice
        The model.
    devices : mapping
        Its per-device arrays by name, all of one shape.
    """
    shape = devices["w_max"].shape
    flat = {name: array.reshape(-1) for name, array in devices.items()}
    result = np.empty(flat["w_max"].size)
    for first in range(0, result.size, _CHUNK):
        part = {name: array[first : first + _CHUNK] for name, array in flat.items()}
        result[first : first + _CHUNK] = _roots(device, part)
    return result.reshape(shape)


def _roots(device: PulsedDevice, devices: Mapping[str, Array]) -> Array:
    low, width = devices["w_min"], devices["w_max"] - devices["w_min"]

    def sign_at(share: Array | float) -> Array:
        up, down = device.mean_step_of(low + share * width, devices)
        return np.sign(up + down)

    return low + width * _one_root(sign_at, device.symmetry_grid(), low.shape)


def _one_root(sign_at: Callable[[Array | float], Array], grid: Array, shape: tuple[int, ...]) -> Array:
    """Return where in [0, 1] a sign changes, if it is 0 or changes at one place of the grid only."""
    found = np.zeros(shape, dtype=np.int64)
    below, above = np.zeros(shape), np.zeros(shape)
    first_sign = np.zeros(shape)
    last = sign_at(float(grid[0]))
    begin = float(grid[0])
    found += last == 0
    for share in map(float, grid[1:]):
        sign = sign_at(share)
        zero, crossed = sign == 0, sign * last < 0
        found += zero | crossed
        below = np.where(zero, share, np.where(crossed, begin, below))
        above = np.where(zero | crossed, share, above)
        first_sign = np.where(crossed, last, first_sign)
        last, begin = sign, share
    for _ in range(48):
        middle = (below + above) / 2
        lower = sign_at(middle) == first_sign
        below, above = np.where(lower, middle, below), np.where(lower, above, middle)
    return np.where(found == 1, (below + above) / 2, np.nan)
