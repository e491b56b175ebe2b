"""The table of device models that can be fitted: `MODELS`, one entry each.

An entry says what one pulse does on average, as a function of the weight and of parameters that the data
determine well, where a search may start, and how the parameters become the fields of a device. Everything
else (likelihood, errors, ranking, files, plots) reads the table: a new model is one more entry.

The parameters of an entry are not the fields of the device. They are chosen so that each direction of pulses
has its own where the device has, and so that the likelihood is nearly quadratic in them: ``up`` and ``down``
are the magnitudes of the mean steps at weight 0, or over the nodes of a table.

`TWINS` are the entries whose curves are those of an entry of `MODELS`, in other words: they are fitted where
they are asked for, and never ranked beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mho._validate import choice
from mho.devices import Device, PulsedDevice

__all__ = ["MODELS", "TWINS", "Free", "Spread", "StepModel", "StepTable", "by_name"]

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
    run : int
        Pulses of a usual run in one direction.
    bounds : tuple of float, optional
        Where the device's lower and upper bounds are taken to be; at the ends of the range by default.
    """

    w: Array
    step: Array
    up: NDArray[np.bool_]
    share: Array
    low: float
    high: float
    run: int = 1
    bounds: tuple[float, float] | None = None

    @property
    def width(self) -> float:
        """Range of the weights."""
        return self.high - self.low

    @property
    def reach(self) -> tuple[float, float]:
        """Lower and upper bound where none is met: the range, and some way on either side of 0."""
        return self.bounds or (min(self.low, -0.05 * self.width), max(self.high, 0.05 * self.width))

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


