"""The likelihood of a curve against its definition: a normal density with the covariance of all readings."""

import numpy as np
import pytest
from scipy import stats

from mho.fitting.estimation import estimate, folds, held_out
from mho.fitting.goodness import innovations
from mho.fitting.likelihood import Paths, StateSpace
from mho.fitting.models import by_name

STEP, SLOPE = 0.02, 0.5
VALUES = {"ctoc": 0.4, "read": 0.03, "w_max": 5.0, "w_min": -5.0}
LINEAR = next(model for model in by_name("LinearStep") if model.additive)


def curve(up, pulses=None, first=None, seed=1, device=None):
    """Readings of a linear device with noise that does not depend on the weight."""
    rng = np.random.default_rng(seed)
    n = len(up)
    pulses = np.ones(n, dtype=np.int64) if pulses is None else pulses
    first = np.arange(n) == 0 if first is None else first
    w, y = -0.5, []
    for k in range(n):
        for _ in range(0 if first[k] else pulses[k]):
            w += STEP * (1 - SLOPE * w) if up[k] else -STEP * (1 + SLOPE * w)
            w += STEP * VALUES["ctoc"] * rng.standard_normal()
        y.append(w + VALUES["read"] * rng.standard_normal())
    devices = np.zeros(n, dtype=np.int64) if device is None else device
    return Paths(y=np.array(y), pulses=pulses, up=up, first=first, device=devices, resolution=0.0)


def parameters(**others):
    named = {"up": STEP, "down": STEP, "slope_up": SLOPE, "slope_down": SLOPE, **VALUES, **others}
    return {name: np.array([[value]]) for name, value in named.items()}


def dense_log_density(paths, memory=0.0, duration=1.0):
    """log p(all readings | the first), by the joint normal distribution given a first weight next to unknown.

    The one-path case; the density of all readings minus that of the first, with a prior wide enough.
    """
    n = len(paths.y)
    wide = 30.0
    mean, cov = np.zeros(n), np.zeros((n, n))
    mean[0], cov[0, 0] = paths.y[0], wide**2
    m, row = paths.y[0], cov[0, :1].copy()
    for k in range(1, n):
        slope = 1.0
        var = 0.0
        for _ in range(paths.pulses[k]):
            a = 1 - STEP * SLOPE
            m = m + (STEP * (1 - SLOPE * m) if paths.up[k] else -STEP * (1 + SLOPE * m))
            slope, var = slope * a, var * a**2 + (STEP * VALUES["ctoc"]) ** 2
        row = np.append(slope * cov[k - 1, :k], slope**2 * cov[k - 1, k - 1] + var)
        mean[k], cov[k, : k + 1], cov[: k + 1, k] = m, row, row
    done = np.cumsum(np.where(np.arange(n) == 0, 0, paths.pulses))
    cov += VALUES["read"] ** 2 * np.eye(n)
    cov += memory**2 * np.exp(-np.abs(done[:, None] - done[None]) / duration)
    root = np.linalg.cholesky(cov)
    z = np.linalg.solve(root, paths.y - mean)
    joint = -0.5 * (z**2).sum() - np.log(np.diag(root)).sum() - 0.5 * n * np.log(2 * np.pi)
    return joint - stats.norm(mean[0], np.sqrt(cov[0, 0])).logpdf(paths.y[0])


UP = np.repeat([True, False], 30)
GAPS = np.random.default_rng(3).integers(1, 4, 60)


@pytest.mark.parametrize("pulses", [None, GAPS], ids=["each pulse", "several pulses"])
@pytest.mark.parametrize(("memory", "duration"), [(0.0, 1.0), (0.05, 4.0)], ids=["white", "lasting"])
def test_the_likelihood_is_the_density_of_the_readings(pulses, memory, duration):
    paths = curve(UP, pulses)
    space = StateSpace(paths, LINEAR, bounded=False)
    extra = {"memory": memory, "duration": duration} if memory else {}
    values = parameters(**extra)
    none = np.zeros(len(UP), dtype=bool)
    first = none.copy()
    first[0] = True
    whole = space.evaluate(values, paths.y, iterations=4)[0].sum()
    begin = space.evaluate(values, paths.y, seen=first, iterations=4)[0].sum()
    # The first weight has a wide normal density here and a wider one there: nothing else differs.
    assert whole - begin == pytest.approx(dense_log_density(paths, memory, duration), abs=0.02)


def test_paths_and_devices_do_not_mix():
    """Two paths at once have the likelihoods of each by itself."""
    one, two = curve(UP, seed=1), curve(UP, seed=2)
    both = Paths(
        y=np.concatenate([one.y, two.y]),
        pulses=np.concatenate([one.pulses, two.pulses]),
        up=np.concatenate([one.up, two.up]),
        first=np.concatenate([one.first, two.first]),
        device=np.repeat([0, 1], 60),
        resolution=0.0,
    )
    values = parameters()
    space = StateSpace(both, LINEAR, bounded=False)
    found = space.evaluate(values, both.y, iterations=3)[0][0]
    for k, paths in enumerate((one, two)):
        alone = StateSpace(paths, LINEAR, bounded=False)
        # What keeps a first weight regular has the width of all readings.
        alone.width = space.width
        alone.least_read = space.least_read
        assert found[k] == pytest.approx(alone.evaluate(values, paths.y, iterations=3)[0].sum(), abs=1e-6)


