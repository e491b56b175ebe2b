"""Devices with response functions of the user: functions or tables of the step against the weight."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mho import _validate
from mho._parameters import Parameters, configuration, declarations, parameter
from mho._validate import Range
from mho.devices.device import Device
from mho.devices.piecewise_step import LARGEST_NODE, NODES, InterpolatedStep
from mho.devices.pulsed_device import PulsedDevice
from mho.errors import MhoTypeError, MhoValueError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SAMPLES", "Response"]

SAMPLES = 257
"""Weights at even distances from w_min to w_max at which a function is sampled."""

_THEORY = "Wu et al. 2024"
# Below this, what a function returns is rounding: the engine takes no smaller numbers.
_SMALLEST_NODE = 1e-12

Curve = Callable[[Any], Any]


@Device.register
@configuration
class Response(InterpolatedStep):
    """A device whose step is a function of the weight, or a table of step against weight.

    One pulse up changes the weight by ``s_up * up(w) * (1 + dw_min_ctoc * xi)``, one down by ``-s_down *
    down(w) * (1 + dw_min_ctoc * xi)``, so that `up` and `down` are the functions ``q+`` and ``q-`` of the
    theory of analog training, and `dw_min` is what they are multiplied by. Their axis is the weight itself
    on the nominal range from `w_min` to `w_max`; it is stretched to each crosspoint's own bounds.

    `up` and `down` can be

    - a function of the weight, of arrays or of single numbers: it is called once, at 257 weights at even
      distances, and never again;
    - a table of pairs ``(weight, step)``, at any distances, which reaches from `w_min` to `w_max`;
    - a row of steps at even distances from `w_min` to `w_max`.

    The device keeps rows, and interpolates linearly between them. It is stored, and compared, by these rows.

    Notes
    -----
    A smooth function f is met to ``max|f''| * (w_max - w_min)**2 / 524288``. `replace` with other bounds
    stretches the rows that were sampled. A pulse costs what one of `PiecewiseStep` costs, which this device
    is to the engine.

    References
    ----------
    Z. Wu et al., NeurIPS (2024), arXiv:2406.12774.

    Examples
    --------
    >>> device = Response(
    ...     up=lambda w: 1 - w**3, down=[(-1, 0), (0, 1), (1, 4)], dw_min=0.01, w_max=1, w_min=-1
    ... )
    >>> response = device.response([-1.0, 0.0, 0.5])
    >>> print(response.q_up, response.q_down)
    [2.    1.    0.875] [0.  1.  2.5]
    >>> round(Response.linear(tau=0.5, shift=0.2).symmetry_point(), 9)
    0.1
    """

    up: tuple[float, ...] = parameter(
        (1.0, 1.0),
        item=float,
        items=NODES,
        largest=LARGEST_NODE,
        doc="Step up against the weight: a function, pairs (weight, step), or a row from w_min to w_max.",
        unit="scale of the step",
        source=_THEORY,
    )
    down: tuple[float, ...] = parameter(
        (1.0, 1.0),
        item=float,
        items=NODES,
        largest=LARGEST_NODE,
        doc="Size of the step down against the weight, likewise.",
        unit="scale of the step",
        source=_THEORY,
    )

    def __post_init__(self) -> None:
        """Sample what is not a row yet, then check every field."""
        for direction in ("up", "down"):
            given = getattr(self, direction)
            name = f"{type(self).__name__}.{direction}"
            if callable(given):
                row = _sampled(name, given, np.linspace(*self._bounds(), SAMPLES))
            elif _is_table(given):
                row = _resampled(name, given, *self._bounds())
            else:
                continue
            object.__setattr__(self, direction, row)
        Parameters.__post_init__(self)

    def _bounds(self) -> tuple[float, float]:
        """Return the nominal bounds, checked before all else, since the tables refer to them."""
        declared, owner = declarations(type(self)), type(self).__name__
        low, high = (
            _validate.number(f"{owner}.{name}", getattr(self, name), declared[name].allowed)
            for name in ("w_min", "w_max")
        )
        if low == high:
            raise MhoValueError(f"{type(self).__name__}.w_max must be > 0 where w_min is 0, got {high}")
        return low, high

    def _check(self) -> None:
        PulsedDevice._check(self)
        self.check_granularity()

    def mean_nodes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean steps at the nodes; see `InterpolatedStep.mean_nodes`."""
        return np.array(self.up), np.array(self.down)

    def engine_dict(self) -> dict[str, Any]:
        """Return the `PiecewiseStep` that the engine builds."""
        data = self.to_dict()
        return data | {
            "type": "PiecewiseStep",
            "nodes_up": data.pop("up"),
            "nodes_down": data.pop("down"),
        }

    @classmethod
    def from_steps(cls, *, up: Any, down: Any, **fields: Any) -> Self:
        """Make a device of steps in units of the weight, as they are measured.

        Parameters
        ----------
        up, down : callable or array_like
            As for the class, but in units of the weight instead of `dw_min`; steps down are positive.
        **fields : Any
            Further fields; `dw_min` follows from the steps: it is their mean at weight 0, over up and down.

        Raises
        ------
        MhoError
            If the mean step at weight 0 is not positive, or a field is not valid.

        Examples
        --------
        >>> device = Response.from_steps(up=lambda w: 0.02 - 0.01 * w, down=[0.02, 0.02], w_max=1, w_min=-1)
        >>> device.dw_min, device.up[0], device.down
        (0.02, 1.5, (1.0, 1.0))
        """
        if "dw_min" in fields:
            raise MhoTypeError(f"{cls.__name__}.from_steps takes no dw_min: it follows from the steps")
        steps = cls(up=up, down=down, **{**fields, "dw_min": 1.0, "up_down": 0.0, "granularity": 1.0})
        dw_min = sum(abs(float(step)) for step in steps.mean_step(0.0)) / 2
        if not dw_min > 0:
            raise MhoValueError(
                f"{cls.__name__}.from_steps: the mean step at weight 0 must be > 0, got {dw_min}"
            )
        rows: dict[str, Any] = {
            direction: _clean(np.array(getattr(steps, direction)) / dw_min) for direction in ("up", "down")
        }
        return cls(**rows, **fields, dw_min=dw_min)

    @classmethod
    def linear(cls, *, tau: float = 1.0, shift: float = 0.0, **fields: Any) -> Self:
        """Make the linear family: ``q+ = (1 + shift) (1 - w / tau)``, ``q- = (1 - shift) (1 + w / tau)``.

        Parameters
        ----------
        tau : float, default 1
            The weight at which the steps vanish; also the bounds, unless `w_max` and `w_min` are given.
        shift : float, default 0
            Between -1 and 1; the symmetry point is ``shift * tau``.
        **fields : Any
            Further fields, such as `dw_min` and the spreads.

        Raises
        ------
        MhoError
            If an argument is not valid.

        References
        ----------
        Z. Wu et al., arXiv:2406.12774 (2024); arXiv:2502.06309 (2025).
        """
        tau = _validate.number("tau", tau, Range(above=0, at_most=1e6))
        shift = _validate.number("shift", shift, Range(above=-1, below=1))
        return cls._family(
            tau, lambda w: (1 + shift) * (1 - w / tau), lambda w: (1 - shift) * (1 + w / tau), fields
        )

    @classmethod
    def power(cls, *, tau: float = 1.0, gamma: float, **fields: Any) -> Self:
        """Make the power family: ``q+ = (1 - w / tau)**gamma``, ``q- = (1 + w / tau)**gamma``.

        Parameters
        ----------
        tau, **fields
            As for `linear`. The symmetry point is 0.
        gamma : float
            The exponent, > 0; with 1 it is the linear family.

        Raises
        ------
        MhoError
            If an argument is not valid.

        References
        ----------
        Z. Wu et al., arXiv:2502.06309 (2025).
        """
        tau = _validate.number("tau", tau, Range(above=0, at_most=1e6))
        gamma = _validate.number("gamma", gamma, Range(above=0, at_most=16))
        return cls._family(tau, lambda w: (1 - w / tau) ** gamma, lambda w: (1 + w / tau) ** gamma, fields)

    @classmethod
    def exponential(cls, *, tau: float = 1.0, gamma: float, **fields: Any) -> Self:
        """Make the exponential family: ``q± = (exp(gamma (1 ∓ w / tau)) - 1) / (exp(gamma) - 1)``.

        Parameters
        ----------
        tau, **fields
            As for `linear`. The symmetry point is 0.
        gamma : float
            How much the steps bend, not 0; near 0 it is the linear family.

        Raises
        ------
        MhoError
            If an argument is not valid.

        References
        ----------
        Z. Wu et al., arXiv:2502.06309 (2025).
        """
        tau = _validate.number("tau", tau, Range(above=0, at_most=1e6))
        gamma = _validate.number("gamma", gamma, Range(at_least=-12, at_most=12))
        if gamma == 0:
            raise MhoValueError("gamma must not be 0: the limit is the linear family, got 0.0")
        scale = math.expm1(gamma)
        return cls._family(
            tau,
            lambda w: np.expm1(gamma * (1 - w / tau)) / scale,
            lambda w: np.expm1(gamma * (1 + w / tau)) / scale,
            fields,
        )

    @classmethod
    def _family(cls, tau: float, up: Curve, down: Curve, fields: dict[str, Any]) -> Self:
        """Make a member of a family, with bounds at -tau and tau where no others are given."""
        fields = {"w_max": tau, "w_min": -tau} | fields
        for direction in ("up", "down"):
            if direction in fields:
                raise MhoTypeError(f"{cls.__name__}.{direction} follows from the family: leave it out")
        for name, limit in (("w_max", Range(at_most=tau)), ("w_min", Range(at_least=-tau))):
            fields[name] = _validate.number(f"{cls.__name__}.{name}", fields[name], limit)
        return cls(up=up, down=down, **fields)  # type: ignore[arg-type]


