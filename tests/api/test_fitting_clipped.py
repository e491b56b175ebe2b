"""Weights that noise drives against their bounds: the likelihood of the grid against simulated weights."""

import numpy as np
import pytest
from scipy import optimize, stats

import mho.fitting.clipped
import mho.fitting.intervals
from fitting_cases import ALIKE, BOUNDS, CASES, coverage
from mho.devices import ConstantStep, SoftBounds
from mho.fitting import Curves, fit
from mho.fitting.clipped import ClippedStateSpace, clipping_matters, finished, open_share
from mho.fitting.estimation import estimate
from mho.fitting.intervals import fields_of
from mho.fitting.likelihood import Paths, StateSpace
from mho.fitting.models import by_name
from mho.fitting.pipeline import best_bounds
from mho.response import pulse_response

CONSTANT = by_name("ConstantStep")[0]
ADDITIVE = next(model for model in by_name("LinearStep") if model.additive)
RELATIVE = next(model for model in by_name("LinearStep") if not model.additive)
VALUES = {"up": 0.1, "down": 0.08, "ctoc": 1.5, "read": 0.1, "w_max": 0.5, "w_min": -0.4}
SLOPES = {"slope_up": 0.8, "slope_down": -0.5}


def arrays(**values):
    return {name: np.array([[value]]) for name, value in values.items()}


def readings(y, up, pulses=None, first=None, device=None):
    n = len(y)
    return Paths(
        y=np.array(y, dtype=np.float64),
        pulses=np.ones(n, dtype=np.int64) if pulses is None else np.array(pulses),
        up=np.array(up),
        first=np.arange(n) == 0 if first is None else np.array(first),
        device=np.zeros(n, dtype=np.int64) if device is None else np.array(device),
        resolution=0.0,
    )


SHORT = readings(
    [0.3, 0.55, 0.48, 0.2, -0.42, -0.35, 0.1],
    [True, True, True, False, False, False, True],
    [1, 1, 3, 2, 3, 1, 4],
)


@pytest.mark.parametrize("model", [CONSTANT, ADDITIVE, RELATIVE], ids=lambda model: model.name)
def test_the_likelihood_is_that_of_simulated_weights(model):
    """How probable the readings are on average over a million simulated weights."""
    values = VALUES | (SLOPES if model is not CONSTANT else {})
    found = ClippedStateSpace(SHORT, model).evaluate(arrays(**values), SHORT.y)[0].sum()

    rng = np.random.default_rng(8)
    count, read, high, low = 1_000_000, values["read"], values["w_max"], values["w_min"]

    def step(w, up):
        side, sign = ("up", 1) if up else ("down", -1)
        return sign * values[side] * (1 - sign * values.get(f"slope_{side}", 0.0) * w)

    def noise(w, up):
        return values["ctoc"] * np.abs(step(0 * w if model.additive else w, up))

    # At first a flat density, and on the bounds what a pulse clips of one.
    inside = rng.uniform(low, high, count)
    ends = np.array([high, low])
    on_end = noise(ends, True) / np.sqrt(2 * np.pi)
    volume = high - low + on_end.sum()
    chosen = rng.random(count) * volume
    w = np.where(chosen < on_end[0], high, np.where(chosen < on_end.sum(), low, inside))
    weight = np.full(count, volume)
    for k in range(len(SHORT.y)):
        for _ in range(0 if k == 0 else SHORT.pulses[k]):
            moved = step(w, SHORT.up[k]) + noise(w, SHORT.up[k]) * rng.standard_normal(count)
            w = np.clip(w + moved, low, high)
        weight *= np.exp(-0.5 * ((SHORT.y[k] - w) / read) ** 2) / (read * np.sqrt(2 * np.pi))
    error = weight.std() / np.sqrt(count) / weight.mean()
    assert error < 0.02
    assert found == pytest.approx(np.log(weight.mean()), abs=5 * error)


