"""Every rule against a second implementation, one sample at a time, in numpy."""

from __future__ import annotations

import numpy as np
import pytest

import mho
from mho import IO, Tile, Update
from mho.devices import ConstantStep, PowStep, SoftBounds
from mho.rules import (
    AGAD,
    ERIDER,
    RIDER,
    ChoppedTikiTaka2,
    ResidualLearning,
    SignUpdate,
    StochasticHamiltonian,
    StreamingBatch,
    TikiTaka,
    TikiTaka2,
)
from reference import rules as reference_rules
from reference.rules import Transfer

SHAPE = (5, 18)
ONE_BY_ONE = Update(pulse_by_pulse=True)
SAMPLES = 60
SOFT = SoftBounds(dw_min=0.02, write_noise_std=1.0)
SINGLE = Update(bl=3, update_management=False, update_bl_management=False, pulse_by_pulse=True)
RULES = {
    "TikiTaka": TikiTaka(fast_lr=2.0, transfer_lr=3.0),
    "TikiTaka of rows": TikiTaka(fast_lr=2.0, transfer_columns=False, transfer_every=3),
    "TikiTaka of three arrays": TikiTaka(fast_lr=5.0, arrays=3, gamma=0.3, transfer_lr=5.0),
    "TikiTaka on other devices": TikiTaka(fast_lr=2.0, fast_device=PowStep(dw_min=0.01), gamma=-0.5),
    "StochasticHamiltonian": StochasticHamiltonian(fast_lr=2.0, transfer_lr=3.0, gamma=0.3),
    "ResidualLearning": ResidualLearning(fast_lr=2.0, transfer_lr=2.0),
    "ResidualLearning, filtered": ResidualLearning(
        fast_lr=2.0, transfer_lr=2.0, filter=0.3, write_threshold=0.1
    ),
    "TikiTaka2": TikiTaka2(fast_lr=0.2, transfer_lr=3.0),
    "TikiTaka2, remembering": TikiTaka2(
        fast_lr=0.2,
        transfer_lr=20.0,
        forget_buffer=False,
        transfer_update=SINGLE,
        threshold_scale=0.5,
        step=1.5,
    ),
    "ChoppedTikiTaka2": ChoppedTikiTaka2(fast_lr=0.2, transfer_lr=2.0, out_chop_prob=0.3, in_chop_prob=0.4),
    "ChoppedTikiTaka2 of rows": ChoppedTikiTaka2(
        fast_lr=0.5,
        auto_scale=True,
        auto_granularity=50,
        transfer_columns=False,
        in_chop_random=False,
        gamma=0.2,
    ),
    "ChoppedTikiTaka2, corrected": ChoppedTikiTaka2(
        fast_lr=0.5, auto_scale=True, batch_size=2, correct_gradient_magnitudes=True, scale_fast_lr=True
    ),
    "AGAD": AGAD(fast_lr=0.3, in_chop_prob=0.5, transfer_lr=2.0),
    "AGAD, remembering": AGAD(
        fast_lr=0.3,
        in_chop_prob=0.7,
        in_chop_random=True,
        transfer_lr=9.0,
        forget_buffer=False,
        buffer_cap=0.5,
        transfer_update=SINGLE,
        gamma=0.1,
    ),
    "ResidualLearning of four arrays": ResidualLearning(
        fast_lr=5.0,
        arrays=4,
        gamma=0.5,
        transfer_every=2,
        transfer_every_growth=3,
        transfer_lr=9.0,
        transfer_lr_growth=1.2,
        filter=0.4,
        write_threshold=0.01,
    ),
    "TikiTaka of three arrays that follow fast": TikiTaka(
        fast_lr=5.0, arrays=3, transfer_every_growth=2, transfer_lr=4.0, transfer_lr_growth=0.5
    ),
    "RIDER": RIDER(fast_lr=3.0, transfer_lr=3.0, filter=0.3),
    "RIDER of rows": RIDER(fast_lr=3.0, transfer_columns=False, gamma=0.5, filter=0.3),
    "ERIDER": ERIDER(fast_lr=3.0, transfer_lr=3.0, filter=0.3, in_chop_prob=0.4),
    "ERIDER of rows": ERIDER(
        fast_lr=3.0, transfer_columns=False, transfer_every=2, gamma=0.4, filter=0.3, in_chop_prob=0.6
    ),
    "TikiTaka at random": TikiTaka(fast_lr=2.0, transfer_lr=3.0, transfer_order="random"),
    "TikiTaka of three arrays, at random and reset": TikiTaka(
        fast_lr=5.0,
        arrays=3,
        gamma=0.3,
        transfer_lr=5.0,
        transfer_every_growth=2,
        transfer_order="random",
        reset_prob=0.4,
        transfer_columns=False,
    ),
    "TikiTaka2, reset": TikiTaka2(fast_lr=0.2, transfer_lr=3.0, reset_prob=1.0),
    "ChoppedTikiTaka2 at random": ChoppedTikiTaka2(
        fast_lr=0.2,
        transfer_lr=2.0,
        out_chop_prob=0.3,
        in_chop_prob=0.4,
        in_chop_random=False,
        transfer_order="random",
        reset_prob=0.2,
        gamma=0.1,
    ),
    "AGAD at random": AGAD(
        fast_lr=0.3,
        in_chop_prob=0.7,
        transfer_lr=2.0,
        transfer_order="random",
        transfer_columns=False,
        auto_scale=True,
    ),
    "ERIDER at random and reset": ERIDER(
        fast_lr=3.0, transfer_lr=3.0, filter=0.3, in_chop_prob=0.4, transfer_order="random", reset_prob=0.3
    ),
    "RIDER, buffered": RIDER(
        fast_lr=3.0, transfer_lr=3.0, filter=0.3, buffer_granularity=0.5, auto_granularity=5, batch_size=2
    ),
    "ERIDER, buffered": ERIDER(
        fast_lr=3.0,
        transfer_lr=20.0,
        gamma=0.4,
        filter=0.3,
        in_chop_prob=0.6,
        buffer_granularity=1.0,
        step=1.5,
        momentum=0.2,
        forget_buffer=False,
        transfer_update=SINGLE,
        transfer_columns=False,
    ),
    "ERIDER, scaled": ERIDER(
        fast_lr=0.5, auto_scale=True, auto_momentum=0.9, filter=0.3, in_chop_prob=0.4, buffer_granularity=0.2
    ),
}


