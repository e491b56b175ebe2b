"""Reads through the periphery, source by source: noise against its moments, distortions against formulas."""

from collections.abc import Callable

import numpy as np
import periphery_measurements as measure
import pytest
from numpy.typing import NDArray
from periphery_measurements import X, matrix, only, reader
from statistics_helpers import check, correlation, variance

from mho import IO, Tile
from mho.devices import Ideal, SoftBounds

W = matrix(6, 5)
ROW = np.array([0.5, 1.0, -0.25, -1.5, 2.0])


def read(io: IO, w: NDArray, x: NDArray, **how: bool) -> NDArray[np.float64]:
    return reader(io, w).forward(np.atleast_2d(x), **how).astype(np.float64)


# --- noise


@pytest.mark.parametrize("split", measure.SPLIT)
@pytest.mark.parametrize("sigma", [0.01, 0.3])
def test_input_noise(sigma: float, split: str) -> None:
    check(measure.input_noise(sigma, split))


@pytest.mark.parametrize("sigma", [0.01, 0.3])
def test_output_noise(sigma: float) -> None:
    check(measure.output_noise(sigma))


def test_output_noise_differs_from_line_to_line() -> None:
    check(measure.output_noise_spread())


@pytest.mark.parametrize("split", measure.SPLIT)
@pytest.mark.parametrize("kind", ["additive_constant", "pcm_read"])
def test_read_noise(kind: str, split: str) -> None:
    check(measure.read_noise(kind, 0.1, split))


@pytest.mark.parametrize("side", ["inp", "out"])
def test_stochastic_rounding_is_unbiased(side: str) -> None:
    check(measure.stochastic_rounding(side))


@pytest.mark.parametrize("side", ["inp", "out"])
def test_quantisation_error_is_uniform(side: str) -> None:
    check(measure.quantisation(side))


def test_noise_of_lines_vectors_calls_and_directions_is_independent() -> None:
    check(measure.many_lines())


@pytest.mark.parametrize("kind", ["additive_constant", "pcm_read"])
def test_read_noise_of_lines_without_a_signal(kind: str) -> None:
    io = only(w_noise=0.1, w_noise_type=kind)
    assert (read(io, W, np.zeros((8, 5))) == 0).all()
    # Weights of 0 have the noise of a constant spread, and none that is proportional to |w|.
    y = read(io, np.zeros((1, 5)), np.tile(X, (100, 1)))
    assert (y != 0).all() if kind == "additive_constant" else (y == 0).all()


def test_sources_add_up() -> None:
    """With everything on, the variance of an output is the sum of the variances of the sources."""
    w, sigma = matrix(2, 5), 0.05
    io = only(
        inp_noise=sigma, out_noise=0.02, w_noise=0.03, w_noise_type="pcm_read", out_bound=4.0, out_res=1 / 128
    )
    deviations = measure.repeated(io, w, X)
    q = 2 * 4.0 / 128
    # The input noise also enters the read noise, by its square.
    of_weights = 0.03**2 * (np.abs(w) @ (X**2 + sigma**2))
    theory = sigma**2 * (w**2).sum(1) + of_weights + 0.02**2 + q**2 / 12
    check(variance(f"output {i}", deviations[:, i], theory[i], 0.01 * theory[i]) for i in range(2))


def test_wrong_noise_is_found() -> None:
    """The comparison tells additive read noise from that proportional to |w|, and 3 % of a variance."""
    w = matrix(1, 5)
    io = only(w_noise=0.1, w_noise_type="pcm_read")
    deviations = measure.repeated(io, w, X)[:, 0]
    right = 0.01 * float((np.abs(w[0]) * X**2).sum())
    assert variance("", deviations, right).agrees
    assert not variance("", deviations, 0.01 * float((X**2).sum())).agrees
    assert not variance("", deviations, 0.01 * float((w[0] ** 2 * X**2).sum())).agrees
    assert not variance("", deviations, 1.06 * right).agrees


# --- converters


