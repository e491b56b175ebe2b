"""What pulses do to devices, and how devices differ from each other, measured, beside what theory says.

Trains whose probability is 1 give every crosspoint the same number of pulses, so that nothing is shared
between crosspoints: the noise of each step is then independent from device to device, and devices are the
samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from math import factorial, sqrt
from typing import Any

import numpy as np
from numpy.polynomial import hermite_e, legendre
from numpy.typing import NDArray
from scipy import optimize, special, stats
from statistics_helpers import Comparison, Fit, correlation, covariance, distribution, mean, variance

from mho import Seed, Tile, Update, _core
from mho.devices import (
    ConstantStep,
    Device,
    JumpTable,
    LinearStep,
    PowStep,
    PulsedDevice,
    SoftBounds,
    SoftBoundsReference,
)
from reference.devices import between, mean_jumps, nodes_of

# Every model of pulsed devices that the engine has, and functions, which it takes as tables; a new one is
# measured without being named here.
MODELS: dict[str, type[PulsedDevice]] = {
    name: cls
    for name in Device.types()
    if issubclass(cls := Device._models[name], PulsedDevice)  # type: ignore[type-abstract]
    and (name == "Response" or name in _core.device_models())
}

# Shapes beyond the defaults of a model: (model, fields).
SHAPES: dict[str, tuple[str, dict[str, object]]] = {
    "LinearStep, gamma 0.5 and 0.8": ("LinearStep", {"gamma_up": 0.5, "gamma_down": 0.8}),
    "LinearStep, additive noise": (
        "LinearStep",
        {"gamma_up": 0.5, "gamma_down": 0.8, "mult_noise": False},
    ),
    "LinearStep, increasing": (
        "LinearStep",
        {"gamma_up": -0.6, "gamma_down": -0.3, "allow_increasing": True},
    ),
    "SoftBounds, additive noise": ("SoftBounds", {"mult_noise": False}),
    "ExpStep, ReRAM": (
        "ExpStep",
        {"A_up": -1.18445, "A_down": -0.081404, "gamma_up": 5.0, "gamma_down": 5.0, "a": -0.5, "b": -0.5},
    ),
    "PowStep, gamma 2.6 and 1.4": ("PowStep", {"pow_gamma": 2.0, "pow_up_down": 0.3}),
    "PiecewiseStep, bent": (
        "PiecewiseStep",
        {"nodes_up": (1.6, 1.3, 0.98, 0.7, 0.5), "nodes_down": (0.4, 0.85, 1.2, 1.5)},
    ),
    "Response, of a function": (
        "Response",
        {"up": lambda w: np.exp(-0.7 * w), "down": lambda w: 0.8 + 0.5 * w + 0.2 * np.sin(3 * w)},
    ),
    "JumpTable, skew": (
        "JumpTable",
        {
            "up": [[0, 1, 2, 5], [-0.5, 0.5, 1, 3], [-0.5, 0, 0.1, 0.2]],
            "down": [[-0.2, 0.1, 0.2, 0.3], [0.0, 1.0, 2.0, 6.0]],
        },
    ),
    "LinearStep, reversed": (
        "LinearStep",
        {"gamma_up": 0.6, "gamma_down": 0.8, "reverse_up": True, "reverse_down": True},
    ),
    "ExpStep, noise of the weight": (
        "ExpStep",
        {"A_up": -1.18445, "A_down": -0.081404, "gamma_up": 5.0, "gamma_down": 5.0, "a": -0.5, "b": -0.5}
        | {"dw_min_ctoc_add": 0.002, "dw_min_ctoc_slope": 0.002},
    ),
    "SoftBoundsReference, shifted": (
        "SoftBoundsReference",
        {"reference_mean": 0.2, "subtract_symmetry_point": True, "mult_noise": True},
    ),
    "SoftBoundsReference, negative": ("SoftBoundsReference", {"reference_mean": -0.3}),
    "PowStepReference, shifted": (
        "PowStepReference",
        {"pow_gamma": 2.0, "reference_mean": -0.1, "subtract_symmetry_point": True},
    ),
}
# Those that take their pulses one at a time, wherever they are.
ONE_BY_ONE = ("ExpStep, noise of the weight", "HiddenStep")
# With more hidden states than one, one pulse is no step; that has tests of its own.
ONE_STATE: dict[str, dict[str, object]] = {"HiddenStep": {"hidden_states": 1}}
VARIANTS: dict[str, tuple[str, dict[str, object]]] = {
    name: (name, ONE_STATE.get(name, {})) for name in MODELS
} | {name: shape for name, shape in SHAPES.items() if shape[0] in MODELS}

W_MAX, W_MIN, UP_DOWN = 1.0, -0.8, 0.1


# Those that may take several pulses at once; jumps that are drawn of a table are never added up.
SUMMED = [variant for variant, (model, _) in VARIANTS.items() if model != "JumpTable"]


def noise(model: str, ctoc: float) -> dict[str, float]:
    """The fields that give a model noise from pulse to pulse; a table of jumps has it in itself."""
    return {} if model == "JumpTable" else {"dw_min_ctoc": ctoc}


def nominal(variant: str, **overrides: object) -> PulsedDevice:
    """A device model without any spread from device to device; its bounds and steps are not symmetric."""
    return _nominal(variant, tuple((name, _hashable(value)) for name, value in overrides.items()))


def _hashable(value: object) -> object:
    return tuple(map(_hashable, value)) if isinstance(value, list) else value


@cache
def _nominal(variant: str, overrides: tuple[tuple[str, Any], ...]) -> PulsedDevice:
    model, shape = VARIANTS[variant]
    spreads = {field.name: 0.0 for field in fields(MODELS[model]) if field.name.endswith("_dtod")}
    common = {"w_max": W_MAX, "w_min": W_MIN, "up_down": UP_DOWN}
    values = spreads | common | shape | dict(overrides)
    if not noise(model, 0.0):
        values.pop("dw_min_ctoc", None)
    if values.get("dw_min_ctoc") == 0.0:
        for name in ("mult_noise", "dw_min_ctoc_add", "dw_min_ctoc_slope"):
            values.pop(name, None)  # there is no noise then that they could be about
    return MODELS[model](**values)


def sure_pulses(n: int, pulse_by_pulse: bool = False) -> Update:
    """Trains of n slots with a sure pulse in each where |x| or |d| is 1 and lr is n times the granularity."""
    return Update(bl=n, update_management=False, update_bl_management=False, pulse_by_pulse=pulse_by_pulse)


def noise_of_step(device: PulsedDevice, w: NDArray, step: NDArray, up: bool) -> NDArray:
    """Standard deviation of one step from pulse to pulse."""
    if isinstance(device, JumpTable):
        return device.step_noise(w)[0 if up else 1]
    if getattr(device, "mult_noise", True):
        add, slope = (getattr(device, f"dw_min_ctoc_{part}", 0.0) for part in ("add", "slope"))
        return device.dw_min_ctoc * (np.abs(step) + add + slope * np.abs(w))
    smaller = max(-device.up_down if up else device.up_down, 0.0)
    return np.full_like(step, device.dw_min_ctoc * device.dw_min * (1 - smaller))


def closed_form_step(device: Any, w: NDArray) -> tuple[NDArray, NDArray]:
    """The mean steps once more, from the publications that the models name. A new model needs its own."""
    up = device.dw_min * (1 - max(-device.up_down, 0))
    down = device.dw_min * (1 - max(device.up_down, 0))
    width = device.w_max - device.w_min
    w = w + closed_form_reference(device)
    above, below = device.w_max - w, w - device.w_min
    match type(device).__name__:
        case "ConstantStep" | "HiddenStep":
            return np.full_like(w, up), np.full_like(w, -down)
        case "SoftBounds" | "SoftBoundsReference":
            return up * above / device.w_max, down * below / device.w_min
        case "LinearStep":
            references = (
                device.w_min - device.reverse_offset if device.reverse_up else device.w_max,
                device.w_max + device.reverse_offset if device.reverse_down else device.w_min,
            )
            slopes = -device.gamma_up * up / references[0], -device.gamma_down * down / references[1]
            return slopes[0] * w + up, -(slopes[1] * w + down)
        case "ExpStep":
            z = 2 * device.a * w / width + device.b
            return (
                up * np.maximum(0, 1 - device.A_up * np.exp(device.gamma_up * z)),
                -down * np.maximum(0, 1 - device.A_down * np.exp(-device.gamma_down * z)),
            )
        case "PowStep" | "PowStepReference":
            gamma, asymmetry = device.pow_gamma, device.pow_up_down
            return (
                up * (above / width) ** (gamma + gamma * asymmetry),
                -down * (below / width) ** (gamma - gamma * asymmetry),
            )
        case "PiecewiseStep" | "Response" | "JumpTable" as model:
            nodes = mean_jumps if model == "JumpTable" else nodes_of
            place = below / width
            return up * between(nodes(device, True), place), -down * between(nodes(device, False), place)
        case unknown:
            raise NotImplementedError(f"write the closed form of the step of {unknown} here")


def closed_form_reference(device: Any) -> float:
    """What is subtracted from the conductance of a nominal device."""
    if not type(device).__name__.endswith("Reference"):
        return 0.0
    if not device.subtract_symmetry_point:
        return float(device.reference_mean)
    up, down = 1 - max(-device.up_down, 0), 1 - max(device.up_down, 0)
    if type(device).__name__ == "SoftBoundsReference":
        return float(device.reference_mean + (up - down) / (up / device.w_max - down / device.w_min))
    gamma_up, gamma_down = (device.pow_gamma * (1 + sign * device.pow_up_down) for sign in (1, -1))

    def difference(share: float) -> float:
        return up * (1 - share) ** gamma_up - down * share**gamma_down

    share = optimize.brentq(difference, 0, 1, xtol=1e-15, rtol=1e-15)
    return float(device.reference_mean + device.w_min + share * (device.w_max - device.w_min))


def own_shape(model: str, arrays: dict[str, float]) -> dict[str, float]:
    """The fields of a model that describe one device, from the arrays beyond steps and bounds."""
    extra = set(arrays) - {"weight", "persistent_weight", "dw_min_up", "dw_min_down", "w_max", "w_min"}
    match model, sorted(extra):
        case _, []:
            return {}
        case "LinearStep", ["slope_down", "slope_up"]:
            return {
                "gamma_up": -arrays["slope_up"] * arrays["w_max"] / arrays["dw_min_up"],
                "gamma_down": arrays["slope_down"] * arrays["w_min"] / arrays["dw_min_down"],
            }
        case "HiddenStep", ["hidden_count", "hidden_down", "hidden_up"]:
            return {}
        case "PowStep", ["gamma_down", "gamma_up"]:
            up, down = arrays["gamma_up"], arrays["gamma_down"]
            return {"pow_gamma": (up + down) / 2, "pow_up_down": (up - down) / (up + down)}
        case "SoftBoundsReference", ["reference"]:
            r = arrays["reference"]
            return {"reference_mean": r, "w_max": arrays["w_max"] + r, "w_min": arrays["w_min"] + r}
        case "PowStepReference", ["gamma_down", "gamma_up", "reference"]:
            powers = {name: arrays[name] for name in ("gamma_up", "gamma_down")}
            reference = {name: arrays[name] for name in ("reference", "w_max", "w_min")}
            return own_shape("PowStep", powers) | own_shape("SoftBoundsReference", reference)
        case _:
            raise NotImplementedError(f"say here what the arrays {sorted(extra)} of {model} mean")


def _rounding(spread: float, w: float = 0.0) -> float:
    """Mean error of a step by the rounding of a weight near 1, whose last place is worth 6e-8, or twice that.

    Half of that at most, and next to nothing where noise of more than a place comes before the rounding.
    """
    return (4e-9 if spread > 6e-8 else 3e-8) * (2 if abs(w) > 1 else 1)


# --- one pulse


@dataclass(frozen=True)
class OneStep:
    """Mean and spread of one step over the range of the weight."""

    w: NDArray
    up: NDArray  # (weights, devices)
    down: NDArray


@cache
def one_step(variant: str, ctoc: float = 0.3, devices: int = 4096, points: int = 13) -> OneStep:
    """Changes of the weight by one pulse, at weights over the range, away from the bounds."""
    device = nominal(variant, dw_min=0.002, dw_min_ctoc=ctoc)
    low, high = device.bounds()
    margin = 0.0135 * (high - low)
    w = np.linspace(low + margin, high - margin, points).astype(np.float32)
    tile = Tile(devices, 2 * points, device=device, update=sure_pulses(1), seed=Seed(21).child(variant))
    tile.weight = np.repeat(np.tile(w, 2)[:, None], devices, axis=1)
    d = np.repeat([-1.0, 1.0], points)
    start = tile.weight.astype(np.float64)
    tile.update(np.ones((1, devices)), d[None], tile.granularity)
    change = tile.weight - start
    return OneStep(w.astype(np.float64), change[:points], change[points:])


def one_step_moments(variant: str, ctoc: float = 0.3) -> list[Comparison]:
    """Mean and variance of one pulse over the range of the weight, in both directions."""
    device = nominal(variant, dw_min=0.002, dw_min_ctoc=ctoc)
    measured = one_step(variant, ctoc)
    results = []
    for up, changes, step in zip(
        (True, False), (measured.up, measured.down), device.mean_step(measured.w), strict=True
    ):
        spread = noise_of_step(device, measured.w, step, up)
        for k, w in enumerate(measured.w):
            what = f"{variant}, one step {'up' if up else 'down'}, w {w:+.3f}"
            results.append(
                mean(f"{what}, mean", changes[k], step[k], spread[k] ** 2, _rounding(spread[k], w))
            )
            if ctoc > 0:
                results.append(variance(f"{what}, variance", changes[k], spread[k] ** 2, 1e-15))
    return results


# --- several pulses: moments by integration


@dataclass(frozen=True)
class Exact:
    """Moments of the change of the weight by several pulses, and how often a bound is met on the way."""

    mean: float
    variance: float
    skewness: float
    clips: float  # expected number of pulses that are clipped


# Values that an interpolation goes through.
_ORDER = 6
_NODES, _WEIGHTS = legendre.leggauss(40)


def _interpolation(t: NDArray) -> list[NDArray]:
    """Weights of the values at 0, 1, ... in the polynomial through them, at t (Lagrange)."""
    shares = []
    for k in range(_ORDER):
        others = [m for m in range(_ORDER) if m != k]
        shares.append(np.prod([(t - m) / (k - m) for m in others], axis=0))
    return shares


def _reach(device: PulsedDevice, w: float, up: bool, n: int) -> float:
    """How far n pulses can get: their sum at the largest step on the way and nine standard deviations."""
    here = abs(float(device.mean_step(w)[0 if up else 1]))
    around = np.linspace(*device.bounds(), 101)
    near = np.append(around[np.abs(around - w) <= 3 * n * here * (1 + 3 * device.dw_min_ctoc)], w)
    steps = device.mean_step(near)[0 if up else 1]
    return float(n * np.abs(steps).max() + 9 * sqrt(n) * noise_of_step(device, near, steps, up).max())


@cache
def exact_moments(
    variant: str, dw_min: float, ctoc: float, w: float, up: bool, numbers: tuple[int, ...], points: int = 401
) -> dict[int, Exact]:
    """Moments after n pulses by integration, bounds included.

    With T the operator that takes a function g of the weight to its expectation after one pulse, the
    expectation after n pulses is T^n g. T is a matrix on a grid around w: Gauss and Legendre's rule between
    the values of the noise at which the step meets a bound, and the probabilities of the bounds themselves.
    """
    device = nominal(variant, dw_min=dw_min, dw_min_ctoc=ctoc)
    reach = _reach(device, w, up, max(numbers))
    w_min, w_max = device.bounds()
    low, high = max(w_min, w - reach), min(w_max, w + reach)
    grid = np.linspace(low, high, points)
    h = grid[1] - grid[0]
    step = device.mean_step(grid)[0 if up else 1]
    noise = np.maximum(noise_of_step(device, grid, step, up), 1e-30)
    edges = [(bound - grid - step) / noise for bound in (w_min, w_max)]
    lower, upper = (np.clip(edge, -8.5, 8.5) for edge in edges)
    half = (upper - lower)[:, None] / 2
    xi = (upper + lower)[:, None] / 2 + half * _NODES
    mass = half * _WEIGHTS * np.exp(-(xi**2) / 2) / sqrt(2 * np.pi)
    position = (np.clip((grid + step)[:, None] + noise[:, None] * xi, low, high) - low) / h
    first = np.clip(position.astype(int) - _ORDER // 2 + 1, 0, points - _ORDER)
    place = np.arange(points)[:, None] * points + first + np.arange(_ORDER)[:, None, None]
    shares = mass * np.array(_interpolation(position - first))
    matrix = np.bincount(place.ravel(), shares.ravel(), points**2).reshape(points, points)
    # Beyond the grid only from where nothing comes back in time.
    at_low, at_high = special.ndtr(edges[0]), special.ndtr(-edges[1])
    matrix[:, 0] += at_low
    matrix[:, -1] += at_high
    matrix /= matrix.sum(1, keepdims=True)

    unit = sqrt(float(np.interp(w, grid, step**2 + noise**2)))
    clips = np.stack([np.zeros(points)] * 3 + [at_low + at_high], axis=1)
    start = np.clip(int((w - low) / h) - _ORDER // 2 + 1, 0, points - _ORDER)
    here = np.array(_interpolation(np.array((w - low) / h - start)))
    results = {}
    for n in numbers:
        # About where the pulses lead without noise, so that nothing cancels.
        middle = w
        for _ in range(n):
            middle = float(np.clip(middle + device.mean_step(middle)[0 if up else 1], low, high))
        g = np.stack([((grid - middle) / unit) ** m for m in (1, 2, 3)] + [np.zeros(points)], axis=1)
        for _ in range(n):
            g = matrix @ g + clips
        m1, m2, m3, clipped = here @ g[start : start + _ORDER]
        var = max(m2 - m1**2, 1e-24)
        skew = (m3 - 3 * m1 * m2 + 2 * m1**3) / var**1.5
        results[n] = Exact(middle - w + m1 * unit, var * unit**2, skew, max(clipped, 0.0))
    return results


# --- several pulses: measured, in one aggregated step and one by one


@dataclass(frozen=True)
class Several:
    """n pulses at one weight, in one direction: measured in both ways, and their exact moments."""

    variant: str
    dw_min: float
    ctoc: float
    n: int
    w: float
    up: bool
    aggregated: bool  # whether the engine took all pulses in one step
    # Mean, variance, skewness; only the mean where a few devices decide about the others.
    in_one: list[Comparison]
    one_by_one: list[Comparison]

    @property
    def comparisons(self) -> list[Comparison]:
        """Both ways against the exact moments, and against each other."""
        between = [
            Comparison(
                f"{a.what}, against the loop",
                a.measured,
                b.measured,
                float(np.hypot(a.error, b.error)),
                a.allowed,
            )
            for a, b in zip(self.in_one, self.one_by_one, strict=True)
        ]
        return [*self.in_one, *self.one_by_one, *between]


NUMBERS = (2, 3, 5, 7, 15)
_COLUMNS = 256


def start_weights(dw_min: float, shift: float = 0.0) -> NDArray[np.float32]:
    """Weights at which several pulses begin: over the range, and near either bound."""
    weights = np.array([W_MIN + 2 * dw_min, -0.4, 0.0, 0.5, 0.9, W_MAX - 2 * dw_min])
    return (weights + shift).astype(np.float32)


@cache
def _controls(n: int, ctoc: float, cells: int, rows: int) -> NDArray[np.float64]:
    """Hermite polynomials of the noise that a chip's devices see: (cells, devices, polynomials).

    A constant step without bounds shows the noise itself, of the aggregated step and of the sum of the
    single steps. Their polynomials are known to have the mean 0, so that what a fit explains by them is no
    error of a mean (control variates). Were the noise of another model unrelated, they would explain nothing,
    and the errors be larger.
    """
    device = ConstantStep(
        dw_min=1.0,
        dw_min_ctoc=ctoc,
        w_max=1e4,
        w_min=-1e4,
        **dict.fromkeys(("dw_min_dtod", "w_max_dtod", "w_min_dtod", "up_down_dtod"), 0.0),
    )
    columns = []
    for pulse_by_pulse in (False, True):
        tile = Tile(_COLUMNS, 2 * cells * rows, device=device, update=sure_pulses(n, pulse_by_pulse), seed=32)
        sign = np.repeat([-1.0, 1.0], cells * rows)
        tile.update(np.ones((1, _COLUMNS)), sign[None], n * tile.granularity)
        xi = (-sign[:, None] * tile.weight.astype(np.float64) - n) / (ctoc * sqrt(n))
        xi = xi.reshape(2 * cells, rows * _COLUMNS)
        columns += [hermite_e.hermeval(xi, [0] * k + [1]) / sqrt(factorial(k)) for k in range(1, 7)]
    return np.stack([np.ones_like(xi), *columns], axis=-1)


def several_pulses(variant: str, dw_min: float, ctoc: float, n: int, rows: int = 16) -> list[Several]:
    """n pulses in both directions from weights over the range: `rows` times 256 devices for each."""
    device = nominal(variant, dw_min=dw_min, dw_min_ctoc=ctoc)
    starts = start_weights(dw_min, device.bounds()[1] - W_MAX)
    cells = len(starts)
    changes = []
    for pulse_by_pulse in (False, True):
        tile = Tile(_COLUMNS, 2 * cells * rows, device=device, update=sure_pulses(n, pulse_by_pulse), seed=32)
        tile.weight = np.repeat(np.repeat(np.tile(starts, 2), rows)[:, None], _COLUMNS, axis=1)
        sign = np.repeat([-1.0, 1.0], cells * rows)
        before = tile.weight.astype(np.float64)
        tile.update(np.ones((1, _COLUMNS)), sign[None], n * tile.granularity)
        changes.append((tile.weight - before).reshape(2 * cells, rows * _COLUMNS))
    controls = _controls(n, ctoc, cells, rows)
    results = []
    for c in range(2 * cells):
        up, w = c < cells, float(starts[c % cells])
        moments = exact_moments(variant, dw_min, ctoc, w, up, NUMBERS)[n]
        here = f"{variant}, dw_min {dw_min:g}, ctoc {ctoc:g}, {n} pulses {'up' if up else 'down'}, w {w:+.4f}"
        step = device.mean_step(np.array([w]))[0 if up else 1]
        rounding = n * _rounding(float(noise_of_step(device, np.array([w]), step, up)[0]))
        # What the integration itself is off by: the more where the noise has a kink, at weight 0.
        accuracy = 2e-3 if "noise of the weight" in variant and w == 0 else 2e-5
        in_one = _moments(here, changes[0][c], controls[c], moments, (0.002, 0.01, 0.05), rounding, accuracy)
        one_by_one = _moments(
            f"{here}, loop", changes[1][c], controls[c], moments, (0, 0, 0), rounding, accuracy
        )
        aggregated = _is_one_step(changes[0][c], controls[c][:, 1])
        results.append(Several(variant, dw_min, ctoc, n, w, up, aggregated, in_one, one_by_one))
    return results


def _is_one_step(change: NDArray[np.float64], xi: NDArray[np.float64]) -> bool:
    """Whether the first gaussian explains the whole change, as it does in one step, and not only a part."""
    if change.std() == 0:
        return False
    a, b = change - change.mean(), xi - xi.mean()
    return bool(abs(a @ b) > 0.97 * sqrt((a @ a) * (b @ b)))


def _moments(
    what: str,
    changes: NDArray,
    controls: NDArray,
    theory: Exact,
    allowed: tuple[float, float, float],
    rounding: float,
    accuracy: float,
) -> list[Comparison]:
    sd, skew, devices = sqrt(theory.variance), theory.skewness, len(changes)
    of_mean = allowed[0] * abs(theory.mean) + accuracy * (abs(theory.mean) + sd) + rounding
    met = theory.clips * devices
    if met > 0.01 and (met < 50 or abs(skew) > 1 or sd < 1e-3 * abs(theory.mean)):
        # The few devices that meet a bound, or the few that do not, make the moments: a sample's own spread
        # says little, and the tails are those of a Poisson distribution. A spread of a thousandth of the way
        # is less than one of the sample's thousands of devices that has not come to the bound.
        tails = 25 / 3 * abs(skew) * sd / devices
        measured = float(changes.mean())
        return [Comparison(f"{what}, mean", measured, theory.mean, sd / sqrt(devices), of_mean + tails)]
    if sd < 6e-8:  # below the last place of a weight nothing but the mean is left of a step
        measured, error = float(changes.mean()), float(changes.std()) / sqrt(devices)
        return [Comparison(f"{what}, mean", measured, theory.mean, error, of_mean)]
    if met > 0.01:  # no polynomial describes a clipped weight: those of high order only disturb
        controls = controls[:, [0, 1, 2, 7, 8]]
    y = (changes - theory.mean) / sd
    # The last one is the skewness to first order in the errors of mean and variance: only its error is used.
    y2, y3 = y * y, y * y * y
    powers = np.stack([y, y2, y3, y3 - 3 * y - 1.5 * skew * (y2 - 1)], axis=1)
    fit = np.linalg.solve(controls.T @ controls, controls.T @ powers)
    left = powers - controls @ fit
    errors = np.sqrt((left * left).sum(0) / (devices - controls.shape[1]) / devices)
    m1, m2, m3, _ = (float(value) for value in fit[0])
    var = m2 - m1**2
    of_variance = (allowed[1] + accuracy) * theory.variance + 2 * rounding * sd + 1e-15
    return [
        Comparison(f"{what}, mean", theory.mean + sd * m1, theory.mean, float(sd * errors[0]), of_mean),
        Comparison(
            f"{what}, variance",
            theory.variance * var,
            theory.variance,
            float(theory.variance * errors[1]),
            of_variance,
        ),
        Comparison(
            f"{what}, skewness",
            (m3 - 3 * m1 * m2 + 2 * m1**3) / var**1.5,
            skew,
            float(errors[3]),
            allowed[2] + 1e-3 + 6 * rounding / sd,
        ),
    ]


# --- spreads from device to device


def _folded(mu: float, sigma: float) -> Callable[[NDArray], NDArray]:
    """Distribution of |mu + sigma xi|."""
    return lambda t: special.ndtr((t - mu) / sigma) - special.ndtr((-t - mu) / sigma)


def _folded_mean(mu: float, sigma: float) -> float:
    return float(
        sigma * sqrt(2 / np.pi) * np.exp(-((mu / sigma) ** 2) / 2)
        + mu * (1 - 2 * stats.norm.cdf(-mu / sigma))
    )


def _folded_results(what: str, values: NDArray, mu: float, sigma: float) -> list[Comparison | Fit]:
    expected = _folded_mean(mu, sigma)
    var = mu**2 + sigma**2 - expected**2
    return [
        mean(f"{what}, mean", values, expected, var),
        variance(f"{what}, variance", values, var),
        distribution(what, values, _folded(mu, sigma)),
    ]


def _larger_bound(upper: tuple[float, float], lower: tuple[float, float]) -> Callable[[NDArray], NDArray]:
    """Distribution of |max(a, b)| of two normal numbers, the bounds after a swap where they cross."""

    def larger(t: NDArray) -> NDArray:
        return np.prod([special.ndtr((t - mu) / sigma) for mu, sigma in (upper, lower)], axis=0)

    return lambda t: larger(t) - larger(-t)


SPREADS: dict[str, dict[str, object]] = {
    "defaults": {},
    "wide": {
        "dw_min_dtod": 0.8,
        "w_max_dtod": 1.2,
        "w_min_dtod": 0.9,
        "w_min": -0.4,
        "up_down": 0.3,
        "up_down_dtod": 0.4,
    },
    "up_down < 0": {"up_down": -0.25, "up_down_dtod": 0.2},
    "log-normal": {"dw_min_log_normal": True, "dw_min_dtod": 0.5, "up_down_dtod": 0.0},
}


def spread_device(model: str, spread: str) -> PulsedDevice:
    referred = {"reference_std": 0.05} if model.endswith("Reference") else {}
    return MODELS[model](dw_min=0.002, **(SPREADS[spread] | referred))


def conductance_bounds(arrays: Mapping[str, NDArray]) -> dict[str, NDArray]:
    """The bounds before a reference is subtracted."""
    reference = arrays["reference"].astype(np.float64) if "reference" in arrays else 0.0
    return {name: arrays[name].astype(np.float64) + reference for name in ("w_max", "w_min")}


@cache
def spread_tile(model: str, spread: str) -> Tile:
    return Tile(512, 256, device=spread_device(model, spread), seed=Seed(23).child(f"{model}/{spread}"))


def spreads(model: str, spread: str) -> list[Comparison | Fit]:
    """Steps and bounds of many devices against the distributions that they are drawn from."""
    device = spread_device(model, spread)
    arrays = spread_tile(model, spread).devices
    up, down = (arrays[name].astype(np.float64).ravel() for name in ("dw_min_up", "dw_min_down"))
    w_max, w_min = (values.ravel() for values in conductance_bounds(arrays).values())
    results: list[Comparison | Fit] = []
    gain, rho = device.dw_min_dtod, device.up_down_dtod
    for what, values, mu in (
        ("steps up", up, 1 + min(device.up_down, 0)),
        ("steps down", down, 1 - max(device.up_down, 0)),
    ):
        relative = values / device.dw_min
        here = f"{model}, {spread}, {what}"
        if device.dw_min_log_normal:
            moments = stats.lognorm.stats(gain, moments="mv")
            results.append(mean(f"{here}, mean", relative, *(float(m) for m in moments)))
            results.append(variance(f"{here}, variance", relative, float(moments[1])))
            results.append(distribution(here, relative, lambda t: stats.lognorm.cdf(t, gain)))
        else:
            results += _folded_results(here, relative, mu, sqrt(gain**2 + rho**2))
    if not device.dw_min_log_normal and max(gain, rho) < 0.35 and device.up_down >= 0:
        # The common gain correlates both directions, the asymmetry's spread anticorrelates them.
        common = (gain**2 - rho**2) / (gain**2 + rho**2)
        results.append(correlation(f"{model}, {spread}, steps up and down", up, down, common))
    bounds = (
        (device.w_max, device.w_max_dtod * device.w_max),
        (device.w_min, -device.w_min_dtod * device.w_min),
    )
    mirrored = tuple((-mu, sigma) for mu, sigma in bounds)
    here = f"{model}, {spread}"
    results.append(distribution(f"{here}, w_max", w_max, _larger_bound(*bounds)))
    results.append(distribution(f"{here}, w_min", -w_min, _larger_bound(*mirrored)))
    for what, values, theory in (("w_max", w_max, bounds[0]), ("w_min", -w_min, mirrored[1])):
        if spread != "wide":  # a swap is out of reach: 1e-5 of the devices
            folded = _folded_mean(*theory)
            var = theory[0] ** 2 + theory[1] ** 2 - folded**2
            results.append(mean(f"{here}, {what}, mean", values, folded, var, 2e-6))
            results.append(variance(f"{here}, {what}, variance", values, var, 2e-6))
    return results


def slopes(allow_increasing: bool, mean_bound_reference: bool) -> list[Comparison | Fit]:
    """Slopes of LinearStep: gamma of each device, of the bound that it refers to."""
    device = LinearStep(
        gamma_up=0.3,
        gamma_down=0.1,
        gamma_up_dtod=0.2,
        gamma_down_dtod=0.1,
        allow_increasing=allow_increasing,
        mean_bound_reference=mean_bound_reference,
    )
    arrays = Tile(512, 256, device=device, seed=24).devices
    results: list[Comparison | Fit] = []
    for side, bound, nominal_bound in (("up", "w_max", device.w_max), ("down", "w_min", -device.w_min)):
        reference = nominal_bound if mean_bound_reference else np.abs(arrays[bound].astype(np.float64))
        gamma = -arrays[f"slope_{side}"].astype(np.float64) * reference / arrays[f"dw_min_{side}"]
        mu, sigma = getattr(device, f"gamma_{side}"), getattr(device, f"gamma_{side}_dtod")
        here = f"LinearStep, gamma_{side}, {'own' if not mean_bound_reference else 'mean'} bound"
        if allow_increasing:
            results.append(mean(f"{here}, mean", gamma.ravel(), mu, sigma**2))
            results.append(distribution(here, gamma, lambda t, mu=mu, s=sigma: stats.norm.cdf(t, mu, s)))
        else:
            results += _folded_results(here, gamma.ravel(), mu, sigma)
    return results


def exponents(pow_gamma: float = 2.0, pow_up_down: float = 0.2) -> list[Comparison | Fit]:
    """Exponents of PowStep: gamma |1 + s xi + b| up, gamma |1 + s xi' - b| down, b common to both."""
    of_gamma, of_asymmetry = 0.15, 0.1
    device = PowStep(
        pow_gamma=pow_gamma,
        pow_gamma_dtod=of_gamma,
        pow_up_down=pow_up_down,
        pow_up_down_dtod=of_asymmetry,
    )
    arrays = Tile(512, 256, device=device, seed=24).devices
    up, down = (arrays[f"gamma_{side}"].astype(np.float64).ravel() / pow_gamma for side in ("up", "down"))
    sigma = sqrt(of_gamma**2 + of_asymmetry**2)
    return [
        *_folded_results("PowStep, exponent up", up, 1 + pow_up_down, sigma),
        *_folded_results("PowStep, exponent down", down, 1 - pow_up_down, sigma),
        covariance("PowStep, exponents up and down", up, down, -(of_asymmetry**2)),
    ]


