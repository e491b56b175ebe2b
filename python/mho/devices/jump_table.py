"""Steps drawn from measured distributions of the jump against the weight."""

from __future__ import annotations

import math
from functools import cache
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mho import _validate
from mho._parameters import Parameters, configuration, described, parameter
from mho._validate import Range
from mho.devices.device import Device
from mho.devices.piecewise_step import InterpolatedStep
from mho.devices.pulsed_device import PulsedDevice
from mho.errors import MhoTypeError, MhoValueError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["JumpRow", "JumpTable"]

_BURR = "Burr et al. 2015"
_ROWS = Range(at_least=2, at_most=256)
_QUANTILES = Range(at_least=2, at_most=1024)

# The grid of gaussians at which the engine keeps the quantiles; it interpolates linearly between them.
_COLUMNS, _REACH = 293, 6.25

_DIRECTIONS = ("up", "down")


@described
@configuration
class JumpRow(Parameters):
    """The distribution of the jump at one weight.

    Examples
    --------
    >>> JumpRow(quantiles=(0.5, 1, 1.5))  # uniform between 0.5 and 1.5
    JumpRow(quantiles=(0.5, 1.0, 1.5))
    """

    quantiles: tuple[float, ...] = parameter(
        (0.0, 2.0),
        item=float,
        items=_QUANTILES,
        largest=1e6,
        doc="Quantiles at even distances of the probability, from the smallest jump to the largest.",
        unit="scale of the step",
        source=_BURR,
    )

    def _check(self) -> None:
        for k, (one, next_one) in enumerate(zip(self.quantiles, self.quantiles[1:], strict=False)):
            if next_one < one:
                raise MhoValueError(
                    f"JumpRow.quantiles must not decrease, got {one} and then {next_one} at [{k + 1}]"
                )


_UNIFORM = (JumpRow(), JumpRow())


