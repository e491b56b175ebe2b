"""Devices: how their parameters are drawn, and what one pulse does."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from scipy import stats

from reference import philox

# Number of the draw, and which four of its eight gaussians.
GAIN, UP_DOWN, W_MAX, W_MIN = (0, 0), (0, 1), (1, 0), (1, 1)
RESET, ENDURANCE, LIFETIME, DIFFUSION, DRIFT_NU = (2, 0), (2, 1), (3, 0), (3, 1), (4, 0)
UP, DOWN, ASYMMETRY = (16, 0), (16, 1), (17, 0)  # of a model's own parameters
SOFT_REFERENCE, POW_REFERENCE = (17, 0), (18, 0)


def construct(device, key, shape):
    """Every per-device array of an array of (out, in) devices, in double precision, by name."""

    def xi(place):
        return philox.device_gaussians(key, philox.DEVICE_CONSTRUCTION, 0, shape, *place)

    gain = 1 + device.dw_min_dtod * xi(GAIN)
    if device.dw_min_log_normal:
        gain = np.exp(device.dw_min_dtod * xi(GAIN))
    rho = device.up_down_dtod * xi(UP_DOWN)
    up_bias, down_bias = min(device.up_down, 0), -max(device.up_down, 0)
    up = np.abs((gain + up_bias + rho) * device.dw_min)
    down = np.abs((gain + down_bias - rho) * device.dw_min)
    upper = device.w_max * (1 + device.w_max_dtod * xi(W_MAX))
    lower = device.w_min * (1 + device.w_min_dtod * xi(W_MIN))
    w_max, w_min = np.abs(np.maximum(upper, lower)), -np.abs(np.minimum(upper, lower))

    if device.stuck_prob > 0:
        chance = philox.open_uniform(philox.device_words(key, philox.STUCK_CONSTRUCTION, 0, shape, 0))
        place = philox.open_uniform(philox.device_words(key, philox.STUCK_CONSTRUCTION, 0, shape, 1))
        stuck = chance < np.float32(device.stuck_prob)
        at = np.clip((place.astype(np.float64) - 0.5) * 2 * device.stuck_range, w_min, w_max)
        up, down = np.where(stuck, 0, up), np.where(stuck, 0, down)
        w_max, w_min = np.where(stuck, at, w_max), np.where(stuck, at, w_min)

    arrays = {"dw_min_up": up, "dw_min_down": down, "w_max": w_max, "w_min": w_min}
    if type(device).__name__ == "LinearStep":
        gamma_up = device.gamma_up + device.gamma_up_dtod * xi(UP)
        gamma_down = device.gamma_down + device.gamma_down_dtod * xi(DOWN)
        if not device.allow_increasing:
            gamma_up, gamma_down = np.abs(gamma_up), np.abs(gamma_down)
        bounds = (w_max, w_min)
        if device.mean_bound_reference:
            bounds = (np.full(shape, device.w_max), np.full(shape, device.w_min))
        bounds = (
            bounds[1] - device.reverse_offset if device.reverse_up else bounds[0],
            bounds[0] + device.reverse_offset if device.reverse_down else bounds[1],
        )
        moving = up > 0
        one = np.ones(shape)
        arrays["slope_up"] = -gamma_up * up / np.where(moving, bounds[0], one)
        arrays["slope_down"] = gamma_down * down / np.where(moving, bounds[1], one)
    if type(device).__name__.startswith("PowStep"):
        bias = device.pow_up_down + device.pow_up_down_dtod * xi(ASYMMETRY)
        gamma_up = 1 + device.pow_gamma_dtod * xi(UP) + bias
        gamma_down = 1 + device.pow_gamma_dtod * xi(DOWN) - bias
        arrays["gamma_up"] = device.pow_gamma * np.abs(gamma_up)
        arrays["gamma_down"] = device.pow_gamma * np.abs(gamma_down)
    if type(device).__name__ == "SoftBoundsReference":
        moving = up > 0
        slopes = [
            np.where(moving, np.maximum(np.abs(1 + spread * xi(place)), 1e-3), 1)
            for spread, place in ((device.slope_up_dtod, UP), (device.slope_down_dtod, DOWN))
        ]
        w_max, w_min = w_max / slopes[0], w_min / slopes[1]
        arrays["reference"] = device.reference_mean + device.reference_std * xi(SOFT_REFERENCE)
        if device.subtract_symmetry_point:
            one = np.where(moving, 1, 0)
            slope = up / np.where(moving, w_max, 1) - down / np.where(moving, w_min, 1)
            arrays["reference"] += one * (up - down) / np.where(moving, slope, 1)
    if type(device).__name__ == "PowStepReference":
        arrays["reference"] = device.reference_mean + device.reference_std * xi(POW_REFERENCE)
        if device.subtract_symmetry_point:
            arrays["reference"] += _pow_symmetry_point(arrays)
    if type(device).__name__ == "HiddenStep":
        gain = 1 + device.hidden_dtod * xi(UP)
        rho = device.hidden_up_down_dtod * xi(DOWN)
        arrays["hidden_up"] = np.abs(gain + min(device.hidden_up_down, 0) + rho)
        arrays["hidden_down"] = np.abs(gain - max(device.hidden_up_down, 0) - rho)
        arrays["hidden_count"] = np.zeros(shape)
    if "reference" in arrays:
        w_max, w_min = w_max - arrays["reference"], w_min - arrays["reference"]
        arrays["w_max"], arrays["w_min"] = w_max, w_min
    arrays["weight"] = np.clip(np.zeros(shape), w_min, w_max)
    if device.write_noise_std > 0 or device.states is not None:
        arrays["persistent_weight"] = arrays["weight"]
        arrays["weight"] = state(device, arrays, arrays["weight"])
    if device.reset_dtod > 0:
        arrays["reset_value"] = device.reset + device.reset_dtod * xi(RESET)
    if device.endurance is not None:
        last = device.endurance * (1 + device.endurance_dtod * xi(ENDURANCE))
        arrays["pulses_left"] = np.clip(np.rint(last), 0, 2**24)
    if device.retention is not None:
        arrays |= retention_arrays(device.retention, xi, shape)
    return arrays


def retention_arrays(retention, xi, shape):
    """Those arrays of a retention in which devices differ, and their age."""
    arrays = {}
    if retention.lifetime_dtod > 0:
        arrays["lifetime"] = np.maximum(retention.lifetime * (1 + retention.lifetime_dtod * xi(LIFETIME)), 0)
    if retention.diffusion_dtod > 0:
        arrays["diffusion"] = retention.diffusion * np.abs(1 + retention.diffusion_dtod * xi(DIFFUSION))
    if retention.drift_nu_dtod > 0:
        arrays["drift_nu"] = retention.drift_nu * (1 + retention.drift_nu_dtod * xi(DRIFT_NU))
    if retention.drift_nu > 0:
        arrays["age"] = np.zeros(shape)
    return arrays


def state(device, arrays, w):
    """What a read sees of a persistent weight, without noise: one of evenly spaced states, or any weight."""
    if device.states is None:
        return w
    low, high = arrays["w_min"], arrays["w_max"]
    width = np.where(high > low, high - low, 1)
    return low + np.rint((w - low) / width * (device.states - 1)) * width / (device.states - 1)


def between(values, place):
    """Linear interpolation of the rows of `values`, at even distances from 0 to 1, at each place."""
    cells = len(values) - 1
    first = np.clip(np.floor(place * cells).astype(int), 0, cells - 1)
    share = np.clip(place * cells - first, 0, 1)
    return (1 - share) * values[first] + share * values[first + 1]


@cache
def nodes_of(device, up):
    """The steps of a table that is linear between weights."""
    names = ("up", "down") if type(device).__name__ == "Response" else ("nodes_up", "nodes_down")
    return np.array(getattr(device, names[0 if up else 1]))


# Gaussians at which quantiles of jumps are kept.
GRID = np.linspace(-6.25, 6.25, 293)


@cache
def _jumps(device, up):
    """The jumps of each row at the gaussians of the grid: (rows, gaussians)."""
    rows = [np.array(row.quantiles) for row in (device.up if up else device.down)]
    p = stats.norm.cdf(GRID)
    p[0], p[-1] = 0, 1
    return np.stack([np.interp(p, np.linspace(0, 1, len(row)), row) for row in rows])


@cache
def mean_jumps(device, up):
    """The mean jump of each row: Gauss and Legendre's rule between the gaussians of the grid."""
    nodes, weights = np.polynomial.legendre.leggauss(8)
    half = (GRID[1] - GRID[0]) / 2
    xi = ((GRID[1:] + GRID[:-1]) / 2)[:, None] + half * nodes
    mass = half * weights * stats.norm.pdf(xi)
    table = _jumps(device, up)
    jumps = np.stack([np.interp(xi, GRID, row) for row in table])
    return (jumps * mass).sum((1, 2)) / mass.sum()


