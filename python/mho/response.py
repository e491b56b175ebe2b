"""What a device does under pulses, as an engineer measures it: weights after each pulse of a train."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mho._validate import Range, integer
from mho.devices import Cell, Device, PulsedDevice
from mho.errors import MhoTypeError, MhoValueError
from mho.periphery import Update
from mho.seeds import Seed
from mho.tile import Tile

__all__ = ["PulseResponse", "pulse_response"]

# Pulses that one sample can give, and samples that one update of a cell is to have.
_LONGEST_TRAIN = 64
_MOST_SAMPLES = 4096


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
    parts : mapping of str to ndarray of float64, shape (readings, devices)
        Weights of the parts of cells, by name.
    """

    pulses: NDArray[np.int64]
    up: NDArray[np.bool_]
    weight: NDArray[np.float64]
    start: NDArray[np.float64]
    parts: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)


def pulse_response(
    device: Device,
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
    device : Device
        What the devices are; cells of several devices, too.
    up : ndarray of bool, shape (readings,)
        Direction of the pulses before each reading.
    devices : int, default 1
        How many.
    start : float, optional
        Weight to begin at, within each device's bounds; the lower bound by default, of cells 0.
    every : int, default 1
        Pulses before each reading, 1 to 64. For cells, which count samples, each pulse is a sample of its
        own, and there may be 4096.
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
    given: object = device
    if not isinstance(given, Device) or device.weight_granularity == 0:
        raise MhoTypeError(f"device must take pulses, got {type(device).__name__}")
    if start is None:
        start = device.w_min if isinstance(device, PulsedDevice) else 0.0
    devices = integer("devices", devices, Range(at_least=1, at_most=2**20))
    cell = isinstance(device, Cell)
    every = integer("every", every, Range(at_least=1, at_most=_MOST_SAMPLES if cell else _LONGEST_TRAIN))
    directions = np.asarray(up)
    if directions.ndim != 1 or directions.dtype != np.bool_:
        raise MhoValueError(
            f"up must be one row of True and False, got shape {directions.shape} of {directions.dtype}"
        )
    # Trains whose probability is 1: each device gets every pulse.
    samples, train = (every, 1) if cell else (1, every)
    update = Update(bl=train, update_management=False, update_bl_management=False)
    tile = Tile(devices, 1, device=device, update=update, seed=seed)
    tile.weight = np.full((1, devices), start)
    begin = tile.weight[0].astype(np.float64)
    x, lr = np.ones((samples, devices)), train * tile.granularity
    # The weight moves against the error.
    error = {True: np.full((samples, 1), -1.0), False: np.full((samples, 1), 1.0)}
    weight = np.empty((len(directions), devices))
    parts = {name: np.empty_like(weight) for name in _parts(tile)} if cell else {}
    for k, direction in enumerate(directions):
        tile.update(x, error[bool(direction)], lr)
        weight[k] = tile.weight[0]
        for name, course in parts.items():
            course[k] = tile.devices[f"{name}/weight"][0]
    return PulseResponse(
        pulses=every * np.arange(1, len(directions) + 1),
        up=directions,
        weight=weight,
        start=begin,
        parts=parts,
    )


def _parts(tile: Tile) -> list[str]:
    """Return the names of the single devices of a cell."""
    names = [name.removesuffix("/weight") for name in tile.devices if name.endswith("/weight")]
    return [name for name in names if not any(other.startswith(f"{name}/") for other in names)]