@Device.register
@configuration
class JumpTable(InterpolatedStep):
    """A device whose steps are drawn from a distribution that depends on the weight.

    One pulse up changes the weight by ``s_up * Q_up(w, p)``, one down by ``-s_down * Q_down(w, p)``, with p
    uniform between 0 and 1 and drawn for each pulse. Q is a table of quantiles: one row for each of some
    weights at even distances over the crosspoint's own range, from the lower bound to the upper; in a row,
    quantiles at even distances of p, from 0 to 1. Between rows and between quantiles Q is linear.

    Notes
    -----
    The quantiles have no unit: they are multiplied by the crosspoint's scale ``s``, whose mean is `dw_min`,
    so that `dw_min_dtod` spreads the jumps of devices, and `up_down` makes those of one direction smaller.
    Jumps down are positive where they lower the weight. The spread from pulse to pulse is that of the table:
    `dw_min_ctoc` must be 0. `up` and `down` are given as tables of numbers, or as objects of `JumpRow`.

    A pulse comes with a gaussian ``xi``, of which p is the normal distribution function. The engine keeps
    the quantiles at 293 even distances of ``xi`` and is linear between them; two neighbours are at most
    1.7 % of the probability apart.

    References
    ----------
    G. W. Burr et al., IEEE Trans. Electron Devices 62:3498 (2015).

    Examples
    --------
    >>> table = [[0.0, 1.0, 4.0], [0.0, 0.5, 2.0], [0.0, 0.25, 0.5]]  # at w_min, 0 and w_max
    >>> device = JumpTable(up=table, down=table[::-1], dw_min=0.01, w_max=1, w_min=-1)
    >>> print(device.mean_step([-1, 0, 1])[0].round(5))
    [0.015  0.0075 0.0025]
    """

    dw_min_ctoc: float = parameter(
        0.0,
        at_least=0,
        at_most=0,
        doc="Must be 0: the table holds the spread from pulse to pulse.",
        unit="fraction of the mean step",
        source=_BURR,
    )
    up: tuple[JumpRow, ...] = parameter(
        _UNIFORM,
        item=JumpRow,
        items=_ROWS,
        doc="Distributions of the jump up, at even distances from w_min to w_max.",
        unit="scale of the step",
        source=_BURR,
    )
    down: tuple[JumpRow, ...] = parameter(
        _UNIFORM,
        item=JumpRow,
        items=_ROWS,
        doc="Distributions of the size of the jump down, likewise.",
        unit="scale of the step",
        source=_BURR,
    )

    def __post_init__(self) -> None:
        """Make rows of tables of numbers, then check every field."""
        for direction in _DIRECTIONS:
            object.__setattr__(self, direction, _rows(f"JumpTable.{direction}", getattr(self, direction)))
        Parameters.__post_init__(self)

    def _check(self) -> None:
        PulsedDevice._check(self)
        for direction in _DIRECTIONS:
            counts = {len(row.quantiles) for row in getattr(self, direction)}
            if len(counts) > 1:
                raise MhoValueError(
                    f"JumpTable.{direction} must have as many quantiles in each row, got {sorted(counts)}"
                )
        self.check_granularity()

    def _table(self, direction: str) -> NDArray[np.float64]:
        """Return the jumps of a direction at the gaussians of the engine: (rows, columns)."""
        rows = np.array([row.quantiles for row in getattr(self, direction)])
        places = _probabilities() * (rows.shape[1] - 1)
        return np.stack([np.interp(places, np.arange(rows.shape[1]), row) for row in rows])

    def mean_nodes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean jumps at the rows; see `InterpolatedStep.mean_nodes`."""
        return self._table("up") @ _mean_weights(), self._table("down") @ _mean_weights()

    def step_noise(self, w: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the standard deviations of one jump; see `PulsedDevice.step_noise`."""
        weights = np.asarray(w, dtype=np.float64)
        place = ((weights - self.w_min) / (self.w_max - self.w_min)).ravel()
        # The midpoint rule, sixteen times as fine as the grid.
        edges = np.linspace(-_REACH, _REACH, 16 * (_COLUMNS - 1) + 1)
        xi = (edges[1:] + edges[:-1]) / 2
        density = np.exp(-(xi**2) / 2)
        density /= density.sum()
        spreads = []
        for direction, scale in zip(_DIRECTIONS, self.scales(), strict=True):
            table = self._table(direction)
            fine = np.stack([np.interp(xi, np.linspace(-_REACH, _REACH, _COLUMNS), row) for row in table])
            first = np.clip((place * (len(table) - 1)).astype(int), 0, len(table) - 2)
            share = np.clip(place * (len(table) - 1) - first, 0, 1)[:, None]
            jumps = (1 - share) * fine[first] + share * fine[first + 1]
            mean = jumps @ density
            variance = ((jumps - mean[:, None]) ** 2) @ density
            spreads.append((scale * np.sqrt(variance)).reshape(weights.shape))
        return spreads[0], spreads[1]

    @classmethod
    def from_measurements(
        cls,
        up: ArrayLike | str | PathLike[str],
        down: ArrayLike | str | PathLike[str],
        *,
        g_min: float | None = None,
        g_max: float | None = None,
        rows: int = 11,
        quantiles: int = 33,
        **fields: Any,
    ) -> Self:
        """Make a device of measured jumps of the conductance.

        Conductances are mapped linearly to weights, `g_min` to `w_min` and `g_max` to `w_max`. Each row of
        the table takes the jumps that began within half a distance between rows; its quantiles are fitted to
        these jumps by least squares, which keeps their mean. `dw_min` becomes the mean size of a jump at
        weight 0, over up and down.

        Parameters
        ----------
        up, down : array_like of shape (jumps, 2), or path-like
            The conductance before a pulse, and its change by the pulse: positive up and negative down, on
            average. A path names a text file with two columns, with or without a header.
        g_min, g_max : float, optional
            The conductances of the bounds, in the unit of the data; by default the smallest and the largest
            that occur, before a pulse or after it.
        rows : int, default 11
            Weights at which there is a distribution, 2 to 256.
        quantiles : int, default 33
            Quantiles of each, 2 to 1024; each row needs as many jumps at least.
        **fields : Any
            Further fields. The bounds are 1 and -1 unless they are given.

        Raises
        ------
        MhoError
            If the data cannot be read, are too few for a row, or go the wrong way.

        Examples
        --------
        >>> rng = np.random.default_rng(1)
        >>> g = rng.uniform(2, 10, 5000)  # microsiemens
        >>> up = np.column_stack([g, rng.exponential(0.05 * (10 - g) + 0.02)])
        >>> down = np.column_stack([g, -rng.exponential(0.05 * (g - 2) + 0.02)])
        >>> device = JumpTable.from_measurements(up, down, g_min=2, g_max=10, dw_min_dtod=0)
        >>> print(round(device.dw_min, 2), abs(device.symmetry_point()) < 0.1)
        0.06 True
        """
        if "dw_min" in fields:
            raise MhoTypeError("JumpTable.from_measurements takes no dw_min: it follows from the jumps")
        count = _validate.integer("rows", rows, _ROWS)
        columns = _validate.integer("quantiles", quantiles, _QUANTILES)
        data = {"up": _jumps("up", up), "down": _jumps("down", down)}
        seen = np.concatenate([np.concatenate([g, g + jump]) for g, jump in data.values()])
        low = float(seen.min()) if g_min is None else _validate.number("g_min", g_min)
        high = float(seen.max()) if g_max is None else _validate.number("g_max", g_max)
        if not low < high:
            raise MhoValueError(f"g_max must be > g_min, {low:g}, got {high:g}")
        fields = {"w_max": 1.0, "w_min": -1.0} | fields
        bounds = cls(w_max=fields["w_max"], w_min=fields["w_min"])  # checks them
        scale = (bounds.w_max - bounds.w_min) / (high - low)
        tables: dict[str, Any] = {}
        for direction, (g, jump) in data.items():
            size = jump if direction == "up" else -jump
            if not size.mean() > 0:
                word = "raise" if direction == "up" else "lower"
                raise MhoValueError(
                    f"jumps {direction} must {word} the conductance on average, got a mean of {jump.mean():g}"
                )
            tables[direction] = scale * _quantile_rows(direction, g, size, low, high, count, columns)
        steps = cls(**tables, **{**fields, "dw_min": 1.0, "up_down": 0.0, "granularity": 1.0})
        dw_min = sum(abs(float(step)) for step in steps.mean_step(0.0)) / 2
        if not dw_min > 0:
            raise MhoValueError(f"the mean jump at weight 0 must be > 0, got {dw_min:g}")
        scaled: dict[str, Any] = {direction: _clean(table / dw_min) for direction, table in tables.items()}
        return cls(**scaled, **fields, dw_min=dw_min)