def drifting(seed=1, n=40):
    """Readings of a weight that stays far from its bounds."""
    rng = np.random.default_rng(seed)
    up = np.tile(np.repeat([True, False], n // 4), 2)
    w = -0.1 + np.cumsum(np.where(up, 0.01, -0.01) + 0.01 * rng.standard_normal(n))
    return readings(w + 0.02 * rng.standard_normal(n), up, np.where(np.arange(n) % 7 == 3, 3, 1))


FAR = {"up": 0.01, "down": 0.01, "ctoc": 1.0, "read": 0.02, "w_max": 5.0, "w_min": -5.0}


def test_far_from_bounds_it_is_the_likelihood_of_a_smoother():
    paths = drifting()
    plain = StateSpace(paths, CONSTANT, bounded=False).evaluate(arrays(**FAR), paths.y, iterations=4)
    exact = ClippedStateSpace(paths, CONSTANT).evaluate(arrays(**FAR), paths.y, iterations=4)
    # The first weight has a wide normal density there and a flat one here.
    np.testing.assert_allclose(exact[0], plain[0], atol=2e-3)
    np.testing.assert_array_equal(exact[1], plain[1])


def test_paths_devices_and_sets_do_not_mix():
    one, two = SHORT, readings([0.1, 0.4, -0.2], [True, True, False], [1, 2, 5])
    both = readings(
        np.concatenate([one.y, two.y, one.y]),
        np.concatenate([one.up, two.up, one.up]),
        np.concatenate([one.pulses, two.pulses, one.pulses]),
        np.concatenate([one.first, two.first, one.first]),
        np.repeat([0, 0, 1], [7, 3, 7]),
    )
    space = ClippedStateSpace(both, CONSTANT)
    values = arrays(**VALUES) | {"ctoc": np.array([[1.0], [1.5]]), "up": np.array([[0.1, 0.2], [0.1, 0.2]])}
    found = space.evaluate(values, both.y)[0]
    for k, ctoc in enumerate((1.0, 1.5)):
        alone = []
        for paths, up in ((one, 0.1), (two, 0.1), (one, 0.2)):
            single = ClippedStateSpace(paths, CONSTANT)
            single.least_read, single.width = space.least_read, space.width
            alone.append(single.evaluate(arrays(**VALUES | {"ctoc": ctoc, "up": up}), paths.y)[0][0, 0])
        np.testing.assert_allclose(found[k], [alone[0] + alone[1], alone[2]], atol=1e-4)


def test_readings_of_one_weight_count_together():
    """Without a pulse in between, two readings are as good as one, between them, of half the variance."""
    twice = readings([0.3, 0.45, 0.47, 0.2, 0.25], [True, True, True, False, False], [1, 1, 0, 1, 0])
    twice = readings([0.3, 0.3, *twice.y[1:]], [True, *twice.up], [1, 0, *twice.pulses[1:]])
    once = readings([0.3, 0.46, 0.225], [True, True, False])
    space, half = ClippedStateSpace(twice, CONSTANT), ClippedStateSpace(once, CONSTANT)
    half.least_read, half.width = space.least_read / 2, space.width
    read = VALUES["read"]
    found = space.evaluate(arrays(**VALUES), twice.y)[0].sum()
    due = half.evaluate(arrays(**VALUES | {"read": read / np.sqrt(2)}), once.y)[0].sum()
    # What is left is how probable the differences of each two are.
    differences = np.array([0.0, 0.02, 0.05])
    due -= (differences**2 / (4 * read**2) + 0.5 * np.log(4 * np.pi * read**2)).sum()
    assert found == pytest.approx(due, abs=1e-4)


MEASURED = pulse_response(
    ConstantStep(dw_min=0.03, up_down=0.1, dw_min_ctoc=3.0, write_noise_std=0.5, **BOUNDS, **ALIKE),
    np.repeat([True, False], 100),
    start=-0.8,
    seed=12,
).weight[:, 0]


def clipped_curve():
    return readings(MEASURED, np.repeat([True, False], 100))


@pytest.fixture(scope="module")
def searched():
    return best_bounds(clipped_curve(), CONSTANT, {}, memory=False)


def test_bounds_that_noise_meets_are_found(searched):
    assert searched.bounded
    assert clipping_matters(searched)
    assert 0.1 < open_share(searched) < 0.9


def test_the_grid_is_used_where_clipping_matters(searched):
    done = finished(searched)
    assert isinstance(done.space, ClippedStateSpace)
    assert done.maximum.converged
    # It is the better description, and a maximum of its own.
    start = {name: np.atleast_2d(value) for name, value in searched.values.items()}
    assert done.log_likelihood > done.space.evaluate(start, searched.path)[0].sum()
    found = {name: float(value[0]) for name, value in done.values.items()}
    assert found["w_max"] == pytest.approx(1.0, abs=0.02)
    assert found["w_min"] == pytest.approx(-1.0, abs=0.02)
    # Few steps tell little of their mean, and much of their noise.
    assert found["ctoc"] * (found["up"] + found["down"]) / 2 == pytest.approx(0.0855, rel=0.25)


def test_a_bound_on_a_single_reading_is_not_taken_for_the_best(searched, monkeypatch):
    """Its density is infinite without noise of reads, and a search that begins there stays."""
    monkeypatch.setattr(ClippedStateSpace, "begin", lambda self, fit: self.reading(fit, 1e-6))
    done = finished(searched)
    assert 0.005 < done.values["read"][0] < 0.05
    monkeypatch.setattr(mho.fitting.clipped, "_SUSPECT", 0.0)
    stuck = finished(searched)
    assert stuck.values["read"][0] < 1e-4
    assert stuck.restricted_log_likelihood < done.restricted_log_likelihood - 2


def test_the_grid_is_not_used_elsewhere():
    device = SoftBounds(dw_min=0.02, dw_min_ctoc=0.3, write_noise_std=0.5, **BOUNDS, **ALIKE)
    up = np.repeat([True, False], 80)
    paths = readings(pulse_response(device, up, start=-0.8).weight[:, 0], up)
    for model in by_name("SoftBounds"):
        found = finished(estimate(paths, model, errors=False))
        assert type(found.space) is StateSpace


def test_the_output_tells_of_clipping(monkeypatch):
    curves = Curves.of(MEASURED[:100], MEASURED[100:], unit="weight")
    found = fit(curves, models=["ConstantStep"])
    (note,) = (note for note in found.notes if "against its bounds" in note)
    assert note.startswith("clipping: ")
    assert note.endswith("the intervals account for it")
    # On a grid that may not be used the intervals are other ones, and that is said.
    monkeypatch.setattr(mho.fitting.clipped, "_MOST_PULSES", 100)
    other = fit(curves, models=["ConstantStep"])
    (note,) = (note for note in other.notes if "against its bounds" in note)
    assert note.startswith("warning: clipping: ")
    assert note.endswith("may be too narrow")
    assert other.fields["dw_min_ctoc"].low != pytest.approx(found.fields["dw_min_ctoc"].low, rel=1e-3)


def test_innovations_are_standard_normal_for_the_right_parameters():
    """Also where the expected weight is at a bound: there is no trend with it."""
    up = np.repeat([True, False], 150)
    device = ConstantStep(dw_min=0.02, up_down=0.1, dw_min_ctoc=4.0, write_noise_std=0.5, **BOUNDS, **ALIKE)
    measured = pulse_response(device, up, devices=5, start=-0.8, seed=9).weight.T.ravel()
    paths = readings(
        measured, np.tile(up, 5), first=np.tile(np.arange(300) == 0, 5), device=np.repeat(np.arange(5), 300)
    )
    values = {"up": 0.02, "down": 0.018, "ctoc": 4.0, "read": 0.01, "w_max": 1.0, "w_min": -1.0}
    space = ClippedStateSpace(paths, CONSTANT)
    z, expected = space.innovations({name: np.array([value]) for name, value in values.items()}, paths.y)
    np.testing.assert_array_equal(np.isnan(z), paths.first)
    known = ~paths.first
    z, expected = z[known], expected[known]
    n = len(z)
    assert abs(z.mean()) < 5 / np.sqrt(n)
    assert abs(z.std() - 1) < 5 / np.sqrt(2 * n)
    assert abs(np.corrcoef(z[1:], z[:-1])[0, 1]) < 5 / np.sqrt(n)
    assert stats.kstest(z, "norm").pvalue > 1e-5
    for part in np.array_split(z[np.argsort(expected)], 10):
        assert abs(part.mean()) < 5 / np.sqrt(len(part))
    assert np.all((expected >= -1) & (expected <= 1))


def test_no_misfit_is_seen_in_clipped_curves():
    result = fit(Curves.of(MEASURED[:100], MEASURED[100:], unit="weight"), models=["ConstantStep"])
    assert result.goodness.verdict() == "no misfit seen"


def test_the_interval_of_noise_is_that_of_its_adjusted_profile(searched, monkeypatch):
    """Against a search by scipy, and determinants by plain differences."""
    done = finished(searched)
    one = fields_of(done, {})[0]["write_noise_std"]
    names, space = done.names, done.space
    start = np.array([float(done.values[name][0]) for name in names])
    scale = np.where([name in ("w_max", "w_min") for name in names], 0.003, 0.1 * start)
    others = [k for k, name in enumerate(names) if name != "read"]
    logarithmic = [k for k in others if names[k] not in ("w_max", "w_min")]

    def rows(z):
        result = np.tile(start, (len(z), 1))
        result[:, others] += z * scale[others]
        return result

    def likelihood(z, noise):
        values = {name: column[:, None] for name, column in zip(names, rows(z).T, strict=True)}
        # `dw_min` is the larger of both steps.
        values["read"] = noise * np.maximum(values["up"], values["down"])
        found = space.evaluate(values, done.path, iterations=4)[0][:, 0]
        return np.where(np.isfinite(found), found, -1e6)

    def adjusted(noise):
        n, h = len(others), 0.2
        best = optimize.minimize(
            lambda z: -likelihood(z[None], noise)[0], np.zeros(n), method="BFGS", options={"gtol": 0.02}
        )
        moves = h * np.eye(n)
        corners = [best.x + s * a + t * b for s in (1, -1) for t in (1, -1) for a in moves for b in moves]
        signs = np.array([1, -1, -1, 1])[:, None, None]
        hessian = (signs * likelihood(np.array(corners), noise).reshape(4, n, n)).sum(0) / (4 * h * h)
        cost = np.linalg.slogdet(-hessian)[1] / 2
        # By how much that is less on the scale of the search, but for a constant.
        return -best.fun - cost - np.log(rows(best.x[None])[0, logarithmic]).sum()

    below, peak, above = (adjusted(one.value * factor) for factor in (0.9, 1.0, 1.1))
    peak += 0.125 * (above - below) ** 2 / (2 * peak - below - above)
    for end in (one.low, one.high):
        assert np.sqrt(2 * (peak - adjusted(end))) == pytest.approx(1.96, abs=0.1)
    # The likelihood is not quadratic: from its curvature the interval is another one.
    monkeypatch.setattr(mho.fitting.intervals, "_WEAK", np.inf)
    other = fields_of(done, {})[0]["write_noise_std"]
    assert other.value == one.value
    assert abs(np.log(other.low / one.low)) + abs(np.log(other.high / one.high)) > 0.05


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CASES if "clipped" in name])
def test_intervals_of_clipped_curves_cover(name):
    for one in coverage(CASES[name], 20):
        # 20 intervals that hold with 95 % miss five or more once in 400 times.
        assert one.covered >= one.cases - 4, one
        assert one.cases >= 19, one
        assert abs(one.mean - one.truth) < 5 * one.spread / np.sqrt(one.cases), one
