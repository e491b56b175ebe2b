"""One pulsed update against its closed forms: means, variances, covariances and numbers of pulses."""

import numpy as np
import pytest
import update_measurements as measure
from scipy import stats
from statistics_helpers import check, correlation, counts, mean, variance

import mho
from mho import Tile, Update
from mho.devices import ConstantStep

CASES = [pytest.param(case, id=case.what) for case in measure.CASES]


def _unmanaged(**fields: object) -> Update:
    return Update(update_management=False, update_bl_management=False, **fields)


@pytest.mark.parametrize("case", CASES)
def test_mean_and_variance_of_an_update(case: measure.Case) -> None:
    trains = case.plan
    wanted = case.lr * np.abs(np.outer(case.d, case.x)) / measure.DW_MIN
    expected = trains.bl * np.outer(trains.q, trains.p)
    # Where nothing is clipped or rounded, the mean number of pulses is lr |x d| / granularity.
    assert case.exact == np.allclose(expected, wanted, rtol=1e-6)
    check(measure.moments(case))


@pytest.mark.parametrize("case", CASES)
def test_crosspoints_are_correlated_by_their_lines(case: measure.Case) -> None:
    check(measure.shared_lines(case))


@pytest.mark.parametrize("case", CASES)
def test_number_of_pulses_is_binomial(case: measure.Case) -> None:
    check(measure.pulse_distribution(case))


def test_cases_reach_the_lengths_they_are_named_after() -> None:
    lengths = {case.plan.bl for case in measure.CASES}
    assert {1, 10, 31, 32, 33, 64} <= lengths


def test_batch_sums_its_samples() -> None:
    check(measure.batch_sum())


def test_stochastic_rounding_of_the_trains_is_unbiased() -> None:
    check(measure.rounded_stochastically())


def test_calls_are_independent() -> None:
    tile = Tile(
        1, 1, device=measure.flat_device(0.3), update=_unmanaged(bl=10), seed=3, instances=measure.CHIPS
    )
    tile.update([[0.7]], [[0.7]], 0.01)
    first = tile.weight[:, 0, 0]
    tile.update([[0.7]], [[0.7]], 0.01)
    second = tile.weight[:, 0, 0] - first
    spread = measure.DW_MIN**2 * (4.9 * 0.51 + 0.09 * 4.9)
    check([correlation("calls", first, second), variance("second call", second, spread)])


def test_counter_of_pulses_agrees_with_the_weights() -> None:
    generator = np.random.default_rng(1)
    x, d = generator.uniform(-1, 1, (20, 37)), generator.uniform(-1, 1, (20, 11))
    tile = Tile(37, 11, device=measure.flat_device(), update=Update(bl=64), seed=3)
    up = down = 0
    for one_x, one_d in zip(x, d, strict=True):
        before = tile.weight.astype(np.float64)
        tile.update([one_x], [one_d], 0.03)
        n = np.rint((tile.weight - before) / measure.DW_MIN).astype(int)
        up, down = up + int(n[n > 0].sum()), down - int(n[n < 0].sum())
    assert (tile.pulses.up, tile.pulses.down) == (up, down)
    assert up > 1000
    assert down > 1000


@pytest.mark.parametrize("bl", [1, 10, 31, 32, 33, 64])
@pytest.mark.parametrize("managed", [False, True])
def test_mean_count_is_the_product_of_the_rounded_lines(bl: int, managed: bool) -> None:
    generator = np.random.default_rng(bl)
    x, d = generator.uniform(-1.3, 1.3, 19), generator.uniform(-1.3, 1.3, 6)
    lr = 0.7 * bl * measure.DW_MIN
    update = Update(bl=bl, pulse_type="mean_count") if managed else _unmanaged(bl=bl, pulse_type="mean_count")
    trains = measure.plan(x, d, lr, update)
    # Single precision could round a line that is on an edge the other way.
    assert min(np.abs(trains.bl * v % 1 - 0.5).min() for v in (trains.p, trains.q)) > 1e-5
    lines = np.outer(np.rint(trains.bl * trains.q), np.rint(trains.bl * trains.p))
    n = np.rint(lines / trains.bl)
    tile = Tile(19, 6, device=measure.flat_device(), update=update, seed=1)
    tile.update([x], [d], lr)
    np.testing.assert_allclose(
        tile.weight, -np.sign(np.outer(d, x)) * n * measure.DW_MIN, rtol=1e-6, atol=1e-9
    )
    assert tile.pulses.total == n.sum()
    assert n.max() > 0