def _clean(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return numbers as the engine takes them."""
    return np.where(np.abs(table) < 1e-12, 0.0, table)


def _rows(name: str, given: Any) -> Any:
    """Return a table of numbers as rows; anything else is left to the check."""
    if isinstance(given, np.ndarray):
        if given.ndim != 2:
            raise MhoValueError(f"{name} must be a table of weights by quantiles, got shape {given.shape}")
        given = given.tolist()
    if not isinstance(given, list | tuple):
        return given
    rows = []
    for k, row in enumerate(given):
        if isinstance(row, list | tuple | np.ndarray):
            try:
                rows.append(JumpRow(quantiles=tuple(row)))
            except (MhoTypeError, MhoValueError) as error:
                raise type(error)(f"{name}[{k}]: {error}") from None
        else:
            rows.append(row)
    return tuple(rows)


def _gaussians() -> NDArray[np.float64]:
    return np.linspace(-_REACH, _REACH, _COLUMNS)


@cache
def _probabilities() -> NDArray[np.float64]:
    """Return the probability of each column; the ends are the smallest and the largest jump."""
    inner = [0.5 * math.erfc(-xi / math.sqrt(2)) for xi in _gaussians()[1:-1]]
    return np.array([0.0, *inner, 1.0])


@cache
def _mean_weights() -> NDArray[np.float64]:
    """Return what each column counts in the mean: the normal density times a triangle, integrated."""

    def first_integral(x: float) -> float:
        return 0.5 * math.erfc(-x / math.sqrt(2))

    def second_integral(x: float) -> float:
        return x * first_integral(x) + math.exp(-x * x / 2) / math.sqrt(2 * math.pi)

    xi = _gaussians().tolist()
    h = xi[1] - xi[0]
    inner = [second_integral(x + h) - 2 * second_integral(x) + second_integral(x - h) for x in xi[1:-1]]
    # Half a triangle at either end, beyond which there are no gaussians.
    end = second_integral(xi[1]) - second_integral(xi[0]) - h * first_integral(xi[0])
    weights = np.array([end, *inner, end])
    return np.asarray(weights / weights.sum())


def _jumps(
    direction: str, given: ArrayLike | str | PathLike[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return conductances and jumps."""
    if isinstance(given, str | PathLike):
        from mho.fitting.reading import read_numbers

        table = read_numbers(Path(given), 2)
    else:
        try:
            table = np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError):
            raise MhoTypeError(
                f"{direction} must be a table of numbers, got {type(given).__name__}"
            ) from None
    if table.ndim != 2 or table.shape[1] != 2 or not len(table):
        raise MhoValueError(f"{direction} must be a table of (conductance, jump), got shape {table.shape}")
    if not np.isfinite(table).all():
        row = int(np.flatnonzero(~np.isfinite(table).all(axis=1))[0])
        raise MhoValueError(f"{direction} must be finite, got {table[row].tolist()} in row {row}")
    return table[:, 0], table[:, 1]