def references(model: str, mean_: float = 0.05, std: float = 0.02) -> list[Comparison | Fit]:
    """References about their mean, beyond each device's symmetry point, and independent of all else."""
    device = MODELS[model](
        reference_mean=mean_, reference_std=std, up_down=0.2, up_down_dtod=0.1, subtract_symmetry_point=True
    )
    tile = Tile(512, 256, device=device, seed=Seed(24).child(model))
    same = Tile(512, 256, device=device.replace(reference_mean=0.0, reference_std=0.0), seed=tile.seed)
    drawn, points = (t.devices["reference"].astype(np.float64) for t in (tile, same))
    beyond = drawn - points
    return [
        mean(f"{model}, references", beyond.ravel(), mean_, std**2),
        variance(f"{model}, references, variance", beyond.ravel(), std**2),
        distribution(f"{model}, references", beyond, lambda t: stats.norm.cdf(t, mean_, std)),
        *(
            correlation(f"{model}, references and {name}", beyond, values)
            for name, values in (
                conductance_bounds(tile.devices)
                | {"dw_min_up": tile.devices["dw_min_up"], "symmetry points": points}
            ).items()
        ),
        *lagged(f"{model}, references", beyond),
    ]


def slope_spreads(up: float = 0.15, down: float = 0.1) -> list[Comparison | Fit]:
    """Slopes of SoftBoundsReference about those of the bounds, which are the inverse of them."""
    flat = {"w_max_dtod": 0.0, "w_min_dtod": 0.0}
    device = SoftBoundsReference(slope_up_dtod=up, slope_down_dtod=down, w_max=1.0, w_min=-0.8, **flat)
    arrays = Tile(512, 256, device=device, seed=24).devices
    results: list[Comparison | Fit] = []
    for bound, nominal_bound, sigma in (("w_max", 1.0, up), ("w_min", -0.8, down)):
        slope = nominal_bound / arrays[bound].astype(np.float64).ravel()
        results += _folded_results(f"SoftBoundsReference, slope at {bound}", slope, 1.0, sigma)
    return results