def problem(seed=0):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(SAMPLES, SHAPE[1])).astype(np.float32)
    d = (0.3 * generator.normal(size=(SAMPLES, SHAPE[0]))).astype(np.float32)
    return x, d


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_is_its_reference(rule):
    perfect = IO.perfect()
    tile = Tile(SHAPE[1], SHAPE[0], device=SOFT, rule=rule, forward_io=perfect, update=ONE_BY_ONE, seed=11)
    reference = Transfer(tile)
    x, d = problem()
    before = tile.devices["fast/weight" if "fast/weight" in set(tile.devices) else "fast0/weight"]
    tile.update(x, d, 0.1)
    for s in range(SAMPLES):
        reference.update(x[s], d[s], 0.1)

    arrays = tile.devices
    names = [name for name in arrays if name.startswith("fast") and name.endswith("/weight")]
    assert len(names) == len(reference.arrays) - 1
    for name, array in zip(names, reference.arrays[:-1], strict=True):
        np.testing.assert_allclose(arrays[name], array.weight, atol=2e-5, err_msg=name)
    assert not np.array_equal(arrays[names[0]], before)
    main = "main/weight" if rule.gamma else "weight"
    np.testing.assert_allclose(arrays[main], reference.arrays[-1].weight, atol=2e-5)
    assert np.abs(arrays[main]).max() > 0
    for name, value in (
        ("buffer", reference.buffer[0]),
        ("filtered", reference.buffer[0]),
        *((f"filtered{k}", buffer) for k, buffer in enumerate(reference.buffer)),
        ("running_mean", reference.mean),
        ("reference", reference.reference),
        ("in_chopper", reference.in_chopper[None]),
        ("out_chopper", reference.out_chopper[None]),
    ):
        if name in set(arrays):
            np.testing.assert_allclose(arrays[name], value, rtol=1e-4, atol=1e-4, err_msg=name)
    if rule.reset_prob:
        counters = tile.state()[1]
        assert counters["transfer_resets"] == reference.resets
        assert 0 < sum(reference.resets) <= sum(counters["transfer_reads"])
    if rule.gamma:
        depth = len(reference.arrays) - 1
        signs = np.ones(SHAPE)
        if isinstance(rule, ChoppedTikiTaka2 | ERIDER):
            across, lines = reference.out_chopper, reference.in_chopper
            signs = np.outer(across, lines) if rule.transfer_columns else np.outer(lines, across)
        baseline = reference.reference if isinstance(rule, RIDER) else 0.0
        seen = reference.arrays[-1].weight + sum(
            rule.gamma ** (depth - k) * ((array.weight - baseline) * signs if k == 0 else array.weight)
            for k, array in enumerate(reference.arrays[:-1])
        )
        np.testing.assert_allclose(tile.weight, seen, atol=4e-5)
        probe = np.eye(SHAPE[1], dtype=np.float32)
        np.testing.assert_allclose(tile.forward(probe), seen.T, atol=4e-5)


