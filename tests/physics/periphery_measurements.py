"""What the periphery adds to a read, source by source, measured, beside its closed forms.

Every vector of a batch has random numbers of its own: vectors are the samples.
"""

from __future__ import annotations

from functools import cache
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from statistics_helpers import Comparison, Fit, correlation, covariance, distribution, mean, variance

from mho import IO, Tile
from mho.devices import Ideal

VECTORS = 20000
# An IO that does nothing; each measurement switches one thing on.
NOTHING: dict[str, object] = {
    "inp_bound": 0.0,
    "inp_res": 0.0,
    "out_bound": 0.0,
    "out_res": 0.0,
    "out_noise": 0.0,
    "noise_management": "none",
    "bound_management": "none",
}


def only(**fields: object) -> IO:
    return IO(**(NOTHING | fields))


def matrix(out_features: int, in_features: int, seed: int = 1) -> NDArray[np.float64]:
    """Weights, exact in single precision."""
    generator = np.random.default_rng(seed)
    return generator.uniform(-0.8, 0.8, (out_features, in_features)).astype(np.float32).astype(np.float64)


def reader(io: IO, w: ArrayLike, seed: int = 31, backward_io: IO | None = None) -> Tile:
    """A tile of ideal devices, read through `io`."""
    w = np.asarray(w)
    perfect = IO.perfect() if backward_io is None else backward_io
    tile = Tile(w.shape[1], w.shape[0], device=Ideal(), forward_io=io, backward_io=perfect, seed=seed)
    tile.weight = w
    return tile


def repeated(
    io: IO, w: ArrayLike, x: ArrayLike, vectors: int = VECTORS, seed: int = 31
) -> NDArray[np.float64]:
    """Deviations from W x of many reads of the same vector: (vectors, out)."""
    x = np.asarray(x, dtype=np.float32).astype(np.float64)
    y = reader(io, w, seed).forward(np.tile(x, (vectors, 1)))
    return y.astype(np.float64) - np.asarray(w) @ x


X = np.array([0.9, -0.35, 0.1, 0.0, -0.7])
SPLIT = ("one_pass", "pos_neg_separate", "pos_neg_separate_digital_sum")


def _noise(what: str, deviations: NDArray, covariances: NDArray) -> list[Comparison | Fit]:
    """Means, variances, distributions and covariances of the noise of some outputs."""
    results: list[Comparison | Fit] = []
    for i in range(deviations.shape[1]):
        var = covariances[i, i]
        normal = stats.norm(0, sqrt(var)).cdf
        results += [
            mean(f"{what}, mean of output {i}", deviations[:, i], 0.0, var),
            variance(f"{what}, variance of output {i}", deviations[:, i], var),
            distribution(f"{what}, output {i}", deviations[:, i], normal),
            correlation(f"{what}, successive vectors, output {i}", deviations[1:, i], deviations[:-1, i]),
        ]
        results += [
            covariance(
                f"{what}, covariance of {i} and {k}", deviations[:, i], deviations[:, k], covariances[i, k]
            )
            for k in range(i)
        ]
    return results


def input_noise(sigma: float, split: str = "one_pass") -> list[Comparison | Fit]:
    """Noise on the inputs is shared by the outputs: covariance sigma^2 W W^T."""
    w = matrix(3, 5)
    deviations = repeated(only(inp_noise=sigma, mv_type=split), w, X)
    return _noise(f"input noise {sigma:g}, {split}", deviations, sigma**2 * w @ w.T)


def output_noise(sigma: float) -> list[Comparison | Fit]:
    """Noise before the ADC: sigma^2 for each output, independently."""
    deviations = repeated(only(out_noise=sigma), matrix(3, 5), X)
    return _noise(f"output noise {sigma:g}", deviations, sigma**2 * np.eye(3))