def stuck(model: str, probability: float = 0.1, reach: float = 0.5) -> list[Comparison | Fit]:
    """Fraction of the stuck devices, and where they are stuck."""
    flat = {"w_max_dtod": 0.0, "w_min_dtod": 0.0}
    device = MODELS[model](stuck_prob=probability, stuck_range=reach, w_max=1.0, w_min=-0.3, **flat)
    tile = Tile(512, 256, device=device, seed=Seed(25).child(model))
    arrays = tile.devices
    at = arrays["w_max"] == arrays["w_min"]
    n = at.size
    value = tile.weight[at].astype(np.float64)
    results: list[Comparison | Fit] = [
        mean(f"{model}, stuck fraction", at.ravel(), probability, probability * (1 - probability)),
        mean(f"{model}, stuck beyond w_min", value == np.float32(-0.3), 0.2, 0.2 * 0.8),
        distribution(
            f"{model}, stuck values",
            value[value > np.float32(-0.3)],
            lambda t: np.clip((t + 0.3) / 0.8, 0, 1),
        ),
        correlation(f"{model}, stuck neighbours", at[:, 1:], at[:, :-1]),
    ]
    assert n == 512 * 256
    return results


def write_noise(model: str, strength: float = 3.0, pulses: int = 3) -> list[Comparison | Fit]:
    """The weight that is read about the one that pulses change: spread, independence of devices and calls."""
    device = nominal(model, dw_min=0.002, dw_min_ctoc=0.3, write_noise_std=strength)
    tile = Tile(256, 128, device=device, update=sure_pulses(pulses), seed=Seed(26).child(model))
    noises = []
    for sign in (1.0, -1.0):
        tile.update(np.ones((1, 256)), np.full((1, 128), sign), pulses * tile.granularity)
        hidden = tile.devices["persistent_weight"].astype(np.float64)
        noises.append((tile.weight - hidden) / (strength * device.dw_min))
    results: list[Comparison | Fit] = []
    for call, noise in enumerate(noises):
        flat = noise.ravel()
        what = f"{model}, write noise, call {call}"
        results += [
            mean(f"{what}, mean", flat, 0.0, 1.0),
            variance(f"{what}, variance", flat, 1.0),
            distribution(what, flat, stats.norm.cdf),
            correlation(f"{what}, neighbours in a row", noise[:, 1:], noise[:, :-1]),
            correlation(f"{what}, neighbours in a column", noise[1:], noise[:-1]),
            correlation(f"{what}, and the weight", noise, hidden),
        ]
    results.append(correlation(f"{model}, write noise, two calls", *noises))
    return results


