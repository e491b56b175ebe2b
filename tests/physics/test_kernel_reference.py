"""The engine against the package `reference`: the same physics written a second time, slowly and obviously.

Trains and coincidence counts must agree exactly, floats to rounding. There is no statistics here: both sides
have the same random numbers.
"""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mho
from mho import IO, Update, _core, _cpu
from mho.devices import (
    ConstantStep,
    ExpStep,
    HiddenStep,
    Ideal,
    JumpTable,
    LinearStep,
    PiecewiseStep,
    PowStep,
    PowStepReference,
    Response,
    Retention,
    SoftBounds,
    SoftBoundsPmax,
    SoftBoundsReference,
)
from reference import devices, philox, pulses, reads

EXAMPLES = settings(max_examples=60, deadline=None, derandomize=True, database=None)
SEED = 7

# A device whose weight counts its pulses: every step is exactly 2**-6, and no bound is in reach.
UNIT = 2.0**-6
COUNTER = ConstantStep(
    dw_min=UNIT,
    dw_min_dtod=0,
    dw_min_ctoc=0,
    up_down_dtod=0,
    w_max=1e5,
    w_min=-1e5,
    w_max_dtod=0,
    w_min_dtod=0,
)


def vectors(batch, features, seed=0, scale=1.0):
    """Gaussian vectors with zeros among them, one zero vector, and negative zeros."""
    rng = np.random.default_rng([seed, batch, features])
    x = (scale * rng.normal(size=(batch, features))).astype(np.float32)
    x[rng.random(x.shape) < 0.1] = 0
    x[rng.random(x.shape) < 0.05] = -0.0
    if batch > 2:
        x[batch // 2] = 0
    return x


def device_arrays(tile):
    return {name: tile.devices[name] for name in tile.devices}


# -------------------------------------------------------------------------------------------- random numbers


def test_known_answers():
    # Those of the authors' own implementation of Philox4x32-10.
    ones = 2**32 - 1
    answers = {
        (0, 0, 0, 0, 0): "6627e8d5 e169c58d bc57ac4c 9b00dbd8",
        (ones, ones, ones, ones, 2**64 - 1): "408f276d 41c83b0e a20bc7c6 6d5451fd",
        (
            0x243F6A88,
            0x85A308D3,
            0x13198A2E,
            0x03707344,
            0x299F31D0A4093822,
        ): "d16cfe09 94fdcceb 5001e420 24126ea1",
    }
    for (*counter, key), expected in answers.items():
        words = [int(word, 16) for word in expected.split()]
        assert philox.philox(counter, key).tolist() == words
        assert list(_core.philox(counter, key)) == words


@pytest.mark.parametrize("path", ["", "a", "net/0/tile1", "a path/of more than/eight bytes", "µ"])
@pytest.mark.parametrize("step", [0, 5, 2**32 - 1, 2**32, 2**48 - 1])
def test_words_and_gaussians(path, step):
    key = philox.derive_key(2**64 - 3, path)
    assert _core.derive_key(2**64 - 3, path) == key
    for purpose in (philox.OUTPUT_ROUNDING, 0x7F00, 0xFFFF):
        for count in (1, 63, 64, 65, 1000):
            words = _core.random_words(key, purpose, step, count)
            np.testing.assert_array_equal(words, philox.line_words(key, purpose, step, count))
            xi = _core.random_gaussian(key, purpose, step, count)
            np.testing.assert_allclose(
                xi, philox.line_gaussians(key, purpose, step, count), rtol=2e-6, atol=1e-6
            )


# --------------------------------------------------------------------------------------------------- devices

DEVICES = {
    "constant": ConstantStep(),
    "constant-up": ConstantStep(up_down=0.2, dw_min=0.01, dw_min_ctoc=2.0),
    "constant-one-sided": ConstantStep(w_min=0.0, up_down_dtod=0.3),
    "soft": SoftBounds(dw_min=0.01),
    "soft-additive": SoftBounds(dw_min=0.01, mult_noise=False, dw_min_ctoc=2.0, up_down=-0.2),
    "soft-log-normal": SoftBounds(dw_min_log_normal=True, dw_min_dtod=0.7, w_max_dtod=0.5, w_min_dtod=0.5),
    "soft-exact": SoftBounds(
        dw_min=0.02,
        dw_min_dtod=0,
        dw_min_ctoc=0,
        up_down_dtod=0,
        w_max_dtod=0,
        w_min_dtod=0,
        granularity=0.001,
    ),
    "linear": LinearStep(gamma_up=0.3, gamma_down=0.5, dw_min=0.01),
    "linear-additive": LinearStep(gamma_up=0.3, gamma_down=0.5, dw_min=0.01, mult_noise=False, w_max_dtod=0),
    "linear-own-bounds": LinearStep(gamma_up=0.2, gamma_up_dtod=0.5, mean_bound_reference=False),
    "linear-increasing": LinearStep(gamma_up=-0.3, gamma_down=0.1, allow_increasing=True),
    "exp": ExpStep(dw_min=0.01),
    "exp-reram": mho.presets.reram_es(),
    "pow": PowStep(dw_min=0.01, pow_gamma=2.0, pow_up_down=0.2, pow_up_down_dtod=0.1),
    "piecewise": PiecewiseStep(
        dw_min=0.01, nodes_up=(1.5, 0.9, 0.2), nodes_down=(0.1, 0.4, 1.1, 1.3), up_down=0.1
    ),
    "piecewise-reversed": PiecewiseStep(
        dw_min=0.01, nodes_up=(2.0, 0.5, -1.0, 0.3), stuck_prob=0.2, write_noise_std=2.0
    ),
    "response": Response(dw_min=0.01, up=lambda w: np.exp(-w), down=lambda w: 1 + w**3),
    "jumps": JumpTable(
        dw_min=0.01, up=[[0, 1, 4], [-1, 0, 1], [0.5, 0.5, 0.5]], down=[[-0.2, 0.1, 0.3, 5], [0, 1, 2, 3]]
    ),
    "jumps-stuck": JumpTable(dw_min=0.01, up_down=0.2, stuck_prob=0.3, write_noise_std=2.0),
    "stuck": SoftBounds(dw_min=0.01, stuck_prob=0.3, stuck_range=0.7),
    "stuck-linear": LinearStep(stuck_prob=0.3, gamma_up=0.4, mean_bound_reference=False),
    "stuck-exp": ExpStep(stuck_prob=1.0, dw_min=0.01),
    "write-noise": SoftBounds(dw_min=0.01, write_noise_std=3.0, stuck_prob=0.1),
    "write-noise-constant": ConstantStep(write_noise_std=20.0),
    "wearing": SoftBounds(dw_min=0.01, endurance=25, endurance_dtod=0.5, stuck_prob=0.1),
    "wearing-noisy": ConstantStep(endurance=15, write_noise_std=3.0, reset=0.1, reset_dtod=0.1),
    "states": ConstantStep(dw_min=0.01, states=9),
    "states-noisy": SoftBounds(dw_min=0.02, states=5, write_noise_std=2.0, stuck_prob=0.1),
    "ageing": LinearStep(
        gamma_up=0.2,
        retention=Retention(
            lifetime=300.0,
            lifetime_dtod=0.5,
            diffusion=0.002,
            diffusion_dtod=0.4,
            drift_nu=0.05,
            drift_nu_dtod=0.3,
            drift_nu_ctoc=0.2,
            drift_t0=3.0,
        ),
    ),
    "linear-reversed": LinearStep(
        gamma_up=0.9, gamma_down=0.5, dw_min=0.01, reverse_up=True, mean_bound_reference=False
    ),
    "linear-reversed-both": LinearStep(
        gamma_up=0.9, dw_min=0.01, reverse_up=True, reverse_down=True, reverse_offset=0.2, mult_noise=False
    ),
    "hidden": HiddenStep(dw_min=0.005, hidden_states=3, hidden_up_down=0.2, hidden_up_down_dtod=0.1),
    "hidden-noisy": HiddenStep(dw_min=0.005, write_noise_std=3.0, stuck_prob=0.1),
    "exp-noise-of-weight": ExpStep(dw_min=0.01, dw_min_ctoc_add=0.02, dw_min_ctoc_slope=0.1),
    "exp-pcm": mho.presets.pcm(),
    "soft-pmax": SoftBoundsPmax(p_max=60, alpha=0.02, range_min=-0.4, range_max=0.5, stuck_prob=0.1),
    "soft-reference": SoftBoundsReference(dw_min=0.01, reference_mean=0.2, reference_std=0.1),
    "soft-reference-shifted": SoftBoundsReference(
        dw_min=0.01,
        up_down=0.3,
        up_down_dtod=0.2,
        slope_up_dtod=0.2,
        slope_down_dtod=0.1,
        subtract_symmetry_point=True,
        mult_noise=True,
        stuck_prob=0.1,
    ),
    "soft-array": mho.presets.reram_array_om(stuck_prob=0.1),
    "pow-reference": PowStepReference(dw_min=0.01, pow_gamma=2.0, reference_mean=-0.1, reference_std=0.1),
    "pow-reference-shifted": PowStepReference(
        dw_min=0.01, up_down=-0.2, subtract_symmetry_point=True, write_noise_std=2.0, stuck_prob=0.1
    ),
}
device_parameter = pytest.mark.parametrize("device", DEVICES.values(), ids=DEVICES)


@device_parameter
@pytest.mark.parametrize("shape", [(1, 1), (1, 33), (5, 1), (37, 50)], ids=str)
def test_device_arrays(device, shape):
    tile = mho.Tile(shape[1], shape[0], device=device, seed=SEED)
    arrays = devices.construct(device, philox.derive_key(SEED, ""), shape)
    assert sorted(tile.devices) == sorted(arrays)
    # A gaussian of the engine is good to about 5e-7.
    dw = device.dw_min * max(device.dw_min_dtod, device.up_down_dtod, 0.1)
    atol = {"dw_min_up": 1e-6 * dw, "dw_min_down": 1e-6 * dw, "lifetime": 3e-4}
    rtol = {"dw_min_up": 2e-6, "dw_min_down": 2e-6}
    if "reference" in arrays:
        # Quotients of the numbers above, such as a symmetry point, and differences of these.
        atol |= dict.fromkeys(("reference", "w_max", "w_min", "weight", "persistent_weight"), 3e-6)
        rtol |= dict.fromkeys(("w_max", "w_min"), 1e-5)
    for name, expected in arrays.items():
        if name.startswith("slope"):
            # Relative to a bound of its own that may be almost 0: only where it is not.
            side = "w_max" if name == "slope_up" else "w_min"
            sound = np.abs(arrays[side]) > 0.1
            np.testing.assert_allclose(
                tile.devices[name][sound], expected[sound], rtol=2e-5, atol=2e-5 * dw, err_msg=name
            )
            continue
        np.testing.assert_allclose(
            tile.devices[name], expected, rtol=rtol.get(name, 1e-6), atol=atol.get(name, 5e-7), err_msg=name
        )


@device_parameter
def test_granularity(device):
    tile = mho.Tile(3, 2, device=device, seed=SEED)
    assert tile.granularity == pytest.approx(devices.granularity(device), rel=1e-12)
    assert device.weight_granularity == pytest.approx(tile.granularity, rel=1e-12)


# ---------------------------------------------------------------------------------------------- coincidences

SHAPES = [(1, 1), (1, 40), (23, 1), (4, 16), (7, 19), (37, 50)]
UPDATES = {
    "default": Update(),
    "bl1": Update(bl=1),
    "bl32": Update(bl=32),
    "bl33": Update(bl=33),
    "bl64": Update(bl=64),
    "fixed31": Update(update_bl_management=False),
    "fixed64": Update(bl=64, update_bl_management=False),
    "fixed32-unmanaged": Update(bl=32, update_bl_management=False, update_management=False),
    "open-length": Update(bl=5, fixed_bl=False, update_bl_management=False),
    "open-length-unmanaged": Update(
        bl=2, fixed_bl=False, update_bl_management=False, update_management=False
    ),
    "resolution": Update(res=0.05),
    "resolution-rounded": Update(res=0.3, sto_round=True, bl=40),
    "gradient-scale": Update(um_grad_scale=0.4),
    "gradient-scale-up": Update(um_grad_scale=3.0, update_bl_management=False),
    "mean-count": Update(pulse_type="mean_count"),
    "mean-count64": Update(pulse_type="mean_count", bl=64, update_bl_management=False),
    "mean-count-rounded": Update(pulse_type="mean_count", res=0.1, sto_round=True),
    "implicit": Update(pulse_type="deterministic_implicit"),
    "implicit-resolution": Update(
        pulse_type="deterministic_implicit",
        x_res_implicit=0.01,
        d_res_implicit=0.03,
        update_bl_management=False,
    ),
    "implicit-rounded": Update(pulse_type="deterministic_implicit", x_res_implicit=0.1, sto_round=True),
}


def check_counts(update, shape, batch, lr, scale=1.0, first_step=0):
    """One update of a batch: pulses up and down exactly, and the net number of each device exactly."""
    tile = mho.Tile(shape[1], shape[0], device=COUNTER, update=update, seed=SEED)
    arrays, counters = tile.state()
    tile.load_state(arrays, counters | {"update": first_step})
    x, d = vectors(batch, shape[1], 1, scale), vectors(batch, shape[0], 2)
    expected = pulses.samples(update, x, d, lr, tile.granularity, tile.seed.key, first_step)
    tile.update(x, d, lr)
    net = sum((np.where(s.up, s.counts, -s.counts) for s in expected), np.zeros(shape, dtype=np.int64))
    np.testing.assert_array_equal(tile.weight / UNIT, net)
    assert tile.pulses.up == sum(int(s.counts[s.up].sum()) for s in expected)
    assert tile.pulses.down == sum(int(s.counts[~s.up].sum()) for s in expected)
    return tile, expected


@pytest.mark.parametrize("update", UPDATES.values(), ids=UPDATES)
@pytest.mark.parametrize("pulse_by_pulse", [False, True])
def test_counts_are_exact(update, pulse_by_pulse):
    update = update.replace(pulse_by_pulse=pulse_by_pulse)
    fired = 0
    for number, shape in enumerate(SHAPES):
        # Small to large: from shorter trains to probabilities beyond 1.
        lr = UNIT * (0.3, 1.0, 4.0, 20.0, 50.0)[number % 5]
        tile, _ = check_counts(update, shape, 3, lr)
        fired += tile.pulses.total
    assert fired > 100


@pytest.mark.parametrize("batch", [0, 1, 63, 64, 65, 130])
@pytest.mark.parametrize(
    "update", [UPDATES[k] for k in ("default", "bl64", "mean-count", "implicit")], ids=repr
)
def test_counts_of_batches(update, batch):
    check_counts(update, (5, 18), batch, lr=UNIT * 2)


def test_counts_sample_by_sample():
    # Within one direction a device's sum over samples is exact as well; here each sample stands alone.
    update, shape = Update(bl=33, update_bl_management=False), (9, 21)
    tile = mho.Tile(shape[1], shape[0], device=COUNTER, update=update, seed=SEED)
    x, d = vectors(20, shape[1], 1), vectors(20, shape[0], 2)
    before = np.zeros(shape)
    for s, sample in enumerate(pulses.samples(update, x, d, 0.1, tile.granularity, tile.seed.key)):
        tile.update(x[s : s + 1], d[s : s + 1], 0.1)
        moved = (tile.weight - before) / UNIT
        np.testing.assert_array_equal(moved, np.where(sample.up, sample.counts, -sample.counts))
        before = tile.weight


@pytest.mark.parametrize("scale", [1e-30, 1e-6, 1e6, 1e30])
def test_counts_of_inputs_beyond_any_range(scale):
    for update in (UPDATES["default"], UPDATES["fixed32-unmanaged"], UPDATES["implicit"]):
        check_counts(update, (6, 17), 4, lr=UNIT, scale=scale)


def test_nothing_happens_without_learning_rate_or_input():
    for update in UPDATES.values():
        tile, expected = check_counts(update, (6, 17), 4, lr=0.0)
        assert tile.pulses.total == 0
        assert all(s.bl == 0 for s in expected)
        for x, d in ((0.0, 1.0), (1.0, 0.0), (-0.0, -0.0)):
            tile.update(np.full((2, 17), x), np.full((2, 6), d), 0.1)
        assert tile.pulses.total == 0
        assert not tile.weight.any()
        assert tile.state()[1]["update"] == 10  # a sample without pulses is a sample


@pytest.mark.parametrize("first_step", [2**32 - 3, 2**40 - 70, 2**48 - 200])
def test_counts_where_the_step_outgrows_a_word(first_step):
    check_counts(Update(), (5, 18), 130, lr=UNIT * 2, first_step=first_step)


def test_every_probability_of_one_fires_in_every_slot():
    for bl in (1, 31, 32, 33, 64):
        update = Update(bl=bl, update_bl_management=False, update_management=False)
        tile = mho.Tile(18, 5, device=COUNTER, update=update, seed=SEED)
        tile.update(np.ones((1, 18)), -np.ones((1, 5)), UNIT * bl)
        assert (tile.weight == UNIT * bl).all()


update_strategy = st.sampled_from(list(UPDATES.values()))


@EXAMPLES
@given(
    update=update_strategy,
    shape=st.tuples(st.integers(1, 20), st.integers(1, 40)),
    batch=st.integers(0, 3),
    lr=st.floats(1e-4, 0.9),
    scale=st.sampled_from([1e-3, 1.0, 100.0]),
    pulse_by_pulse=st.booleans(),
)
def test_counts_of_any_update(update, shape, batch, lr, scale, pulse_by_pulse):
    check_counts(update.replace(pulse_by_pulse=pulse_by_pulse), shape, batch, lr, scale)


# -------------------------------------------------------------------------------------------- pulse by pulse


def check_pulses(device, update, shape, batch, lr, seed=SEED, start=0.3):
    """Weights after a batch, pulse by pulse, against the reference; to 1e-5 of the range."""
    tile = mho.Tile(shape[1], shape[0], device=device, update=update, seed=seed)
    tile.weight = start * np.random.default_rng(3).normal(size=shape)
    crosspoints = devices.Crosspoints(device, device_arrays(tile), tile.seed.key)
    x, d = vectors(batch, shape[1], 1), vectors(batch, shape[0], 2)
    for s, sample in enumerate(pulses.samples(update, x, d, lr, tile.granularity, tile.seed.key)):
        crosspoints.pulse(sample.counts, sample.up, s, sample.numbers)
    tile.update(x, d, lr)
    check_crosspoints(tile, crosspoints)
    return tile


def check_crosspoints(tile, crosspoints):
    """Compare all that changes, weights to 1e-5 of the range."""
    device = crosspoints.device
    atol = 1e-5 * (device.w_max - device.w_min)
    if "persistent_weight" in tile.devices:
        np.testing.assert_allclose(tile.devices["persistent_weight"], crosspoints.weight, rtol=0, atol=atol)
        atol += 1e-6 * device.write_noise_std * device.dw_min
    sure = ~devices.between_states(device, crosspoints.arrays, crosspoints.weight)
    np.testing.assert_allclose(tile.weight[sure], crosspoints.visible[sure], rtol=0, atol=atol)
    if "pulses_left" in tile.devices:
        np.testing.assert_array_equal(tile.devices["pulses_left"], crosspoints.pulses_left)
    if "age" in tile.devices:
        np.testing.assert_allclose(tile.devices["age"], crosspoints.age, rtol=1e-6)


@device_parameter
@pytest.mark.parametrize("shape", [(6, 17), (1, 5), (9, 1)], ids=str)
def test_pulse_by_pulse(device, shape):
    before = mho.Tile(shape[1], shape[0], device=device, seed=SEED).weight
    tile = check_pulses(device, Update(pulse_by_pulse=True), shape, 24, lr=10 * device.dw_min)
    if device.stuck_prob < 1:
        assert tile.pulses.total > 100
    stuck = tile.devices["w_min"] == tile.devices["w_max"]
    persistent = device_arrays(tile).get("persistent_weight", tile.weight)
    np.testing.assert_array_equal(persistent[stuck], before[stuck])


@pytest.mark.parametrize("name", [name for name, device in DEVICES.items() if device.retention is not None])
@pytest.mark.parametrize(
    "change", [{}, {"write_noise_std": 5.0}, {"states": 12}, {"endurance": 20.0}], ids=str
)
@pytest.mark.parametrize("shape", [(6, 17), (1, 5), (9, 1)], ids=str)
def test_pulses_time_and_resets_in_turn(name, change, shape):
    device = DEVICES[name].replace(reset=0.05, reset_dtod=0.1, stuck_prob=0.1, **change)
    update = Update(pulse_by_pulse=True)
    tile = mho.Tile(shape[1], shape[0], device=device, update=update, seed=SEED)
    crosspoints = devices.Crosspoints(device, device_arrays(tile), tile.seed.key)
    x, d = vectors(30, shape[1], 1), vectors(30, shape[0], 2)
    lr = 10 * device.dw_min
    mask = np.random.default_rng(4).random(shape) < 0.3
    for s, sample in enumerate(pulses.samples(update, x, d, lr, tile.granularity, tile.seed.key)):
        tile.update(x[s : s + 1], d[s : s + 1], lr)
        crosspoints.pulse(sample.counts, sample.up, s, sample.numbers)
        if s % 3 == 0:
            for seconds in (0.2, 7.0 * s):
                tile.elapse(seconds)
                if seconds > 0:
                    crosspoints.elapse(seconds)
        if s % 10 == 5:
            tile.reset(mask)
            crosspoints.reset(mask)
        check_crosspoints(tile, crosspoints)
    assert tile.state()[1]["reset"] == 3
    assert tile.state()[1]["elapse"] == 19  # no time is no step


@pytest.mark.parametrize("model", [ConstantStep, SoftBounds, LinearStep, ExpStep, PowStep, PiecewiseStep])
def test_pulse_by_pulse_at_the_bounds(model):
    # Coarse steps with strong noise: most pulses are clipped.
    device = model(dw_min=0.1, dw_min_ctoc=1.0, w_max=0.3, w_min=-0.2)
    tile = check_pulses(device, Update(pulse_by_pulse=True), (7, 19), 30, lr=1.0)
    if model is ConstantStep:
        assert np.mean((tile.weight == tile.devices["w_max"]) | (tile.weight == tile.devices["w_min"])) > 0.3


@device_parameter
def test_at_most_one_pulse_is_no_aggregate(device):
    # One slot: the aggregated path has nothing to aggregate.
    tile = check_pulses(device, Update(bl=1), (9, 18), 50, lr=2 * device.dw_min)
    other = mho.Tile(18, 9, device=device, update=Update(bl=1, pulse_by_pulse=True), seed=SEED)
    other.weight = 0.3 * np.random.default_rng(3).normal(size=(9, 18))
    other.update(vectors(50, 18, 1), vectors(50, 9, 2), 2 * device.dw_min)
    np.testing.assert_allclose(tile.weight, other.weight, rtol=0, atol=1e-6)
    assert tile.pulses == other.pulses


def test_near_a_bound_nothing_is_aggregated():
    # Where a bound is within reach of a train, the default path takes each pulse by itself, too.
    device = ConstantStep(dw_min=0.08, w_max=0.1, w_min=-0.1, w_max_dtod=0, w_min_dtod=0, dw_min_dtod=0)
    check_pulses(device, Update(), (9, 18), 60, lr=0.5)


@st.composite
def pulsed_devices(draw):
    references = [SoftBoundsReference, PowStepReference]
    others = [ConstantStep, SoftBounds, LinearStep, ExpStep, PowStep, HiddenStep]
    model = draw(st.sampled_from([*others, *references]))
    spread = st.sampled_from([0.0, 0.05, 0.3])
    fields = {
        "dw_min": draw(st.sampled_from([1e-4, 1e-3, 0.01, 0.05])),
        "dw_min_dtod": draw(spread),
        "dw_min_ctoc": draw(st.sampled_from([0.0, 0.3, 3.0])),
        "w_max": draw(st.sampled_from([0.4, 1.0])),
        "w_min": draw(st.sampled_from([-1.0, -0.3])),
        "w_max_dtod": draw(spread),
        "w_min_dtod": draw(spread),
        "up_down": draw(st.sampled_from([-0.3, 0.0, 0.2])),
        "up_down_dtod": draw(spread),
        "write_noise_std": draw(st.sampled_from([0.0, 2.0])),
        "stuck_prob": draw(st.sampled_from([0.0, 0.2])),
    }
    if fields["dw_min_dtod"] > 0:
        fields["dw_min_log_normal"] = draw(st.booleans())
    if model is LinearStep:
        fields |= {"gamma_up": draw(spread), "gamma_down": draw(spread), "gamma_up_dtod": 0.1}
        if fields["w_max_dtod"] > 0:
            fields["mean_bound_reference"] = draw(st.booleans())
    if model in references:
        fields |= {"reference_mean": draw(st.sampled_from([-0.05, 0.0, 0.1])), "reference_std": draw(spread)}
        if fields["up_down"] != 0:
            fields["subtract_symmetry_point"] = draw(st.booleans())
    if model is HiddenStep:
        fields |= {"hidden_states": draw(st.sampled_from([1, 2, 7])), "hidden_dtod": draw(spread)}
    if model is SoftBoundsReference:
        fields |= {"slope_up_dtod": draw(spread), "slope_down_dtod": draw(spread)}
    if model is ExpStep and fields["dw_min_ctoc"] > 0:
        noise = st.sampled_from([0.0, 0.01, 0.1])
        fields |= {"dw_min_ctoc_add": draw(noise), "dw_min_ctoc_slope": draw(noise)}
    if model in (LinearStep, SoftBounds, SoftBoundsReference) and fields["dw_min_ctoc"] > 0:
        fields["mult_noise"] = draw(st.booleans())
    return model(**fields)


@EXAMPLES
@given(
    device=pulsed_devices(),
    update=update_strategy,
    shape=st.tuples(st.integers(1, 10), st.integers(1, 20)),
    batch=st.integers(0, 6),
    strength=st.sampled_from([0.5, 5.0, 40.0]),
    seed=st.integers(0, 2**64 - 1),
)
def test_pulse_by_pulse_of_any_device(device, update, shape, batch, strength, seed):
    length = 64 / (strength * device.dw_min)  # what an open length allows
    lr = strength * device.dw_min * min(1.0, length)
    check_pulses(device, update.replace(pulse_by_pulse=True), shape, batch, lr, seed)


# ----------------------------------------------------------------------------------------------------- reads

READS = {
    "default": IO(),
    "perfect": IO.perfect(),
    "bare": IO(inp_bound=0, inp_res=0, out_bound=0, out_res=0, out_noise=0, bound_management="none"),
    "no-dac-bound": IO(inp_bound=0),
    "no-resolution": IO(inp_res=0, out_res=0),
    "small-input-bound": IO(inp_bound=0.6, inp_res=0.1),
    "rounded-in": IO(inp_sto_round=True, inp_res=0.1),
    "rounded-out": IO(out_sto_round=True, out_res=0.02),
    "input-noise": IO(inp_noise=0.1),
    "asymmetries": IO(inp_asymmetry=0.1, out_asymmetry=-0.2),
    "no-output-noise": IO(out_noise=0),
    "output-noise-std": IO(out_noise_std=0.3, out_scale=2.0),
    "nonlinearity": IO(out_nonlinearity=0.5),
    "nonlinearity-std": IO(out_nonlinearity=0.5, out_nonlinearity_std=0.3, slope_calibration=0.5),
    "voltage-offset": IO(v_offset_std=0.1),
    "voltage-offset-weights": IO(v_offset_std=0.1, v_offset_w_min=-0.3),
    "series": IO(v_offset_std=0.1, r_series=0.01, slope_calibration=0.2),
    "series-without-reference": IO(v_offset_std=0.1, v_offset_w_min=0, r_series=0.2, r_series_max_total=0.3),
    "weight-noise": IO(w_noise=0.02, w_noise_type="additive_constant"),
    "weight-noise-pcm": IO(w_noise=0.02, w_noise_type="pcm_read"),
    "ir-drop": IO(ir_drop=1.0, ir_drop_g_ratio=1e3),
    "two-passes": IO(mv_type="pos_neg_separate", w_read_asymmetry_dtod=0.1, out_sto_round=True),
    "two-passes-digital": IO(mv_type="pos_neg_separate_digital_sum", w_read_asymmetry_dtod=0.1),
    "two-passes-noisy": IO(
        mv_type="pos_neg_separate_digital_sum",
        w_noise=0.02,
        w_noise_type="pcm_read",
        ir_drop=0.5,
        ir_drop_g_ratio=1e3,
        out_sto_round=True,
    ),
    "no-scale": IO(noise_management="none"),
    "abs-max-limited": IO(nm_thres=0.8),
    "max": IO(noise_management="max"),
    "max-with-noise": IO(noise_management="max", nm_thres=1.0, inp_noise=0.05),
    "constant": IO(noise_management="constant"),
    "constant-scale": IO(noise_management="constant", nm_thres=3.0),
    "average": IO(noise_management="average_abs_max", nm_decay=0.1),
    "worst-case": IO(noise_management="abs_max_np_sum", out_bound=2.0),
    "worst-case-fine": IO(noise_management="abs_max_np_sum", out_bound=1.0, inp_res=0, nm_assumed_wmax=0.3),
    "iterative": IO(out_bound=0.5),
    "iterative-limited": IO(out_bound=0.2, max_bm_factor=2),
    "iterative-resolution": IO(out_bound=0.2, max_bm_res=0.05),
    "iterative-positive": IO(out_bound=0.5, bm_test_negative_bound=False),
    "iterative-two-passes": IO(out_bound=0.5, mv_type="pos_neg_separate_digital_sum", inp_noise=0.01),
    "iterative-worst-case": IO(out_bound=0.5, bound_management="iterative_worst_case"),
    "clipped": IO(out_bound=0.5, bound_management="none"),
    "shift": IO(out_bound=0.5, bound_management="shift"),
    "shift-two-passes": IO(out_bound=0.5, bound_management="shift", mv_type="pos_neg_separate_digital_sum"),
    "shift-summed": IO(out_bound=0.5, bound_management="shift", mv_type="pos_neg_separate"),
}


def check_reads(io, shape, batch, seed=SEED, scale=1.0, w_scale=0.2):
    """Read in both directions, in every way; returns the shares of marked outputs and vectors."""
    tile = mho.Tile(shape[1], shape[0], device=Ideal(), forward_io=io, backward_io=io, seed=seed)
    tile.weight = w_scale * np.random.default_rng(3).normal(size=shape)
    near, unsure = [], []
    for forward in (True, False):
        channel = reads.Channel(io, tile.seed.key, forward, shape)
        call = tile.forward if forward else tile.backward
        x = vectors(batch, channel.inputs, 1, scale)
        if batch > 1:
            x[1] = -np.abs(x[1])
        step = {False: 0, True: 0}
        for noise, evaluation in ((True, False), (False, False), (True, True), (True, False)):
            if evaluation:
                # To evaluate, each vector by itself.
                y = np.concatenate(
                    [call(v[None], noise=noise, evaluation=True) for v in x] or [call(x, evaluation=True)]
                )
            else:
                y = call(x, noise=noise)
            assert y.shape == (batch, channel.outputs)
            for s in range(batch):
                expected = channel.read(tile.weight, x[s], step[evaluation], noise, evaluation)
                step[evaluation] += 1
                unsure.append(expected.open)
                near.append(expected.near.mean())
                if not expected.open:
                    off = np.abs(y[s] - expected.y)
                    worst = np.argmax(off - expected.tolerance)
                    assert (off <= expected.tolerance).all(), (
                        forward, noise, evaluation, s, expected.attempts,
                        y[s, worst], expected.y[worst], expected.tolerance[worst],
                    )  # fmt: skip
        average = tile.state()[1]["running_averages"][0 if forward else 1]
        assert average == channel.average
    return np.mean(near) if near else 0.0, np.mean(unsure) if unsure else 0.0


@pytest.mark.parametrize("io", READS.values(), ids=READS)
def test_reads(io):
    for shape, batch in (((1, 1), 3), ((1, 40), 2), ((23, 1), 2), ((37, 70), 9)):
        near, unsure = check_reads(io, shape, batch)
        assert near < 0.1
    assert unsure < 0.1


@pytest.mark.parametrize("batch", [0, 1, 63, 64, 65, 130])
@pytest.mark.parametrize("name", ["default", "perfect", "average", "iterative"])
def test_reads_of_batches(name, batch):
    check_reads(READS[name], (5, 18), batch)


def test_reads_of_more_lines_than_a_panel():
    for name in ("iterative", "two-passes-noisy", "shift", "perfect"):
        check_reads(READS[name], (131, 140), 3)


@st.composite
def ios(draw):
    def one_of(*values):
        return draw(st.sampled_from(values))

    f = {
        "inp_bound": one_of(0.0, 0.7, 1.0),
        "out_bound": one_of(0.0, 0.7, 3.0, 12.0),
        "inp_noise": one_of(0.0, 0.1),
        "inp_asymmetry": one_of(0.0, 0.1),
        "out_noise": one_of(0.0, 0.06),
        "out_scale": one_of(1.0, 2.5),
        "out_asymmetry": one_of(0.0, 0.2),
        "v_offset_std": one_of(0.0, 0.1),
        "r_series": one_of(0.0, 0.1),
        "w_noise_type": one_of("none", "additive_constant", "pcm_read"),
        "ir_drop": one_of(0.0, 1.0),
        "mv_type": one_of("one_pass", "pos_neg_separate", "pos_neg_separate_digital_sum"),
    }
    for side in ("inp", "out"):
        f[f"{side}_res"] = one_of(0.0, 1 / 126, 0.05) if f[f"{side}_bound"] > 0 else 0.0
        if f[f"{side}_res"] > 0:
            f[f"{side}_sto_round"] = draw(st.booleans())
    if f["out_noise"] > 0:
        f["out_noise_std"] = one_of(0.0, 0.3)
    bounded = f["out_bound"] > 0
    if bounded:
        f["out_nonlinearity"] = one_of(0.0, 0.3)
        if f["out_nonlinearity"] > 0:
            f["out_nonlinearity_std"] = one_of(0.0, 0.2)
        if f["out_nonlinearity"] > 0 or f["r_series"] > 0:
            f["slope_calibration"] = one_of(0.0, 0.4)
    if f["v_offset_std"] > 0 or f["r_series"] > 0:
        f["v_offset_w_min"] = one_of(-1.0, 0.0)
        if f["v_offset_w_min"] == 0 and f["r_series"] > 0:
            f["r_series_max_total"] = one_of(5.0, 0.2)
    if f["w_noise_type"] != "none":
        f["w_noise"] = 0.02
    if f["ir_drop"] > 0:
        f["ir_drop_g_ratio"] = one_of(1e3, 571428.571)
    if f["mv_type"] != "one_pass":
        f["w_read_asymmetry_dtod"] = one_of(0.0, 0.1)
    managements = ["none", "abs_max", "max", "constant", "average_abs_max"] + ["abs_max_np_sum"] * bounded
    f["noise_management"] = one_of(*managements)
    if f["noise_management"] in ("abs_max", "max", "constant"):
        f["nm_thres"] = one_of(0.0, 1.2)
    f["bound_management"] = (
        one_of("none", "iterative", "iterative_worst_case", "shift") if bounded else "none"
    )
    repeats = f["bound_management"] in ("iterative", "iterative_worst_case")
    if f["bound_management"] == "iterative":
        f["max_bm_factor"] = one_of(1000, 4)
    if repeats:
        f["bm_test_negative_bound"] = draw(st.booleans())
    if f["inp_res"] > 0 and (repeats or f["noise_management"] == "abs_max_np_sum"):
        f["max_bm_res"] = one_of(0.25, 0.9)
    return IO(**f)


@settings(EXAMPLES, max_examples=120)
@given(
    io=ios(),
    shape=st.tuples(st.integers(1, 12), st.integers(1, 30)),
    batch=st.integers(0, 3),
    seed=st.integers(0, 2**64 - 1),
    scale=st.sampled_from([0.05, 1.0, 20.0]),
    w_scale=st.sampled_from([0.0, 0.1, 0.5]),
)
def test_reads_of_any_periphery(io, shape, batch, seed, scale, w_scale):
    check_reads(io, shape, batch, seed, scale, w_scale)


def test_a_read_sees_the_weight_with_its_write_noise():
    device = SoftBounds(write_noise_std=30.0)
    tile = mho.Tile(18, 5, device=device, forward_io=IO.perfect(), backward_io=IO.perfect(), seed=SEED)
    x, d = vectors(20, 18, 1), vectors(20, 5, 2)
    tile.update(x, d, 0.05)
    assert np.abs(tile.weight - tile.devices["persistent_weight"]).max() > 0.01
    np.testing.assert_allclose(tile.forward(x), x @ tile.weight.T, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(tile.backward(d), d @ tile.weight, rtol=1e-5, atol=1e-6)


# ----------------------------------------------------------------------------------------------- SIMD levels

AT_ONE_LEVEL = """
import sys
import numpy as np
import mho
from mho import IO, Update, _core
from mho.devices import (ConstantStep, ExpStep, HiddenStep, LinearStep, PowStep, PowStepReference, SoftBounds,
                         SoftBoundsReference)

rng = np.random.default_rng(1)
x = rng.normal(size=(70, 37)).astype(np.float32)
d = rng.normal(size=(70, 22)).astype(np.float32)
result = {
    "exact_words": _core.random_words(mho.Seed(7, "a/b").key, 5, 2**33 + 1, 5000),
    "float_gaussians": _core.random_gaussian(mho.Seed(7, "a/b").key, 5, 2**33 + 1, 5000),
}
unit = 2.0**-6
counter = ConstantStep(dw_min=unit, dw_min_dtod=0, dw_min_ctoc=0, up_down_dtod=0, w_max=1e5, w_min=-1e5,
                       w_max_dtod=0, w_min_dtod=0)
updates = [Update(), Update(bl=64, update_bl_management=False), Update(res=0.03, sto_round=True),
           Update(pulse_type="mean_count"), Update(pulse_type="deterministic_implicit", d_res_implicit=0.02)]
for k, update in enumerate(updates):
    tile = mho.Tile(37, 22, device=counter, update=update, seed=7)
    tile.update(x, d, 3 * unit)
    result[f"exact_counts_{k}"] = tile.weight / unit
    result[f"exact_pulses_{k}"] = np.array([tile.pulses.up, tile.pulses.down])
stuck = ConstantStep(stuck_prob=0.4)
tile = mho.Tile(37, 22, device=stuck, seed=7)
result["exact_stuck"] = tile.devices["w_max"] == tile.devices["w_min"]
for model in (ConstantStep, SoftBounds, LinearStep, ExpStep, PowStep, SoftBoundsReference, PowStepReference,
              HiddenStep):
    for by_pulse in (False, True):
        device = model(dw_min=0.01, write_noise_std=1.0)
        tile = mho.Tile(37, 22, device=device, update=Update(pulse_by_pulse=by_pulse), seed=7)
        for name in tile.devices:
            result[f"float_{model.__name__}_{name}"] = tile.devices[name]
        tile.update(x[:1], d[:1], 0.1)  # one step
        result[f"float_{model.__name__}_{by_pulse}_after"] = tile.weight
io = IO(out_res=0, out_bound=0, bound_management="none", inp_sto_round=True, inp_noise=0.1, w_noise=0.02,
        w_noise_type="pcm_read")
tile = mho.Tile(37, 22, device=mho.devices.Ideal(), forward_io=io, backward_io=io, seed=7)
tile.weight = rng.normal(size=(22, 37))
result["float_forward"] = tile.forward(x)
result["float_backward"] = tile.backward(d)
np.savez(sys.argv[1], level=mho.build_info()["simd_level"], **result)
"""


def test_simd_levels_agree(tmp_path):
    levels = _cpu.supported_levels()
    if len(levels) < 2:
        pytest.skip("this machine runs one SIMD level only")
    results = {}
    for level in levels:
        file = tmp_path / f"{level}.npz"
        command = [sys.executable, "-c", AT_ONE_LEVEL, str(file)]
        subprocess.run(command, check=True, timeout=120, env=os.environ | {"MHO_SIMD_LEVEL": level})
        results[level] = dict(np.load(file))
        assert results[level].pop("level") == level
    first = results.pop(levels[0])
    assert sum(name.startswith("exact") for name in first) == 12
    for level, other in results.items():
        assert other.keys() == first.keys()
        for name, value in first.items():
            if name.startswith("exact"):
                np.testing.assert_array_equal(other[name], value, err_msg=f"{name} at {level}")
            else:
                # A few units in the last place of the largest terms.
                atol = 1e-6 * float(np.abs(value).max())
                np.testing.assert_allclose(
                    other[name], value, rtol=1e-6, atol=atol, err_msg=f"{name} at {level}"
                )