def read_noise(kind: str, sigma: float, split: str = "one_pass") -> list[Comparison | Fit]:
    """Noise of the weights themselves, as it arrives at the outputs.

    additive_constant: each weight has sigma xi, hence sigma^2 |x|^2. pcm_read: each has sigma sqrt(|w|) xi,
    hence sigma^2 sum_j |w_ij| x_j^2.
    """
    w = matrix(3, 5)
    deviations = repeated(only(w_noise=sigma, w_noise_type=kind, mv_type=split), w, X)
    per_weight = np.ones_like(w) if kind == "additive_constant" else np.abs(w)
    return _noise(f"{kind} {sigma:g}, {split}", deviations, sigma**2 * np.diag(per_weight @ X**2))


@cache
def variance_over_signal(source: str, points: int = 9) -> dict[str, NDArray]:
    """Variance of one output over the strength of the input, for the figure."""
    w, sigma = matrix(1, 5), 0.1
    scales = np.linspace(0.1, 1.0, points)
    ios = {
        "input noise": (only(inp_noise=sigma), lambda s: sigma**2 * (w**2).sum() + 0 * s),
        "output noise": (only(out_noise=sigma), lambda s: sigma**2 + 0 * s),
        "additive_constant": (
            only(w_noise=sigma, w_noise_type="additive_constant"),
            lambda s: sigma**2 * (X**2).sum() * s**2,
        ),
        "pcm_read": (
            only(w_noise=sigma, w_noise_type="pcm_read"),
            lambda s: sigma**2 * (np.abs(w[0]) * X**2).sum() * s**2,
        ),
    }
    io, theory = ios[source]
    measured, errors = [], []
    for k, scale in enumerate(scales):
        result = variance("", repeated(io, w, scale * X, 6000, seed=40 + k)[:, 0], 1.0)
        measured.append(result.measured)
        errors.append(result.error)
    fine = np.linspace(0, 1, 100)
    return {
        "scale": scales,
        "variance": np.array(measured),
        "error": np.array(errors),
        "fine": fine,
        "theory": theory(fine),
    }


def output_noise_spread(sigma: float = 0.2, spread: float = 0.3) -> list[Comparison]:
    """Fixed spread of the output noise: sigma_i = |sigma (1 + spread xi_i)|, one for each line, for ever."""
    lines, vectors = 6000, 400
    tile = reader(only(out_noise=sigma, out_noise_std=spread), np.zeros((lines, 1)))
    # Each line's variance, of two halves of the reads.
    halves = [tile.forward(np.ones((vectors, 1))).astype(np.float64).var(0, ddof=1) for _ in range(2)]
    # Moments of a normal number: E (1 + s xi)^2 and E (1 + s xi)^4; a sample variance adds its own spread.
    second, fourth = 1 + spread**2, 1 + 6 * spread**2 + 3 * spread**4
    of_lines = sigma**4 * (fourth - second**2)
    of_estimate = sigma**4 * fourth * 2 / (vectors - 1)
    return [
        mean(
            "spread of the output noise, mean variance", halves[0], sigma**2 * second, of_lines + of_estimate
        ),
        variance("spread of the output noise, variance of the variances", halves[0], of_lines + of_estimate),
        covariance("spread of the output noise, kept from call to call", halves[0], halves[1], of_lines),
    ]


@cache
def rounding_sweep(side: str, stochastic: bool, points: int = 11, bits: int = 16) -> dict[str, NDArray]:
    """Mean and variance of a converter's error between two of its levels."""
    q = 2.0 / bits
    fields = {f"{side}_bound": 1.0, f"{side}_res": 1 / bits, f"{side}_sto_round": stochastic}
    values = np.linspace(3 * q, 4 * q, points)
    # One line for each value: each has random numbers of its own.
    tile = reader(only(**fields), np.eye(points))
    error = tile.forward(np.tile(values, (VECTORS, 1))).astype(np.float64) - values
    return {"fraction": np.linspace(0, 1, points), "error": error, "step": np.array(q)}


def stochastic_rounding(side: str) -> list[Comparison]:
    """Stochastic rounding at a fraction f between levels q apart: no mean error, variance q^2 f (1 - f)."""
    run = rounding_sweep(side, True)
    q = float(run["step"])
    results = []
    for k, f in enumerate(run["fraction"]):
        var = q**2 * f * (1 - f)
        results.append(
            mean(f"stochastic rounding, {side}, mean at {f:.1f}", run["error"][:, k], 0.0, var, 1e-6 * q)
        )
        results.append(
            variance(
                f"stochastic rounding, {side}, variance at {f:.1f}", run["error"][:, k], var, 1e-6 * q**2
            )
        )
    return results