@pytest.mark.parametrize("steps", [8, 126, 254])
@pytest.mark.parametrize("side", ["inp", "out"])
def test_levels_of_a_converter(side: str, steps: int) -> None:
    bound = 1.5
    q = 2 * bound / steps
    x = np.concatenate([np.linspace(-2.5, 2.5, 2001), q * np.arange(-steps, steps + 1)]).astype(np.float32)
    y = read(only(**{f"{side}_bound": bound, f"{side}_res": 1 / steps}), np.ones((1, 1)), x[:, None])[:, 0]
    levels = y / q
    np.testing.assert_allclose(levels, np.rint(levels), atol=1e-4)
    inside = np.abs(x) <= bound
    assert np.abs(y - x)[inside].max() <= q / 2 * (1 + 1e-5)
    np.testing.assert_allclose(y[x > bound], bound, rtol=1e-6)
    np.testing.assert_allclose(y[x < -bound], -bound, rtol=1e-6)


def test_bounds_of_the_converters() -> None:
    np.testing.assert_allclose(
        read(only(inp_bound=1.2), np.eye(5), ROW)[0], np.clip(ROW, -1.2, 1.2), rtol=1e-6
    )
    np.testing.assert_allclose(
        read(only(out_bound=1.2), np.eye(5), ROW)[0], np.clip(ROW, -1.2, 1.2), rtol=1e-6
    )


def test_input_noise_may_leave_the_bound() -> None:
    """It is added behind the DAC: half of the inputs at the bound exceed it."""
    y = measure.repeated(only(inp_bound=1.0, inp_noise=0.1), np.eye(1), np.array([1.0]))
    check([variance("at the bound", y[:, 0], 0.01)])
    # Clipped before, an input far beyond it has the same mean.
    y = measure.repeated(only(inp_bound=1.0, inp_noise=0.1), np.eye(1), np.array([3.0]))
    check([variance("beyond the bound", y[:, 0], 0.01)])
    assert y.mean() == pytest.approx(-2.0, abs=0.01)


# --- distortions


def test_asymmetries() -> None:
    y = read(only(inp_asymmetry=0.2), W, ROW)[0]
    np.testing.assert_allclose(y, W @ np.where(ROW < 0, 0.8 * ROW, ROW), rtol=1e-5, atol=1e-6)
    y = read(only(out_asymmetry=0.2), W, ROW)[0]
    plain = W @ ROW
    assert plain.min() < 0 < plain.max()
    np.testing.assert_allclose(y, np.where(plain < 0, 0.8 * plain, plain), rtol=1e-5, atol=1e-6)


def test_out_scale() -> None:
    np.testing.assert_allclose(read(only(out_scale=2.5), W, ROW)[0], 2.5 * (W @ ROW), rtol=1e-5, atol=1e-6)


def test_nonlinearity() -> None:
    y = read(only(out_bound=3.0, out_nonlinearity=0.6), W, ROW)[0]
    plain = W @ ROW
    np.testing.assert_allclose(y, plain / (1 + 0.6 / 3 * np.abs(plain)), rtol=1e-5, atol=1e-6)
    check(measure.nonlinearity_spread())


def test_slope_calibration() -> None:
    """The distorted output is exact where it was calibrated."""
    io = only(out_bound=2.0, out_nonlinearity=0.3, slope_calibration=0.5)
    y = read(io, np.array([[1.0]]), np.array([[0.4], [-0.9]]))[:, 0]
    factor = (1 + 0.3 / 2 * 0.5 * 2) ** 2
    plain = np.array([0.4, -0.9])
    np.testing.assert_allclose(y, factor * plain / (1 + 0.15 * np.abs(plain)), rtol=1e-5)
    # The square makes the slope 1 there, not the value.
    h = 1e-2
    y = read(io, np.array([[1.0]]), np.array([[1.0 - h], [1.0 + h]]))[:, 0]
    assert (y[1] - y[0]) / (2 * h) == pytest.approx(1.0, abs=1e-3)


def test_voltage_offset() -> None:
    check(measure.voltage_offset())
    # With a reference line that carries -w_min sum(x): y (1 - v) - 2 v reference.
    lines, w_min = 64, -0.7
    plain = only(v_offset_std=0.1, v_offset_w_min=0.0)
    w = np.full((lines, 2), 0.4)
    x = np.array([0.5, 0.75])
    v = 1 - read(plain, w, x)[0] / (0.4 * 1.25)
    reference = -w_min * 1.25
    y = read(only(v_offset_std=0.1, v_offset_w_min=w_min), w, x)[0]
    np.testing.assert_allclose(y, (1 - v) * 0.5 - 2 * v * reference, atol=1e-6)