# --- symmetry point


def fixed_points(up: NDArray, down: NDArray, w_max: NDArray, w_min: NDArray) -> tuple[NDArray, NDArray]:
    """Weights of a soft-bounds device under alternating pulses: after the pulse down, and after the pulse up.

    Kim, Rasch, Gokmen et al., arXiv:1907.10228: with u = up / w_max and v = down / |w_min| the map of an
    up-then-down pair is linear, with the fixed point (up (1 - v) - down) / (u + v - u v).
    """
    u, v = up / w_max, down / -w_min
    low = (up * (1 - v) - down) / (u + v - u * v)
    return low, low + up * (1 - low / w_max)


@cache
def soft_bounds_trajectory(
    ctoc: float, pairs: int, rows: int = 64, columns: int = 64, dw_min: float = 0.01
) -> dict[str, NDArray]:
    """Alternating pulses up and down on soft-bounds devices that differ, from weights near either bound."""
    device = SoftBounds(
        dw_min=dw_min, dw_min_ctoc=ctoc, dw_min_dtod=0.2, up_down=0.2, up_down_dtod=0.1, w_max=1, w_min=-1
    )
    tile = Tile(columns, rows, device=device, update=sure_pulses(1), seed=27)
    names = {"dw_min_up": "up", "dw_min_down": "down", "w_max": "w_max", "w_min": "w_min"}
    arrays = {short: tile.devices[name].astype(np.float64) for name, short in names.items()}
    tile.weight = np.where(np.arange(columns) % 2, 0.9, -0.9) * np.ones((rows, 1))
    history = [tile.weight]
    for _ in range(pairs):
        for sign in (-1.0, 1.0):
            tile.update(np.ones((1, columns)), np.full((1, rows), sign), tile.granularity)
            history.append(tile.weight)
    return arrays | {"w": np.array(history, dtype=np.float64)}


