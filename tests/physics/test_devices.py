"""Devices against theory: their spreads, one pulse, several pulses, bounds, write noise, symmetry point."""

import device_measurements as measure
import numpy as np
import pytest
from scipy import stats
from statistics_helpers import Comparison, check, distribution, mean

import mho
from mho import Tile, Update
from mho.devices import Cell, Device, PulsedDevice

VARIANTS, SUMMED = list(measure.VARIANTS), measure.SUMMED
MODELS = list(measure.MODELS)
REFERRED = [model for model in MODELS if model.endswith("Reference")]


def test_every_model_is_measured() -> None:
    """A new model of a pulsed device is measured without being named; anything else must be looked at."""
    cells = Cell.types()  # of these, measured in test_cells.py
    # SoftBoundsPmax is SoftBounds to the engine, and has tests of its own.
    assert sorted([*MODELS, *cells, "Ideal", "SoftBoundsPmax"]) == Device.types()
    assert {model for model, _ in measure.VARIANTS.values()} == set(MODELS)


# --- spreads from device to device


@pytest.mark.parametrize("spread", list(measure.SPREADS))
@pytest.mark.parametrize("model", MODELS)
def test_steps_and_bounds_follow_their_distributions(model: str, spread: str) -> None:
    check(measure.spreads(model, spread))


def test_bounds_cross_often_enough_to_see_the_swap() -> None:
    device = measure.spread_device("ConstantStep", "wide")
    arrays = measure.spread_tile("ConstantStep", "wide").devices
    assert (arrays["w_max"] >= 0).all()
    assert (arrays["w_min"] <= 0).all()
    # Without the swap the bounds would be the magnitudes of the normal numbers.
    unswapped = measure._folded(device.w_max, device.w_max * device.w_max_dtod)
    assert not distribution("w_max without a swap", arrays["w_max"], unswapped).agrees


@pytest.mark.parametrize("mean_bound_reference", [True, False])
@pytest.mark.parametrize("allow_increasing", [True, False])
def test_slopes_follow_their_distributions(allow_increasing: bool, mean_bound_reference: bool) -> None:
    check(measure.slopes(allow_increasing, mean_bound_reference))


def test_exponents_follow_their_distributions() -> None:
    check(measure.exponents())


@pytest.mark.parametrize("model", REFERRED)
def test_references_follow_their_distribution(model: str) -> None:
    check(measure.references(model))


def test_slopes_of_soft_bounds_with_a_reference_follow_their_distribution() -> None:
    check(measure.slope_spreads())


@pytest.mark.parametrize("model", MODELS)
def test_stuck_devices(model: str) -> None:
    check(measure.stuck(model))
    device = measure.MODELS[model](stuck_prob=0.2, **measure.ONE_STATE.get(model, {}))
    tile = Tile(64, 48, device=device, update=measure.sure_pulses(3), seed=5)
    stuck = tile.devices["w_max"] == tile.devices["w_min"]
    before = tile.weight
    unreached = tile.set_weight(np.full((48, 64), 0.01))
    assert unreached >= int(stuck.sum())
    assert np.array_equal(tile.weight[stuck], before[stuck])
    for sign in (1.0, -1.0):
        tile.update(np.ones((1, 64)), np.full((1, 48), sign), 3 * tile.granularity)
        assert np.array_equal(tile.weight[stuck], before[stuck])
    assert (tile.weight[~stuck] != np.float32(0.01)).mean() > 0.9


# --- one pulse