def _is_table(given: object) -> bool:
    """Tell whether something is a sequence of pairs, rather than of numbers."""
    if isinstance(given, np.ndarray):
        return given.ndim > 1
    return (
        isinstance(given, list | tuple) and len(given) > 0 and isinstance(given[0], list | tuple | np.ndarray)
    )


def _clean(values: NDArray[np.float64]) -> tuple[float, ...]:
    """Return numbers as the engine takes them: rounding of what should be 0 is 0."""
    return tuple(np.where(np.abs(values) < _SMALLEST_NODE, 0.0, values).tolist())


def _sampled(name: str, curve: Curve, weights: NDArray[np.float64]) -> tuple[float, ...]:
    """Call a function at all weights at once, or one by one where it does not take them so."""
    with np.errstate(all="ignore"):
        try:
            result = np.asarray(curve(weights.copy()))
        except Exception:  # whatever a function of single numbers does with an array
            result = np.asarray(None)
        if result.shape != weights.shape or result.dtype.kind not in "fiu":
            result = np.array([_called(name, curve, float(w)) for w in weights])
    values = result.astype(np.float64)
    for w, value in zip(weights, values, strict=True):
        if not math.isfinite(value):
            raise MhoValueError(f"{name} must return finite numbers, got {value} at weight {w:g}")
    return _clean(values)