def test_series_resistance() -> None:
    plain = W @ ROW
    y = read(only(r_series=0.3, v_offset_w_min=0.0, r_series_max_total=0.4), W, ROW)[0]
    np.testing.assert_allclose(y, plain / (1 + np.minimum(0.3 * np.abs(plain), 0.4)), rtol=1e-5, atol=1e-6)
    assert (0.3 * np.abs(plain) > 0.4).any()
    assert (0.3 * np.abs(plain) < 0.4).any()
    y = read(only(r_series=0.3, v_offset_w_min=-0.9), W, ROW)[0]
    reference = 0.9 * ROW.sum()
    total = plain + reference
    expected = total / (1 + 0.3 * np.abs(total)) - reference / (1 + 0.3 * np.abs(reference))
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("strength", [0.5, 1.0])
@pytest.mark.parametrize("g_ratio", [1 / 0.35 / 5e-6, 20.0])
def test_ir_drop(strength: float, g_ratio: float) -> None:
    w, x = matrix(150, 200), np.random.default_rng(3).uniform(-1, 1, (70, 200)).astype(np.float32)
    io = only(ir_drop=strength, ir_drop_g_ratio=g_ratio)
    tile = reader(io, w, backward_io=io)
    for vectors, weights, y in ((x, w, tile.forward(x)), (x[:, :150], w.T, tile.backward(x[:, :150]))):
        expected = [measure.ir_drop(weights, v.astype(np.float64), strength, g_ratio) for v in vectors]
        np.testing.assert_allclose(y, expected, rtol=2e-4, atol=2e-4 * np.abs(expected).max())
        plain = vectors @ weights.T
        assert np.abs(expected - plain).max() > 1e-4


def test_ir_drop_over_the_weight() -> None:
    run = measure.ir_drop_sweep()
    np.testing.assert_allclose(run["loss"], np.interp(run["w"], run["fine"], run["theory"]), atol=2e-5)
    assert run["loss"].max() > 0.03


# --- noise management

SCALES: dict[str, tuple[dict[str, object], Callable[[NDArray], float]]] = {
    "none": ({"noise_management": "none"}, lambda x: 1.0),
    "abs_max": ({"noise_management": "abs_max"}, lambda x: np.abs(x).max()),
    "abs_max, limited": (
        {"noise_management": "abs_max", "nm_thres": 1.1},
        lambda x: min(np.abs(x).max(), 1.1),
    ),
    "max": ({"noise_management": "max"}, lambda x: x.max()),
    "max, limited": ({"noise_management": "max", "nm_thres": 0.7}, lambda x: min(x.max(), 0.7)),
    "constant": ({"noise_management": "constant"}, lambda x: 1.0),
    "constant, given": ({"noise_management": "constant", "nm_thres": 1.7}, lambda x: 1.7),
}


@pytest.mark.parametrize("case", list(SCALES))
def test_noise_management(case: str) -> None:
    """The scale is seen in the levels of the DAC, in its bound, and in the noise behind it."""
    fields, scale_of = SCALES[case]
    q = 2 / 16
    for x in (ROW, 0.3 * ROW, np.array([0.2, -0.9, 0.1, 0.0, 0.05])):
        scale = scale_of(x)
        io = only(inp_bound=1.0, inp_res=1 / 16, **fields)
        expected = scale * np.clip(q * np.rint(x.astype(np.float32) / np.float32(scale) / q), -1, 1)
        np.testing.assert_allclose(read(io, np.eye(5), x)[0], expected, rtol=1e-5, atol=1e-6)
        noisy = measure.repeated(only(out_noise=0.1, **fields), np.eye(5), x, 4000)
        check([variance(f"{case}, noise", noisy[:, 0], (0.1 * scale) ** 2)])