def soft_bounds_symmetry(ctoc: float = 0.3, pairs: int = 700) -> list[Comparison]:
    """Where alternating pulses lead soft-bounds devices: to the fixed points, half a step about w*."""
    run = soft_bounds_trajectory(ctoc, pairs)
    up, down, w_max, w_min = (run[name] for name in ("up", "down", "w_max", "w_min"))
    usable = (w_max > 0.3) & (w_min < -0.3) & (up > 0.004) & (down > 0.004)
    low, high = fixed_points(up, down, w_max, w_min)
    symmetric = (up - down) / (up / w_max - down / w_min)
    # What is left of the start after the pairs.
    left = (1 - up / w_max) ** pairs * (1 - down / -w_min) ** pairs
    usable &= left < 1e-4
    after_down, after_up = run["w"][-1][usable], run["w"][-2][usable]
    # The noise enters linearly, so that it leaves the mean alone; its variance is that of an autoregression.
    u, v = (up / w_max)[usable], (down / -w_min)[usable]
    each = ctoc**2 * (
        u**2 * (w_max[usable] - low[usable]) ** 2 * (1 - v) ** 2 + v**2 * (high - w_min)[usable] ** 2
    )
    var = each / (1 - ((1 - u) * (1 - v)) ** 2)
    n = int(usable.sum())
    results = []
    for what, values, theory in (("down", after_down, low[usable]), ("up", after_up, high[usable])):
        error = sqrt(var.sum()) / n
        results.append(
            Comparison(
                f"after the pulse {what}", values.mean(), theory.mean(), error, 2e-5 + 1e-7 * (ctoc == 0)
            )
        )
    middle = (after_down + after_up) / 2
    # (low + high) / 2 - w* is of second order in the steps.
    second = ((low + high) / 2 - symmetric)[usable]
    results.append(
        Comparison(
            "mean of both phases against w*",
            middle.mean(),
            symmetric[usable].mean(),
            sqrt(var.sum()) / n,
            abs(second.mean()) + 2e-5,
        )
    )
    if ctoc > 0:
        normalised = (after_down - low[usable]) / np.sqrt(var)
        results.append(variance("variance about the fixed point, normalised", normalised, 1.0, 0.01))
    return results