def _pow_symmetry_point(arrays):
    """Where the steps of each device are equally large, by halving its range; 0 where it is stuck."""
    up, down, w_max, w_min = (arrays[name] for name in ("dw_min_up", "dw_min_down", "w_max", "w_min"))
    width = np.where(w_max > w_min, w_max - w_min, 1)
    low, high = w_min, w_max
    for _ in range(60):
        v = (low + high) / 2
        larger = (
            up * ((w_max - v) / width) ** arrays["gamma_up"]
            > down * ((v - w_min) / width) ** arrays["gamma_down"]
        )
        low, high = np.where(larger, v, low), np.where(larger, high, v)
    return np.where(w_max > w_min, (low + high) / 2, 0)


def granularity(device):
    """Mean size of one pulse at weight 0, over both directions, in closed form."""
    if device.granularity is not None:
        return device.granularity
    up, down = (1 + min(device.up_down, 0)) * device.dw_min, (1 - max(device.up_down, 0)) * device.dw_min
    if type(device).__name__ == "ExpStep":
        up *= max(1 - device.A_up * math.exp(device.gamma_up * device.b), 0)
        down *= max(1 - device.A_down * math.exp(-device.gamma_down * device.b), 0)
    if type(device).__name__.startswith("PowStep"):
        width = device.w_max - device.w_min
        gamma_up = device.pow_gamma * (1 + device.pow_up_down)
        gamma_down = device.pow_gamma * (1 - device.pow_up_down)
        v = 0.0
        if type(device).__name__ == "PowStepReference":
            v = device.reference_mean
            if device.subtract_symmetry_point:
                nominal = {"dw_min_up": up, "dw_min_down": down, "w_max": device.w_max, "w_min": device.w_min}
                nominal |= {"gamma_up": gamma_up, "gamma_down": gamma_down}
                v += float(
                    _pow_symmetry_point({name: np.array([value]) for name, value in nominal.items()})[0]
                )
        up *= ((device.w_max - v) / width) ** gamma_up
        down *= ((v - device.w_min) / width) ** gamma_down
    if type(device).__name__ == "HiddenStep":
        states = device.hidden_states
        up *= states / math.ceil(states * (1 - 1e-5) / (1 + min(device.hidden_up_down, 0)))
        down *= states / math.ceil(states * (1 - 1e-5) / (1 - max(device.hidden_up_down, 0)))
    if type(device).__name__ == "SoftBoundsReference":
        v = device.reference_mean
        if device.subtract_symmetry_point:
            v += (up - down) / (up / device.w_max - down / device.w_min)
        up, down = up * (1 - v / device.w_max), down * (1 - v / device.w_min)
    if type(device).__name__ in ("PiecewiseStep", "Response", "JumpTable"):
        nodes = mean_jumps if type(device).__name__ == "JumpTable" else nodes_of
        zero = np.array(-device.w_min / (device.w_max - device.w_min))
        up *= float(between(nodes(device, True), zero))
        down *= float(between(nodes(device, False), zero))
    return (up + down) / 2