def test_worst_case_scale() -> None:
    """abs_max_np_sum: max(a, min(a max_bm_res / q, w_max max(sum x+, sum x-) / out_bound))."""
    io = only(
        inp_bound=1.0,
        inp_res=1 / 16,
        out_bound=2.0,
        noise_management="abs_max_np_sum",
        nm_assumed_wmax=0.8,
        max_bm_res=0.3,
    )
    q = 2 / 16
    seen = set()
    for x in (
        np.array([0.1, 1, 0, 0, 0, 0, 0, 0]),
        np.full(8, 0.3),
        np.array([1, 0.9, 0.8, 0.7, -0.1, 0, 0, 0]),
    ):
        a, sums = np.abs(x).max(), max(x[x > 0].sum(), -x[x < 0].sum())
        candidates = (a, a * 0.3 / q, 0.8 * sums / 2)
        scale = max(a, min(candidates[1:]))
        seen.add(candidates.index(scale))
        for sign in (1, -1):
            expected = 0.1 * sign * scale * np.clip(q * np.rint(x / scale / q), -1, 1)
            np.testing.assert_allclose(read(io, 0.1 * np.eye(8), sign * x)[0], expected, rtol=1e-5, atol=1e-6)
    assert seen == {0, 1, 2}


def test_average_of_the_largest_inputs() -> None:
    decay, q = 0.25, 2 / 16
    io = only(inp_bound=1.0, inp_res=1 / 16, noise_management="average_abs_max", nm_decay=decay)
    tile = reader(io, np.eye(3))
    x = np.random.default_rng(6).uniform(-1, 1, (40, 3)).astype(np.float32)
    y = np.concatenate([tile.forward(x[:10]), tile.forward(x[10:])])
    average = None
    for one, got in zip(x.astype(np.float64), y, strict=True):
        largest = np.abs(one).max()
        average = largest if average is None else (1 - decay) * average + decay * largest
        expected = average * np.clip(q * np.rint(one / average / q), -1, 1)
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6)


def test_vectors_without_a_scale_have_no_output() -> None:
    noisy = {"out_noise": 0.5, "noise_management": "abs_max"}
    zeros = np.zeros((3, 5))
    assert (read(only(**noisy), W, zeros) == 0).all()
    assert (read(only(**(noisy | {"noise_management": "max"})), W, -np.abs(ROW)) == 0).all()
    # With noise on the inputs there is something to read.
    y = measure.repeated(only(inp_noise=0.1, noise_management="abs_max"), W, np.zeros(5))
    check([variance("zeros", y[:, 0], 0.01 * float((W[0] ** 2).sum()))])


# --- bound management


def test_iterative_bound_management_doubles_what_clips() -> None:
    """Inputs are halved until nothing clips; the levels of the ADC grow with the factor."""
    w = np.array([[1.0, 0.0], [0.0, 0.25]])
    bound, steps = 1.0, 64
    q = 2 * bound / steps
    io = only(out_bound=bound, out_res=1 / steps, bound_management="iterative")
    x = np.array([[0.3, 0.1], [1.3, 0.1], [2.5, -0.1], [-7.9, 0.1], [0.1, 30.0]])
    for one, y in zip(x, read(io, w, x), strict=True):
        plain = w @ one
        factor = 1
        while np.abs(q * np.rint(plain / factor / q)).max() > bound:
            factor *= 2
        np.testing.assert_allclose(y, factor * q * np.rint(plain / factor / q), rtol=1e-5)


def test_bound_management_takes_only_clipped_vectors_again() -> None:
    """Vectors that did not clip keep the bits that they have without it; the others get fresh noise."""
    fields = {"out_noise": 0.05, "out_bound": 1.0, "noise_management": "none"}
    w = matrix(4, 5)
    x = np.random.default_rng(8).uniform(-1.6, 1.6, (300, 5))
    managed = read(only(**fields, bound_management="iterative"), w, x)
    plain = read(only(**fields), w, x)
    clipped = (np.abs(plain) >= 1.0).any(1)
    assert 30 < clipped.sum() < 270
    assert np.array_equal(managed[~clipped], plain[~clipped])
    assert (managed[clipped] != plain[clipped]).all(1).mean() > 0.95
    check(measure.resampled_noise())


def test_limits_of_iterative_bound_management() -> None:
    w = np.array([[1.0]])
    x = np.array([[100.0]])
    for limit, factor in ((1, 1), (4, 4), (5, 4), (1000, 128)):
        y = read(only(out_bound=1.0, bound_management="iterative", max_bm_factor=limit), w, x)
        assert y[0, 0] == pytest.approx(min(100, factor), rel=1e-6)
    # The step of the DAC times the factor stays within max_bm_res.
    q = 2 / 64
    for limit, factor in ((0.99 * 2 * q, 1), (1.01 * 2 * q, 2), (1.01 * 8 * q, 8)):
        fields = {"inp_bound": 1.0, "inp_res": 1 / 64, "out_bound": 0.1, "noise_management": "abs_max"}
        y = read(only(**fields, bound_management="iterative", max_bm_res=limit), w, np.array([[1.0]]))
        assert y[0, 0] == pytest.approx(0.1 * factor, rel=1e-6)


