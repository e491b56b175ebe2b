"""The table of device models that can be fitted: `MODELS`, one entry each.

An entry says what one pulse does on average, as a function of the weight and of parameters that the data
determine well, where a search may start, and how the parameters become the fields of a device. Everything
else (likelihood, errors, ranking, files, plots) reads the table: a new model is one more entry.

The parameters of an entry are not the fields of the device. They are chosen so that each direction of pulses
has its own, and so that the likelihood is nearly quadratic in them: ``up`` and ``down`` are always the
magnitudes of the mean steps at weight 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mho._validate import choice

__all__ = ["MODELS", "Free", "Spread", "StepModel", "StepTable", "by_name"]

Array = NDArray[np.float64]
Values = Mapping[str, Array]
Point = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Free:
    """A parameter of a model that a fit is free to choose.

    Attributes
    ----------
    scale : {"log", "negative log", "linear"}
        On which scale it is searched: the logarithm of a positive number, that of minus a negative number, or
        the number itself.
    low, high : float
        Limits of the search. Those of a length are in units of the range of the weights that the curve
        covers, those of a wave number in units of its inverse.
    unit : {"step", "length", "wave", "none"}
        What the limits are relative to.
    per_device : bool
        Whether each device has its own value; if not, all share one.
    """

    scale: Literal["log", "negative log", "linear"] = "log"
    low: float = 1e-6
    high: float = 1e6
    unit: Literal["step", "length", "wave", "none"] = "none"
    per_device: bool = True

    def limits(self, width: float) -> tuple[float, float]:
        """Return the limits of the magnitude for curves that cover a range of weights `width`."""
        unit = {"step": width, "length": width, "wave": 1 / width, "none": 1.0}[self.unit]
        return self.low * unit, self.high * unit


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How a field ``*_dtod`` follows from values of single devices.

    Attributes
    ----------
    of : callable
        From the parameters of one device and of the mean device to the value that scatters.
    relative : bool
        Whether the field is relative to the mean of that value.
    """

    of: Callable[[Mapping[str, float], Mapping[str, float]], float]
    relative: bool = False


@dataclass(frozen=True)
class StepTable:
    """Mean steps read off the curves, block by block: what searches start from.

    Attributes
    ----------
    w, step : ndarray of float64
        Weight and magnitude of the mean change by one pulse in its direction.
    up : ndarray of bool
        Direction.
    share : ndarray of float64
        Weight of the block in a least-squares fit.
    low, high : float
        Range of the weights.
    """

    w: Array
    step: Array
    up: NDArray[np.bool_]
    share: Array
    low: float
    high: float

    @property
    def width(self) -> float:
        """Range of the weights."""
        return self.high - self.low

    def side(self, up: bool) -> tuple[Array, Array, Array]:
        """Return weights, steps and shares of one direction."""
        chosen = self.up == up
        return self.w[chosen], self.step[chosen], self.share[chosen]

    def smallest(self, up: bool) -> float:
        """Return a step that is surely positive, for starts that must not begin at 0."""
        _, step, share = self.side(up)
        return max(1e-3 * abs(float(np.average(step, weights=share))), 1e-7 * self.width)


def _steps_at_zero(values: Mapping[str, float]) -> tuple[float, float]:
    return values["up"], values["down"]


def _no_fields(values: Mapping[str, float]) -> dict[str, float | bool]:
    return {}