@dataclass(frozen=True)
class Shifted:
    """Where alternating pulses lead devices that differ, whose symmetry points are subtracted."""

    middle: NDArray  # of both phases
    expected: NDArray  # minus what is subtracted beyond the symmetry point
    half_step: NDArray  # of the steps there


def zero_shifted(model: str, reference_std: float, pairs: int = 8000) -> Shifted:
    device = MODELS[model](
        dw_min=0.01,
        dw_min_ctoc=0.0,
        dw_min_dtod=0.2,
        up_down=0.2,
        up_down_dtod=0.1,
        w_max=1.0,
        w_min=-1.0,
        w_max_dtod=0.2,
        w_min_dtod=0.2,
        reference_std=reference_std,
        subtract_symmetry_point=True,
    )
    tile = Tile(64, 64, device=device, update=sure_pulses(1), seed=31)
    same = Tile(64, 64, device=device.replace(reference_std=0.0), seed=31)
    beyond = tile.devices["reference"].astype(np.float64) - same.devices["reference"]
    tile.weight = np.where(np.arange(64) % 2, 0.1, -0.1) * np.ones((64, 1))
    d = np.tile([[-1.0], [1.0]], (pairs, 64))
    tile.update(np.ones((2 * pairs, 64)), d, tile.granularity)
    after_down = tile.weight.astype(np.float64)
    tile.update(np.ones((1, 64)), np.full((1, 64), -1.0), tile.granularity)
    return Shifted((after_down + tile.weight) / 2, -beyond, (tile.weight - after_down) / 2)