@pytest.mark.parametrize("variant", VARIANTS)
def test_mean_step_is_the_published_one(variant: str) -> None:
    device = measure.nominal(variant, dw_min=0.003)
    low, high = device.bounds()
    assert (low, high) == pytest.approx(
        tuple(bound - measure.closed_form_reference(device) for bound in (device.w_min, device.w_max))
    )
    w = np.linspace(low, high, 41)
    for step, published in zip(device.mean_step(w), measure.closed_form_step(device, w), strict=True):
        np.testing.assert_allclose(step, published, rtol=1e-11, atol=1e-14)
    for up, noise, step in zip((True, False), device.step_noise(w), device.mean_step(w), strict=True):
        np.testing.assert_allclose(noise, measure.noise_of_step(device, w, step, up), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("ctoc", [0.0, 0.3])
@pytest.mark.parametrize("variant", VARIANTS)
def test_one_step(variant: str, ctoc: float) -> None:
    check(measure.one_step_moments(variant, ctoc))


@pytest.mark.parametrize("model", MODELS)
def test_one_step_of_devices_that_differ(model: str) -> None:
    """Without cycle-to-cycle noise, each device moves by the step of a model with its own parameters."""
    fixed = measure.noise(model, 0.0) or {"up": [[1.5, 1.5], [0.6, 0.6]], "down": [[0.4, 0.4], [1.2, 1.2]]}
    # Nominal devices with these parameters have weight 0 within their bounds.
    near = {"w_max_dtod": 0.1, "w_min_dtod": 0.1, "reference_std": 0.05}
    # A counter that is full with each pulse.
    full = {"hidden_states": 1, "hidden_dtod": 0.0, "hidden_up_down_dtod": 0.0}
    special = near if model in REFERRED else full if model == "HiddenStep" else {}
    device = measure.MODELS[model](**fixed | special)
    tile = Tile(16, 16, device=device, update=measure.sure_pulses(1), seed=6)
    tile.weight = np.linspace(-0.2, 0.2, 16) * np.ones((16, 1))
    before = tile.weight.astype(np.float64)
    arrays = {name: tile.devices[name].astype(np.float64) for name in tile.devices}
    sign = np.where(np.arange(16) % 2, 1.0, -1.0)
    tile.update(np.ones((1, 16)), sign[None], tile.granularity)
    for i in range(16):
        for j in range(16):
            one = {name: float(values[i, j]) for name, values in arrays.items()}
            up = sign[i] < 0
            alike = measure.nominal(
                model,
                dw_min=one["dw_min_up" if up else "dw_min_down"],
                up_down=0.0,
                **({"w_max": one["w_max"], "w_min": one["w_min"]} | measure.own_shape(model, one) | fixed),
            )
            step = float(alike.mean_step(before[i, j])[0 if up else 1])
            expected = np.clip(before[i, j] + step, one["w_min"], one["w_max"])
            assert tile.weight[i, j] == pytest.approx(expected, abs=1e-7)


# --- several pulses


def _linear_moments(device: PulsedDevice, w: float, up: bool, n: int) -> tuple[float, float, float]:
    """Exact moments of n steps that are linear in the weight, without bounds: independent factors."""
    f = float(device.mean_step(w)[0 if up else 1])
    slope = (float(device.mean_step(w + 1e-3)[0 if up else 1]) - f) / 1e-3
    sigma = device.dw_min_ctoc
    # The distance to the weight of no step is multiplied by 1 + slope (1 + sigma xi) each time.
    distance = f / slope
    one = 1 + slope
    second = one**2 + (slope * sigma) ** 2
    third = one**3 + 3 * one * (slope * sigma) ** 2
    r1, r2, r3 = one**n, second**n, third**n
    return (
        distance * (r1 - 1),
        distance**2 * (r2 - r1**2),
        float(np.sign(distance) * (r3 - 3 * r1 * r2 + 2 * r1**3) / (r2 - r1**2) ** 1.5),
    )


@pytest.mark.parametrize("ctoc", [0.3, 5.0])
@pytest.mark.parametrize("variant", ["SoftBounds", "LinearStep, gamma 0.5 and 0.8"])
def test_integrated_moments_are_those_of_a_linear_step(variant: str, ctoc: float) -> None:
    """The reference of the tests below, where there is a closed form."""
    dw_min = 0.002
    device = measure.nominal(variant, dw_min=dw_min, dw_min_ctoc=ctoc)
    for up in (True, False):
        exact = measure.exact_moments(variant, dw_min, ctoc, 0.2, up, measure.NUMBERS)
        for n, moments in exact.items():
            mean_, variance, skewness = _linear_moments(device, 0.2, up, n)
            assert moments.mean == pytest.approx(mean_, rel=1e-6)
            assert moments.variance == pytest.approx(variance, rel=1e-6)
            assert moments.skewness == pytest.approx(skewness, abs=2e-5)


def test_integrated_moments_near_a_bound_are_those_of_a_simulation() -> None:
    device = measure.nominal("ConstantStep", dw_min=0.1, dw_min_ctoc=5.0)
    generator = np.random.default_rng(3)
    w = np.full(400_000, 0.5)
    for _ in range(5):
        step = device.mean_step(w)[0] * (1 + 5 * generator.standard_normal(len(w)))
        w = np.clip(w + step, device.w_min, device.w_max)
    exact = measure.exact_moments("ConstantStep", 0.1, 5.0, 0.5, True, (5,))[5]
    assert (w - 0.5).mean() == pytest.approx(exact.mean, abs=5 * np.sqrt(exact.variance / len(w)))
    assert w.var() == pytest.approx(exact.variance, rel=0.02)
    assert stats.skew(w) == pytest.approx(exact.skewness, abs=0.05)


@pytest.mark.parametrize("ctoc", [0.3, 5.0])
@pytest.mark.parametrize("dw_min", [0.001, 0.01, 0.1])
@pytest.mark.parametrize("variant", SUMMED)
def test_several_pulses(variant: str, dw_min: float, ctoc: float) -> None:
    """In one aggregated step or one by one: mean, variance, skewness, over the range and near the bounds."""
    # The slow test below takes all numbers.
    results = [cell for n in (2, 5, 15) for cell in measure.several_pulses(variant, dw_min, ctoc, n)]
    check(comparison for cell in results for comparison in cell.comparisons)
    if variant in measure.ONE_BY_ONE:
        assert not any(cell.aggregated for cell in results if cell.n > 1)
    elif dw_min == 0.001 and ctoc == 0.3:
        # Away from the bounds fine steps are taken together, else nothing was tested.
        middle = [cell.aggregated for cell in results if abs(cell.w) < 0.35 and cell.n <= 5]
        assert all(middle)


@pytest.mark.slow
@pytest.mark.parametrize("ctoc", [0.1, 0.3, 1.0, 5.0])
@pytest.mark.parametrize("variant", SUMMED)
def test_several_pulses_up_to_where_they_are_taken_one_by_one(variant: str, ctoc: float) -> None:
    """Steps of many sizes, so that the largest that are still taken together are among them."""
    for n in measure.NUMBERS:
        for dw_min in np.geomspace(0.0005, 0.15, 16):
            cells = measure.several_pulses(variant, float(dw_min), ctoc, n)
            check(comparison for cell in cells for comparison in cell.comparisons)


def test_wrong_moments_are_found() -> None:
    """The comparison has the power that the tolerances ask for."""
    cells = measure.several_pulses("SoftBounds", 0.006, 0.3, 5)
    cell = next(cell for cell in cells if cell.w == 0.5 and cell.up)
    assert cell.aggregated
    in_one = cell.in_one
    # n times the step at the start, as if the slope did not matter, is 2 % off; noise that n pulses keep in
    # full, as if later pulses did not fade it, 8 %.
    device = measure.nominal("SoftBounds", dw_min=0.006, dw_min_ctoc=0.3)
    f = float(device.mean_step(0.5)[0])
    for comparison, wrong in ((in_one[0], 5 * f), (in_one[1], 5 * (0.3 * f) ** 2)):
        assert not Comparison("", comparison.measured, wrong, comparison.error, comparison.allowed).agrees
    # A mean that is 0.4 % off is found, in either way of taking the pulses.
    for comparison in (in_one[0], cell.one_by_one[0]):
        wrong = comparison.theory * 1.004
        assert not Comparison("", comparison.measured, wrong, comparison.error, comparison.allowed).agrees


# --- bounds


@pytest.mark.parametrize("pulse_by_pulse", [False, True])
@pytest.mark.parametrize("ctoc", [0.3, 5.0])
@pytest.mark.parametrize("model", MODELS)
def test_bounds_are_never_left(model: str, ctoc: float, pulse_by_pulse: bool) -> None:
    device = measure.MODELS[model](dw_min=0.03, stuck_prob=0.05, **measure.noise(model, ctoc))
    tile = Tile(70, 50, device=device, update=Update(bl=40, pulse_by_pulse=pulse_by_pulse), seed=8)
    low, high = tile.devices["w_min"], tile.devices["w_max"]
    generator = np.random.default_rng(4)
    met = 0
    for _ in range(30):
        tile.update(generator.uniform(-1, 1, (4, 70)), generator.uniform(-1, 1, (4, 50)), 1.0)
        w = tile.weight
        assert (w >= low).all()
        assert (w <= high).all()
        met += int((w == high).sum() + (w == low).sum())
    assert met > 1000


# --- write noise


@pytest.mark.parametrize("model", MODELS)
def test_write_noise(model: str) -> None:
    check(measure.write_noise(model))


@pytest.mark.parametrize("model", MODELS)
def test_write_noise_is_redrawn_where_a_pulse_came_and_nowhere_else(model: str) -> None:
    device = measure.nominal(model, dw_min=0.002, write_noise_std=5.0)
    perfect = mho.IO.perfect()
    tile = Tile(40, 9, device=device, update=measure.sure_pulses(2), forward_io=perfect, seed=9)
    tile.weight = np.full((9, 40), 0.1)
    assert np.array_equal(tile.weight, tile.devices["persistent_weight"])
    x, d = np.arange(40) % 3 == 0, np.arange(9) % 2 == 0
    touched = np.outer(d, x)
    tile.update(np.ones((1, 40)), np.ones((1, 9)), 2 * tile.granularity)
    seen, hidden = tile.weight, tile.devices["persistent_weight"]
    assert (seen != hidden).all()
    tile.update(x[None].astype(float), d[None].astype(float), 2 * tile.granularity)
    assert np.array_equal(tile.weight[~touched], seen[~touched])
    assert np.array_equal(tile.devices["persistent_weight"][~touched], hidden[~touched])
    assert (tile.weight[touched] != seen[touched]).all()
    assert (tile.devices["persistent_weight"][touched] != hidden[touched]).all()
    # A read sees the visible weight.
    np.testing.assert_allclose(tile.forward(np.eye(40)).T, tile.weight, rtol=1e-6)


def test_write_noise_does_not_reach_the_persistent_weight() -> None:
    """The hidden weights are those of a device without write noise, bit for bit."""
    tiles = [
        Tile(20, 12, device=mho.devices.SoftBounds(write_noise_std=strength), seed=10)
        for strength in (0.0, 30.0)
    ]
    generator = np.random.default_rng(2)
    for _ in range(5):
        x, d = generator.uniform(-1, 1, (3, 20)), generator.uniform(-1, 1, (3, 12))
        for tile in tiles:
            tile.update(x, d, 0.1)
    assert np.array_equal(tiles[0].weight, tiles[1].devices["persistent_weight"])


# --- symmetry point


@pytest.mark.parametrize("ctoc", [0.0, 0.3])
def test_alternating_pulses_lead_soft_bounds_to_the_symmetry_point(ctoc: float) -> None:
    check(measure.soft_bounds_symmetry(ctoc))


def test_way_to_the_symmetry_point_is_geometric() -> None:
    run = measure.soft_bounds_trajectory(0.0, 120, 8, 16)
    low, high = measure.fixed_points(run["up"], run["down"], run["w_max"], run["w_min"])
    rate = (1 - run["up"] / run["w_max"]) * (1 - run["down"] / -run["w_min"])
    fine = (run["w_max"] > 0.1) & (run["w_min"] < -0.1)
    for pair in (1, 10, 50, 120):
        expected = low + rate**pair * (run["w"][0] - low)
        np.testing.assert_allclose(run["w"][2 * pair][fine], expected[fine], atol=2e-5)
    expected = high + rate**119 * (run["w"][1] - high)
    np.testing.assert_allclose(run["w"][239][fine], expected[fine], atol=2e-5)


def test_nominal_soft_bounds_have_the_published_symmetry_point() -> None:
    device = measure.nominal("SoftBounds", dw_min=0.01, up_down=0.3)
    up, down = 0.01, 0.007
    published = (up - down) / (up / measure.W_MAX - down / measure.W_MIN)
    assert device.symmetry_point() == pytest.approx(published, rel=1e-12)


@pytest.mark.parametrize("variant", measure.ATTRACTED)
def test_alternating_pulses_lead_to_the_symmetry_point(variant: str) -> None:
    run = measure.nominal_symmetry(variant)
    np.testing.assert_allclose(run.measured, run.iterated, atol=2e-5)
    # A curved response moves the middle of both phases away from it, by less than half a step.
    np.testing.assert_allclose(run.measured, run.symmetry_point, atol=run.step / 2)


@pytest.mark.parametrize("reference_std", [0.0, 0.05])
@pytest.mark.parametrize("model", REFERRED)
def test_alternating_pulses_lead_to_zero_where_the_symmetry_point_is_subtracted(
    model: str, reference_std: float
) -> None:
    run = measure.zero_shifted(model, reference_std)
    # Where the slopes of both directions differ, the middle of both phases is off, by less than half a step.
    assert (np.abs(run.middle - run.expected) < run.half_step + 2e-5).all()
    if reference_std > 0:
        assert np.corrcoef(run.middle.ravel(), run.expected.ravel())[0, 1] > 0.999
        assert run.middle.std() == pytest.approx(reference_std, rel=0.06)


def test_models_with_a_symmetry_point() -> None:
    having = {
        v for v in VARIANTS if measure.nominal(v, dw_min=0.01, up_down=0.05).symmetry_point() is not None
    }
    assert {"SoftBounds", "LinearStep, gamma 0.5 and 0.8", "ExpStep, ReRAM"} <= having
    assert "ConstantStep" not in having


# --- independence


@pytest.mark.parametrize("model", MODELS)
def test_parameters_are_independent(model: str) -> None:
    check(measure.independent_parameters(model))


@pytest.mark.parametrize(("n", "pulse_by_pulse"), [(1, True), (5, False), (5, True)])
@pytest.mark.parametrize("model", MODELS)
def test_noise_of_pulses_is_independent(model: str, n: int, pulse_by_pulse: bool) -> None:
    check(measure.independent_noise(model, n, pulse_by_pulse))


def test_noise_of_successive_pulses_is_independent() -> None:
    """The variance of a sum of single steps is the sum of their variances."""
    device = measure.nominal("ConstantStep", dw_min=0.0005, dw_min_ctoc=1.0, up_down=0.0)
    for n in (2, 7, 40):
        tile = Tile(256, 256, device=device, update=measure.sure_pulses(n, True), seed=30)
        tile.update(np.ones((1, 256)), np.ones((1, 256)), n * tile.granularity)
        w = tile.weight.astype(np.float64).ravel() / 0.0005
        check([mean(f"{n} pulses", w, -n, n, 1e-5)])
        assert w.var() == pytest.approx(n, rel=5 * np.sqrt(2 / w.size))