def _ratio(a, b):
    """Return a / b, and 0 where a device is stuck."""
    return np.divide(a, b, out=np.zeros_like(a), where=a > 0)


def step(device, arrays, w, up, xi):
    """The change of each device by one pulse, up or down, at its weight, with its own gaussian."""
    s_up, s_down = arrays["dw_min_up"], arrays["dw_min_down"]
    sigma = device.dw_min_ctoc
    scale = np.where(up, s_up, -s_down)
    model = type(device).__name__
    if model == "ConstantStep":
        return scale * (1 + sigma * xi)
    if model == "HiddenStep":
        full = np.abs(counted(arrays, up)) >= device.hidden_states * (1 - 1e-5)
        return np.where(full, device.hidden_states * scale * (1 + sigma * xi), 0)
    if model == "ExpStep":
        width = arrays["w_max"] - arrays["w_min"]
        z = 2 * device.a * w / np.where(width > 0, width, 1) + device.b
        f_up = np.maximum(1 - device.A_up * np.exp(device.gamma_up * z), 0)
        f_down = np.maximum(1 - device.A_down * np.exp(-device.gamma_down * z), 0)
        mean = scale * np.where(up, f_up, f_down)
        if device.dw_min_ctoc_add > 0 or device.dw_min_ctoc_slope > 0:
            size = np.abs(mean) + device.dw_min_ctoc_add + device.dw_min_ctoc_slope * np.abs(w)
            return mean + sigma * size * xi
        return mean * (1 + sigma * xi)
    if model in ("PowStep", "PowStepReference"):
        width = arrays["w_max"] - arrays["w_min"]
        share = np.where(up, arrays["w_max"] - w, w - arrays["w_min"]) / np.where(width > 0, width, 1)
        power = np.maximum(share, 1e-6) ** np.where(up, arrays["gamma_up"], arrays["gamma_down"])
        return scale * power * (1 + sigma * xi)
    if model in ("PiecewiseStep", "Response", "JumpTable"):
        width = arrays["w_max"] - arrays["w_min"]
        place = (w - arrays["w_min"]) / np.where(width > 0, width, 1)
        if model == "JumpTable":
            jumps = []
            for direction in (True, False):
                rows = np.stack([np.interp(xi, GRID, row) for row in _jumps(device, direction)])
                cells = len(rows) - 1
                first = np.clip(np.floor(place * cells).astype(int), 0, cells - 1)
                share = np.clip(place * cells - first, 0, 1)
                low, high = (np.take_along_axis(rows, (first + k)[None], 0)[0] for k in (0, 1))
                jumps.append((1 - share) * low + share * high)
            return scale * np.where(up, *jumps)
        q = np.where(up, between(nodes_of(device, True), place), between(nodes_of(device, False), place))
        return scale * q * (1 + sigma * xi)
    if model in ("SoftBounds", "SoftBoundsPmax", "SoftBoundsReference"):
        reference = arrays.get("reference", 0.0)
        v = w + reference
        b_max, b_min = arrays["w_max"] + reference, arrays["w_min"] + reference
        mean = np.where(up, s_up - _ratio(s_up, b_max) * v, -s_down + _ratio(s_down, b_min) * v)
    else:
        mean = np.where(up, s_up + arrays["slope_up"] * w, -s_down + arrays["slope_down"] * w)
    return mean * (1 + sigma * xi) if device.mult_noise else mean + scale * sigma * xi