def quantisation(side: str) -> list[Comparison | Fit]:
    """Where inputs spread over many steps q of a converter its error is uniform, of variance q^2 / 12."""
    bits = 64
    q = 2.0 / bits
    x = np.random.default_rng(7).uniform(-0.9, 0.9, (VECTORS, 1)).astype(np.float32)
    fields = {f"{side}_bound": 1.0, f"{side}_res": 1 / bits}
    y = reader(only(**fields), np.ones((1, 1))).forward(x)
    error = (y.astype(np.float64) - x)[:, 0]
    return [
        mean(f"quantisation, {side}, mean", error, 0.0, q**2 / 12),
        variance(f"quantisation, {side}, variance", error, q**2 / 12),
        distribution(f"quantisation, {side}", error, lambda t: np.clip(t / q + 0.5, 0, 1)),
    ]


def nonlinearity_spread(strength: float = 0.4, spread: float = 0.5) -> list[Comparison | Fit]:
    """Fixed spread of the S-shaped distortion: n_i = |(strength / out_bound)(1 + spread xi_i)|."""
    lines, bound, y0 = 20000, 2.0, 0.75
    io = only(out_bound=bound, out_nonlinearity=strength, out_nonlinearity_std=spread)
    y = reader(io, np.full((lines, 1), y0)).forward([[1.0]])[0].astype(np.float64)
    relative = (y0 / y - 1) / y0 * bound / strength
    theory = stats.foldnorm(1 / spread, scale=spread)
    return [
        mean("spread of the nonlinearity, mean", relative, theory.mean(), theory.var(), 1e-6),
        variance("spread of the nonlinearity, variance", relative, theory.var()),
        distribution("spread of the nonlinearity", relative, theory.cdf),
    ]


def voltage_offset(spread: float = 0.1) -> list[Comparison | Fit]:
    """Fixed voltage offsets: the positive part of a normal number, so that half of the lines have none."""
    lines = 20000
    io = only(v_offset_std=spread, v_offset_w_min=0.0)
    tile = reader(io, np.full((lines, 1), 0.5))
    v = 1 - tile.forward([[1.0]])[0].astype(np.float64) / 0.5
    with_offset = v > 1e-6
    half_normal = sqrt(2 / np.pi) * spread
    return [
        mean("voltage offset, lines that have one", with_offset, 0.5, 0.25, 1e-5),
        mean("voltage offset, mean", v, half_normal / 2, spread**2 / 2 - half_normal**2 / 4, 1e-7),
        distribution("voltage offset", v[with_offset], stats.halfnorm(scale=spread).cdf),
    ]


def read_asymmetry(spread: float = 0.2) -> list[Comparison | Fit]:
    """Weights that negative inputs see: w (1 + spread xi), one xi for each device, in both directions."""
    rows, columns = 150, 140
    io = only(mv_type="pos_neg_separate", w_read_asymmetry_dtod=spread)
    w = np.full((rows, columns), 0.5)
    tile = reader(io, w, backward_io=io)
    negative = -tile.forward(-np.eye(columns)).T.astype(np.float64) / 0.5
    xi = (negative - 1) / spread
    results: list[Comparison | Fit] = [
        mean("read asymmetry, mean", xi.ravel(), 0.0, 1.0),
        variance("read asymmetry, variance", xi.ravel(), 1.0),
        distribution("read asymmetry", xi, stats.norm.cdf),
        correlation("read asymmetry, neighbours in a row", xi[:, 1:], xi[:, :-1]),
        correlation("read asymmetry, neighbours in a column", xi[1:], xi[:-1]),
    ]
    positive = tile.forward(np.eye(columns)).T
    backwards = -tile.backward(-np.eye(rows))
    results.append(
        Comparison("read asymmetry, positive inputs", float(np.abs(positive - w).max()), 0, 0, 1e-6)
    )
    apart = float(np.abs(backwards - negative * 0.5).max())
    results.append(Comparison("read asymmetry, other direction", apart, 0, 0, 1e-6))
    return results


