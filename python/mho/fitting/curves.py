"""Measured curves: conductance against pulse number, of one or several devices and cycles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mho._validate import choice, number
from mho.errors import MhoTypeError, MhoValueError

__all__ = ["UNITS", "Curves", "WeightScale", "guess_unit"]

Array = NDArray[np.float64]

# What one of a unit is in siemens; None where the values have no unit.
UNITS: dict[str, float | None] = {
    "S": 1.0,
    "mS": 1e-3,
    "uS": 1e-6,
    "nS": 1e-9,
    "ohm": 1.0,
    "kohm": 1e-3,
    "normalised": None,
    "weight": None,
}
# Readings of each direction below which a fit would say nothing.
LEAST_READINGS = 8


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Readings in the order of their pulses, path after path; paths of one device follow one another.

    Attributes
    ----------
    values : ndarray of float64, shape (readings,)
        Conductances in `unit`.
    pulses : ndarray of int64, shape (readings,)
        Pulses since the reading before; without meaning at the first of a path.
    up : ndarray of bool, shape (readings,)
        Whether those pulses were potentiation.
    first : ndarray of bool, shape (readings,)
        Whether a path begins here: a run of pulses whose beginning nothing before it tells.
    device : ndarray of int64, shape (readings,)
        Index of the device, from 0.
    devices : tuple of str
        Names of the devices.
    unit : str
        One of `UNITS`; never a resistance.
    notes : tuple of str
        What was guessed on the way, for the user to read.
    """

    values: Array
    pulses: NDArray[np.int64]
    up: NDArray[np.bool_]
    first: NDArray[np.bool_]
    device: NDArray[np.int64]
    devices: tuple[str, ...]
    unit: str
    notes: tuple[str, ...] = ()

    @property
    def paths(self) -> int:
        """Number of paths."""
        return int(self.first.sum())

    @classmethod
    def of(
        cls,
        potentiation: ArrayLike | Sequence[ArrayLike],
        depression: ArrayLike | Sequence[ArrayLike],
        *,
        unit: str | None = None,
    ) -> Curves:
        """Make curves of arrays, one reading after each pulse.

        Parameters
        ----------
        potentiation, depression : array_like, shape (pulses,) or (devices, pulses) or (devices, cycles,
        pulses)
            Conductances.
        unit : str, optional
            One of `UNITS`; guessed from the values by default.

        Raises
        ------
        MhoError
            If the arrays do not fit together, or cannot be fitted.

        Examples
        --------
        >>> rise = np.linspace(0.0, 1.0, 50)
        >>> curves = Curves.of(rise, rise[::-1])
        >>> curves.unit, curves.paths, len(curves.values)
        ('normalised', 2, 100)
        """
        sides = []
        for name, given in (("potentiation", potentiation), ("depression", depression)):
            try:
                array = np.asarray(given, dtype=np.float64)
            except (TypeError, ValueError):
                raise MhoTypeError(f"{name} must be an array of numbers, of equally long rows") from None
            if not 1 <= array.ndim <= 3 or array.size == 0:
                raise MhoValueError(f"{name} must have 1 to 3 axes and not be empty, got shape {array.shape}")
            sides.append(array.reshape((1,) * (2 - min(array.ndim, 2)) + array.shape))
        shapes = [s.reshape(s.shape[0], -1, s.shape[-1]) for s in sides]
        if shapes[0].shape[0] != shapes[1].shape[0]:
            raise MhoValueError(
                f"potentiation and depression must be of equally many devices, got {shapes[0].shape[0]} and "
                f"{shapes[1].shape[0]}"
            )
        pieces = [
            Piece(device=device, values=row, up=np.full(len(row), up))
            for device in range(shapes[0].shape[0])
            for up, side in ((True, shapes[0]), (False, shapes[1]))
            for row in side[device]
        ]
        names = tuple(f"device {k + 1}" for k in range(shapes[0].shape[0]))
        return assemble(pieces, names, unit=unit)

    def _kept(self, keep: NDArray[np.bool_], **changes: Any) -> Curves:
        """Return some of the readings; `changes` are fields that are not just those of the readings."""
        fields = ("values", "pulses", "up", "first", "device")
        return replace(self, **({name: getattr(self, name)[keep] for name in fields} | changes))

    def thinned(self, most: int) -> Curves:
        """Return about `most` of the readings: fewer of each run of pulses, then fewer devices."""
        total = len(self.values)
        if total <= 1.5 * most:
            return self
        runs = np.flatnonzero(self.first | (np.diff(self.up, prepend=self.up[0])))
        ends = np.append(runs[1:], total)
        step = max(1, int(np.ceil(min(total / most, (ends - runs).max() / 200))))
        run = np.repeat(np.arange(len(runs)), ends - runs)
        # The last reading of a run is kept, so that pulses of both directions never lie between two readings.
        keep = ((ends[run] - 1 - np.arange(total)) % step == 0) | self.first
        done = np.cumsum(np.where(self.first, 0, self.pulses))
        pulses = np.diff(done[keep], prepend=0)
        curves = self._kept(keep, pulses=pulses)
        note = f"{total:,} readings: a fit takes about {most:,}"
        if step > 1:
            note += f", so every {step}th reading of a run of pulses is used"
        if len(curves.values) > 1.5 * most and len(self.devices) > 1:
            share = max(2, round(most / len(curves.values) * len(self.devices)))
            chosen = np.unique(np.linspace(0, len(self.devices) - 1, share).astype(int))
            keep = np.isin(curves.device, chosen)
            curves = curves._kept(
                keep,
                device=np.searchsorted(chosen, curves.device[keep]),
                devices=tuple(self.devices[k] for k in chosen),
            )
            note += f", and {len(chosen)} of {len(self.devices)} devices, evenly chosen"
        elif len(curves.values) > 1.5 * most:
            path = np.cumsum(curves.first) - 1
            share = max(2, round(most / len(curves.values) * (path[-1] + 1)))
            # Pairs of paths, since these may alternate between up and down.
            chosen = np.unique(2 * np.linspace(0, path[-1] // 2, max(share // 2, 1)).astype(int))
            keep = np.isin(path, np.concatenate([chosen, chosen + 1]))
            curves = curves._kept(keep)
            note += f", and {len(np.unique(path[keep]))} of {path[-1] + 1} runs, evenly chosen"
        return replace(curves, notes=(*curves.notes, note))


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A path of one device, before all are joined; NaN where a reading is missing."""

    device: int
    values: Array
    up: NDArray[np.bool_]
    pulses: NDArray[np.int64] | None = None


def assemble(
    pieces: Sequence[Piece],
    names: tuple[str, ...],
    *,
    unit: str | None = None,
    hint: str | None = None,
    notes: Sequence[str] = (),
) -> Curves:
    """Join paths to curves: drop missing readings, choose the unit, check that there is something to fit.

    Parameters
    ----------
    pieces : sequence of Piece
        The paths, devices in order.
    names : tuple of str
        Names of the devices.
    unit : str, optional
        As told by the user.
    hint : str, optional
        A unit that the file names.
    notes : sequence of str
        What was guessed so far.

    Raises
    ------
    MhoError
        If there are too few readings of a direction, or the values are not conductances.
    """
    notes = list(notes)
    parts: list[tuple[Array, NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_], int]] = []
    missing = 0
    for piece in sorted(pieces, key=lambda piece: piece.device):
        values = np.asarray(piece.values, dtype=np.float64)
        gaps = np.ones(len(values), dtype=np.int64) if piece.pulses is None else piece.pulses.copy()
        known = ~np.isnan(values)
        if not known.any():
            continue
        inner = values[: len(values) - int(np.argmax(known[::-1]))]
        missing += int(np.isnan(inner).sum())
        # The pulses of a missing reading belong to the next one, if they are of its direction.
        done = np.cumsum(gaps)
        index = np.flatnonzero(known)
        turned = np.diff(piece.up.astype(int), prepend=int(piece.up[0])) != 0
        first = np.zeros(len(index), dtype=bool)
        first[0] = True
        for k in np.flatnonzero(np.diff(index) > 1) + 1:
            first[k] = bool(turned[index[k - 1] + 1 : index[k] + 1].any())
        gap = np.diff(done[index], prepend=0)
        parts.append((values[index], gap, piece.up[index], first, piece.device))
    if not parts:
        raise MhoValueError("there are no readings: every value is missing")
    values, pulses, up, first = (np.concatenate([part[k] for part in parts]) for k in range(4))
    device = np.repeat([part[4] for part in parts], [len(part[0]) for part in parts])
    present = np.unique(device)
    device, names = np.searchsorted(present, device), tuple(names[k] for k in present)
    if missing:
        if missing > len(values) // 4:
            raise MhoValueError(
                f"{missing} of {missing + len(values)} values are missing (NaN or empty): too many; "
                "remove the empty rows, or repair the export"
            )
        notes.append(
            f"{missing} missing values (NaN or empty) inside the curves: skipped, their pulses count"
        )
    if not np.isfinite(values).all():
        raise MhoValueError("a value is infinite: remove that reading")
    _check_directions(values, up, first)
    return _in_unit(
        Curves(
            values=values,
            pulses=pulses,
            up=up,
            first=first,
            device=device,
            devices=names,
            unit="weight",
        ),
        unit,
        hint,
        notes,
    )


def _check_directions(values: Array, up: NDArray[np.bool_], first: NDArray[np.bool_]) -> None:
    """Refuse what has too few readings, only one direction, or no change."""
    counts = [int((up & ~first).sum()), int((~up & ~first).sum())]
    if len(values) < LEAST_READINGS:
        raise MhoValueError(
            f"there are {len(values)} readings: a fit needs at least {LEAST_READINGS} after potentiation and "
            "as many after depression pulses"
        )
    if np.ptp(values) <= 1e-12 * np.abs(values).max():
        raise MhoValueError("the conductance never changes: there is nothing to fit")
    for name, count, other in (
        ("depression", counts[1], "potentiation"),
        ("potentiation", counts[0], "depression"),
    ):
        if count == 0:
            raise MhoValueError(
                f"the curves have only {other}: a device needs both directions; add the {name} readings, "
                "or say where the direction turns (--pulses-up) or which columns hold what (--columns)"
            )
        if count < LEAST_READINGS - 1:
            raise MhoValueError(
                f"there are {count + 1} readings of {name}: a fit needs at least {LEAST_READINGS}"
            )


def guess_unit(values: Array) -> tuple[str, str]:
    """Guess the unit of conductances from their magnitudes; return it, and why.

    Examples
    --------
    >>> guess_unit(np.array([1e-6, 2e-5]))[0], guess_unit(np.array([1.0, 20.0]))[0]
    ('S', 'uS')
    >>> guess_unit(np.array([0.1, 0.9]))[0], guess_unit(np.array([-0.8, 0.9]))[0]
    ('normalised', 'weight')
    """
    low, high = float(values.min()), float(values.max())
    # A few readings below 0 are noise about an off state.
    if low < -0.1 * max(high, 0.0):
        return "weight", "values of both signs"
    if high <= 1e-2:
        return "S", f"values up to {high:.3g}"
    if high <= 1.5:
        return "normalised", f"values from {low:.3g} to {high:.3g}"
    if high <= 5e3:
        return "uS", f"values up to {high:.4g}"
    return "nS", f"values up to {high:.4g}"


def _in_unit(curves: Curves, unit: str | None, hint: str | None, notes: list[str]) -> Curves:
    values = curves.values
    if unit is not None:
        unit = choice("unit", unit, UNITS)
        notes.append(f"unit: {unit}, as told")
    elif hint is not None:
        unit = hint
        notes.append(f"unit: {unit}, from the header; --unit tells another")
    else:
        unit, why = guess_unit(values)
        notes.append(f"unit: guessed {unit} ({why}); --unit tells another")
    if unit in ("ohm", "kohm"):
        if values.min() <= 0:
            raise MhoValueError(f"a resistance must be > 0, got {values.min():g} {unit}")
        values, unit = 1e6 * (UNITS[unit] or 1.0) / values, "uS"
        notes.append("resistances were turned into conductances, in uS")
    return replace(curves, values=values, unit=unit, notes=tuple(notes))


@dataclass(frozen=True, kw_only=True)
class WeightScale:
    """The straight line between conductances and weights: ``w = (g - middle) / half``.

    Attributes
    ----------
    middle, half : float
        In the unit of the curves.
    unit : str
        That unit.
    source : str
        Where the line comes from.
    """

    middle: float
    half: float
    unit: str
    source: str

    @classmethod
    def choose(cls, curves: Curves, g_min: float | None, g_max: float | None) -> WeightScale:
        """Choose the line: as told, the identity for weights, else the range of the mean curves to -1 .. 1.

        Raises
        ------
        MhoValueError
            If `g_min` is not smaller than `g_max`.
        """
        if curves.unit == "weight" and g_min is None and g_max is None:
            return cls(middle=0.0, half=1.0, unit="weight", source="the values are weights")
        low, high = _quiet_range(curves)
        source = "the smallest and largest value of the smoothed curves"
        if g_min is not None or g_max is not None:
            source = "as told"
            low = low if g_min is None else number("g_min", g_min)
            high = high if g_max is None else number("g_max", g_max)
        if not high > low:
            raise MhoValueError(f"g_max must be > g_min, got {high:g} and {low:g}")
        return cls(middle=(low + high) / 2, half=(high - low) / 2, unit=curves.unit, source=source)

    def weight(self, g: Array) -> Array:
        """Return the weights of conductances."""
        return (g - self.middle) / self.half

    def conductance(self, w: float) -> float:
        """Return the conductance of a weight."""
        return self.middle + self.half * w

    def __str__(self) -> str:
        """Return the line in words."""
        if (self.middle, self.half) == (0.0, 1.0):
            return f"weight = value ({self.source})"
        name = "" if self.unit in ("normalised", "weight") else f" {self.unit}"
        return (
            f"weight -1 is {self.conductance(-1):.6g}{name}, weight 1 is {self.conductance(1):.6g}{name} "
            f"({self.source})"
        )


def _quiet_range(curves: Curves) -> tuple[float, float]:
    """Return the range of the curves without their noise: of medians of up to nine neighbours."""
    smallest = np.full(len(curves.devices), np.inf)
    largest = -smallest
    path = np.flatnonzero(curves.first)
    for begin, end in zip(path, np.append(path[1:], len(curves.values)), strict=True):
        values, device = curves.values[begin:end], curves.device[begin]
        reach = int(np.clip(len(values) // 40, 1, 9))
        windows = np.median(np.lib.stride_tricks.sliding_window_view(values, reach), axis=1)
        smallest[device] = min(smallest[device], float(windows.min()))
        largest[device] = max(largest[device], float(windows.max()))
    # Of many devices the middle one: one that is off does not set the scale.
    return float(np.median(smallest)), float(np.median(largest))