@dataclass(frozen=True, kw_only=True)
class StepModel:
    """One model that can be fitted; see the module.

    Attributes
    ----------
    name : str
        What the ranking calls it.
    device : str
        The type of the device.
    free : dict of str to Free
        The parameters of the mean step.
    step : callable
        ``step(w, values, up)``: mean change of the weight by one pulse in a direction, negative for down.
    start : callable
        ``start(table, up)``: candidates of the parameters of one direction.
    scales : callable
        ``scales(values)``: the scales of the steps up and down, which dw_min and up_down say together.
    fields : callable
        ``fields(values)``: the fields that no other model has, from the parameters, `w_max` and `w_min`.
    additive : bool
        The noise of a pulse is that of a step at weight 0, whatever the weight (``mult_noise=False``).
    clips : {"never", "optional", "always"}
        Whether the bounds are met: never, because steps vanish there; as the data tell; or always, because
        noise leads there.
    bounds_in_step : bool
        Whether `w_max` and `w_min` follow from the step; if not, the data know them only where they are met.
    conventions : dict of str to float
        Fields that no curve can tell, because others make up for them; a caller may choose them otherwise.
    spreads : dict of str to Spread
        How the ``*_dtod`` fields follow.
    """

    name: str
    device: str
    free: dict[str, Free]
    step: Callable[[Array, Values, bool], Array]
    start: Callable[[StepTable, bool], list[Point]]
    scales: Callable[[Mapping[str, float]], tuple[float, float]] = _steps_at_zero
    fields: Callable[[Mapping[str, float]], dict[str, float | bool]] = _no_fields
    additive: bool = False
    clips: Literal["never", "optional", "always"] = "never"
    bounds_in_step: bool = False
    conventions: dict[str, float] = field(default_factory=dict)
    spreads: dict[str, Spread] = field(default_factory=dict)

    def device_fields(self, values: Mapping[str, float]) -> dict[str, float | bool]:
        """Return the fields of the nominal device, without noise and spreads.

        Parameters
        ----------
        values : mapping of str to float
            The parameters, `w_max` and `w_min`, and the conventions.
        """
        up, down = self.scales(values)
        common: dict[str, float | bool] = {
            "dw_min": max(up, down),
            # One-sided: the smaller of both steps is said as a fraction of the larger one.
            "up_down": 1 - down / up if up >= down else up / down - 1,
            "w_max": values["w_max"],
            "w_min": values["w_min"],
        }
        if self.additive:
            common["mult_noise"] = False
        return common | self.fields(values)

    def spread_values(self, one: Mapping[str, float], mean: Mapping[str, float]) -> dict[str, float]:
        """Return what scatters from device to device, for one device, by the field that tells how much."""
        scaled = [
            {**values, "scale_up": up, "scale_down": down}
            for values in (one, mean)
            for up, down in [self.scales(values)]
        ]
        return {name: spread.of(*scaled) for name, spread in self.spreads.items()}


# --- what several entries need


def _mean_scale(one: Mapping[str, float], mean: Mapping[str, float]) -> float:
    return (one["scale_up"] + one["scale_down"]) / 2 / max(mean["scale_up"], mean["scale_down"])


def _half_difference(one: Mapping[str, float], mean: Mapping[str, float]) -> float:
    return (one["scale_up"] - one["scale_down"]) / 2 / max(mean["scale_up"], mean["scale_down"])


def _value(name: str) -> Callable[[Mapping[str, float], Mapping[str, float]], float]:
    return lambda one, mean: one[name]


# dw_min_dtod and up_down_dtod are in units of the mean dw_min, which `_mean_scale` divides by.
_STEP_SPREADS = {
    "dw_min_dtod": Spread(of=_mean_scale),
    "up_down_dtod": Spread(of=_half_difference),
    "w_max_dtod": Spread(of=_value("w_max"), relative=True),
    "w_min_dtod": Spread(of=_value("w_min"), relative=True),
}

_STEP = Free(low=1e-7, high=2.0, unit="step")


def _line(table: StepTable, up: bool) -> tuple[float, float]:
    """Return the step at weight 0 and the slope, by least squares."""
    w, step, share = table.side(up)
    root = np.sqrt(share)
    if len(w) < 2 or np.ptp(w) < 1e-9 * table.width:
        return max(float(np.average(step, weights=share)), table.smallest(up)), 0.0
    a, b = np.linalg.lstsq(np.stack([root, root * w], axis=1), root * step, rcond=None)[0]
    return max(float(a), table.smallest(up)), float(b)


# --- steps that do not depend on the weight


def _constant_step(w: Array, p: Values, up: bool) -> Array:
    return (p["up"] if up else -p["down"]) + 0.0 * w


def _constant_start(table: StepTable, up: bool) -> list[Point]:
    _, step, share = table.side(up)
    mean = max(float(np.average(step, weights=share)), table.smallest(up))
    return [{"up" if up else "down": mean}]


# --- linear steps


def _linear_step(w: Array, p: Values, up: bool) -> Array:
    return p["up"] * (1 - p["slope_up"] * w) if up else -p["down"] * (1 + p["slope_down"] * w)


def _linear_start(table: StepTable, up: bool) -> list[Point]:
    side, sign = ("up", -1) if up else ("down", 1)
    a, b = _line(table, up)
    return [{side: a, f"slope_{side}": float(np.clip(sign * b / a, -20 / table.width, 20 / table.width))}]


def _linear_fields(values: Mapping[str, float]) -> dict[str, float | bool]:
    gamma_up, gamma_down = values["slope_up"] * values["w_max"], -values["slope_down"] * values["w_min"]
    return {
        "gamma_up": gamma_up,
        "gamma_down": gamma_down,
        "allow_increasing": min(gamma_up, gamma_down) < 0,
    }