@pytest.mark.parametrize("kind", [RIDER, ERIDER])
def test_what_a_buffer_costs_is_counted(kind):
    costs = []
    for rule in (kind(), kind(buffer_granularity=1.0)):
        tile = Tile(SHAPE[1], SHAPE[0], device=SOFT, rule=rule, seed=1)
        tile.update(*problem(), 0.1)
        costs.append(tile.costs)
    # One more number for each crosspoint, multiplied and added to at each read.
    assert costs[1].buffer_bytes - costs[0].buffer_bytes == 4 * SHAPE[0] * SHAPE[1]
    assert costs[1].digital_operations - costs[0].digital_operations == 2 * SHAPE[0] * SAMPLES


def test_fields_of_the_buffer_need_one():
    for fields in ({"auto_granularity": 10.0}, {"step": 2.0}, {"momentum": 0.5}, {"forget_buffer": False}):
        with pytest.raises(mho.MhoError, match="no effect while buffer_granularity is 0"):
            ERIDER(**fields)
        ERIDER(buffer_granularity=1.0, **fields)


@pytest.mark.parametrize("shape", [(1, 6), (6, 1), (1, 2), (1, 1)])
@pytest.mark.parametrize("columns", [True, False])
def test_setting_the_weight_keeps_the_signs_of_choppers(shape, columns):
    """Also where there are as many lines as crosspoints."""
    rule = AGAD(fast_lr=0.3, in_chop_prob=0.5, auto_scale=True, transfer_columns=columns)
    tile = Tile(shape[1], shape[0], device=SOFT, rule=rule, seed=1)
    x, d = problem()
    tile.update(np.resize(x, (SAMPLES, shape[1])), np.resize(d, (SAMPLES, shape[0])), 0.1)
    before = {name: tile.devices[name] for name in ("in_chopper", "out_chopper", "running_maxima")}
    tile.weight = np.full(shape, 0.05)
    for name, values in before.items():
        np.testing.assert_array_equal(tile.devices[name], values, err_msg=name)
        assert values.all()


@pytest.mark.parametrize("auto_scale", [False, True])
def test_an_update_that_fails_changes_nothing(auto_scale):
    endless = Update(fixed_bl=False, update_bl_management=False, update_management=False)
    rule = AGAD(fast_lr=1e6, auto_scale=auto_scale)
    tile = Tile(SHAPE[1], SHAPE[0], device=SOFT, rule=rule, update=endless, seed=1)
    x, d = problem()
    arrays, counters = tile.state()
    with pytest.raises(mho.MhoError, match="at most 64"):
        tile.update(x, d, 0.1)
    after, after_counters = tile.state()
    assert counters == after_counters
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, after[name], err_msg=name)
    with pytest.raises(mho.MhoError, match="at most 64"):
        Tile(
            3,
            2,
            rule=mho.rules.MixedPrecision(transfer_update=endless.replace(bl=1), transfer_lr=100),
            seed=1,
        )


