"""Time, resets, wear and states against their laws; tolerances are five standard errors."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats
from statistics_helpers import Comparison, check, correlation, distribution, mean, variance

import mho
from mho import Seed, Tile, Update
from mho.devices import ConstantStep, Ideal, Retention, SoftBounds
from reference import pulses

SIZE = 200
# Far bounds, alike for all devices: nothing is clipped.
PLAIN = ConstantStep(
    dw_min=2.0**-6,
    dw_min_dtod=0,
    dw_min_ctoc=0,
    up_down_dtod=0,
    w_max=1e3,
    w_min=-1e3,
    w_max_dtod=0,
    w_min_dtod=0,
)


def tile_of(device=PLAIN, weight=None, size=SIZE, seed=7, **retention):
    """A square tile with that retention, programmed to one weight."""
    if retention:
        device = device.replace(retention=Retention(**retention))
    tile = Tile(size, size, device=device, seed=seed)
    if weight is not None:
        tile.weight = np.full((size, size), weight)
    return tile


def bits_equal(a, b):
    np.testing.assert_array_equal(np.asarray(a).view(np.uint32), np.asarray(b).view(np.uint32))


# ------------------------------------------------------------------------------------------ decay and drift


@pytest.mark.parametrize("times", [[1000.0], [1.0] * 1000, [0.001, 10.0, 989.999]], ids=len)
def test_decay_is_exponential(times):
    tile = tile_of(weight=0.4, lifetime=1000.0)
    for seconds in times:
        tile.elapse(seconds)
    # A sum is rounded by chance, by half a unit of the last place (of 0.4) at most each time.
    rounding = 2.0**-26 * np.sqrt(len(times)) / 2
    expected = 0.4 * np.exp(-1)
    assert np.abs(tile.weight - expected).max() < 7 * rounding + 1e-6 * expected
    check([mean("decay", tile.weight.ravel(), expected, rounding**2, allowed=5e-7 * expected)])


def test_decay_that_is_slower_than_a_float_can_tell_adds_up():
    # Each second takes 1e-9 of the weight, a thirtieth of what single precision can tell apart.
    tile = tile_of(weight=0.4, lifetime=1e9)
    start = float(np.float32(0.4))
    for _ in range(1000):
        tile.elapse(1.0)
    unit = 2.0**-25
    lost = start - tile.weight.astype(np.float64).ravel()
    expected = start * 1e-6
    spread = 1000 * (expected / 1000 / unit) * unit**2  # of a sum of rare steps by one unit
    check([mean("decay", lost, expected, spread)])


def test_decay_ends_at_the_reset_value_of_each_device():
    device = PLAIN.replace(reset=0.2, reset_dtod=0.3)
    tile = tile_of(device, weight=-0.7, lifetime=10.0)
    goal = tile.devices["reset_value"]
    for seconds, left in ((10.0, np.exp(-1)), (20.0, np.exp(-3)), (1e6, 0.0)):
        tile.elapse(seconds)
        np.testing.assert_allclose(tile.weight, goal + (-0.7 - goal) * left, atol=3e-7)
    tile.elapse(1.0)
    np.testing.assert_allclose(tile.weight, goal, rtol=2e-7, atol=2e-9)


@pytest.mark.parametrize("start", [0.4, -0.4, 0.0])
@pytest.mark.parametrize("t0", [1.0, 0.01, 20.0])
def test_drift_is_a_power_law_of_the_age(start, t0):
    tile = tile_of(weight=start, size=5, drift_nu=0.07, drift_t0=t0)
    age = 0.0
    for seconds in (t0 / 4, t0 / 4, t0 / 2, t0, 10.0, 1e4, 1e8):
        tile.elapse(seconds)
        age += seconds
        np.testing.assert_allclose(tile.weight, start * max(age / t0, 1) ** -0.07, rtol=2e-6)
        np.testing.assert_allclose(tile.devices["age"], age, rtol=1e-6)


def test_short_times_age_an_old_device_too():
    tile = tile_of(weight=0.4, drift_nu=0.05)
    tile.elapse(1e9)
    for _ in range(500):
        tile.elapse(1.0)  # an age of 1e9 seconds is stored in steps of 64
    grown = tile.devices["age"].astype(np.float64).ravel() - 1e9
    check([mean("age", grown, 500, 500 * 64)])


LAWS = {
    "decay": {"lifetime": 30.0},
    "decay, all different": {"lifetime": 30.0, "lifetime_dtod": 0.3},
    "drift": {"drift_nu": 0.1, "drift_t0": 2.0},
    "drift, all different": {"drift_nu": 0.1, "drift_nu_dtod": 0.5},
    "decay and drift": {"lifetime": 30.0, "lifetime_dtod": 0.3, "drift_nu": 0.1, "drift_nu_dtod": 0.5},
}


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize(("first", "second"), [(3.0, 5.0), (0.5, 0.25), (1e-6, 40.0), (40.0, 1e-6)])
def test_two_times_do_what_their_sum_does(law, first, second):
    device = PLAIN.replace(reset=0.1, reset_dtod=0.2)
    once, twice = tile_of(device, 0.6, 40, **law), tile_of(device, 0.6, 40, **law)
    once.elapse(first + second)
    twice.elapse(first)
    twice.elapse(second)
    np.testing.assert_allclose(once.weight, twice.weight, rtol=0, atol=3e-7)
    assert np.abs(once.weight - np.float32(0.6)).max() > 1e-3 or first + second < 1


def test_the_exponent_of_each_call():
    tile = tile_of(weight=0.4, drift_nu=0.05, drift_nu_ctoc=0.3)
    seen = []
    last = tile.weight.astype(np.float64)
    age = 1.0
    tile.elapse(age)
    for seconds in (1.0, 10.0, 1000.0):
        tile.elapse(seconds)
        w = tile.weight.astype(np.float64)
        seen.append((-np.log(w / last) / np.log((age + seconds) / age)).ravel())
        age, last = age + seconds, w
    results = []
    for k, nu in enumerate(seen):
        results += [mean(f"exponent {k}", nu, 0.05, 0.015**2), variance(f"exponent {k}", nu, 0.015**2)]
        results.append(distribution(f"exponent {k}", nu, stats.norm(0.05, 0.015).cdf))
    results += [correlation(f"calls {a} {b}", seen[a], seen[b]) for a, b in ((0, 1), (0, 2), (1, 2))]
    check(results)


# ---------------------------------------------------------------------------------------------- diffusion


def test_diffusion_grows_with_the_root_of_time():
    results = []
    for times in ([9.0], [1.0, 3.0, 5.0], [0.04] * 25):
        tile = tile_of(weight=0.0, diffusion=0.02)
        for seconds in times:
            tile.elapse(seconds)
        spread, w = 0.02 * np.sqrt(sum(times)), tile.weight.ravel()
        what = f"{len(times)} times"
        results += [
            mean(what, w, 0.0, spread**2),
            variance(what, w, spread**2),
            distribution(what, w, stats.norm(0, spread).cdf),
        ]
    check(results)


def test_diffusion_against_decay():
    # Ornstein and Uhlenbeck: whatever the division into calls, and in the end independent of the start.
    lifetime, rate = 5.0, 0.03
    results = []
    for times in ([3.0], [1.0] * 3, [100.0], [0.5] * 200):
        tile = tile_of(weight=0.3, lifetime=lifetime, diffusion=rate)
        for seconds in times:
            tile.elapse(seconds)
        left = np.exp(-sum(times) / lifetime)
        spread = rate * np.sqrt(lifetime / 2 * (1 - left**2))
        what, w = f"{len(times)} times {times[0]}", tile.weight.ravel()
        results += [mean(what, w, 0.3 * left, spread**2), variance(what, w, spread**2)]
        results.append(distribution(what, w, stats.norm(0.3 * left, spread).cdf))
    check(results)


def test_calls_devices_and_tiles_are_uncorrelated():
    def noise(seed, calls=4):
        tile = tile_of(weight=0.0, seed=seed, diffusion=1.0, drift_nu=0.0)
        steps = [tile.weight.astype(np.float64)]
        for _ in range(calls):
            tile.elapse(1.0)
            steps.append(tile.weight.astype(np.float64))
        return [b - a for a, b in itertools.pairwise(steps)]

    one, two = noise(Seed(7, "a")), noise(Seed(7, "b"))
    results = [correlation(f"tiles, call {k}", a, b) for k, (a, b) in enumerate(zip(one, two, strict=True))]
    for (i, a), (k, b) in itertools.combinations(enumerate(one), 2):
        results += [correlation(f"calls {i} {k}", a, b), correlation(f"squares {i} {k}", a**2, b**2)]
    for axis, shift in ((0, 1), (0, 2), (0, 3), (0, 4), (1, 1), (1, 15), (1, 16), (1, 64)):
        results.append(correlation(f"devices {axis} {shift}", one[0], np.roll(one[0], shift, axis)))
    # The noise of time is not that of resets or pulses.
    resets = tile_of(PLAIN.replace(reset_std=1.0), seed=Seed(7, "a"))
    for k in range(2):
        resets.reset()
        results.append(correlation(f"reset {k}", resets.weight, one[k]))
    noisy = Tile(SIZE, SIZE, device=PLAIN.replace(dw_min_ctoc=1.0), update=Update(bl=1), seed=Seed(7, "a"))
    noisy.update(np.ones((1, SIZE)), -np.ones((1, SIZE)), 2.0**-6)
    results.append(correlation("pulses", noisy.weight, one[0]))
    check(results)


# -------------------------------------------------------------------------------- differences of devices


def test_spreads_from_device_to_device():
    device = PLAIN.replace(w_max_dtod=0.1, reset=0.1, reset_dtod=0.2, endurance=1e4, endurance_dtod=0.2)
    tile = tile_of(
        device,
        lifetime=100.0,
        lifetime_dtod=0.2,
        diffusion=0.01,
        diffusion_dtod=0.3,
        drift_nu=0.06,
        drift_nu_dtod=0.4,
    )
    arrays = {name: tile.devices[name].ravel() for name in tile.devices}
    expected = {
        "lifetime": stats.norm(100, 20),
        "drift_nu": stats.norm(0.06, 0.024),
        "reset_value": stats.norm(0.1, 0.2),
        "diffusion": stats.foldnorm(1 / 0.3, scale=0.003),
    }
    results = [distribution(name, arrays[name], law.cdf) for name, law in expected.items()]
    left = arrays["pulses_left"].astype(np.float64)
    np.testing.assert_array_equal(left, np.rint(left))
    results.append(mean("endurance", left, 1e4, 2e3**2 + 1 / 12))
    results.append(variance("endurance", left, 2e3**2 + 1 / 12))
    for a, b in itertools.combinations([*expected, "pulses_left", "w_max"], 2):
        results.append(correlation(f"{a} {b}", arrays[a], arrays[b]))
    other = tile_of(device, seed=Seed(7, "b"), lifetime=100.0, lifetime_dtod=0.2).devices["lifetime"]
    results.append(correlation("tiles", arrays["lifetime"], other))
    check(results)


def test_each_device_keeps_to_its_own_numbers():
    tile = tile_of(weight=0.5, size=50, lifetime=100.0, lifetime_dtod=0.5, drift_nu=0.06, drift_nu_dtod=0.4)
    lifetime, nu = tile.devices["lifetime"].astype(np.float64), tile.devices["drift_nu"].astype(np.float64)
    assert (lifetime >= 0).all()
    assert np.any(lifetime == 0)  # of 2,500 devices, 57 would have a negative one
    tile.elapse(50.0)
    with np.errstate(divide="ignore"):
        expected = 0.5 * np.exp(-50 / lifetime) * 50**-nu
    np.testing.assert_allclose(tile.weight, expected, rtol=1e-6, atol=1e-7)


def test_only_what_differs_is_stored():
    def names(**retention):
        return set(tile_of(size=2, **retention).devices) - set(tile_of(size=2).devices)

    assert names(lifetime=10.0, diffusion=0.1) == set()
    assert names(lifetime=10.0, lifetime_dtod=0.1) == {"lifetime"}
    assert names(drift_nu=0.1) == {"age"}
    assert names(drift_nu=0.1, drift_nu_dtod=0.1, diffusion=0.1, diffusion_dtod=0.1) == {
        "age",
        "drift_nu",
        "diffusion",
    }


# ------------------------------------------------------------------------------------------ age and bounds

# The share of lines that pulse, how, and a number of pulses that only some devices take in 80 samples.
KERNELS = {
    "dense": (1.0, Update(), 155),
    "sparse": (0.02, Update(), 1),
    "long": (1.0, Update(bl=64, update_bl_management=False), 155),
    "mean-count": (1.0, Update(pulse_type="mean_count"), 155),
    "pulse-by-pulse": (0.3, Update(pulse_by_pulse=True), 15),
}
each_kernel = pytest.mark.parametrize(("density", "update", "some"), KERNELS.values(), ids=KERNELS)


def some_vectors(density, batch, size=40):
    """Inputs and errors of which a share is not zero; all coincidences go up."""
    rng = np.random.default_rng(5)
    x = rng.uniform(0.1, 1, (batch, size)) * (rng.random((batch, size)) < density)
    d = -rng.uniform(0.1, 1, (batch, size)) * (rng.random((batch, size)) < density)
    return x.astype(np.float32), d.astype(np.float32)


@each_kernel
def test_a_pulse_makes_a_device_young_again(density, update, some):
    device = PLAIN.replace(retention=Retention(drift_nu=0.1))
    tile = Tile(40, 40, device=device, update=update, seed=7)
    tile.elapse(100.0)
    before = tile.weight
    x, d = some_vectors(density, 6)
    tile.update(x, d, 2.0**-6)
    pulsed = tile.weight != before
    assert 0 < pulsed.mean() < 1
    np.testing.assert_array_equal(tile.devices["age"], np.where(pulsed, 0, 100.0))


def test_programming_and_resets_make_devices_young_again():
    tile = tile_of(weight=0.4, size=4, drift_nu=0.1)
    tile.elapse(100.0)
    mask = np.eye(4, dtype=bool)
    tile.reset(mask)
    np.testing.assert_array_equal(tile.devices["age"], np.where(mask, 0, 100.0))
    tile.weight = np.full((4, 4), 0.4)
    assert not tile.devices["age"].any()


def test_weights_stay_within_their_bounds_and_stuck_devices_where_they_are():
    device = SoftBounds(stuck_prob=0.2, stuck_range=0.5, endurance=3, endurance_dtod=0.5)
    tile = tile_of(device, lifetime=100.0, diffusion=0.2, drift_nu=0.1)
    x, d = some_vectors(0.5, 5, SIZE)
    tile.update(x, d, 0.05)
    stuck, before = tile.stuck, tile.weight
    worn = tile.devices["pulses_left"] == 0
    assert 0.05 < np.mean(worn & (tile.devices["w_max"] > tile.devices["w_min"])) < 0.95
    for _ in range(3):
        tile.elapse(10.0)
        tile.reset(tile.weight > 0.3)
    assert (tile.weight <= tile.devices["w_max"]).all()
    assert (tile.weight >= tile.devices["w_min"]).all()
    bits_equal(tile.weight[stuck], before[stuck])
    assert np.mean(tile.weight[~stuck] != before[~stuck]) > 0.95
    inside = tile.devices["w_max"] > 0.1
    unreached = tile.set_weight(np.where(inside, 0.1, 0.0))
    bits_equal(tile.weight[stuck], before[stuck])
    assert unreached == np.count_nonzero(tile.weight != np.where(inside, np.float32(0.1), 0))
    assert unreached > 100


@pytest.mark.parametrize("states", [None, 9])
def test_time_moves_the_visible_weight_as_much_as_the_persistent_one(states):
    device = PLAIN.replace(w_max=1.0, w_min=-1.0, write_noise_std=5.0, states=states)
    tile = tile_of(device, weight=0.5, lifetime=10.0, drift_nu=0.1, diffusion=0.05)
    x, d = some_vectors(0.9, 3, SIZE)
    tile.update(x, d, 0.05)

    def offset():
        w = tile.devices["persistent_weight"].astype(np.float64)
        return tile.weight - (w if states is None else np.rint((w + 1) * 4) / 4 - 1)

    noise, before = offset(), tile.devices["persistent_weight"]
    assert noise.std() > 0.05
    for seconds in (1.0, 5.0):
        tile.elapse(seconds)
    np.testing.assert_allclose(offset(), noise, atol=1e-6)
    assert np.mean(tile.devices["persistent_weight"] != before) > 0.99


# --------------------------------------------------------------------------------------------------- resets


def test_a_reset_has_two_spreads():
    device = PLAIN.replace(reset=0.1, reset_dtod=0.2, reset_std=0.05)
    tile = tile_of(device, weight=0.7)
    draws = []
    for _ in range(3):
        tile.reset()
        draws.append((tile.weight - tile.devices["reset_value"]).astype(np.float64).ravel())
    results = [distribution(f"reset {k}", a, stats.norm(0, 0.05).cdf) for k, a in enumerate(draws)]
    results += [correlation("resets", a, b) for a, b in itertools.combinations(draws, 2)]
    results += [correlation("fixed part", draws[0], tile.devices["reset_value"])]
    check(results)
    assert tile.pulses.total == 0


def test_a_reset_takes_the_chosen_devices_only():
    tile = tile_of(PLAIN.replace(reset=0.25, reset_std=0.0), weight=0.7, size=37)
    mask = np.random.default_rng(1).random((37, 37)) < 0.3
    tile.reset(mask)
    np.testing.assert_array_equal(tile.weight, np.where(mask, np.float32(0.25), np.float32(0.7)))
    ideal = Tile(3, 2, device=Ideal(), seed=7)
    ideal.weight = np.ones((2, 3))
    ideal.reset([[True, False, False], [False, False, True]])
    np.testing.assert_array_equal(ideal.weight, [[0, 1, 1], [1, 1, 0]])
    ideal.reset()
    assert not ideal.weight.any()


def test_a_reset_is_clipped_to_each_devices_bounds():
    tile = tile_of(SoftBounds(w_max=0.3, w_min=-0.3, reset=0.3, reset_std=0.2, stuck_prob=0.1))
    before, stuck = tile.weight, tile.stuck
    tile.reset()
    top = tile.weight == tile.devices["w_max"]
    assert 0.2 < np.mean(top[~stuck]) < 0.8
    assert (tile.weight <= tile.devices["w_max"]).all()
    np.testing.assert_array_equal(tile.weight[stuck], before[stuck])


def test_instances_reset_by_themselves():
    device = PLAIN.replace(reset=0.25, reset_std=0.1)
    tile = Tile(5, 4, device=device, instances=3, seed=7)
    mask = np.zeros((3, 4, 5), dtype=bool)
    mask[1, 2:] = True
    tile.reset(mask)
    assert (tile.weight[mask] != 0).all()
    assert not tile.weight[~mask].any()
    one = Tile(5, 4, device=device, seed=Seed(7).child("instance1"))
    one.reset(mask[1])
    bits_equal(one.weight, tile.weight[1])
    tile.reset(mask[1])
    assert (tile.weight[:, 2:] != 0).all()


def test_an_instance_ages_like_the_tile_with_the_childs_path():
    device = SoftBounds(
        endurance=30,
        endurance_dtod=0.5,
        reset_dtod=0.1,
        states=11,
        retention=Retention(
            lifetime=20.0, lifetime_dtod=0.4, diffusion=0.05, drift_nu=0.1, drift_nu_ctoc=0.3
        ),
    )
    x, d = some_vectors(0.6, 20)

    def work(tile):
        for _ in range(3):
            tile.update(x, d, 0.01)
            tile.elapse(2.0)
            tile.reset(np.eye(40, dtype=bool))
        return {name: tile.devices[name] for name in tile.devices}

    many = work(Tile(40, 40, device=device, instances=3, seed=7))
    for k in range(3):
        one = work(Tile(40, 40, device=device, seed=Seed(7).child(f"instance{k}")))
        for name, array in one.items():
            bits_equal(array, many[name][k])


# ------------------------------------------------------------------------------------- wear and states


@each_kernel
@pytest.mark.parametrize("dtod", [0.0, 0.6])
def test_a_device_takes_exactly_the_pulses_that_it_lasts(density, update, some, dtod):
    device = PLAIN.replace(endurance=some, endurance_dtod=dtod)
    tile = Tile(40, 40, device=device, update=update, seed=7)
    limit = tile.devices["pulses_left"].astype(np.int64)
    fired = np.zeros((40, 40), dtype=np.int64)
    # Where few lines pulse, more samples: enough devices must wear out.
    for size in (1, 70, 90 if density < 0.1 else 9):
        x, d = some_vectors(density, size)
        step = tile.state()[1]["update"]
        for sample in pulses.samples(update, x, d, 0.1, tile.granularity, tile.seed.key, step):
            assert sample.up[sample.counts > 0].all()
            fired += sample.counts
        tile.update(x, d, 0.1)
        taken = np.minimum(fired, limit)
        np.testing.assert_array_equal(tile.weight / device.dw_min, taken)
        np.testing.assert_array_equal(tile.devices["pulses_left"], limit - taken)
        np.testing.assert_array_equal(tile.stuck, taken == limit)
    assert 0.02 < np.mean(fired > limit) < 0.999
    assert tile.pulses.up == fired.sum()  # those on stuck devices count as well
    # What is stuck does not move down either.
    before, stuck = tile.weight, tile.stuck
    tile.update(np.ones((1, 40)), np.ones((1, 40)), 0.5)
    np.testing.assert_array_equal(tile.weight[stuck], before[stuck])
    assert (tile.weight[~stuck] < before[~stuck]).any() or stuck.all()


def test_the_largest_endurance_is_counted_exactly():
    tile = tile_of(PLAIN.replace(endurance=2**24, endurance_dtod=0.1), size=40)
    left = tile.devices["pulses_left"]
    assert np.mean(left == 2**24) == pytest.approx(0.5, abs=0.1)
    tile.update(np.ones((1, 40)), -np.ones((1, 40)), 2.0**-6)
    np.testing.assert_array_equal(left - tile.devices["pulses_left"], 1)


@pytest.mark.parametrize("states", [2, 3, 16, 33])
def test_a_read_sees_so_many_states(states):
    device = ConstantStep(dw_min=0.002, states=states)
    tile = tile_of(device)
    low, high = (tile.devices[name].astype(np.float64) for name in ("w_min", "w_max"))
    tile.weight = np.random.default_rng(1).uniform(-1.2, 1.2, (SIZE, SIZE))
    for _ in range(2):
        tile.update(*some_vectors(0.5, 20, SIZE), 0.001)
        persistent = tile.devices["persistent_weight"].astype(np.float64)
        place = (tile.weight - low) / (high - low) * (states - 1)
        np.testing.assert_allclose(place, np.rint(place), atol=1e-4)
        assert len(np.unique(np.rint(place))) == states
        exact = (persistent - low) / (high - low) * (states - 1)
        assert np.abs(place - exact).max() < 0.5001
        assert len(np.unique(persistent)) > SIZE**2 / 2
        y = tile.forward(np.eye(SIZE, dtype=np.float32), noise=False)
        assert np.abs(y.T - tile.weight).max() < 0.05  # a read sees the states, to the ADC's resolution
    # Pulses that are too few to reach the next state are not lost.
    one = Tile(1, 1, device=PLAIN.replace(w_max=1.0, w_min=-1.0, dw_min=0.03, states=3), seed=7)
    seen = []
    for _ in range(20):
        one.update([[1.0]], [[-1.0]], 0.03)
        seen.append(float(one.weight[0, 0]))
    assert seen == [0.0] * 16 + [1.0] * 4


# ------------------------------------------------------------------------------------------ stuck devices


def test_devices_can_be_stuck_where_one_wants_them():
    device = SoftBounds(
        dw_min=0.01,
        write_noise_std=1.0,
        retention=Retention(lifetime=5.0, diffusion=0.1),
    )
    tile = tile_of(device, weight=0.1)
    tile.update(*some_vectors(0.5, 5, SIZE), 0.01)
    mask = np.random.default_rng(1).random((SIZE, SIZE)) < 0.2
    at = tile.weight
    tile.stick(mask)
    np.testing.assert_array_equal(tile.stuck, mask)
    bits_equal(tile.weight, at)
    tile.elapse(10.0)
    tile.reset()
    missed = tile.set_weight(np.full((SIZE, SIZE), 0.05))
    assert missed >= np.count_nonzero(mask) - 5
    bits_equal(tile.weight[mask], at[mask])
    assert tile.weight[~mask].std() < 0.01
    # Pulses do not move them, but for the noise of what is read.
    tile.update(*some_vectors(0.5, 5, SIZE), 0.1)
    bits_equal(tile.devices["persistent_weight"][mask], at[mask])
    copy = Tile(SIZE, SIZE, config=tile.config, seed=tile.seed)
    copy.load_state(*tile.state())
    np.testing.assert_array_equal(copy.stuck, mask)


def test_stuck_tells_the_truth():
    assert not Tile(3, 2, device=Ideal(), seed=7).stuck.any()
    assert not tile_of(size=3).stuck.any()
    tile = tile_of(ConstantStep(stuck_prob=0.25))
    stuck = tile.stuck
    check([Comparison("stuck", stuck.mean(), 0.25, np.sqrt(0.25 * 0.75) / SIZE)])
    assert tile.stuck.dtype == np.bool_
    assert Tile(3, 2, instances=2, seed=7).stuck.shape == (2, 2, 3)


def test_the_capacitor_leaks_as_published():
    tile = mho.Tile(SIZE, SIZE, device=mho.presets.capacitor(), seed=7)
    lifetime = tile.devices["lifetime"].ravel()
    check([mean("lifetime", lifetime, 1e6, 3e5**2), variance("lifetime", lifetime, 9e10, allowed=9e7)])
    tile.weight = np.full((SIZE, SIZE), 0.3)
    for _ in range(20):
        tile.elapse(1.0)
    lost = 1 - tile.weight.astype(np.float64).ravel() / np.float32(0.3)
    check([mean("leakage", lost, float(np.mean(20 / lifetime[lifetime > 0])), lost.var())])