_SLOPE = Free(scale="linear", low=-50.0, high=50.0, unit="wave")
_LINEAR_SPREADS = _STEP_SPREADS | {
    "gamma_up_dtod": Spread(of=lambda one, mean: one["slope_up"] * mean["w_max"]),
    "gamma_down_dtod": Spread(of=lambda one, mean: -one["slope_down"] * mean["w_min"]),
}


# --- soft bounds: the line ends at the bound


def _soft_step(w: Array, p: Values, up: bool) -> Array:
    return p["up"] * (1 - w / p["w_max"]) if up else -p["down"] * (1 - w / p["w_min"])


def _soft_start(table: StepTable, up: bool) -> list[Point]:
    a, b = _line(table, up)
    if up:
        slope = np.clip(-b / a, 0.02 / table.width, 0.98 / max(table.high, 0.01 * table.width))
        return [{"up": a, "w_max": float(1 / slope)}]
    slope = np.clip(b / a, 0.02 / table.width, 0.98 / max(-table.low, 0.01 * table.width))
    return [{"down": a, "w_min": -float(1 / slope)}]


_UPPER = Free(low=0.02, high=5.0, unit="length")
_LOWER = Free(scale="negative log", low=0.02, high=5.0, unit="length")


# --- exponential steps: step(0) * (rest + (1 - rest) * exp(wave * w))


def _exponential_step(w: Array, p: Values, up: bool) -> Array:
    side = "up" if up else "down"
    rest = p[f"rest_{side}"]
    shape = np.maximum(rest + (1 - rest) * np.exp(np.clip(p[f"wave_{side}"] * w, -80, 80)), 0.0)
    return p[side] * shape if up else -p[side] * shape


def _exponential_start(table: StepTable, up: bool) -> list[Point]:
    side = "up" if up else "down"
    w, step, share = table.side(up)
    root = np.sqrt(share)
    found: list[tuple[float, Point]] = []
    for wave in np.array([-12, -6, -3, -1.5, -0.7, 0.7, 1.5, 3, 6, 12]) / table.width:
        basis = np.stack([root, root * np.exp(wave * w)], axis=1)
        alpha, beta = np.linalg.lstsq(basis, root * step, rcond=None)[0]
        zero = alpha + beta
        if alpha > 0.01 * abs(zero) and zero > 0:
            error = float(((basis @ [alpha, beta] - root * step) ** 2).sum())
            found.append((error, {side: zero, f"rest_{side}": alpha / zero, f"wave_{side}": float(wave)}))
    # The best of either curvature: from one a search does not find the other.
    convex = sorted((item for item in found if item[1][f"rest_{side}"] < 1), key=lambda item: item[0])[:1]
    concave = sorted((item for item in found if item[1][f"rest_{side}"] >= 1), key=lambda item: item[0])[:1]
    mean = _constant_start(table, up)[0][side]
    flat = {side: mean, f"rest_{side}": 0.5, f"wave_{side}": (-1 if up else 1) / table.width}
    return [start for _, start in convex + concave] or [flat]


def _exponential_scales(values: Mapping[str, float]) -> tuple[float, float]:
    return values["up"] * values["rest_up"], values["down"] * values["rest_down"]


def _exponential_fields(values: Mapping[str, float]) -> dict[str, float | bool]:
    a, b = values["a"], values["b"]
    per_z = (values["w_max"] - values["w_min"]) / (2 * a)
    gamma_up, gamma_down = values["wave_up"] * per_z, -values["wave_down"] * per_z
    return {
        "A_up": (1 - 1 / values["rest_up"]) * float(np.exp(-gamma_up * b)),
        "A_down": (1 - 1 / values["rest_down"]) * float(np.exp(gamma_down * b)),
        "gamma_up": gamma_up,
        "gamma_down": gamma_down,
        "a": a,
        "b": b,
    }


_REST = Free(low=1e-3, high=1e3, per_device=False)
_WAVE = Free(scale="linear", low=-15.0, high=15.0, unit="wave", per_device=False)


# --- powers of the distance to the bound


def _power_step(w: Array, p: Values, up: bool) -> Array:
    bound = p["w_max"] if up else p["w_min"]
    # A floor in place of 0, whose power would have no logarithm.
    shape = np.exp(p["gamma_up" if up else "gamma_down"] * np.log(np.maximum(1 - w / bound, 1e-12)))
    return p["up"] * shape if up else -p["down"] * shape