def test_setting_the_weight_puts_the_other_arrays_at_rest():
    rule = AGAD(fast_lr=0.3, in_chop_prob=0.5, gamma=0.5)
    tile = Tile(SHAPE[1], SHAPE[0], device=SOFT, rule=rule, seed=1)
    x, d = problem()
    tile.update(x, d, 0.1)
    target = np.full(SHAPE, 0.05, np.float32)
    assert tile.set_weight(target) == 0
    np.testing.assert_array_equal(tile.weight, target)
    for name in ("fast/weight", "buffer", "running_mean", "reference"):
        assert not tile.devices[name].any(), name


@pytest.mark.parametrize(
    "rule",
    [
        RIDER(fast_lr=2.0, gamma=0.2),
        RIDER(fast_lr=2.0, gamma=0.2, buffer_granularity=1.0),
        ERIDER(fast_lr=2.0, gamma=0.2, in_chop_prob=0.5),
    ],
)
@pytest.mark.parametrize("columns", [True, False])
def test_setting_the_weight_forgets_the_symmetry_points(rule, columns):
    # Some devices cannot be at 0: the main array makes up for what the fast one shows at rest.
    rule = rule.replace(transfer_columns=columns, fast_device=SoftBounds(dw_min=0.01, stuck_prob=0.2))
    tile = Tile(SHAPE[1], SHAPE[0], device=SOFT, rule=rule, seed=1)
    x, d = problem()
    tile.update(x, d, 0.1)
    assert tile.devices["running_mean"].any()
    signs = tile.devices["in_chopper"] if isinstance(rule, ERIDER) else None
    target = np.full(SHAPE, 0.05, np.float32)
    assert tile.set_weight(target) == 0
    np.testing.assert_allclose(tile.weight, target, atol=1e-6)
    rest = np.clip(0, tile.devices["fast/w_min"], tile.devices["fast/w_max"])
    np.testing.assert_array_equal(tile.devices["fast/weight"], rest)
    assert rest.any()
    assert not tile.devices["running_mean"].any()
    assert ("buffer" in set(tile.devices)) == (rule.buffer_granularity > 0)
    if rule.buffer_granularity:
        assert not tile.devices["buffer"].any()
    if signs is not None:
        assert not tile.devices["reference"].any()
        np.testing.assert_array_equal(tile.devices["in_chopper"], signs)
        assert (signs < 0).any()