def test_sets_of_parameters_do_not_mix():
    paths = curve(UP)
    space = StateSpace(paths, LINEAR, bounded=False)
    values = {name: np.repeat(value, 3, axis=0) for name, value in parameters().items()}
    values["up"] = np.array([[0.01], [0.02], [0.04]])
    together = space.evaluate(values, paths.y)[0][:, 0]
    single = [space.evaluate(parameters(up=up), paths.y)[0][0, 0] for up in (0.01, 0.02, 0.04)]
    np.testing.assert_allclose(together, single, rtol=1e-10)


def test_many_pulses_between_readings_are_taken_in_larger_steps():
    """A soft-bounds device has a closed form after n pulses, for its mean and its spread."""
    model = by_name("SoftBounds")[0]
    n = 400
    rise = 1 - 2 * np.exp(-np.arange(n) * 300 * 1e-5)
    y = np.concatenate([rise, rise[::-1]])
    up = np.repeat([True, False], n)
    paths = Paths(
        y=y,
        pulses=np.full(2 * n, 300),
        up=up,
        first=np.arange(2 * n) == 0,
        device=np.zeros(2 * n, dtype=np.int64),
        resolution=0.0,
    )
    space = StateSpace(paths, model, bounded=False)
    step, ctoc = 1e-5, 0.5
    values = {
        name: np.array([[value]])
        for name, value in {"up": step, "w_max": 1.0, "down": step, "w_min": -1.0, "ctoc": ctoc}.items()
    }
    begin = np.array([[-0.5]])
    found = space.transition(begin, values, True, np.array([300]), np.zeros((1, 1)))
    left = 1.5 * (1 - step) ** 300
    assert found.mean[0, 0] == pytest.approx(1 - left, rel=1e-8)
    assert found.slope[0, 0] == pytest.approx((1 - step) ** 300, rel=1e-6)
    second = 1.5**2 * ((1 - step) ** 2 + (step * ctoc) ** 2) ** 300
    assert found.variance[0, 0] == pytest.approx(second - left**2, rel=1e-2)


def test_clipped_moments_are_those_of_a_clipped_normal_weight():
    model = by_name("ConstantStep")[0]
    paths = curve(UP)
    space = StateSpace(paths, model, bounded=True)
    values = {
        name: np.array([[value]])
        for name, value in {"up": 0.1, "down": 0.1, "ctoc": 0.8, "w_max": 0.5, "w_min": -0.5}.items()
    }
    w = np.array([[0.3, 0.42, 0.5]])
    found = space.transition(w, values, True, np.ones(3, dtype=np.int64), np.full((1, 1), 1e-14))
    rng = np.random.default_rng(1)
    draws = np.clip(w[0] + 0.1 * (1 + 0.8 * rng.standard_normal((400_000, 3))), -0.5, 0.5)
    np.testing.assert_allclose(found.mean[0], draws.mean(0), atol=5 * 0.08 / np.sqrt(400_000))
    np.testing.assert_allclose(found.variance[0], draws.var(0), rtol=0.02)


@pytest.fixture(scope="module")
def long_curve():
    return curve(np.repeat([True, False], 150), seed=4)


def test_held_out_readings_are_each_held_out_once(long_curve):
    sets = folds(long_curve)
    assert len(sets) == 5
    np.testing.assert_array_equal(np.sum(sets, axis=0), 1)
    many = Paths(
        y=np.tile(long_curve.y, 12),
        pulses=np.tile(long_curve.pulses, 12),
        up=np.tile(long_curve.up, 12),
        first=np.tile(long_curve.first, 12),
        device=np.zeros(12 * 300, dtype=np.int64),
        resolution=0.0,
    )
    sets = folds(many)
    np.testing.assert_array_equal(np.sum(sets, axis=0), 1)
    path = np.repeat(np.arange(12), 300)
    for out in sets:
        assert all(out[path == k].all() or not out[path == k].any() for k in range(12))


def test_held_out_likelihood_prefers_the_right_model(long_curve):
    right = estimate(long_curve, LINEAR, errors=False)
    wrong = estimate(long_curve, by_name("ConstantStep")[0], errors=False)
    scores = [held_out(fit) for fit in (right, wrong)]
    assert all(set_[:, 1].sum() == 300 for set_ in scores)
    assert scores[0][:, 0].sum() > scores[1][:, 0].sum()
    # Readings that were not fitted are less likely than those that were, but not by much.
    inside = right.log_likelihood / 300
    outside = scores[0][:, 0].sum() / 300
    assert inside - 0.3 < outside < inside + 0.05


def test_innovations_are_standard_normal_for_the_right_parameters():
    paths = curve(np.tile(np.repeat([True, False], 200), 5), seed=9)
    fit = estimate(paths, LINEAR)
    found = innovations(fit)
    assert np.isnan(found[0])
    z = found[1:]
    n = len(z)
    assert abs(z.mean()) < 5 / np.sqrt(n)
    assert abs(z.std() - 1) < 5 / np.sqrt(2 * n)
    assert abs(np.corrcoef(z[1:], z[:-1])[0, 1]) < 5 / np.sqrt(n)