def between_states(device, arrays, w, margin=1e-4):
    """Where a weight is as near to one state as to the next, so that rounding decides what is read."""
    if device.states is None:
        return np.zeros(w.shape, dtype=bool)
    width = arrays["w_max"] - arrays["w_min"]
    place = (w - arrays["w_min"]) / np.where(width > 0, width, 1) * (device.states - 1)
    return np.abs(place - np.floor(place) - 0.5) < margin * device.states


def counted(arrays, up):
    """The hidden counters after one pulse, before they begin anew."""
    return arrays["hidden_count"] + np.where(up, arrays["hidden_up"], -arrays["hidden_down"])


class Crosspoints:
    """Devices that receive their pulses one after the other. Starts from the arrays of a tile."""

    def __init__(self, device, arrays, key):
        self.device, self.key = device, key
        self.arrays = {name: np.asarray(array, dtype=np.float64) for name, array in arrays.items()}
        self.weight = self.arrays.get("persistent_weight", self.arrays["weight"]).copy()
        self.visible = self.arrays["weight"].copy()
        self.pulses_left = self.arrays.get("pulses_left", np.full(self.weight.shape, np.inf)).copy()
        self.age = self.arrays.get("age", np.zeros(self.weight.shape)).copy()
        self.elapses = self.resets = 0

    def pulse(self, counts, up, update_step, numbers=None):
        """Give each device `counts` pulses in direction `up`, as those of the sample with that step.

        Where few rows pulse, `numbers` has those of the rows.
        """
        shape = self.weight.shape
        low, high = self.arrays["w_min"], self.arrays["w_max"]
        counts = np.minimum(counts, self.pulses_left)
        self.pulses_left = self.pulses_left - counts
        self.age = np.where(counts > 0, 0, self.age)
        most = int(counts.max(initial=0))
        if most == 0:
            return
        for k in range(most):
            noise = philox.pulse_gaussians(self.key, update_step, shape, k, numbers)
            moved = self.weight + step(self.device, self.arrays, self.weight, up, noise)
            self.weight = np.where(counts > k, np.clip(moved, low, high), self.weight)
            if "hidden_count" in self.arrays:
                count = counted(self.arrays, up)
                count = np.where(np.abs(count) >= self.device.hidden_states * (1 - 1e-5), 0, count)
                self.arrays["hidden_count"] = np.where(counts > k, count, self.arrays["hidden_count"])
        seen = state(self.device, self.arrays, self.weight)
        if self.device.write_noise_std > 0:
            xi = philox.device_gaussians(self.key, philox.WRITE_NOISE, update_step, shape, 0)
            seen = seen + self.device.write_noise_std * self.device.dw_min * xi
        self.visible = np.where(counts > 0, seen, self.visible)

    def elapse(self, seconds):
        """Let time pass: decay, drift and diffusion."""
        law, shape = self.device.retention, self.weight.shape
        xi = [
            philox.device_gaussians(self.key, philox.ELAPSE_NOISE, self.elapses, shape, 0, half)
            for half in (0, 1)
        ]
        self.elapses += 1
        left = np.ones(shape)  # of the distance to the reset value
        variance = np.full(shape, float(seconds))
        if law.lifetime is not None:
            lifetime = np.maximum(self.arrays.get("lifetime", np.full(shape, law.lifetime)), 1e-30)
            left *= np.exp(-seconds / lifetime)
            variance = -lifetime / 2 * np.expm1(-2 * seconds / lifetime)
        if law.drift_nu > 0:
            nu = self.arrays.get("drift_nu", np.full(shape, law.drift_nu)) * (1 + law.drift_nu_ctoc * xi[1])
            older = np.maximum(self.age + seconds, law.drift_t0) / np.maximum(self.age, law.drift_t0)
            left *= older**-nu
            self.age = self.age + seconds
        goal = self.arrays.get("reset_value", np.full(shape, self.device.reset))
        rate = self.arrays.get("diffusion", np.full(shape, law.diffusion))
        self._move(goal + (self.weight - goal) * left + rate * np.sqrt(variance) * xi[0])

    def _move(self, moved):
        """Give devices that are not stuck other weights; the noise of their last pulse stays."""
        moved = np.clip(moved, self.arrays["w_min"], self.arrays["w_max"])
        moved = np.where(self.pulses_left > 0, moved, self.weight)
        before, after = (state(self.device, self.arrays, w) for w in (self.weight, moved))
        self.weight, self.visible = moved, self.visible + (after - before)

    def reset(self, mask):
        """Bring the devices of a mask to their reset values."""
        xi = philox.device_gaussians(self.key, philox.RESET_NOISE, self.resets, self.weight.shape, 0)
        self.resets += 1
        goal = self.arrays.get("reset_value", self.device.reset) + self.device.reset_std * xi
        goal = np.clip(goal, self.arrays["w_min"], self.arrays["w_max"])
        moves = mask & (self.pulses_left > 0)
        self.weight = np.where(moves, goal, self.weight)
        self.visible = np.where(moves, state(self.device, self.arrays, goal), self.visible)
        self.age = np.where(moves, 0, self.age)