@pytest.mark.parametrize("device", [SOFT, mho.devices.Ideal()])
def test_lines_that_were_read_are_reset_and_counted(device):
    rule = TikiTaka(fast_device=device, reset_prob=1.0, transfer_every=SAMPLES // 2)
    tile = Tile(SHAPE[1], SHAPE[0], device=SOFT, rule=rule, seed=1)
    x, d = problem()
    tile.update(x, d, 0.1)
    fast = tile.devices["fast/weight"]
    # The second column was reset after the last sample: to 0, but for the noise of the write and the reset.
    assert np.abs(fast[:, 1]).max() < 5 * getattr(device, "reset_std", 0.0) + 1e-6
    assert np.abs(fast[:, 2:]).max() > 0.1
    assert tile.costs.line_reads == tile.costs.line_resets == 2
    assert (tile.costs + tile.costs).line_resets == 4
    with pytest.raises(mho.MhoError, match=r"TikiTaka.reset_prob must be >= 0 and <= 1, got 2"):
        TikiTaka(reset_prob=2.0)


def test_what_only_several_arrays_have():
    for rule in (TikiTaka, ResidualLearning):
        for field in ("transfer_every_growth", "transfer_lr_growth"):
            with pytest.raises(mho.MhoError, match=f"{rule.__name__}.{field} has no effect with two arrays"):
                rule(**{field: 3})
            assert getattr(rule(arrays=3, **{field: 3}), field) == 3
    with pytest.raises(mho.MhoError, match="RIDER has no parameter arrays"):
        RIDER(arrays=3)
    with pytest.raises(mho.MhoError, match="transfer_order must be one of 'sequential', 'random'"):
        TikiTaka(transfer_order="backwards")


def test_a_state_without_later_counters_is_loaded():
    """Counters that only some options need are no part of other states."""
    tile = Tile(SHAPE[1], SHAPE[0], device=SOFT, rule=TikiTaka(), seed=1)
    assert not {"transfer_line_reads", "transfer_resets"} & tile.state()[1].keys()
    random = Tile(SHAPE[1], SHAPE[0], device=SOFT, rule=TikiTaka(transfer_order="random"), seed=1)
    x, d = problem()
    random.update(x, d, 0.1)
    counts = random.state()[1]["transfer_line_reads"]
    assert len(counts) == SHAPE[1]
    assert sum(counts) == SAMPLES
    with pytest.raises(mho.MhoError, match="counters of a state are incomplete"):
        random.load_state(*tile.state())


def steps_of_adam(gradients, lr, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """Sum of the changes that Adam makes, as Kingma and Ba write it."""
    first = second = total = np.zeros_like(gradients[0])
    for t, g in enumerate(gradients, start=1):
        first = beta1 * first + (1 - beta1) * g
        second = beta2 * second + (1 - beta2) * g * g
        total = total - lr * (first / (1 - beta1**t)) / (np.sqrt(second / (1 - beta2**t)) + epsilon)
    return total


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("rows", [0, 2])
def test_mixed_precision_writes_what_the_optimizer_wants(optimizer, rows):
    device = ConstantStep(
        dw_min=0.001,
        dw_min_dtod=0,
        dw_min_ctoc=0,
        up_down_dtod=0,
        w_max=10,
        w_min=-10,
        w_max_dtod=0,
        w_min_dtod=0,
    )
    rule = mho.rules.MixedPrecision(optimizer=optimizer, batch_size=6, rows_per_transfer=rows)
    tile = Tile(SHAPE[1], SHAPE[0], device=device, rule=rule, seed=3)
    x, d = problem()
    lr = 0.002
    tile.update(x, d, lr)
    gradients = [
        d[k : k + 6].T.astype(np.float64) @ x[k : k + 6].astype(np.float64) for k in range(0, SAMPLES, 6)
    ]
    if optimizer == "adam":
        wanted = steps_of_adam(gradients, lr)
    else:
        velocity, wanted = np.zeros(SHAPE), np.zeros(SHAPE)
        for g in gradients:
            velocity = (0.9 if optimizer == "momentum" else 0.0) * velocity + g
            wanted -= lr * velocity
    written, residual = tile.weight.astype(np.float64), tile.devices["residual"].astype(np.float64)
    np.testing.assert_allclose(written + residual, wanted, atol=2e-5)
    steps = written / device.dw_min
    np.testing.assert_allclose(steps, np.rint(steps), atol=0.01)
    assert np.abs(steps).max() > 3
    if rows == 0:
        assert np.abs(residual).max() < device.dw_min * 1.01


@pytest.mark.parametrize("side", ["x_bins", "d_bins"])
def test_either_operand_may_be_quantised_by_itself(side):
    rule = mho.rules.MixedPrecision(batch_size=SAMPLES + 1, stochastic_rounding=False, **{side: 7.0})
    tile = Tile(SHAPE[1], SHAPE[0], rule=rule, seed=3)
    x, d = problem()
    tile.update(x, d, 0.1)

    def quantised(values):
        width = np.abs(values).max(axis=1, keepdims=True) / 3
        return np.rint(values / width) * width

    expected = (quantised(d) if side == "d_bins" else d).T @ (quantised(x) if side == "x_bins" else x)
    np.testing.assert_allclose(tile.devices["gradient"], expected, rtol=1e-4, atol=1e-4)


def test_stochastic_rounding_of_the_operands_is_unbiased():
    rule = mho.rules.MixedPrecision(batch_size=10**6, x_bins=4.0)
    tile = Tile(3, 1, rule=rule, seed=5)
    n = 20000
    x = np.tile(np.array([[1.0, 0.3, -0.8]], np.float32), (n, 1))
    tile.update(x, np.ones((n, 1), np.float32), 0.1)
    mean = tile.devices["gradient"][0] / n
    # Bins of 1/2: the variance of a rounded value is at most (1/2)^2 / 4.
    np.testing.assert_allclose(mean, x[0], atol=5 * 0.25 / np.sqrt(n))


BATCH_RULES = {
    "a stream": StreamingBatch(rank=3, block_size=8),
    "a stream, sample by sample": StreamingBatch(rank=1, block_size=1),
    "a stream of one block": StreamingBatch(rank=5, block_size=100, trains_per_component=2),
    "a stream in as many trains as it needs": StreamingBatch(rank=2, trains_per_component=0),
    "power iteration": StreamingBatch(rank=2, method="power"),
    "power iteration of full rank": StreamingBatch(
        rank=9, method="power", iterations=1, trains_per_component=3
    ),
    "signs": SignUpdate(),
    "large signs": SignUpdate(threshold=0.3),
}


@pytest.mark.parametrize("rule", BATCH_RULES.values(), ids=BATCH_RULES)
def test_a_batch_rule_is_its_reference(rule):
    update = ONE_BY_ONE if isinstance(rule, StreamingBatch) else Update()
    tile = Tile(SHAPE[1], SHAPE[0], device=SOFT, rule=rule, update=update, seed=11)
    reference = getattr(reference_rules, type(rule).__name__)(tile)
    x, d = problem()
    for first in range(0, SAMPLES, 20):  # three batches
        part = slice(first, first + 20)
        tile.update(x[part], d[part], 0.1)
        reference.update(x[part], d[part], 0.1)
        np.testing.assert_allclose(tile.weight, reference.array.weight, atol=2e-5)
    assert tile.costs.array_updates == reference.array.step
    assert tile.pulses.total > 50
    if isinstance(rule, StreamingBatch) and rule.method == "streaming":
        found = tile.devices["d_vectors"]
        np.testing.assert_allclose(np.abs(found @ reference.d_unit), np.eye(len(found)), atol=1e-5)


def counting_devices(dw_min):
    """Devices that show how many pulses they got: all alike, without noise, far from their bounds."""
    return ConstantStep(
        dw_min=dw_min,
        dw_min_dtod=0,
        dw_min_ctoc=0,
        up_down_dtod=0,
        w_max=1e4,
        w_min=-1e4,
        w_max_dtod=0,
        w_min_dtod=0,
    )


@pytest.mark.parametrize(
    "update",
    [Update(), Update(update_management=False, update_bl_management=False), Update(bl=9)],
    ids=["managed", "plain", "short"],
)
@pytest.mark.parametrize("trains", [0, 40])
def test_the_mean_of_a_streaming_batch_is_that_of_its_gradient(update, trains):
    """Also where a pair asks for more pulses than a train can carry."""
    unit, lr, n = 2.0**-7, 0.4, 400
    x, d = (part[:20] for part in problem(3))
    wanted = -lr * d.T.astype(np.float64) @ x.astype(np.float64)
    assert np.abs(wanted).max() / unit > 2 * update.bl
    device = counting_devices(unit)

    def changes(rule):
        tile = Tile(SHAPE[1], SHAPE[0], device=device, rule=rule, update=update, seed=5)
        weights = [tile.weight]
        for _ in range(n):
            tile.update(x, d, lr)
            weights.append(tile.weight)
        return np.diff(np.array(weights, dtype=np.float64), axis=0)

    full = StreamingBatch(rank=5, method="power", trains_per_component=trains)
    found = changes(full)
    error = found.std(axis=0, ddof=1) / np.sqrt(n)
    assert (np.abs(found.mean(axis=0) - wanted) < 5 * error + 1e-4 * unit).all()
    # In one train, the largest changes are too small, and by far.
    clipped = changes(full.replace(trains_per_component=1))
    at = np.unravel_index(np.abs(wanted).argmax(), wanted.shape)
    error = clipped.std(axis=0, ddof=1)[at] / np.sqrt(n)
    assert np.abs(wanted[at]) - np.abs(clipped.mean(axis=0)[at]) > 20 * error


@pytest.mark.parametrize("rank", [1, 2, 4, 5])
def test_power_iteration_finds_the_largest_singular_pairs(rank):
    x, d = problem(7)
    rule = StreamingBatch(rank=rank, method="power", iterations=2000)
    tile = Tile(SHAPE[1], SHAPE[0], device=mho.devices.Ideal(), rule=rule, seed=5)
    tile.update(x, d, 0.1)
    left, strength, right = np.linalg.svd(d.T.astype(np.float64) @ x, full_matrices=False)
    best = (left[:, :rank] * strength[:rank]) @ right[:rank]
    np.testing.assert_allclose(tile.weight, -0.1 * best, atol=1e-5)


def test_a_stream_is_exact_for_one_sample_and_near_the_best_for_many():
    x, d = problem(9)
    one = Tile(SHAPE[1], SHAPE[0], device=mho.devices.Ideal(), rule=StreamingBatch(rank=3), seed=5)
    for s in range(4):
        before = one.weight.astype(np.float64)
        one.update(x[s : s + 1], d[s : s + 1], 0.1)
        np.testing.assert_allclose(one.weight - before, -0.1 * np.outer(d[s], x[s]), atol=1e-6)
    # A gradient of two directions, one of them stronger, and noise.
    generator = np.random.default_rng(3)
    strong = generator.normal(size=(2, SHAPE[1])), generator.normal(size=(2, SHAPE[0]))
    shares = np.array([3.0, 1.0]) * generator.uniform(0.5, 1.5, size=(400, 2))
    x = shares @ strong[0] + 0.1 * generator.normal(size=(400, SHAPE[1]))
    d = shares @ strong[1] + 0.1 * generator.normal(size=(400, SHAPE[0]))
    tile = Tile(SHAPE[1], SHAPE[0], device=mho.devices.Ideal(), rule=StreamingBatch(rank=2), seed=5)
    tile.update(x, d, 0.01)
    gradient = d.T @ x
    strength = np.linalg.svd(gradient, compute_uv=False)
    best = np.sqrt((strength[2:] ** 2).sum())
    assert np.linalg.norm(tile.weight / -0.01 - gradient) < best + 0.1 * np.linalg.norm(gradient)
    vectors = tile.devices["x_vectors"]
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(2), atol=1e-5)


def test_a_stream_begins_anew_where_its_errors_were_silent():
    """A line that never had an error, or none any more, says nothing about the others."""
    tile = Tile(4, 3, device=mho.devices.Ideal(), rule=StreamingBatch(rank=1), seed=5)
    x = np.array([[0.0, 1.0, 2.0, 0.0]])
    for line in (2, 1, 2):
        d = np.eye(3)[[line]]
        before = tile.weight
        tile.update(x, d, 0.5)
        np.testing.assert_allclose(tile.weight - before, -0.5 * d.T @ x, atol=1e-6)


@pytest.mark.parametrize("rule", BATCH_RULES.values(), ids=BATCH_RULES)
def test_a_batch_without_a_gradient_moves_nothing(rule):
    tile = Tile(SHAPE[1], SHAPE[0], device=SOFT, rule=rule, seed=5)
    x, d = problem()
    for batch in ((0 * x, d), (x, 0 * d), (x[:0], d[:0])):
        tile.update(*batch, 0.1)
    tile.update(x, d, 0.0)
    assert tile.pulses.total == 0
    tile.update(x, d, 0.1)
    assert tile.pulses.total > 0


def test_batch_rules_refuse_what_they_cannot_do():
    rule = StreamingBatch(trains_per_component=0)
    with pytest.raises(mho.MhoError, match="trains_per_component must be at least 1 with instances"):
        Tile(3, 2, rule=rule, instances=2, seed=1)
    Tile(3, 2, rule=rule, seed=1)
    huge = np.full((20, 3), 3e38, np.float32)
    tile = Tile(3, 2, device=mho.devices.Ideal(), rule=StreamingBatch(rank=1), seed=1)
    before, counters = tile.state()
    with pytest.raises(mho.MhoError, match="too large"):
        tile.update(huge, huge[:, :2], 0.1)
    after, after_counters = tile.state()
    assert counters == after_counters
    for name, array in before.items():
        np.testing.assert_array_equal(array, after[name], err_msg=name)
    tile = Tile(3, 2, device=counting_devices(0.01), rule=SignUpdate(), seed=1)
    tile.update(huge, huge[:, :2], 0.1)  # only its sign counts
    np.testing.assert_allclose(tile.weight, -0.01)