def many_lines(sigma: float = 0.1) -> list[Comparison | Fit]:
    """Output noise of more lines and vectors than go through the crossbar together, and of several calls."""
    lines, vectors = 300, 200
    tile = reader(only(out_noise=sigma), np.zeros((lines, 2)), backward_io=only(out_noise=sigma))
    x = np.ones((vectors, 2))
    first, second = tile.forward(x), tile.forward(x)
    evaluated = tile.forward(x, evaluation=True)
    results: list[Comparison | Fit] = [
        variance("many lines, variance", first.ravel(), sigma**2),
        distribution("many lines", first, lambda t: stats.norm.cdf(t, 0, sigma)),
        correlation("two calls", first, second),
        correlation("training and evaluation", first, evaluated),
    ]
    for lag in (1, 2, 16, 64, 128):
        results.append(correlation(f"lines {lag} apart", first[:, lag:], first[:, :-lag]))
        results.append(correlation(f"vectors {lag} apart", first[lag:], first[:-lag]))
    square = reader(only(out_noise=sigma), np.zeros((100, 100)), backward_io=only(out_noise=sigma))
    x = np.ones((vectors, 100))
    results.append(correlation("forward and backward", square.forward(x), square.backward(x)))
    other = reader(only(out_noise=sigma), np.zeros((lines, 2)), seed=32)
    results.append(correlation("two seeds", first, other.forward(np.ones((vectors, 2)))))
    return results


def resampled_noise(sigma: float = 0.05) -> list[Comparison | Fit]:
    """Bound management reads a clipped vector again with fresh noise, which the factor enlarges."""
    w = np.array([[0.9, 0.8, 0.7], [0.1, -0.2, 0.3]])
    x = np.array([1.0, 1.0, 0.9], dtype=np.float32).astype(np.float64)  # W x = 2.33, 0.17
    fields = {"out_noise": sigma, "out_bound": 1.0, "noise_management": "abs_max"}
    managed = repeated(only(**fields, bound_management="iterative"), w, x)
    # The same numbers of the first attempt, seen without a bound.
    first = repeated(only(out_noise=sigma, noise_management="abs_max"), w, x)
    # 2.33 needs a factor of 4: the noise of the last attempt is that much larger, in every output.
    expected = _noise("bound management", managed, (4 * sigma) ** 2 * np.eye(2))
    again = [
        correlation(f"bound management, first and last attempt, {i}", first[:, i], managed[:, i])
        for i in range(2)
    ]
    return [*expected, *again]


def ir_drop(w: NDArray, x: NDArray, strength: float, g_ratio: float) -> NDArray[np.float64]:
    """W x with the voltage drop along the lines (Rasch et al., Nat. Commun. 14:5282, 2023)."""
    n = len(x)
    a = n / g_ratio * (np.abs(w) @ np.abs(x))
    c = a * (a * (0.05 * a - 0.2) + 0.5)
    along = 1 - (1 - np.arange(n) / n) ** 2
    return w @ x - strength * c * (w @ (x * along))


@cache
def ir_drop_sweep(points: int = 12, n: int = 256) -> dict[str, NDArray]:
    """Relative loss of an output whose weights are all equal, over the weight."""
    weights = np.linspace(0.05, 1.0, points).astype(np.float32).astype(np.float64)
    w = weights[:, None] * np.ones((1, n))
    x = np.ones(n)
    io = only(ir_drop=1.0)
    y = reader(io, w).forward(x[None])[0].astype(np.float64)
    fine = np.linspace(0.01, 1.0, 100)
    ideal = fine * n
    theory = ir_drop(fine[:, None] * np.ones((1, n)), x, 1.0, io.ir_drop_g_ratio)
    return {"w": weights, "loss": 1 - y / (weights * n), "fine": fine, "theory": 1 - theory / ideal}