def _attracted(variant: str) -> bool:
    """Whether there is a symmetry point with larger steps up below it and larger steps down above it."""
    device = nominal(variant, dw_min=0.01, up_down=0.05)
    point = device.symmetry_point()
    if point is None:
        return False
    below, above = (sum(float(step) for step in device.mean_step(point + offset)) for offset in (-0.05, 0.05))
    return below > 0 > above


ATTRACTED = [variant for variant in SUMMED if _attracted(variant)]


@dataclass(frozen=True)
class Alternation:
    """Where alternating pulses lead a nominal device from three starts, as the middle of both phases."""

    measured: NDArray
    iterated: NDArray  # by the mean steps, in double precision
    symmetry_point: float
    step: float  # size of the steps at the symmetry point


def nominal_symmetry(variant: str, pairs: int = 4000) -> Alternation:
    device = nominal(variant, dw_min=0.01, dw_min_ctoc=0.0, up_down=0.05)
    point = device.symmetry_point()
    assert point is not None
    low, high = device.bounds()
    margin = 0.09 * (high - low)
    starts = np.array([low + margin, point, high - margin], dtype=np.float32)
    tile = Tile(3, 1, device=device, update=sure_pulses(1), seed=28)
    tile.weight = starts[None]
    d = np.tile([[-1.0], [1.0]], (pairs, 1))
    tile.update(np.ones((2 * pairs, 3)), d, tile.granularity)
    after_down = tile.weight[0].astype(np.float64)
    tile.update(np.ones((1, 3)), [[-1.0]], tile.granularity)
    w = starts.astype(np.float64)
    for _ in range(pairs):
        before = w
        for direction in (0, 1):
            w = np.clip(w + device.mean_step(w)[direction], low, high)
        if np.abs(w - before).max() < 1e-10:
            break  # it has arrived
    after_up = np.clip(w + device.mean_step(w)[0], low, high)
    step = float(device.mean_step(point)[0])
    return Alternation((after_down + tile.weight[0]) / 2, (w + after_up) / 2, point, step)


