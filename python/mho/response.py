"""What a device does under pulses, as an engineer measures it: weights after each pulse of a train."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mho._validate import Range, integer
from mho.devices import PulsedDevice
from mho.errors import MhoTypeError, MhoValueError
from mho.periphery import Update
from mho.seeds import Seed
from mho.tile import Tile

__all__ = ["PulseResponse", "pulse_response"]

# Pulses that one update can give.
_LONGEST_TRAIN = 64


@dataclass(frozen=True, kw_only=True)
class PulseResponse:
    """Weights of some devices after each of a sequence of pulses.

    Attributes
    ----------
    pulses : ndarray of int64, shape (readings,)
        Pulses so far.
    up : ndarray of bool, shape (readings,)
        Direction of the pulses before each reading.
    weight : ndarray of float64, shape (readings, devices)
        What is read, write noise included.
    start : ndarray of float64, shape (devices,)
        Weights before the first pulse.
    """

    pulses: NDArray[np.int64]
    up: NDArray[np.bool_]
    weight: NDArray[np.float64]
    start: NDArray[np.float64]


def pulse_response(
    device: PulsedDevice,
    up: NDArray[np.bool_],
    *,
    devices: int = 1,
    start: float | None = None,
    every: int = 1,
    seed: int | Seed = 1,
) -> PulseResponse:
    """Pulse a row of devices and read them: the engine's own devices, without a periphery in between.

    Parameters
    ----------
    device : PulsedDevice
        What the devices are.
    up : ndarray of bool, shape (readings,)
        Direction of the pulses before each reading.
    devices : int, default 1
        How many.
    start : float, optional
        Weight to begin at, within each device's bounds; the lower bound by default.
    every : int, default 1
        Pulses before each reading, 1 to 64.
    seed : int or Seed, default 1
        Names the devices and their noise.

    Returns
    -------
    PulseResponse

    Raises
    ------
    MhoError
        An argument is not valid; a device without pulses has no response.

    Examples
    --------
    >>> from mho.devices import ConstantStep
    >>> device = ConstantStep(dw_min=0.1, dw_min_ctoc=0, dw_min_dtod=0, up_down_dtod=0)
    >>> response = pulse_response(device, np.array([True, True, False]), start=0.0)
    >>> print(response.weight[:, 0].round(3))
    [0.1 0.2 0.1]
    """
    if not isinstance(device, PulsedDevice):
        raise MhoTypeError(f"device must take pulses, got {type(device).__name__}")
    devices = integer("devices", devices, Range(at_least=1, at_most=2**20))
    every = integer("every", every, Range(at_least=1, at_most=_LONGEST_TRAIN))
    directions = np.asarray(up)
    if directions.ndim != 1 or directions.dtype != np.bool_:
        raise MhoValueError(
            f"up must be one row of True and False, got shape {directions.shape} of {directions.dtype}"
        )
    # Trains whose probability is 1: each device gets every pulse.
    update = Update(bl=every, update_management=False, update_bl_management=False)
    tile = Tile(devices, 1, device=device, update=update, seed=seed)
    tile.weight = np.full((1, devices), device.bounds()[0] if start is None else start)
    begin = tile.weight[0].astype(np.float64)
    x, lr = np.ones((1, devices)), every * tile.granularity
    weight = np.empty((len(directions), devices))
    for k, direction in enumerate(directions):
        # The weight moves against the error.
        tile.update(x, [[-1.0 if direction else 1.0]], lr)
        weight[k] = tile.weight[0]
    return PulseResponse(
        pulses=every * np.arange(1, len(directions) + 1), up=directions, weight=weight, start=begin
    )