@pytest.mark.parametrize("bl", [1, 10, 31, 32, 33, 64])
@pytest.mark.parametrize("managed", [False, True])
@pytest.mark.parametrize("res", [0.0, 1 / 8])
def test_implicit_pulses_are_the_rounded_product(bl: int, managed: bool, res: float) -> None:
    generator = np.random.default_rng(100 + bl)
    x, d = generator.uniform(-1.3, 1.3, 19), generator.uniform(-1.3, 1.3, 6)
    lr = 0.7 * bl * measure.DW_MIN
    implicit = {"bl": bl, "pulse_type": "deterministic_implicit", "x_res_implicit": res}
    update = Update(**implicit) if managed else _unmanaged(**implicit)
    trains = measure.plan(x, d, lr, update)
    p = np.minimum(res * np.rint(trains.p / res), 1) if res else trains.p
    product = trains.bl * np.outer(trains.q, p)
    # Halves are exact in single precision, and go to the even number; nothing else may be close to one.
    from_half = np.abs(product % 1 - 0.5)
    assert from_half[from_half > 0].min() > 1e-5
    n = np.rint(product)
    tile = Tile(19, 6, device=measure.flat_device(), update=update, seed=1)
    tile.update([x], [d], lr)
    np.testing.assert_allclose(
        tile.weight, -np.sign(np.outer(d, x)) * n * measure.DW_MIN, rtol=1e-6, atol=1e-9
    )
    assert tile.pulses.total == n.sum()


@pytest.mark.parametrize("pulse_type", ["stochastic", "mean_count", "deterministic_implicit"])
def test_lines_without_a_signal_stay(pulse_type: str) -> None:
    x = np.array([[0.5, 0.0, -0.9]])
    d = np.array([[0.0, 0.8]])
    tile = Tile(3, 2, device=measure.flat_device(0.3), update=Update(pulse_type=pulse_type), seed=2)
    tile.weight = np.full((2, 3), 0.25)
    tile.update(x, d, 0.02)
    touched = tile.weight != np.float32(0.25)
    assert touched.tolist() == [[False, False, False], [True, False, True]]
    before = tile.weight
    count = tile.pulses
    tile.update(np.zeros((4, 3)), np.ones((4, 2)), 0.02)
    tile.update(np.ones((4, 3)), np.zeros((4, 2)), 0.02)
    tile.update(np.ones((4, 3)), np.ones((4, 2)), 0.0)
    np.testing.assert_array_equal(tile.weight, before)
    assert tile.pulses == count


@pytest.mark.parametrize("up_down", [0.0, 0.3, -0.3])
def test_asymmetry_reduces_one_side_only(up_down: float) -> None:
    check(measure.one_sided(up_down))


@pytest.mark.parametrize("pinned", [True, False])
def test_pulses_are_counted_in_units_of_the_granularity(pinned: bool) -> None:
    check(measure.pinned_granularity(pinned))
    assert mho.presets.reram_es().weight_granularity == 0.0019914


def test_wrong_formulas_are_found() -> None:
    """The comparisons have the power to tell neighbouring formulas apart."""
    case = measure.CASES[0]
    trains = case.plan
    n = measure.pulse_numbers(case)
    probability = trains.p[0] * trains.q[0]
    slots = np.arange(trains.bl + 1)
    assert not counts("one slot more", n, stats.binom.pmf(np.arange(12), 11, probability * 10 / 11)).agrees
    assert not counts("Poisson", n, stats.poisson.pmf(slots, 10 * probability)).agrees
    changes = measure.weight_changes(case, 0.3)[:, 0, 0]
    spread = measure.DW_MIN**2 * 10 * probability * (1 - probability + 0.09)
    wrong = measure.DW_MIN**2 * 10 * probability * (1 - probability)
    assert not variance("without noise of the steps", changes, wrong).agrees
    assert not mean("2 % off", changes, -1.02 * measure.DW_MIN * 10 * probability, spread).agrees


def test_devices_that_differ_move_by_their_own_steps() -> None:
    """With spreads on, each crosspoint's mean change is its own step times its number of pulses."""
    device = ConstantStep(dw_min_ctoc=0, w_max=10, w_min=-10, w_max_dtod=0, w_min_dtod=0)
    tile = Tile(64, 64, device=device, update=_unmanaged(bl=7), seed=5)
    tile.update(np.ones((1, 64)), np.where(np.arange(64) % 2, 1.0, -1.0)[None], 7 * tile.granularity)
    up = np.arange(64) % 2 == 0
    np.testing.assert_allclose(tile.weight[up], 7 * tile.devices["dw_min_up"][up], rtol=1e-5)
    np.testing.assert_allclose(tile.weight[~up], -7 * tile.devices["dw_min_down"][~up], rtol=1e-5)


@pytest.mark.parametrize("res", [1.0, 31.0])
def test_resolution_is_a_fraction(res: float) -> None:
    """A number of steps in its place is an error, not ignored."""
    with pytest.raises(mho.MhoValueError, match=r"Update\.res"):
        Update(res=res)