# --- independence

LAGS = ((0, 1), (0, 2), (0, 16), (0, 64), (1, 0), (2, 0), (4, 0), (16, 0), (1, 1), (3, 16))


def lagged(what: str, values: NDArray) -> list[Comparison]:
    """Correlations between devices at some distances: within groups of lanes, and across them."""
    rows, columns = values.shape
    return [
        correlation(
            f"{what}, {i} rows and {j} columns apart", values[i:, j:], values[: rows - i, : columns - j]
        )
        for i, j in LAGS
    ]


def independent_parameters(model: str) -> list[Comparison]:
    """Parameters of neighbours, and of tiles with other names, have nothing in common."""
    tile = spread_tile(model, "defaults")
    arrays = {name: values.astype(np.float64) for name, values in _parameters(tile).items()}
    results = []
    for name, values in arrays.items():
        results += lagged(f"{model}, {name}", values)
    names = list(arrays)
    steps = [name for name in names if "dw_min" in name]
    unrelated = [("w_max", "w_min"), *((a, b) for a in steps for b in ("w_max", "w_min"))]
    results += [correlation(f"{model}, {a} and {b}", arrays[a], arrays[b]) for a, b in unrelated]
    other = Tile(512, 256, device=spread_device(model, "defaults"), seed=tile.seed.child("other"))
    for name, values in _parameters(other).items():
        results.append(correlation(f"{model}, {name} of two paths", arrays[name], values))
    pair = Tile(128, 256, device=spread_device(model, "defaults"), seed=23, instances=2)
    for name, values in _parameters(pair).items():
        results.append(correlation(f"{model}, {name} of two instances", values[0], values[1]))
    return results


def _parameters(tile: Tile) -> dict[str, NDArray]:
    own = {name: tile.devices[name] for name in tile.devices if "weight" not in name and "count" not in name}
    return own | conductance_bounds(tile.devices)


def independent_noise(model: str, n: int, pulse_by_pulse: bool) -> list[Comparison]:
    """Noise of pulses: of neighbours, of two calls, of two tiles, of the devices' own parameters."""
    device = nominal(model, dw_min=0.001, dw_min_ctoc=0.3)
    results, all_changes = [], []
    seeds = Seed(29).child(f"{model}/{n}/{pulse_by_pulse}")
    for seed in (seeds, seeds.child("other")):
        tile = Tile(512, 128, device=device, update=sure_pulses(n, pulse_by_pulse), seed=seed)
        # Up in even rows, down in odd ones.
        sign = np.where(np.arange(128) % 2, 1.0, -1.0)
        for _ in range(2):
            before = tile.weight.astype(np.float64)
            tile.update(np.ones((1, 512)), sign[None], n * tile.granularity)
            change = tile.weight - before
            # Both directions in units of their own spread.
            for rows in (slice(0, None, 2), slice(1, None, 2)):
                change[rows] = (change[rows] - change[rows].mean()) / change[rows].std()
            all_changes.append(change)
    how = "one by one" if pulse_by_pulse else "in one"
    results += lagged(f"{model}, noise of {n} pulses {how}", all_changes[0])
    results.append(
        correlation(f"{model}, noise of pulses up and down {how}", all_changes[0][::2], all_changes[0][1::2])
    )
    results.append(correlation(f"{model}, noise of two calls {how}", all_changes[0], all_changes[1]))
    results.append(correlation(f"{model}, noise of two paths {how}", all_changes[0], all_changes[2]))
    return results
