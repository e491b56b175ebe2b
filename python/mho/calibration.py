"""Calibration of symmetry points: pulses drive devices there, and references are programmed to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mho import _core, _validate
from mho._validate import Range
from mho.devices import Device, PulsedDevice, Reference
from mho.devices.response_functions import symmetry_points
from mho.errors import MhoTypeError, MhoValueError
from mho.periphery import Update
from mho.rules import CustomRule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mho.config import TileConfig
    from mho.seeds import Seed

__all__ = ["CalibrationMethod", "SymmetryCalibration", "calibrate"]

CalibrationMethod = Literal["alternating", "cyclic", "random"]

# A train of one slot, whose probability is 1 for an input and an error of 1.
_SINGLE = Update(bl=1, update_management=False, update_bl_management=False)
_BURST = 10
# Samples of one call, so that what a call needs of memory stays small.
_AT_ONCE = 64
# Pulses between two looks at whether devices have arrived.
_BETWEEN_LOOKS = 32
_PULSES = Range(at_least=1, at_most=10**9)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SymmetryCalibration:
    """What a calibration has found, and what it has cost.

    Attributes
    ----------
    symmetry_point : ndarray of float64, shape (out_features, in_features), with a leading axis of instances
        The estimate for each device: the weight that pulses have driven it to, less a reference as it was.
    residual : ndarray of float64, of the same shape
        The estimate less the true symmetry point, which the simulator knows. With a reference that was
        programmed, weight 0 is so far off the symmetry point. NaN for stuck devices.
    pulses : int
        Pulses that each device has received.
    reads : int
        Reads of each device.
    converged : bool or None
        Whether the tolerance was reached; None where none was given.
    programmed : bool
        Whether the reference was programmed.
    unreached : int
        References that could not be programmed so far.
    """

    symmetry_point: NDArray[np.float64]
    residual: NDArray[np.float64]
    pulses: int
    reads: int
    converged: bool | None
    programmed: bool
    unreached: int

    @property
    def mean(self) -> float:
        """Mean residual, over the devices that have a symmetry point."""
        return float(np.nanmean(self.residual))

    @property
    def rms(self) -> float:
        """Root of the mean square of the residuals."""
        return float(np.sqrt(np.nanmean(self.residual**2)))

    @property
    def max(self) -> float:
        """Largest magnitude of a residual."""
        return float(np.nanmax(np.abs(self.residual)))


@dataclass(frozen=True, slots=True)
class _Place:
    """The devices of one array: their class, the names of their planes, and those of their reference."""

    device: PulsedDevice
    weight: str
    prefix: str
    reference: str | None


def calibrate(
    engine: _core.Tile,
    config: TileConfig,
    seeds: Sequence[Seed],
    lockstep: bool,
    *,
    array: str,
    method: CalibrationMethod,
    pulses: int,
    burst: int | None,
    tolerance: float | None,
    reads: int,
    read_noise: float,
    program: bool | None,
) -> SymmetryCalibration:
    """Calibrate an array of a tile; see `mho.Tile.calibrate_symmetry_point`."""
    _validate.choice("method", method, get_args(CalibrationMethod))
    if burst is not None and method != "cyclic":
        raise MhoValueError(f"burst has no effect with method {method!r}: leave it out, got {burst!r}")
    burst = _validate.integer("burst", _BURST if burst is None else burst, _PULSES)
    half = burst if method == "cyclic" else 1
    reads = _validate.integer("reads", reads, Range(at_least=1, at_most=10**6))
    measured = 2 * half * reads  # the pulses among which an estimate is read
    least = measured if tolerance is None else 3 * measured
    pulses = _validate.integer("pulses", pulses, Range(at_least=least, at_most=10**9))
    if tolerance is not None:
        tolerance = _validate.number("tolerance", tolerance, Range(above=0))
    read_noise = _validate.number("read_noise", read_noise, Range(at_least=0))
    if program is not None:
        program = _validate.boolean("program", program)
    place = _place(engine, config, array)
    if program and place.reference is None:
        raise MhoValueError(
            f"program needs devices with a reference part, mho.devices.Reference: the array {array!r} has "
            f"none, only its symmetry points can be measured"
        )
    state = _Run(engine, seeds, lockstep, array, place, method, half, read_noise)
    converged = None
    if tolerance is None:
        state.pulse(pulses - measured)
        estimate = state.measure(reads)
    else:
        estimate, converged = _until(state, tolerance, pulses, reads)

    # A reference is subtracted from the device: at the estimate a read is 0 once this is added to it.
    reference = 0.0 if place.reference is None else engine.array(place.reference).astype(np.float64)
    planes = place.device.nominal_device()
    arrays = {name: engine.array(place.prefix + name).astype(np.float64) for name in planes}
    true = symmetry_points(place.device, arrays) - reference
    unreached = 0
    programmed = place.reference is not None and program is not False
    if programmed:
        unreached = engine.set_part(array, reference + estimate, "reference")
    return SymmetryCalibration(
        symmetry_point=estimate,
        residual=estimate - true,
        pulses=state.pulses,
        reads=state.reads,
        converged=converged,
        programmed=programmed,
        unreached=unreached,
    )


def _place(engine: _core.Tile, config: TileConfig, array: str) -> _Place:
    """Find the devices of an array."""
    if not isinstance(array, str):
        raise MhoTypeError(f"array must be the name of an array, got {array!r}")
    engine.part_names(array)  # raises where there is no such array
    rule, device = config.rule, config.device
    if array == "main":
        prefix = "main/" if "main/weight" in engine.array_names() else ""
    else:
        prefix = f"{array}/"
        own = rule.arrays()[array].device if isinstance(rule, CustomRule) else None
        device = own or (device if isinstance(rule, CustomRule) else rule.gradient_device(device))
    weight, reference, single = prefix + "weight", None, device
    if isinstance(device, Reference):
        reference, single, prefix = prefix + "reference/weight", device.device, prefix + "device/"
    if not isinstance(single, PulsedDevice):
        raise MhoTypeError(
            "only single devices, and mho.devices.Reference of one, have a symmetry point to calibrate, "
            f"got {_name(device)}"
        )
    if single.symmetry_point() is None:
        raise MhoValueError(f"{_name(single)} has no symmetry point, or more than one: {single!r}")
    return _Place(single, weight, prefix, reference)


def _name(device: Device) -> str:
    return type(device).__name__


class _Run:
    """Pulses and reads of one calibration."""

    def __init__(
        self,
        engine: _core.Tile,
        seeds: Sequence[Seed],
        lockstep: bool,
        array: str,
        place: _Place,
        method: CalibrationMethod,
        half: int,
        read_noise: float,
    ) -> None:
        self._engine, self._array, self._place = engine, array, place
        self._seeds, self._lockstep = seeds, lockstep
        self._method, self.half, self._read_noise = method, half, read_noise
        self._trains = _core.UpdateParameters(_SINGLE.to_dict())
        self._granularity = engine.array_granularity(array)
        # What is drawn here is drawn for the first time: each pulse is a step of the array.
        self._first = engine.update_steps(array)
        self._shape = engine.array(place.weight).shape[-2:]
        self.pulses = self.reads = 0

    def pulse(self, count: int) -> None:
        """Give each device so many pulses of the sequence."""
        while count > 0:
            now = min(count, _AT_ONCE)
            x, d = self._directions(now)
            self._engine.pulse(self._array, x, d, self._granularity, self._trains)
            self.pulses += now
            count -= now

    def _directions(self, count: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return inputs and errors of the next pulses: the weight moves against the product."""
        rows, columns = self._shape
        numbers = np.arange(self.pulses, self.pulses + count)
        if self._method == "random":
            # The signs of the lines are drawn for each pulse, so each device has directions of its own.
            signs = self._drawn("directions", count, rows + columns, numbers)
            signs = np.where(signs < 0.5, np.float32(-1), np.float32(1))
            return np.ascontiguousarray(signs[..., :columns]), np.ascontiguousarray(signs[..., columns:])
        up = numbers % (2 * self.half) < self.half
        d = np.where(up, np.float32(-1), np.float32(1))[:, None]
        return np.ones((count, columns), np.float32), np.repeat(d, rows, axis=1)

    def _drawn(self, name: str, count: int, size: int, numbers: NDArray[Any]) -> NDArray[np.float32]:
        """Return uniform numbers, (count, size) for each instance, a row for each of some steps."""
        steps = self._first + numbers
        drawn = np.stack(
            [
                np.stack([child.uniform(size, step=int(step)) for step in steps])
                for child in (seed.child(f"calibration/{self._array}/{name}") for seed in self._seeds)
            ]
        )
        return drawn if self._lockstep else np.asarray(drawn[0])

    def read(self) -> NDArray[np.float64]:
        """Read each device."""
        weight = self._engine.array(self._place.weight).astype(np.float64)
        self.reads += 1
        if self._read_noise == 0:
            return weight
        rows, columns = self._shape
        u = self._drawn("read_noise", 1, 2 * rows * columns, np.array([self.pulses])).astype(np.float64)
        # Box and Muller: two uniform numbers make a gaussian one.
        first, second = np.split(u.reshape((*weight.shape[:-2], 2, rows, columns)), 2, axis=-3)
        noise = np.sqrt(-2 * np.log(first)) * np.cos(2 * np.pi * second)
        return np.asarray(weight + self._read_noise * noise.reshape(weight.shape))

    def measure(self, reads: int) -> NDArray[np.float64]:
        """Return the mean of reads after pulses up and after pulses down, so many of each."""
        total = np.zeros(1)
        for _ in range(2 * reads):
            self.pulse(self.half)
            total = total + self.read()
        return np.asarray(total / (2 * reads))


def _until(state: _Run, tolerance: float, most: int, reads: int) -> tuple[NDArray[np.float64], bool]:
    """Pulse until what is left, if estimates change as a geometric series does, is small enough."""
    cycle = 2 * state.half
    measured = cycle * reads
    between = max(cycle, -(-_BETWEEN_LOOKS // cycle) * cycle)
    estimate = state.measure(reads)
    change = np.inf
    while state.pulses + measured <= most:
        state.pulse(min(between, most - state.pulses - measured) // cycle * cycle)
        last, estimate, before = estimate, state.measure(reads), change
        change = float(np.sqrt(np.mean((estimate - last) ** 2)))
        ratio = change / before if 0 < before < np.inf else 0.0 if change == 0 else 1.0
        left = change * max(1.0, ratio / (1 - ratio)) if ratio < 1 else np.inf
        if left <= tolerance:
            return estimate, True
    return estimate, False