def _quantile_rows(
    direction: str,
    g: NDArray[np.float64],
    size: NDArray[np.float64],
    low: float,
    high: float,
    rows: int,
    quantiles: int,
) -> NDArray[np.float64]:
    """Return the quantiles of the jumps around each of some conductances, (rows, quantiles)."""
    distance = (high - low) / (rows - 1)
    result = []
    for k in range(rows):
        centre = low + k * distance
        near = size[np.abs(g - centre) <= distance / 2]
        if len(near) < quantiles:
            raise MhoValueError(
                f"{direction} must have at least {quantiles} jumps (the quantiles) around each of {rows} "
                f"conductances, got {len(near)} within {distance / 2:.4g} of {centre:.4g}: take fewer "
                "rows or quantiles, give more data, or set g_min and g_max where there are some"
            )
        result.append(_fitted_quantiles(np.sort(near), quantiles))
    return np.stack(result)


def _fitted_quantiles(jumps: NDArray[np.float64], quantiles: int) -> NDArray[np.float64]:
    """Return quantiles between which straight lines are nearest to those of sorted jumps, by least squares.

    They keep the mean, which lines through quantiles of the sample do not: the last would overdo the tail.
    """
    place = (np.arange(len(jumps)) + 0.5) / len(jumps) * (quantiles - 1)
    first = np.minimum(place.astype(int), quantiles - 2)
    share = place - first

    def summed(index: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.bincount(index, values, quantiles), dtype=np.float64)

    matrix = np.diag(summed(first, (1 - share) ** 2) + summed(first + 1, share**2))
    beside = summed(first, share * (1 - share))[:-1]
    matrix += np.diag(beside, 1) + np.diag(beside, -1)
    values = np.linalg.solve(matrix, summed(first, (1 - share) * jumps) + summed(first + 1, share * jumps))
    return np.maximum.accumulate(np.clip(values, jumps[0], jumps[-1]))