def _called(name: str, curve: Curve, w: float) -> float:
    try:
        value = curve(w)
    except Exception as error:
        raise MhoValueError(
            f"{name} must return a step at every weight; at {w:g} it raised {type(error).__name__}: {error}"
        ) from error
    if isinstance(value, np.ndarray) and value.shape == ():
        value = value.item()
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        shape = f" of shape {value.shape}" if isinstance(value, np.ndarray) else ""
        raise MhoTypeError(
            f"{name} must return one number for one weight, or an array shaped as its argument, "
            f"got {type(value).__name__}{shape} at weight {w:g}"
        )
    return float(value)


def _resampled(name: str, pairs: Any, low: float, high: float) -> tuple[float, ...]:
    """Interpolate a table of (weight, step) at even distances from bound to bound."""
    form = f"{name} must be a table of pairs (weight, step)"
    try:
        table = np.asarray(pairs, dtype=np.float64)
    except (TypeError, ValueError):
        raise MhoTypeError(f"{form} of numbers") from None
    if table.ndim != 2 or table.shape[1] != 2:
        raise MhoValueError(f"{form}, got shape {table.shape}")
    if len(table) < 2:
        raise MhoValueError(f"{form} with at least 2 rows, got {len(table)}")
    if not np.isfinite(table).all():
        raise MhoValueError(f"{form} of finite numbers, got {table[~np.isfinite(table)][0]}")
    table = table[np.argsort(table[:, 0], kind="stable")]
    weight, step = table.T
    twice = np.flatnonzero(np.diff(weight) == 0)
    if len(twice):
        raise MhoValueError(f"{form} with each weight once, got {weight[twice[0]]:g} twice")
    slack = 1e-9 * (high - low)
    if weight[0] > low + slack or weight[-1] < high - slack:
        raise MhoValueError(
            f"{form} that reaches from w_min to w_max, {low:g} to {high:g}, "
            f"got {weight[0]:g} to {weight[-1]:g}"
        )
    even = np.linspace(low, high, len(table))
    if len(table) <= NODES.at_most and np.abs(weight - even).max() <= slack:  # type: ignore[operator]
        return _clean(step)
    return _clean(np.interp(np.linspace(low, high, SAMPLES), weight, step))