@pytest.mark.parametrize("tested", [True, False])
def test_negative_bound_is_tested_where_it_is_asked_for(tested: bool) -> None:
    io = only(out_bound=1.0, bound_management="iterative", bm_test_negative_bound=tested)
    y = read(io, np.array([[1.0], [-1.0]]), np.array([[2.5], [-2.5]]))
    # Either output clips at one of the bounds, so that both vectors go again.
    np.testing.assert_allclose(y, [[2.5, -2.5], [-2.5, 2.5]], rtol=1e-6)
    y = read(io, np.array([[1.0], [0.1]]), np.array([[2.5], [-2.5]]))
    np.testing.assert_allclose(y, [[2.5, 0.25], [-2.5 if tested else -1.0, -0.25]], rtol=1e-6)


def test_worst_case_bound_management() -> None:
    """A clipped vector goes once more, with the scale of abs_max_np_sum."""
    fields = {"out_bound": 1.0, "noise_management": "abs_max", "inp_bound": 1.0, "inp_res": 1 / 64}
    io = only(**fields, bound_management="iterative_worst_case", nm_assumed_wmax=0.8, max_bm_res=1.0)
    q = 2 / 64
    w = np.full((1, 4), 0.5)
    fits, clips = np.array([0.5, 0.4, -0.3, 0.2]), np.array([1.0, 0.9, 0.8, 0.7])
    y = read(io, w, np.stack([fits, clips]))[:, 0]
    assert y[0] == pytest.approx(float((0.5 * 0.5 * q * np.rint(fits / 0.5 / q)).sum()), rel=1e-5)
    scale = max(1.0, min(1.0 / q, 0.8 * clips.sum() / 1.0))
    expected = 0.5 * scale * (q * np.rint(clips / scale / q)).sum()
    assert y[1] == pytest.approx(expected, rel=1e-5)