def _size_at_zero(values: Values, up: bool) -> Array:
    return values["up"] if up else values["down"]


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
        The noise of a pulse does not depend on the weight (``mult_noise=False``).
    size : callable
        ``size(values, up)``: the step that such noise is relative to; that at weight 0 by default.
    clips : {"never", "optional", "always"}
        Whether the bounds are met: never, because steps vanish there; as the data tell; or always, because
        noise leads there.
    bounds_in_step : bool
        Whether `w_max` and `w_min` follow from the step; if not, the data know them only where they are met.
    conventions : dict of str to float or callable
        Fields that no curve can tell, because others make up for them, or how they follow from the table; a
        caller may choose them otherwise.
    spreads : dict of str to Spread
        How the ``*_dtod`` fields follow.
    alone : bool
        Whether one device can be described, and several that differ cannot.
    contains : tuple of str
        Entries, of fewer parameters, whose steps it has for some of its own.
    same : str
        The entry of `MODELS` whose curves it has; only of those in `TWINS`.
    family : str
        What several entries are of which one is ranked; of more and more parameters, in the order of the
        table. Their steps are tables, which describe every device and explain none.
    refine : callable
        ``refine(values)``: the parameters of the same step, from those of the entry of the family before.
    """

    name: str
    device: str
    free: dict[str, Free]
    step: Callable[[Array, Values, bool], Array]
    start: Callable[[StepTable, bool], list[Point]]
    scales: Callable[[Mapping[str, float]], tuple[float, float]] = _steps_at_zero
    fields: Callable[[Mapping[str, float]], dict[str, float | bool]] = _no_fields
    additive: bool = False
    size: Callable[[Values, bool], Array] = _size_at_zero
    clips: Literal["never", "optional", "always"] = "never"
    bounds_in_step: bool = False
    conventions: dict[str, float | Callable[[StepTable], float]] = field(default_factory=dict)
    spreads: dict[str, Spread] = field(default_factory=dict)
    alone: bool = False
    contains: tuple[str, ...] = ()
    same: str = ""
    family: str = ""
    refine: Callable[[Mapping[str, float]], Point] = lambda values: dict(values)

    def chosen_conventions(self, told: Mapping[str, float], table: StepTable) -> dict[str, float]:
        """Return the fields that no curve can tell: as told, or as is usual."""
        usual = {name: value(table) if callable(value) else value for name, value in self.conventions.items()}
        return usual | {name: value for name, value in told.items() if name in usual}

    @property
    def device_class(self) -> type[Device]:
        """The class of the device."""
        found = Device.member(self.device)
        assert found is not None
        return found

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

    def build(self, fields: Mapping[str, float | bool]) -> PulsedDevice:
        """Return the device of fields, of which some may follow from the others, or be numbers of a row.

        Raises
        ------
        MhoError
            The fields are beyond what the device takes.
        """
        derived = self.device_class._derived[0]
        plain: dict[str, Any] = {"type": self.device}
        for name, value in fields.items():
            row, bracket, _ = name.partition("[")
            if bracket:
                plain.setdefault(row, []).append(value)
            elif name not in derived:
                plain[name] = value
        device = Device.from_dict(plain)
        assert isinstance(device, PulsedDevice)
        return device

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


# --- soft bounds that both directions approach at one rate: a response given by its ends


def _pmax_step(w: Array, p: Values, up: bool) -> Array:
    return p["rate"] * ((p["w_max"] if up else p["w_min"]) - w)


def _pmax_start(table: StepTable, up: bool) -> list[Point]:
    (first,), (second,) = _soft_start(table, True), _soft_start(table, False)
    rate = float(np.sqrt(first["up"] / first["w_max"] * second["down"] / -second["w_min"]))
    bound = {"w_max": first["w_max"]} if up else {"w_min": second["w_min"]}
    return [{"rate": float(np.clip(rate, _RATE.low, _RATE.high))} | bound]


def _pmax_scales(values: Mapping[str, float]) -> tuple[float, float]:
    return values["rate"] * values["w_max"], -values["rate"] * values["w_min"]


def _pmax_fields(values: Mapping[str, float]) -> dict[str, float | bool]:
    alpha = -float(np.log1p(-values["rate"]))
    reach = (values["w_max"] - values["w_min"]) / (1 + float(np.exp(-alpha * values["p_max"])))
    return {
        "p_max": int(values["p_max"]),
        "alpha": alpha,
        "range_min": values["w_max"] - reach,
        "range_max": values["w_min"] + reach,
    }


_RATE = Free(low=1e-6, high=0.9)


# --- soft bounds of a conductance from which a reference is subtracted
#
# The steps are those of soft bounds that are lower by the reference. It shows in noise alone: where that is
# the same at every weight it is in proportion to the steps at conductance 0, and not at weight 0.


def _reference_parts(values: Values) -> tuple[Array, Array]:
    """Return the scales up and down, from the steps at weight 0 and how noisy pulses up are to those down."""
    upper, lower = values["w_max"], -values["w_min"]
    ratio = values["noise_ratio"] * values["down"] * upper / (values["up"] * lower)
    width = upper + lower
    return (
        values["up"] / upper * ratio / (1 + ratio) * width,
        values["down"] / lower / (1 + ratio) * width,
    )


def _reference_size(values: Values, up: bool) -> Array:
    return _reference_parts(values)[0 if up else 1]


def _reference_start(table: StepTable, up: bool) -> list[Point]:
    starts = _soft_start(table, up)
    return [start | {"noise_ratio": 1.0} for start in starts] if up else starts


def _reference_scales(values: Mapping[str, float]) -> tuple[float, float]:
    up, down = _reference_parts({name: np.asarray(value) for name, value in values.items()})
    return float(up), float(down)


def _reference_of(values: Mapping[str, float]) -> float:
    return (_reference_scales(values)[0] / values["up"] - 1) * values["w_max"]


def _reference_fields(values: Mapping[str, float]) -> dict[str, float | bool]:
    reference = _reference_of(values)
    return {
        "w_max": values["w_max"] + reference,
        "w_min": values["w_min"] + reference,
        "reference_mean": reference,
    }


_NOISE_RATIO = Free(low=0.02, high=50.0)
_REFERENCE_SPREADS = _STEP_SPREADS | {
    "w_max_dtod": Spread(of=lambda one, mean: one["w_max"] + _reference_of(one), relative=True),
    "w_min_dtod": Spread(of=lambda one, mean: one["w_min"] + _reference_of(one), relative=True),
    "reference_std": Spread(of=lambda one, mean: _reference_of(one)),
}


# With noise relative to the step, or steps that know no weight 0, nothing tells the reference.


def _shifted_soft_scales(values: Mapping[str, float]) -> tuple[float, float]:
    reference = values["reference_mean"]
    return (
        values["up"] * (1 + reference / values["w_max"]),
        values["down"] * (1 + reference / values["w_min"]),
    )


def _shifted_fields(values: Mapping[str, float]) -> dict[str, float | bool]:
    reference = values["reference_mean"]
    return {
        "w_max": values["w_max"] + reference,
        "w_min": values["w_min"] + reference,
        "reference_mean": reference,
    }


def _shifted(name: str) -> Callable[[Mapping[str, float], Mapping[str, float]], float]:
    return lambda one, mean: one[name] + one["reference_mean"]


_SHIFTED_SPREADS = {
    "w_max_dtod": Spread(of=_shifted("w_max"), relative=True),
    "w_min_dtod": Spread(of=_shifted("w_min"), relative=True),
}


def _shifted_soft_fields(values: Mapping[str, float]) -> dict[str, float | bool]:
    return _shifted_fields(values) | {"mult_noise": True}


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


def _shifted_fields_of_powers(values: Mapping[str, float]) -> dict[str, float | bool]:
    return _shifted_fields(values) | _power_fields(values)


_GAMMA = Free(low=0.05, high=10.0)
_POWER_SPREADS = _STEP_SPREADS | {
    "pow_gamma_dtod": Spread(
        of=lambda one, mean: (one["gamma_up"] + one["gamma_down"]) / (mean["gamma_up"] + mean["gamma_down"])
    ),
    "pow_up_down_dtod": Spread(
        of=lambda one, mean: (one["gamma_up"] - one["gamma_down"]) / (mean["gamma_up"] + mean["gamma_down"])
    ),
}


# --- straight lines between nodes
#
# The shape of a direction are its steps at the nodes over their mean, all but the last. Devices share it.


def _node_names(nodes: int, up: bool) -> list[str]:
    return [f"{'up' if up else 'down'}_at_{k}" for k in range(nodes - 1)]


def _nodes_of(values: Mapping[str, float], nodes: int, up: bool) -> list[float]:
    shape = [values[name] for name in _node_names(nodes, up)]
    # Rounding of what should be 0 is 0.
    return [0.0 if abs(height) < 1e-9 else height for height in (*shape, nodes - sum(shape))]


def _piecewise(nodes: int) -> StepModel:
    """Return the entry of steps that are straight lines between some nodes."""
    names = {up: _node_names(nodes, up) for up in (True, False)}

    def step(w: Array, p: Values, up: bool) -> Array:
        place = np.clip((w - p["w_min"]) / (p["w_max"] - p["w_min"]) * (nodes - 1), 0, nodes - 1)
        shape = [p[name] for name in names[up]]
        heights = [*shape, nodes - sum(shape[1:], start=shape[0])]
        result = heights[0] + (heights[1] - heights[0]) * place
        for k in range(1, nodes - 1):
            bend = heights[k + 1] - 2 * heights[k] + heights[k - 1]
            result = result + bend * np.maximum(place - k, 0)
        return p["up"] * result if up else -p["down"] * result

    def start(table: StepTable, up: bool) -> list[Point]:
        w, size, share = table.side(up)
        low, high = table.reach
        place = np.clip((w - low) / (high - low) * (nodes - 1), 0, nodes - 1)
        hats = np.maximum(1 - np.abs(place[:, None] - np.arange(nodes)), 0)
        root = np.sqrt(share)[:, None]
        # Nodes without readings lie on a line between their neighbours.
        bends = 0.03 * np.diff(np.eye(nodes), 2, axis=0)
        heights = np.linalg.lstsq(
            np.concatenate([root * hats, bends]),
            np.concatenate([root[:, 0] * size, np.zeros(nodes - 2)]),
            rcond=None,
        )[0]
        mean = max(float(heights.mean()), table.smallest(up))
        shape = np.clip(heights / mean, -0.9 * _SHAPE.high, 0.9 * _SHAPE.high)
        return [{"up" if up else "down": mean} | dict(zip(names[up], shape.tolist(), strict=False))]

    def refine(values: Mapping[str, float]) -> Point:
        """Put a node between all nodes."""
        before = (nodes + 1) // 2
        result = {}
        for up, side in ((True, "up"), (False, "down")):
            place = np.linspace(0, before - 1, nodes)
            heights = np.interp(place, np.arange(before), _nodes_of(values, before, up))
            mean = float(heights.mean())
            result[side] = values[side] * mean
            result |= dict(zip(names[up], (heights / mean).tolist(), strict=False))
        return result

    def fields(values: Mapping[str, float]) -> dict[str, float | bool]:
        return {
            f"nodes_{side}[{k}]": height
            for side, up in (("up", True), ("down", False))
            for k, height in enumerate(_nodes_of(values, nodes, up))
        }

    return StepModel(
        name=f"PiecewiseStep, {nodes} nodes",
        device="PiecewiseStep",
        free={
            "up": _STEP,
            **dict.fromkeys(names[True], _SHAPE),
            "down": _STEP,
            **dict.fromkeys(names[False], _SHAPE),
        },
        step=step,
        start=start,
        fields=fields,
        clips="optional",
        spreads=_STEP_SPREADS,
        contains=("ConstantStep", "LinearStep"),
        family="PiecewiseStep",
        refine=refine,
    )


_SHAPE = Free(scale="linear", low=-20.0, high=20.0, per_device=False)
# Numbers of nodes: each has the nodes of the one before.
_NODES = (3, 5, 9)


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
    contains=("ConstantStep",),
)
_SOFT = StepModel(
    name="SoftBounds",
    device="SoftBounds",
    free=_SOFT_FREE,
    step=_soft_step,
    start=_soft_start,
    bounds_in_step=True,
    spreads=_STEP_SPREADS,
    contains=("SoftBoundsPmax",),
)
_POWER = StepModel(
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
    contains=("SoftBoundsPmax", "SoftBounds"),
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
    replace(_SOFT, name="SoftBounds, additive noise", additive=True, clips="always", contains=()),
    StepModel(
        name="SoftBoundsPmax",
        device="SoftBoundsPmax",
        free={"rate": _RATE, "w_max": _UPPER, "w_min": _LOWER},
        step=_pmax_step,
        start=_pmax_start,
        scales=_pmax_scales,
        fields=_pmax_fields,
        bounds_in_step=True,
        # What the ends of the response are called.
        conventions={"p_max": lambda table: table.run},
        # From device to device steps and bounds scatter by themselves, and so do the rates.
        alone=True,
    ),
    StepModel(
        name="SoftBoundsReference, additive noise",
        device="SoftBoundsReference",
        free={**_SOFT_FREE, "noise_ratio": _NOISE_RATIO},
        step=_soft_step,
        start=_reference_start,
        scales=_reference_scales,
        fields=_reference_fields,
        additive=True,
        size=_reference_size,
        clips="always",
        bounds_in_step=True,
        spreads=_REFERENCE_SPREADS,
        contains=("SoftBounds, additive noise",),
    ),
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
    _POWER,
    *(_piecewise(nodes) for nodes in _NODES),
)
TWINS: tuple[StepModel, ...] = (
    replace(
        _SOFT,
        name="SoftBoundsReference",
        device="SoftBoundsReference",
        scales=_shifted_soft_scales,
        fields=_shifted_soft_fields,
        spreads=_STEP_SPREADS | _SHIFTED_SPREADS,
        conventions={"reference_mean": 0.0},
        same="SoftBounds",
        contains=(),
    ),
    replace(
        _POWER,
        name="PowStepReference",
        device="PowStepReference",
        fields=_shifted_fields_of_powers,
        spreads=_POWER_SPREADS | _SHIFTED_SPREADS,
        conventions={"reference_mean": 0.0},
        same="PowStep",
        contains=(),
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
    found = [model for model in (*MODELS, *TWINS) if name in (model.device, model.name)]
    if not found:
        known = list(
            dict.fromkeys(item for model in (*MODELS, *TWINS) for item in (model.device, model.name))
        )
        choice("model", name, known)
    return found