def _power_start(table: StepTable, up: bool) -> list[Point]:
    side, edge = ("up", table.high) if up else ("down", -table.low)
    w, step, share = table.side(up)
    w = w if up else -w
    edge = max(edge, 0.05 * table.width)
    best: tuple[float, Point] | None = None
    for reach in (0.01, 0.03, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2):
        bound = edge + reach * table.width
        for gamma in (0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6):
            shape = np.maximum(1 - w / bound, 1e-12) ** gamma
            zero = float((share * shape * step).sum() / (share * shape**2).sum())
            if zero <= 0:
                continue
            error = float((share * (zero * shape - step) ** 2).sum())
            if best is None or error < best[0]:
                signed = {"w_max": bound} if up else {"w_min": -bound}
                best = error, {side: zero, f"gamma_{side}": gamma} | signed
    if best is not None:
        return [best[1]]
    signed = {"w_max": 2 * edge} if up else {"w_min": -2 * edge}
    return [_constant_start(table, up)[0] | {f"gamma_{side}": 1.0} | signed]


def _power_scales(values: Mapping[str, float]) -> tuple[float, float]:
    width = values["w_max"] - values["w_min"]
    return (
        values["up"] * (width / values["w_max"]) ** values["gamma_up"],
        values["down"] * (width / -values["w_min"]) ** values["gamma_down"],
    )


def _power_fields(values: Mapping[str, float]) -> dict[str, float | bool]:
    up, down = values["gamma_up"], values["gamma_down"]
    return {"pow_gamma": (up + down) / 2, "pow_up_down": (up - down) / (up + down)}


_GAMMA = Free(low=0.05, high=10.0)
_POWER_SPREADS = _STEP_SPREADS | {
    "pow_gamma_dtod": Spread(
        of=lambda one, mean: (one["gamma_up"] + one["gamma_down"]) / (mean["gamma_up"] + mean["gamma_down"])
    ),
    "pow_up_down_dtod": Spread(
        of=lambda one, mean: (one["gamma_up"] - one["gamma_down"]) / (mean["gamma_up"] + mean["gamma_down"])
    ),
}


# --- the table

_LINEAR_FREE = {"up": _STEP, "slope_up": _SLOPE, "down": _STEP, "slope_down": _SLOPE}
_SOFT_FREE = {"up": _STEP, "w_max": _UPPER, "down": _STEP, "w_min": _LOWER}

_LINEAR = StepModel(
    name="LinearStep",
    device="LinearStep",
    free=_LINEAR_FREE,
    step=_linear_step,
    start=_linear_start,
    fields=_linear_fields,
    clips="optional",
    spreads=_LINEAR_SPREADS,
)
_SOFT = StepModel(
    name="SoftBounds",
    device="SoftBounds",
    free=_SOFT_FREE,
    step=_soft_step,
    start=_soft_start,
    bounds_in_step=True,
    spreads=_STEP_SPREADS,
)
MODELS: tuple[StepModel, ...] = (
    StepModel(
        name="ConstantStep",
        device="ConstantStep",
        free={"up": _STEP, "down": _STEP},
        step=_constant_step,
        start=_constant_start,
        clips="optional",
        spreads=_STEP_SPREADS,
    ),
    _LINEAR,
    replace(_LINEAR, name="LinearStep, additive noise", additive=True),
    _SOFT,
    # At a bound the noise does not vanish with the step, so that readings are cut off there.
    replace(_SOFT, name="SoftBounds, additive noise", additive=True, clips="always"),
    StepModel(
        name="ExpStep",
        device="ExpStep",
        free={
            "up": _STEP,
            "rest_up": _REST,
            "wave_up": _WAVE,
            "down": _STEP,
            "rest_down": _REST,
            "wave_down": _WAVE,
        },
        step=_exponential_step,
        start=_exponential_start,
        scales=_exponential_scales,
        fields=_exponential_fields,
        clips="optional",
        conventions={"a": 0.5, "b": 0.0},
        spreads=_STEP_SPREADS,
    ),
    StepModel(
        name="PowStep",
        device="PowStep",
        free={
            "up": _STEP,
            "gamma_up": _GAMMA,
            "w_max": _UPPER,
            "down": _STEP,
            "gamma_down": _GAMMA,
            "w_min": _LOWER,
        },
        step=_power_step,
        start=_power_start,
        scales=_power_scales,
        fields=_power_fields,
        bounds_in_step=True,
        spreads=_POWER_SPREADS,
    ),
)


def by_name(name: str) -> list[StepModel]:
    """Return the entries of a device type, or the one entry of that name.

    Raises
    ------
    MhoError
        If there is none; the message names the nearest.

    Examples
    --------
    >>> [model.name for model in by_name("SoftBounds")]
    ['SoftBounds', 'SoftBounds, additive noise']
    """
    found = [model for model in MODELS if name in (model.device, model.name)]
    if not found:
        known = list(dict.fromkeys(item for model in MODELS for item in (model.device, model.name)))
        choice("model", name, known)
    return found