def test_shift_lowers_all_outputs_by_the_excess() -> None:
    io = only(out_bound=1.0, bound_management="shift")
    w = np.array([[1.0], [0.4], [-0.9]])
    y = read(io, w, np.array([[0.8], [1.5], [-1.5]]))
    np.testing.assert_allclose(y[0], [0.8, 0.32, -0.72], rtol=1e-6)
    # 1.5 is 0.5 too much: -1.35 - 0.5 then clips at the lower bound.
    np.testing.assert_allclose(y[1], [1.0, 0.1, -1.0], rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(y[2], [-1.0, -0.95, 1.0], rtol=1e-6, atol=1e-7)
    # A softmax does not see it where nothing clips below.
    logits = np.array([2.0, 1.5, 0.7])
    shifted = read(only(out_bound=1.2, bound_management="shift"), logits[:, None], np.array([[1.0]]))[0]
    softmax = [np.exp(v) / np.exp(v).sum() for v in (logits, shifted)]
    np.testing.assert_allclose(softmax[1], softmax[0], rtol=1e-5)


# --- passes


def test_passes_of_positive_and_negative_inputs() -> None:
    plain = W @ ROW
    for split in measure.SPLIT[1:]:
        np.testing.assert_allclose(read(only(mv_type=split), W, ROW)[0], plain, rtol=1e-5, atol=1e-6)
    # Summed before the ADC one rounding, after it two; each pass has its own bound there.
    q = 2 / 16
    positive, negative = W @ np.maximum(ROW, 0), W @ np.minimum(ROW, 0)
    adc = {"out_bound": 1.0, "out_res": 1 / 16}
    y = read(only(mv_type="pos_neg_separate", **adc), W, ROW)[0]
    np.testing.assert_allclose(y, np.clip(q * np.rint(plain / q), -1, 1), atol=1e-6)
    y = read(only(mv_type="pos_neg_separate_digital_sum", **adc), W, ROW)[0]
    expected = sum(np.clip(q * np.rint(part / q), -1, 1) for part in (positive, negative))
    np.testing.assert_allclose(y, expected, atol=1e-6)


def test_passes_have_noise_of_their_own() -> None:
    deviations = measure.repeated(only(mv_type="pos_neg_separate_digital_sum", out_noise=0.1), W, X)
    check([variance("two passes", deviations[:, 0], 2 * 0.01)])


def test_read_asymmetry_of_devices() -> None:
    check(measure.read_asymmetry())


# --- switches

ALL_NOISE: dict[str, object] = {
    "inp_noise": 0.1,
    "out_noise": 0.1,
    "out_noise_std": 0.2,
    "w_noise": 0.1,
    "w_noise_type": "pcm_read",
    "inp_sto_round": True,
    "out_sto_round": True,
}


def test_noise_can_be_switched_off() -> None:
    """Converters, bounds and fixed errors stay; what is random goes."""
    io = IO(**ALL_NOISE, out_asymmetry=0.1, out_nonlinearity=0.2, out_nonlinearity_std=0.3)
    quiet = IO(out_noise=0.0, out_asymmetry=0.1, out_nonlinearity=0.2, out_nonlinearity_std=0.3)
    tile, other = reader(io, W), reader(quiet, W)
    x = np.random.default_rng(9).uniform(-1, 1, (20, 5))
    first = tile.forward(x, noise=False)
    assert np.array_equal(first, tile.forward(x, noise=False))
    assert np.array_equal(first, other.forward(x))
    assert (first != tile.forward(x)).mean() > 0.5


def test_directions_are_configured_separately() -> None:
    x, d = np.ones((4, 5)), np.ones((4, 6))
    tile = Tile(5, 6, device=Ideal(), forward_io=IO(**ALL_NOISE), backward_io=IO.perfect(), seed=3)
    tile.weight = W
    np.testing.assert_allclose(tile.backward(d), d @ W, rtol=1e-5, atol=1e-6)
    assert np.abs(tile.forward(x) - x @ W.T).max() > 1e-2
    tile = Tile(5, 6, device=Ideal(), forward_io=IO.perfect(), backward_io=IO(**ALL_NOISE), seed=3)
    tile.weight = W
    np.testing.assert_allclose(tile.forward(x), x @ W.T, rtol=1e-5, atol=1e-6)
    assert np.abs(tile.backward(d) - d @ W).max() > 1e-2


def test_backward_has_the_noise_of_its_own_lines() -> None:
    sigma = 0.1
    io = only(out_noise=sigma, inp_noise=0.05)
    tile = Tile(5, 6, device=Ideal(), backward_io=io, seed=4)
    tile.weight = W
    d = np.tile(np.linspace(-1, 1, 6), (measure.VECTORS, 1))
    deviations = tile.backward(d).astype(np.float64) - d[0] @ W
    theory = sigma**2 + 0.05**2 * (W**2).sum(0)
    check(variance(f"line {j}", deviations[:, j], theory[j]) for j in range(5))


def test_batch_has_the_noise_of_its_vectors() -> None:
    io = IO(**ALL_NOISE)
    x = np.random.default_rng(10).uniform(-1, 1, (64, 5))
    together = reader(io, W).forward(x)
    tile = reader(io, W)
    apart = np.concatenate([tile.forward(x[k : k + 1]) for k in range(64)])
    np.testing.assert_allclose(together, apart, rtol=1e-4, atol=2e-2)
    assert (np.abs(together - apart) < 1e-5).mean() > 0.98


def test_devices_do_not_share_noise_with_reads() -> None:
    """Reads between updates change nothing of them, and the noise of both is unrelated."""
    device = SoftBounds(dw_min=0.01, w_max_dtod=0, w_min_dtod=0, dw_min_dtod=0, up_down_dtod=0)
    tiles = [Tile(40, 30, device=device, forward_io=only(out_noise=0.1), seed=6) for _ in range(2)]
    x, d = np.ones((1, 40)), np.ones((1, 30))
    for _ in range(3):
        tiles[0].forward(np.ones((7, 40)))
        for tile in tiles:
            tile.update(x, d, 0.05)
    assert np.array_equal(tiles[0].weight, tiles[1].weight)
    noise = tiles[0].forward(np.ones((40, 40))) - tiles[0].weight.sum(1)
    check([correlation("noise of reads and weights", noise, tiles[0].weight.T)])
