"""From the parameters of a fit to the fields of a device, with 95 % intervals and spreads between devices.

Intervals are those of the delta method, each on the scale on which its field is closest to normal: the
logarithm for steps, bounds and noise, that of the ratio of both directions for asymmetries. Where the
likelihood is not quadratic they are those of its profile instead, for one device. With several
devices the nominal device is their mean, and what scatters between them is told apart from what the single
estimates are off by: the spread is estimated by restricted maximum likelihood with those errors known.

References
----------
D. A. Harville, J. Am. Stat. Assoc. 72:320 (1977), on restricted maximum likelihood.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from mho._parameters import declarations
from mho.devices import PulsedDevice
from mho.errors import MhoError
from mho.fitting.clipped import ClippedStateSpace
from mho.fitting.estimation import Estimate, estimate
from mho.fitting.maximise import Maximum, log_determinant, maximise
from mho.fitting.profiles import ends, summit
from mho.fitting.result import FieldEstimate

__all__ = ["FEWEST_DEVICES", "Nominal", "device_of", "fields_of", "nominal", "symmetry_of"]

Array = NDArray[np.float64]
Point = dict[str, float]

# Standard error, on the scale of a field, from which on the likelihood is not taken for quadratic; and
# fields of noise, which is seen well or not at all unless weights are clipped.
_WEAK = 0.12
_QUIET = ("dw_min_ctoc", "write_noise_std")
# As `_WEAK`, for noise where no weights are clipped: it is known to less than a factor of 3.
_HARDLY_SEEN = 1.0
# Of the log-likelihood at the end of a 95 % interval of one parameter.
_DROP = 0.5 * float(stats.chi2.ppf(0.95, 1))
# Devices from which on a spread is estimated.
FEWEST_DEVICES = 3


@dataclass(frozen=True)
class _Scale:
    """A scale on which an estimate is closer to normal, and the way back."""

    to: Callable[[float], float]
    back: Callable[[float], float]


_PLAIN = _Scale(lambda x: x, lambda x: x)
_LOG = _Scale(math.log, math.exp)
_NEGATIVE = _Scale(lambda x: -math.log(-x), lambda u: -math.exp(-u))
# Both of its branches are the logarithm of the ratio of the steps up and down.
_RATIO = _Scale(
    lambda x: -math.log1p(-x) if x >= 0 else math.log1p(x),
    lambda u: -math.expm1(-u) if u >= 0 else math.expm1(u),
)
_HALVES = _Scale(math.atanh, math.tanh)
_BELOW_ONE = _Scale(lambda x: -math.log1p(-x), lambda u: -math.expm1(-u))


def _scale(name: str, value: float) -> _Scale:
    """Return the scale for a field."""
    if name in ("dw_min", "dw_min_ctoc", "write_noise_std", "w_max", "pow_gamma", "alpha") and value > 0:
        return _LOG
    if name == "w_min" and value < 0:
        return _NEGATIVE
    if name == "up_down":
        return _RATIO
    if name == "pow_up_down":
        return _HALVES
    if name in ("A_up", "A_down") and value < 1:
        return _BELOW_ONE
    return _PLAIN


@dataclass(frozen=True)
class Nominal:
    """The nominal device on the scale of the search: all parameters in a row, and their covariance.

    Attributes
    ----------
    row : ndarray of float64, shape (n,)
        Shared parameters, then those of a device.
    covariance : ndarray of float64, shape (n, n)
    freedom : float
        Degrees of freedom of the covariance; infinite where it comes from the curvature of the likelihood.
    """

    row: Array
    covariance: Array
    freedom: float


def nominal(fit: Estimate) -> Nominal:
    """Return the one device, or the mean of several."""
    top = fit.maximum
    if len(top.own) == 1:
        return Nominal(np.concatenate([top.shared, top.own[0]]), top.covariance(0), math.inf)
    # Means of the values themselves, which is what a device file says; errors from how they scatter, which
    # holds both the spread of the devices and the errors of each. They are turned into those on the scale of
    # the search by its derivative.
    s = len(top.shared)
    values = np.array([[fit.values[name][d] for name in fit.search.own] for d in range(len(top.own))])
    mean = values.mean(0)
    row = np.concatenate(
        [
            top.shared,
            [fit.search.search(name, free, mean[k]) for k, (name, free) in enumerate(fit.search.own.items())],
        ]
    )
    slope = np.array(
        [
            {"log": mean[k], "negative log": mean[k]}.get(free.scale, fit.search.unit(free))
            for k, free in enumerate(fit.search.own.values())
        ]
    )
    covariance = np.zeros((len(row), len(row)))
    covariance[:s, :s] = top.cov_shared
    scatter = np.cov(values.T).reshape(len(mean), len(mean)) / len(values)
    covariance[s:, s:] = scatter / slope[:, None] / slope[None, :]
    return Nominal(row, covariance, len(values) - 1)


def _values_at(fit: Estimate, row: Array) -> Point:
    s = len(fit.maximum.shared)
    found = fit.search.natural(row[None, :s], row[None, None, s:])
    return {name: float(value[0, 0]) for name, value in found.items()}


def _raw_fields(
    fit: Estimate, values: Mapping[str, float], conventions: Mapping[str, float]
) -> dict[str, float | bool]:
    """Return the fields of the nominal device with noise, from the values of its parameters."""
    fields = fit.model.device_fields({**values, **conventions})
    # Rounding makes next to nothing of what is nothing, and the device takes no such numbers.
    fields = {
        name: 0.0 if not isinstance(value, bool) and name != "dw_min" and abs(value) < 1e-9 else value
        for name, value in fields.items()
    }
    fields["dw_min_ctoc"] = values["ctoc"]
    # The device draws noise of reads anew with each pulse: of noise that lasts it has the size.
    fields["write_noise_std"] = math.hypot(values["read"], values.get("memory", 0.0)) / float(
        fields["dw_min"]
    )
    return fields


def fields_of(fit: Estimate, conventions: Mapping[str, float]) -> tuple[dict[str, FieldEstimate], list[str]]:
    """Return the fields that a fit decides on, and remarks about what it cannot know.

    Parameters
    ----------
    fit : Estimate
        The fit, with errors.
    conventions : mapping of str to float
        Fields that were told, or that no curve can tell.
    """
    middle = nominal(fit)
    values = _values_at(fit, middle.row)
    fields = _raw_fields(fit, values, conventions)
    jacobian = _jacobian(lambda row: _raw_fields(fit, _values_at(fit, row), conventions), middle.row, fields)
    quantile = 1.959964 if math.isinf(middle.freedom) else float(stats.t.ppf(0.975, middle.freedom))
    result: dict[str, FieldEstimate] = {}
    for name, value in fields.items():
        if isinstance(value, bool):
            result[name] = FieldEstimate(value=value)
            continue
        error = math.sqrt(max(float(jacobian[name] @ middle.covariance @ jacobian[name]), 0.0))
        if error == 0:
            result[name] = FieldEstimate(value=value, note=_why_fixed(fit, name, conventions))
            continue
        scale = _scale(name, value)
        at = scale.to(value)
        low, high = (_back(scale, at + sign * quantile * error) for sign in (-1, 1))
        result[name] = FieldEstimate(value=value, low=min(low, high), high=max(low, high))
        # Readings are nearly linear in the nodes of a table, and the likelihood nearly quadratic.
        curved = name not in _QUIET and not name.startswith("nodes_")
        if len(fit.maximum.own) > 1 or not _WEAK < error < math.inf:
            continue
        if curved:
            result[name] = _profiled(fit, middle, conventions, name, value, jacobian[name])
        elif name in _QUIET and error > _noise_weak(fit):
            result[name] = _profiled_noise(fit, middle, conventions, name, value, jacobian[name])
    remarks = _unseen_noise(fit, result)
    if result["dw_min_ctoc"].value == 0:
        result.pop("mult_noise", None)
    result |= _spreads(fit, {**values, **conventions}, conventions)
    return result, remarks


def _noise_weak(fit: Estimate) -> float:
    """Return the standard error from which on the likelihood of noise is not taken for quadratic."""
    if fit.memory:
        return math.inf
    return _WEAK if isinstance(fit.space, ClippedStateSpace) else _HARDLY_SEEN


def _profiled(
    fit: Estimate, middle: Nominal, conventions: Mapping[str, float], name: str, value: float, slope: Array
) -> FieldEstimate:
    """Return the interval of a field by its profile likelihood, which need not be quadratic.

    The field is held near a value by a stiff spring; the value is moved until the log-likelihood of all other
    parameters' best choice has fallen as far as it does at the end of a 95 % interval.
    """
    scale = _scale(name, value)
    space, search = fit.space, fit.search
    limits = search.limits(search.shared), search.limits(search.own)
    s = len(fit.maximum.shared)
    variance = float(slope @ middle.covariance @ slope)
    error = math.sqrt(variance)
    # The way on which the likelihood falls least, near the maximum.
    way = middle.covariance @ slope / variance

    def field_at(row: Array) -> float:
        try:
            return scale.to(float(_raw_fields(fit, _values_at(fit, row), conventions)[name]))
        except (ValueError, OverflowError):
            return math.nan

    def held(target: float | None, start: Array) -> tuple[float, float, Array]:
        """Return log-likelihood, field and parameters of the best point with the field near a target."""
        path = fit.path

        def spring(rows: Array) -> Array:
            if target is None:
                return np.zeros(len(rows))
            off = np.array([field_at(row) - target for row in rows]) / (0.02 * error)
            return np.where(np.isfinite(off), -0.5 * off**2, -np.inf)

        def objective(shared: Array, own: Array) -> Array:
            found = space.evaluate(search.natural(shared, own), path)[0]
            return found + spring(np.concatenate([shared, own[:, 0]], axis=1))[:, None]

        def move(shared: Array, own: Array) -> None:
            nonlocal path
            path = space.follow(search.natural(shared[None], own[None]), path)[0]

        found = maximise(
            objective,
            start[:s],
            start[None, s:],
            *limits,
            points=len(path),
            iterations=25,
            tolerance=1e-2,
            accepted=move,
            errors=False,
        )
        row = np.concatenate([found.shared, found.own[0]])
        return float(found.value.sum() - spring(row[None])[0]), field_at(row), row

    peak, at, top = held(None, middle.row)
    return _between(value, scale, ends(held, peak, at, top, error, way))


def _profiled_noise(
    fit: Estimate, middle: Nominal, conventions: Mapping[str, float], name: str, value: float, slope: Array
) -> FieldEstimate:
    """Return the interval of a field of noise by its adjusted profile likelihood.

    Few of the readings of clipped weights may tell the noise of reads, those on the bounds, and which they
    are is uncertain: the likelihood is far from quadratic. As for the estimate, its profile counts the
    degrees of freedom that the other parameters take (D. R. Cox and N. Reid, J. R. Stat. Soc. B 49:1, 1987).
    """
    space, search = fit.space, fit.search
    n = len(middle.row)
    # On their logarithmic scales, field and parameter differ by what the other parameters say.
    k = fit.names.index("ctoc" if name == "dw_min_ctoc" else "read")
    others = np.delete(np.arange(n), k)
    limits = search.limits(search.own)[others]
    variance = float(slope @ middle.covariance @ slope)
    way = middle.covariance @ slope / variance
    none = np.zeros((0, 2))
    like: Maximum | None = None

    def field_at(row: Array) -> float:
        try:
            return math.log(float(_raw_fields(fit, _values_at(fit, row), conventions)[name]))
        except (ValueError, OverflowError):
            return math.nan

    def held(target: float, start: Array) -> tuple[float, float, Array]:
        """Return adjusted log-likelihood, field and parameters of the best point with a given field."""
        nonlocal like
        path = fit.path

        def whole(own: Array) -> Array:
            rows = np.insert(own, k, 0.0, axis=-1)
            rows[..., k] = [[target - field_at(row) for row in devices] for devices in rows]
            return rows

        def objective(shared: Array, own: Array) -> Array:
            return space.evaluate(search.natural(shared, whole(own)), path)[0]

        def move(shared: Array, own: Array) -> None:
            nonlocal path
            path = space.follow(search.natural(shared[None], whole(own[None])), path)[0]

        like = maximise(
            objective,
            start[:0],
            start[None, others],
            none,
            limits,
            points=len(path),
            iterations=25,
            tolerance=1e-2,
            accepted=move,
            like=like,
        )
        cost = log_determinant(like.information, like.free, 0)
        return float(like.value.sum()) - 0.5 * cost, target, whole(like.own[None])[0, 0]

    peak, at, top, error = summit(held, field_at(middle.row), middle.row, math.sqrt(variance), way)
    return _between(value, _LOG, ends(held, peak, at, top, error, way))


def _between(value: float, scale: _Scale, found: tuple[float, float]) -> FieldEstimate:
    """Return a field with an interval whose ends lie on a scale."""
    low, high = (_back(scale, end) if math.isfinite(end) else _open_end(scale, end) for end in found)
    return FieldEstimate(value=value, low=min(low, high, value), high=max(low, high, value))


def _open_end(scale: _Scale, end: float) -> float:
    """Return the end of the scale of a field, for an interval that has none."""
    try:
        return scale.back(end)
    except (ValueError, OverflowError):
        return math.inf


def _back(scale: _Scale, u: float) -> float:
    try:
        return scale.back(u)
    except OverflowError:
        return math.inf


def _why_fixed(fit: Estimate, name: str, conventions: Mapping[str, float]) -> str:
    if name in conventions:
        return "convention: no curve tells it" if name in fit.model.conventions else "told"
    if name in ("w_max", "w_min") and not fit.model.bounds_in_step:
        return "range that the curves cover; no bound was met"
    return "at the limit of the search: the curves do not tell it"


def _unseen_noise(fit: Estimate, fields: dict[str, FieldEstimate]) -> list[str]:
    """Turn noise that the curves do not show into none, with how much there may be, and say so."""
    remarks: list[str] = []
    if isinstance(fit.space, ClippedStateSpace):
        # Noise of pulses shows there, or the weight would not be clipped. And without noise of reads the
        # likelihood has no bound: a reading that lies on the bound of the weight has an infinite density.
        return remarks
    names = list(fit.names)
    for field, name, what in (
        ("dw_min_ctoc", "ctoc", "noise from pulse to pulse"),
        ("write_noise_std", "read", "noise of reads"),
    ):
        if name not in names or (name == "read" and fit.memory):
            continue
        k = names.index(name)
        if fit.maximum.free[0, k] and fit.maximum.covariance(0)[k, k] < 1:
            continue
        least = fit.search.limits(fit.search.shared | fit.search.own)[k, 0]
        best, without = fit.log_likelihood, _held_likelihood(fit, name, math.exp(least))
        if without < best - 0.5 * _DROP:
            continue
        high = _upper_limit(fit, name, max(best, without))
        if name == "read":
            high /= float(fields["dw_min"].value)
        fields[field] = FieldEstimate(value=0.0, low=0.0, high=high, note="none seen")
        remarks.append(
            f"{field}: no {what} was seen beside the other noise, so it is 0 (95 %: below {high:.3g})"
        )
    return remarks


def _held_likelihood(fit: Estimate, name: str, value: float) -> float:
    """Return the largest log-likelihood with one parameter held."""
    held = estimate(
        fit.space.paths,
        fit.model,
        bounded=fit.bounded,
        memory=fit.memory,
        fixed={**fit.search.constants, name: value},
        near=fit,
        errors=False,
        iterations=8,
        tolerance=1e-2,
    )
    return held.log_likelihood


def _upper_limit(fit: Estimate, name: str, peak: float) -> float:
    """Return where the profile likelihood of noise has fallen to the end of a 95 % interval."""
    limits = fit.search.limits({**fit.search.shared, **fit.search.own})[list(fit.names).index(name)]
    # From far above, in factors of two, then by halving.
    low, high = float(limits[0]), float(limits[1])
    for _ in range(9):
        middle = (low + high) / 2
        if _held_likelihood(fit, name, math.exp(middle)) < peak - _DROP:
            high = middle
        else:
            low = middle
    return math.exp(high)


def _jacobian(
    function: Callable[[Array], Mapping[str, float | bool]], row: Array, at: Mapping[str, float | bool]
) -> dict[str, Array]:
    """Return derivatives of fields, on their scales, by the parameters."""
    result = {name: np.zeros(len(row)) for name in at}
    h = 1e-5
    for k in range(len(row)):
        plus, minus = row.copy(), row.copy()
        plus[k] += h
        minus[k] -= h
        above, below = function(plus), function(minus)
        for name, value in at.items():
            if isinstance(value, bool):
                continue
            scale = _scale(name, value)
            try:
                result[name][k] = (scale.to(float(above[name])) - scale.to(float(below[name]))) / (2 * h)
            except ValueError:
                result[name][k] = 0.0
    return result


# --- from device to device


def _spreads(fit: Estimate, mean: Point, conventions: Mapping[str, float]) -> dict[str, FieldEstimate]:
    """Return the ``*_dtod`` fields, and those of other spreads."""
    count = len(fit.maximum.own)
    if count < FEWEST_DEVICES:
        return {}
    result = {}
    for name in fit.model.spreads:
        estimates, errors = [], []
        for d in range(count):
            row = np.concatenate([fit.maximum.shared, fit.maximum.own[d]])

            def value(at: Array, name: str = name) -> float:
                return fit.model.spread_values({**_values_at(fit, at), **conventions}, mean)[name]

            gradient = np.array([(value(row + h) - value(row - h)) / 2e-5 for h in 1e-5 * np.eye(len(row))])
            estimates.append(value(row))
            errors.append(float(gradient @ fit.maximum.covariance(d) @ gradient))
        # A device whose parameters lie at a limit has no error to compare with.
        known = np.array(errors) > 0
        if known.sum() < FEWEST_DEVICES or np.ptp(estimates) <= 1e-9 * np.abs(estimates).max():
            continue
        spread, low, high = _restricted(np.array(estimates)[known], np.array(errors)[known])
        unit = abs(float(np.mean(estimates))) if fit.model.spreads[name].relative else 1.0
        result[name] = FieldEstimate(value=spread / unit, low=low / unit, high=high / unit)
    return result


def _restricted(x: Array, variance: Array) -> tuple[float, float, float]:
    """Return the standard deviation of what `x` estimates, and its 95 % interval (profile likelihood)."""
    top = float(x.std(ddof=1))

    def likelihood(spread: float) -> float:
        total = spread**2 + variance
        mean = float((x / total).sum() / (1 / total).sum())
        return -0.5 * float(
            np.log(total).sum() + ((x - mean) ** 2 / total).sum() + math.log((1 / total).sum())
        )

    grid = np.concatenate([[0.0], top * np.geomspace(1e-3, 10, 60)])
    scores = np.array([likelihood(s) for s in grid])
    k = int(scores.argmax())
    low, high = grid[max(k - 1, 0)], grid[min(k + 1, len(grid) - 1)]
    found = optimize.minimize_scalar(lambda s: -likelihood(s), bounds=(low, high), method="bounded")
    best = float(found.x) if -found.fun > scores[0] else 0.0
    peak = max(likelihood(best), float(scores.max()))

    def gap(s: float) -> float:
        return likelihood(s) - peak + _DROP

    lower = 0.0 if best == 0 or gap(0.0) > 0 else float(optimize.brentq(gap, 0.0, best))
    limit = max(best, top) * 2
    while gap(limit) > 0:
        limit *= 2
    return best, lower, float(optimize.brentq(gap, max(best, 1e-12 * limit), limit))


# --- the device


def device_of(fit: Estimate, fields: Mapping[str, FieldEstimate], told: Mapping[str, float]) -> PulsedDevice:
    """Return the device with fitted fields; spreads that are not known are 0, or as told.

    Raises
    ------
    MhoError
        The fields are beyond what the device takes.
    """
    declared = declarations(fit.model.device_class)
    values: dict[str, float | bool] = {name: 0.0 for name in declared if name.endswith("_dtod")}
    values |= {name: value for name, value in told.items() if name in values}
    values |= {name: one.value for name, one in fields.items()}
    if values.get("dw_min_ctoc") == 0:
        values.pop("mult_noise", None)
    return fit.model.build(values)


def symmetry_of(fit: Estimate, conventions: Mapping[str, float]) -> FieldEstimate | None:
    """Return the symmetry point of the nominal device with its interval, or None if there is none."""
    middle = nominal(fit)

    def point(row: Array) -> float | None:
        fields = _raw_fields(fit, _values_at(fit, row), conventions)
        bare = {name: FieldEstimate(value=value) for name, value in fields.items()}
        try:
            return device_of(fit, bare, {}).symmetry_point()
        except MhoError:
            return None

    value = point(middle.row)
    if value is None:
        return None
    gradient = []
    for step in 1e-4 * np.eye(len(middle.row)):
        above, below = point(middle.row + step), point(middle.row - step)
        if above is None or below is None:
            return FieldEstimate(value=value, note="at the edge of the range")
        gradient.append((above - below) / 2e-4)
    slope = np.array(gradient)
    error = math.sqrt(max(float(slope @ middle.covariance @ slope), 0.0))
    quantile = 1.959964 if math.isinf(middle.freedom) else float(stats.t.ppf(0.975, middle.freedom))
    return FieldEstimate(value=value, low=value - quantile * error, high=value + quantile * error)
