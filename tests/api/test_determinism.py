"""The randomness contract, line by line: what must be bit-identical is, and what must be independent is."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import threading

import numpy as np
import pytest
from scipy import stats

import mho
from mho import IO, Seed, Tile, Update, _core, nn, rules
from mho.devices import (
    ConstantStep,
    ExpStep,
    HiddenStep,
    Ideal,
    JumpTable,
    LinearStep,
    MultiSignificance,
    OneSided,
    PiecewiseStep,
    PowStep,
    PowStepReference,
    Reference,
    Response,
    Retention,
    SoftBounds,
    SoftBoundsReference,
    Vector,
)
from mho.errors import MhoRuntimeError

DEVICES = {
    "Ideal": Ideal(),
    "ConstantStep": ConstantStep(),
    "SoftBounds": SoftBounds(dw_min=0.02, write_noise_std=2.0, stuck_prob=0.05),
    "LinearStep": LinearStep(gamma_up=0.3, gamma_down=0.2, mult_noise=False, dw_min=0.005),
    "ExpStep": ExpStep(dw_min=0.002),
    "PowStep": PowStep(dw_min=0.002),
    "reram_es": mho.presets.reram_es(),
    "Vector": Vector(
        devices=(SoftBounds(dw_min=0.02, write_noise_std=2.0), PowStep(dw_min=0.002)),
        gamma=(0.7, -0.4),
        policy="random",
    ),
    "Reference": Reference(device=SoftBounds(dw_min=0.01), reference_std=0.1),
    # Refreshes and transfers that fall within batches, and between them.
    "OneSided": (
        pair := OneSided(
            device=ConstantStep(dw_min=0.02, w_min=0.0), refresh_every=3, refresh_upper=0.3, refresh_lower=0.1
        )
    ),
    "MultiSignificance": MultiSignificance(
        pair=pair, capacitor=SoftBounds(dw_min=0.01, up_down=0.2), transfer_every=5, reference_std=0.05
    ),
    "cells": Vector(devices=(pair, Reference(device=ConstantStep(write_noise_std=5.0))), policy="sequential"),
    "ageing": SoftBounds(
        dw_min=0.01,
        write_noise_std=1.0,
        reset_dtod=0.1,
        retention=Retention(
            lifetime=50.0,
            lifetime_dtod=0.3,
            diffusion=0.01,
            drift_nu=0.05,
            drift_nu_dtod=0.3,
            drift_nu_ctoc=0.2,
        ),
    ),
    "wearing": ConstantStep(dw_min=0.01, endurance=12, endurance_dtod=0.5, states=15, stuck_prob=0.05),
    "PiecewiseStep": PiecewiseStep(nodes_up=(1.6, 1.0, 0.3), nodes_down=(0.2, 0.9, 1.7), dw_min=0.002),
    "Response": Response.exponential(tau=0.6, gamma=1.5, dw_min=0.002),
    "JumpTable": JumpTable(up=[[0, 1, 4], [-1, 0, 1]], down=[[-0.2, 0.1, 0.3], [0, 1, 2]], dw_min=0.005),
    "pcm": mho.presets.pcm(),
    "SoftBoundsReference": SoftBoundsReference(
        dw_min=0.01, up_down=0.2, reference_std=0.1, subtract_symmetry_point=True, stuck_prob=0.05
    ),
    "PowStepReference": PowStepReference(dw_min=0.01, up_down=0.2, subtract_symmetry_point=True),
    "HiddenStep": HiddenStep(dw_min=0.002, hidden_states=3),
    "reram_array_om": mho.presets.reram_array_om(),
}
RULES = {
    "TikiTaka": rules.TikiTaka(transfer_every=3, arrays=3, gamma=0.2, transfer_columns=False),
    "TikiTaka2": rules.TikiTaka2(fast_lr=0.05),
    "StochasticHamiltonian": rules.StochasticHamiltonian(transfer_every=2, gamma=0.3),
    "ChoppedTikiTaka2": rules.ChoppedTikiTaka2(out_chop_prob=0.3, auto_scale=True, gamma=0.1),
    "AGAD": rules.AGAD(fast_lr=0.05, transfer_every=2),
    "ResidualLearning": rules.ResidualLearning(filter=0.3),
    "TikiTaka2 with a fast cell": rules.TikiTaka2(fast_lr=0.2, fast_device=pair, transfer_every=2),
    "MixedPrecision": rules.MixedPrecision(optimizer="adam", batch_size=10, x_bins=15.0, rows_per_transfer=7),
    "ResidualLearning of four arrays": rules.ResidualLearning(
        fast_lr=5.0, arrays=4, gamma=0.5, transfer_every_growth=3, transfer_lr=5.0, transfer_lr_growth=1.2
    ),
    "RIDER": rules.RIDER(fast_lr=3.0, filter=0.2, transfer_columns=False),
    "ERIDER": rules.ERIDER(fast_lr=3.0, filter=0.2, in_chop_prob=0.3, transfer_every=2),
    "AGAD at random": rules.AGAD(fast_lr=0.05, in_chop_prob=0.5, transfer_order="random", gamma=0.1),
    "TikiTaka, reset": rules.TikiTaka(arrays=3, transfer_every_growth=2, reset_prob=0.3, gamma=0.2),
    "ERIDER at random and reset": rules.ERIDER(
        fast_lr=3.0, in_chop_prob=0.3, transfer_order="random", reset_prob=0.5, fast_device=pair
    ),
    "ERIDER, buffered": rules.ERIDER(
        fast_lr=3.0, filter=0.2, in_chop_prob=0.3, buffer_granularity=1.0, auto_granularity=10, gamma=0.2
    ),
}
BATCH_RULES = {
    "StreamingBatch": rules.StreamingBatch(rank=4, block_size=7),
    "StreamingBatch of stored batches": rules.StreamingBatch(rank=4, method="power", trains_per_component=2),
    "SignUpdate": rules.SignUpdate(threshold=0.1),
}
UPDATES = {
    "default": Update(),
    "long": Update(bl=64, update_bl_management=False),
    "rounded": Update(res=0.05, sto_round=True),
    "pulse-by-pulse": Update(pulse_by_pulse=True),
    "mean-count": Update(pulse_type="mean_count"),
    "implicit": Update(pulse_type="deterministic_implicit"),
}
NOISY = IO(
    inp_noise=0.02,
    inp_sto_round=True,
    out_sto_round=True,
    out_noise_std=0.2,
    w_noise=0.02,
    w_noise_type="additive_constant",
    v_offset_std=0.01,
    out_bound=3.0,
)
AVERAGE = IO(noise_management="average_abs_max", nm_decay=0.05)
TWO_PASSES = IO(mv_type="pos_neg_separate_digital_sum", w_read_asymmetry_dtod=0.1, ir_drop=1.0)
each_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
each_batch_rule = pytest.mark.parametrize("rule", BATCH_RULES.values(), ids=BATCH_RULES)
every_rule = pytest.mark.parametrize(
    "rule", [*RULES.values(), *BATCH_RULES.values()], ids=[*RULES, *BATCH_RULES]
)
each_device = pytest.mark.parametrize("device", DEVICES.values(), ids=DEVICES)


@pytest.fixture(autouse=True)
def restored_threads():
    before = mho.get_num_threads()
    yield
    mho.set_num_threads(before)


def normal(*shape, seed=0, scale=1.0):
    x = scale * np.random.default_rng(seed).normal(size=shape)
    x[np.abs(x) < 0.05 * scale] = 0
    return x.astype(np.float32)


def assert_same(a, b, what=""):
    np.testing.assert_array_equal(np.asarray(a).view(np.uint32), np.asarray(b).view(np.uint32), err_msg=what)


def assert_same_state(a, b):
    (arrays, counters), (others, other_counters) = a.state(), b.state()
    assert arrays.keys() == others.keys()
    for name, array in arrays.items():
        assert_same(array, others[name], name)
    assert counters == other_counters


def correlation_sigmas(a, b):
    """How many sigma a correlation of independent numbers lies from zero."""
    a, b = (np.asarray(v, dtype=np.float64).ravel() for v in (a, b))
    return abs(np.corrcoef(a, b)[0, 1]) * np.sqrt(len(a))


def work(tile, x, d, lr=0.05):
    """Some of everything, and all that came of it."""
    results = [tile.forward(x), tile.backward(d)]
    tile.update(x, d, lr)
    tile.elapse(3.0)
    tile.reset(np.arange(tile.in_features * tile.out_features).reshape(tile.weight.shape[-2:]) % 7 == 0)
    results += [
        tile.forward(x, evaluation=True),
        tile.backward(d, evaluation=True),
        tile.forward(x, noise=False),
    ]
    tile.update(x, d, lr)
    return [*results, tile.weight]


# ------------------------------------------------------------------------------------- threads and processes


@pytest.mark.parametrize(
    ("device", "io"),
    [
        *((device, NOISY) for device in DEVICES.values()),
        *((DEVICES["SoftBounds"], io) for io in (IO(), IO.perfect(), AVERAGE, TWO_PASSES)),
    ],
    ids=[*DEVICES, "default", "perfect", "average", "passes"],
)
def test_any_number_of_threads(device, io):
    # Divided even where it is little work: by samples, by rows, by panels of output lines.
    shape, batch = (135, 130), 100
    x, d = normal(batch, shape[1]), normal(batch, shape[0], seed=1)
    results = {}
    for threads in (1, 2, 4, 7):
        _core.set_num_threads(threads, always=True)
        tile = Tile(shape[1], shape[0], device=device, forward_io=io, backward_io=io, seed=7)
        tile.weight = normal(*shape, seed=2, scale=0.1)
        results[threads] = [*work(tile, x, d, 0.004), *(tile.devices[name] for name in tile.devices)], tile
    if mho.build_info()["openmp"] and os.path.isdir("/proc/self/task"):  # noqa: PTH112
        assert len(os.listdir("/proc/self/task")) >= 7  # noqa: PTH208
    for threads in (2, 4, 7):
        for a, b in zip(results[1][0], results[threads][0], strict=True):
            assert_same(a, b, f"{threads} threads")
        assert results[1][1].pulses == results[threads][1].pulses


@pytest.mark.parametrize("batch", [1, 3, 10, 70])
def test_vectors_with_common_zeros_on_any_number_of_threads(batch):
    # Images: products that leave out the inputs that are zero in all of them.
    x = normal(batch, 90)
    x[:, np.arange(90) % 3 != 0] = 0
    results = {}
    for threads in (1, 2, 4, 7):
        _core.set_num_threads(threads, always=True)
        tile = Tile(90, 300, forward_io=NOISY, seed=7)
        tile.weight = normal(300, 90, seed=2, scale=0.1)
        results[threads] = tile.forward(x)
    for threads in (2, 4, 7):
        assert_same(results[1], results[threads], f"{threads} threads")
    tile = Tile(90, 300, forward_io=IO.perfect(), seed=7)
    tile.weight = normal(300, 90, seed=2, scale=0.1)
    product = x.astype(np.float64) @ tile.weight.T.astype(np.float64)
    np.testing.assert_allclose(tile.forward(x), product, rtol=0, atol=2e-5 * np.abs(product).max())


def test_any_number_of_threads_over_instances():
    x, d = normal(70, 40), normal(3, 70, 30, seed=1)
    results = {}
    for threads in (1, 2, 4, 7):
        _core.set_num_threads(threads, always=True)
        tile = Tile(40, 30, device=DEVICES["SoftBounds"], forward_io=NOISY, instances=3, seed=7)
        results[threads] = work(tile, x, d)
    for threads in (2, 4, 7):
        for a, b in zip(results[1], results[threads], strict=True):
            assert_same(a, b)


def in_child(connection, tile, x, d):
    results = work(tile, x, d)
    connection.send((mho.get_num_threads(), results))
    connection.close()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_computes_the_same_bits():
    _core.set_num_threads(4, always=True)
    x, d = normal(130, 140), normal(130, 150, seed=1)

    def fresh():
        tile = Tile(140, 150, device=DEVICES["SoftBounds"], forward_io=NOISY, seed=7)
        work(tile, x, d)  # threads exist from here on
        return tile

    tile, other = fresh(), fresh()
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=in_child, args=(there, tile, x, d))
    child.start()
    there.close()
    try:
        assert here.poll(60), "the child hangs"
        threads, results = here.recv()
        child.join(20)
        assert child.exitcode == 0
    finally:
        if child.is_alive():
            child.kill()
            child.join()
    assert threads == 1
    for a, b in zip(results, work(other, x, d), strict=True):
        assert_same(a, b)
    # Nor does the parent notice.
    work(tile, x, d)
    assert_same_state(tile, other)


def test_two_threads_in_one_tile():
    def fresh():
        return Tile(512, 512, device=SoftBounds(), seed=7)

    mho.set_num_threads(1)
    batch = 100
    for _ in range(6):
        x, d = normal(batch, 512), normal(batch, 512, seed=1)
        tile = fresh()
        before = tile.state()
        calls = {
            "forward": lambda t=tile: t.forward(np.ones((1, 512))),
            "backward": lambda t=tile: t.backward(np.ones((1, 512))),
            "update": lambda t=tile: t.update(np.ones((1, 512)), np.ones((1, 512)), 0.1),
            "set_weight": lambda t=tile: t.set_weight(np.zeros((512, 512))),
            "load_state": lambda t=tile, state=before: t.load_state(*state),
            "weight": lambda t=tile: t.weight,
            "state": lambda t=tile: t.state(),
        }
        thread = threading.Thread(target=tile.update, args=(x, d, 0.1))
        thread.start()
        while thread.is_alive():
            try:
                _ = tile.weight
            except MhoRuntimeError:
                break
        refused = []
        for name, call in calls.items():
            try:
                call()
            except MhoRuntimeError as error:
                refused.append((name, str(error)))
            else:
                break  # the update was over before: once more, with a longer one
        thread.join()
        if len(refused) == len(calls):
            assert all("another thread" in message for _, message in refused), refused
            break
        batch *= 2
    else:
        pytest.fail("no update was long enough to be met by a second call")
    alone = fresh()
    alone.update(x, d, 0.1)
    assert_same_state(tile, alone)


# ----------------------------------------------------------------------------------------- batches and steps


@pytest.mark.parametrize(
    ("device", "update"),
    [
        pytest.param(device, update, id=f"{name}-{kind}")
        for name, device in DEVICES.items()
        for kind, update in UPDATES.items()
        if name != "Ideal" or kind == "default"
    ],
)
def test_an_update_of_64_is_two_of_32_and_64_of_one(device, update):
    x, d = normal(64, 37), normal(64, 22, seed=1)
    x[5] = 0
    d[40] = 0
    x[17] *= 100
    tiles = []
    for size in (64, 32, 1, 13):
        tile = Tile(37, 22, device=device, update=update, seed=7)
        tile.weight = normal(22, 37, seed=2, scale=0.1)
        for first in range(0, 64, size):
            tile.update(x[first : first + size], d[first : first + size], 0.03)
        tiles.append(tile)
    for tile in tiles[1:]:
        assert_same_state(tiles[0], tile)
    if device != DEVICES["Ideal"]:
        assert tiles[0].pulses.total > 1000


def test_updates_of_more_than_a_chunk_and_over_instances():
    x, d = normal(2, 200, 37), normal(200, 22, seed=1)
    tiles = []
    for size in (200, 65, 1):
        tile = Tile(37, 22, device=DEVICES["SoftBounds"], instances=2, seed=7)
        for first in range(0, 200, size):
            tile.update(x[:, first : first + size], d[first : first + size], 0.03)
        tiles.append(tile)
    assert_same_state(tiles[0], tiles[1])
    assert_same_state(tiles[0], tiles[2])


@each_rule
def test_a_rule_counts_samples_and_not_calls(rule):
    x, d = normal(128, 18), normal(128, 13, seed=1, scale=0.3)
    whole, halves, single = (Tile(18, 13, device=DEVICES["SoftBounds"], rule=rule, seed=4) for _ in range(3))
    whole.update(x, d, 0.1)
    for part in range(0, 128, 32):
        halves.update(x[part : part + 32], d[part : part + 32], 0.1)
    for s in range(128):
        single.update(x[s : s + 1], d[s : s + 1], 0.1)
    assert_same_state(whole, halves)
    assert_same_state(whole, single)
    assert_same(whole.forward(x), single.forward(x))


@each_batch_rule
def test_a_batch_rule_takes_a_call_for_a_batch(rule):
    assert isinstance(rule, rules.BatchRule)
    assert "one call of" in type(rule).__bases__[0].__doc__
    x, d = normal(64, 18), normal(64, 13, seed=1, scale=0.3)
    whole, again, halves = (Tile(18, 13, device=DEVICES["SoftBounds"], rule=rule, seed=4) for _ in range(3))
    whole.update(x, d, 0.1)
    again.update(x, d, 0.1)
    for part in (slice(0, 32), slice(32, 64)):
        halves.update(x[part], d[part], 0.1)
    assert_same_state(whole, again)
    assert 2 * whole.costs.array_updates == halves.costs.array_updates


def test_all_other_rules_count_samples():
    tested = {type(rule) for rule in RULES.values()} | {rules.SGD}
    registered = {rules.Rule._models[name] for name in rules.Rule.types()}
    assert registered - tested == {type(rule) for rule in BATCH_RULES.values()}


@every_rule
def test_a_rule_on_any_number_of_threads_and_over_instances(rule):
    device = DEVICES["SoftBounds"]
    x, d = normal(64, 70, seed=2), normal(64, 40, seed=3, scale=0.3)
    states, outputs = [], []
    for threads in (1, 2, 4, 7):
        _core.set_num_threads(threads, always=True)
        tiles = Tile(70, 40, device=device, rule=rule, seed=4, instances=3)
        for _ in range(3):
            outputs.append(tiles.forward(x))
            tiles.update(x, d, 0.1)
        states.append(tiles)
        assert_same_state(states[0], tiles)
        assert_same(outputs[-1], outputs[2])
    single = Tile(70, 40, device=device, rule=rule, seed=Seed(4).child("instance2"))
    for _ in range(3):
        single.forward(x)
        single.update(x, d, 0.1)
    for name, array in single.state()[0].items():
        assert_same(array, states[0].devices[name][2], name)


@every_rule
@pytest.mark.parametrize("instances", [None, 2])
def test_a_rule_saved_and_loaded_goes_on(tmp_path, rule, instances):
    x, d = normal(45, 18), normal(45, 13, seed=1, scale=0.3)
    tile = Tile(18, 13, device=DEVICES["SoftBounds"], rule=rule, seed=4, instances=instances)
    tile.update(x, d, 0.1)
    tile.save(tmp_path / "tile.safetensors")
    again = Tile.load(tmp_path / "tile.safetensors")
    assert_same_state(tile, again)
    assert_same(tile.weight, again.weight)
    for t in (tile, again):
        t.update(x, d, 0.1)
    assert_same_state(tile, again)
    assert tile.costs == again.costs


def test_the_arrays_of_a_rule_age_and_go_on(tmp_path):
    leaking = SoftBounds(dw_min=0.02, retention=Retention(lifetime=50.0, diffusion=0.01))
    rule = rules.TikiTaka2(fast_lr=0.2, fast_device=leaking, gamma=0.3)
    x, d = normal(45, 18), normal(45, 13, seed=1, scale=0.3)
    tile = Tile(18, 13, device=DEVICES["SoftBounds"], rule=rule, seed=4)
    tile.update(x, d, 0.1)
    before, seen = tile.devices["fast/weight"], tile.weight
    tile.elapse(5.0)
    assert (tile.devices["fast/weight"] != before).mean() > 0.9
    assert (tile.weight != seen).mean() > 0.9
    tile.save(tmp_path / "tile.safetensors")
    again = Tile.load(tmp_path / "tile.safetensors")
    for t in (tile, again):
        t.elapse(5.0)
        t.update(x, d, 0.1)
    assert_same_state(tile, again)
    assert_same(tile.weight, again.weight)


def test_a_digital_bias_is_accumulated_sample_by_sample():
    x, d = normal(64, 20), normal(64, 33)
    results = []
    for size in (64, 32, 1):
        layer = nn.Linear(20, 33, device=Ideal(), seed=4)
        layer.bias = normal(33, seed=1)
        for first in range(0, 64, size):
            some = slice(first, first + size)
            _, saved = layer.forward(x[some])
            layer.update(d[some], saved, 0.1)
        results.append(layer.bias)
    assert_same(results[0], results[1])
    assert_same(results[0], results[2])
    expected = normal(33, seed=1)
    for row in d:
        expected -= np.float32(0.1) * row
    assert_same(results[0], expected)


BEFORE_THE_ADC = {
    "default": IO(out_res=0, bound_management="none"),
    "noisy": NOISY.replace(out_res=0, out_sto_round=False, out_bound=0, bound_management="none"),
    "passes": TWO_PASSES.replace(out_res=0, bound_management="none"),
    "average": AVERAGE.replace(out_res=0, bound_management="none"),
    "perfect": IO.perfect(),
}


@pytest.mark.parametrize("evaluation", [False, True])
@pytest.mark.parametrize("io", BEFORE_THE_ADC.values(), ids=BEFORE_THE_ADC)
def test_a_forward_of_64_is_64_of_one_but_for_rounding(io, evaluation):
    x, d = normal(64, 137), normal(64, 65, seed=1)

    def fresh():
        tile = Tile(137, 65, device=Ideal(), forward_io=io, backward_io=io, seed=7)
        tile.weight = normal(65, 137, seed=2, scale=0.1)
        tile.forward(x[:3])
        tile.backward(d[:3])
        return tile

    whole, single, halves = fresh(), fresh(), fresh()
    for vectors, name in ((x, "forward"), (d, "backward")):
        y = getattr(whole, name)(vectors, evaluation=evaluation)
        ones = [getattr(single, name)(v[None], evaluation=evaluation) for v in vectors]
        two = [getattr(halves, name)(v, evaluation=evaluation) for v in (vectors[:32], vectors[32:])]
        for other in (ones, two):
            np.testing.assert_allclose(np.concatenate(other), y, rtol=1e-5, atol=5e-6)
    assert whole.state()[1] == single.state()[1] == halves.state()[1]


def test_a_forward_of_64_is_64_of_one_but_for_steps_of_the_adc():
    x = normal(64, 137)
    io = NOISY.replace(bound_management="none", out_bound=12.0)
    tiles = [Tile(137, 65, device=Ideal(), forward_io=io, seed=7) for _ in range(2)]
    for tile in tiles:
        tile.weight = normal(65, 137, seed=2, scale=0.1)
    whole, single = tiles[0].forward(x), np.concatenate([tiles[1].forward(v[None]) for v in x])
    step = 2 * io.out_bound * io.out_res * np.abs(x).max(axis=1, keepdims=True)
    off = np.abs(whole - single) / step
    assert off.max() < 1.01
    assert np.mean(off > 0.01) < 0.002


# --------------------------------------------------------------------------------------------- save and load


@each_device
@pytest.mark.parametrize("instances", [None, 2])
def test_save_load_and_continue(tmp_path, device, instances):
    x, d = normal(20, 37), normal(20, 22, seed=1)
    tile = Tile(
        37,
        22,
        device=device,
        forward_io=AVERAGE,
        backward_io=AVERAGE,
        instances=instances,
        seed=Seed(7, "net/0"),
    )
    work(tile, x, 2 * d)
    tile.save(tmp_path / "tile")
    loaded = Tile.load(tmp_path / "tile")
    assert_same_state(tile, loaded)
    assert loaded.seed == tile.seed
    assert loaded.config == tile.config
    assert loaded.instances == instances
    arrays, counters = tile.state()
    returned = Tile(37, 22, config=tile.config, instances=instances, seed=tile.seed)
    returned.load_state(arrays, counters)
    first = work(tile, d @ normal(22, 37, seed=3), d)
    for other in (loaded, returned):
        for a, b in zip(first, work(other, d @ normal(22, 37, seed=3), d), strict=True):
            assert_same(a, b)
        assert_same_state(tile, other)
    if isinstance(device, OneSided | MultiSignificance):
        done = sum(sum(n) for name, n in counters.items() if name.endswith(("refreshed", "transfers")))
        later = sum(
            sum(n) for name, n in tile.state()[1].items() if name.endswith(("refreshed", "transfers"))
        )
        assert later > done > 0
    # And back again: what followed then follows now.
    tile.load_state(arrays, counters)
    for a, b in zip(first, work(tile, d @ normal(22, 37, seed=3), d), strict=True):
        assert_same(a, b)
    if device != DEVICES["Ideal"]:
        assert counters["running_averages"][0] > 0


@each_device
def test_evaluating_changes_no_bit_of_a_training(device):
    x, d = normal(20, 37), normal(20, 22, seed=1)
    runs = []
    for evaluations in (0, 1, 5):
        tile = Tile(37, 22, device=device, forward_io=AVERAGE, backward_io=NOISY, seed=7)
        results = []
        for _ in range(3):
            for _ in range(evaluations):
                tile.forward(100 * x[: evaluations + 1], evaluation=True)
                tile.backward(100 * d, evaluation=True)
                tile.forward(x, evaluation=True, noise=False)
                _ = tile.weight
            results += [tile.forward(x), tile.backward(d)]
            tile.update(x, d, 0.05)
            results.append(tile.weight)
        runs.append(results)
    for run in runs[1:]:
        for a, b in zip(runs[0], run, strict=True):
            assert_same(a, b)


# ------------------------------------------------------------------------------------ seeds and independence


def test_one_seed_repeats_and_two_differ():
    x, d = normal(20, 37), normal(20, 22, seed=1)

    def run(seed):
        return work(Tile(37, 22, forward_io=NOISY, backward_io=NOISY, seed=seed), x, d)

    first = run(7)
    for same in (7, Seed(7), np.int64(7)):
        for a, b in zip(first, run(same), strict=True):
            assert_same(a, b)
    for seed in (8, 7 + 2**32, 7 + 2**63, Seed(7, "a")):
        for a, b in zip(first, run(seed), strict=True):
            assert np.mean(a == b) < 0.2
    drawn = [Tile(3, 2) for _ in range(2)]
    assert drawn[0].seed != drawn[1].seed
    assert_same_state(drawn[0], Tile(3, 2, seed=drawn[0].seed.value))


def test_an_instance_is_the_tile_with_the_childs_path():
    x, d = normal(3, 20, 37), normal(20, 22, seed=1)
    seed = Seed(7, "net/0")
    many = Tile(
        37, 22, device=DEVICES["SoftBounds"], forward_io=NOISY, backward_io=AVERAGE, instances=3, seed=seed
    )
    many.weight = normal(22, 37, seed=2, scale=0.1)
    results = work(many, x, d)
    arrays, counters = many.state()
    for k in range(3):
        one = Tile(
            37,
            22,
            device=DEVICES["SoftBounds"],
            forward_io=NOISY,
            backward_io=AVERAGE,
            seed=seed.child(f"instance{k}"),
        )
        one.weight = normal(22, 37, seed=2, scale=0.1)
        for a, b in zip(results, work(one, x[k], d), strict=True):
            assert_same(a[k], b)
        own, own_counters = one.state()
        for name, array in own.items():
            assert_same(arrays[name][k], array, name)
        assert [counters[n][k] for n in ("pulses_up", "pulses_down")] == [
            own_counters[n][0] for n in ("pulses_up", "pulses_down")
        ]
        assert counters["running_averages"][2 * k : 2 * k + 2] == own_counters["running_averages"]


@pytest.mark.parametrize("name", ["Vector", "Reference", "OneSided", "MultiSignificance", "cells"])
def test_an_instance_of_cells_is_the_tile_with_the_childs_path(name):
    x, d = normal(3, 20, 37), normal(20, 22, seed=1)
    seed = Seed(7, "net/0")
    many = Tile(37, 22, device=DEVICES[name], instances=3, seed=seed)
    results = work(many, x, d)
    arrays, counters = many.state()
    for k in range(3):
        one = Tile(37, 22, device=DEVICES[name], seed=seed.child(f"instance{k}"))
        for a, b in zip(results, work(one, x[k], d), strict=True):
            assert_same(a[k], b)
        own, own_counters = one.state()
        for array in own:
            assert_same(arrays[array][k], own[array], array)
        for counter, values in own_counters.items():
            if isinstance(values, list) and counter != "running_averages":
                assert counters[counter][k] == values[0], counter


def test_paths_purposes_and_steps_are_uncorrelated():
    n = 200_000
    key = Seed(7, "a").key
    base = _core.random_gaussian(key, 0x10, 5, n)
    others = {
        "path": _core.random_gaussian(Seed(7, "b").key, 0x10, 5, n),
        "empty path": _core.random_gaussian(Seed(7).key, 0x10, 5, n),
        "seed": _core.random_gaussian(Seed(8, "a").key, 0x10, 5, n),
        "purpose": _core.random_gaussian(key, 0x11, 5, n),
        "step": _core.random_gaussian(key, 0x10, 6, n),
        "high step": _core.random_gaussian(key, 0x10, 5 + 2**32, n),
        "element": np.roll(base, 1),
        "group": np.roll(base, 64),
        "word": np.roll(base, 16),
    }
    for name, other in others.items():
        assert correlation_sigmas(base, other) < 5, name
        assert correlation_sigmas(base**2, other**2) < 5, name
        assert correlation_sigmas(np.abs(base), other) < 5, name


def test_devices_are_uncorrelated():
    def arrays(seed):
        tile = Tile(203, 201, device=LinearStep(dw_min_ctoc=0), seed=seed)
        return {
            name: tile.devices[name] for name in ("dw_min_up", "w_max", "w_min", "slope_up", "slope_down")
        }

    one, two = arrays(Seed(7, "a")), arrays(Seed(7, "b"))
    for name, values in one.items():
        assert correlation_sigmas(values, two[name]) < 5, name
        for axis, shift in ((0, 1), (0, 2), (0, 4), (1, 1), (1, 16)):
            assert correlation_sigmas(values, np.roll(values, shift, axis)) < 5, (name, axis, shift)
    for a, b in (("dw_min_up", "w_max"), ("dw_min_up", "w_min"), ("w_max", "w_min"), ("slope_up", "w_max")):
        assert correlation_sigmas(one[a], one[b]) < 5, (a, b)


def test_reads_and_samples_are_uncorrelated():
    noise = IO(inp_res=0, out_res=0, out_bound=0, bound_management="none", out_noise=1.0)
    tile = Tile(300, 300, device=Ideal(), forward_io=noise, backward_io=noise, seed=7)
    x = np.ones((200, 300), dtype=np.float32)
    reads = [
        tile.forward(x),
        tile.forward(x),
        tile.backward(x),
        tile.forward(x, evaluation=True),
        tile.forward(x, evaluation=True),
        tile.backward(x, evaluation=True),
    ]
    for i, a in enumerate(reads):
        assert correlation_sigmas(a[:-1], a[1:]) < 5, i  # neighbouring samples
        assert correlation_sigmas(a[:, :-1], a[:, 1:]) < 5, i  # neighbouring lines
        assert correlation_sigmas(a[:, :-64], a[:, 64:]) < 5, i
        for b in reads[i + 1 :]:
            assert correlation_sigmas(a, b) < 5, i


def test_pulses_of_samples_and_devices_are_uncorrelated():
    unit = 2.0**-6
    counter = ConstantStep(
        dw_min=unit,
        dw_min_dtod=0,
        dw_min_ctoc=0,
        up_down_dtod=0,
        w_max=1e5,
        w_min=-1e5,
        w_max_dtod=0,
        w_min_dtod=0,
    )
    # One row or one column: its crosspoints share a line's train, so the other line is made sure to pulse.
    sure = Update(bl=31, update_bl_management=False, update_management=False)
    for shape in ((1, 4000), (4000, 1)):
        tile = Tile(shape[1], shape[0], device=counter, update=sure, seed=7)
        x, d = np.full((1, shape[1]), 0.3), np.full((1, shape[0]), 0.3)
        (d if shape[0] == 1 else x)[:] = 1.0
        counts, last = [], np.zeros(shape)
        for _ in range(6):
            tile.update(x, d, 31 * unit)
            counts.append((last - tile.weight).ravel() / unit)
            last = tile.weight
        counts = np.array(counts)
        assert counts.mean() == pytest.approx(0.3 * 31, rel=0.02)
        assert correlation_sigmas(counts[:-1], counts[1:]) < 5
        for shift in (1, 2, 3, 4, 16, 64):
            assert correlation_sigmas(counts[:, shift:], counts[:, :-shift]) < 5
    # The noise of the steps, with every device taking one pulse in every sample.
    noisy = counter.replace(dw_min_ctoc=1.0)
    tile = Tile(100, 100, device=noisy, update=sure.replace(bl=1), seed=7)
    steps, last = [], np.zeros((100, 100))
    for _ in range(4):
        tile.update(np.ones((1, 100)), np.ones((1, 100)), unit)
        steps.append(last - tile.weight)
        last = tile.weight
    for a, b in itertools.pairwise(steps):
        assert correlation_sigmas(a, b) < 5
        for axis, shift in ((0, 1), (0, 4), (1, 1), (1, 16)):
            assert correlation_sigmas(a, np.roll(a, shift, axis)) < 5


# --------------------------------------------------------------------------------------------- golden values


GOLDEN = {
    "key": 18085894589008999377,
    "child": 4881740997310114095,
    "words": [2208543949, 3089083175, 3034527568, 1161633226, 4033225840, 2000029256],
    "later_words": [3588806854, 2247373161, 3312079278],
    "gaussians": [0.4843698, -0.870291, -0.4006807, 0.03707379, 0.9508863, -0.2070277],
    "counts": [[-11, -12, 3, 6, -1], [11, 4, -5, 0, 0], [-18, 12, 16, -16, 1]],
    "long_counts": [[-7, -18, -6, 6, -1], [10, 10, -1, 0, 0], [-17, 5, 13, -17, 2]],
    "train": [-8, -5, -4, -2],
    "stuck": [[1, 1, 1, 0, 1], [0, 0, 0, 1, 0], [0, 0, 1, 0, 0]],
    "dw_min_up": [
        [0.0, 0.0, 0.0, 0.01278208, 0.0],
        [0.004782986, 0.0110921, 0.003958245, 0.0, 0.01229137],
        [0.007699132, 0.008783901, 0.0, 0.00848181, 0.007505476],
    ],
    "weight": [
        [-0.03290005, -0.0344523, -0.0225647, 0.0510405, 0.04350592],
        [0.01609907, 0.03491767, 0.0002230402, -0.02213765, 0.0],
        [-0.08036759, 0.05308043, 0.04200125, -0.07434037, 0.0],
    ],
    "forward": [[-1.343521, -0.4178871, 0.2864956], [-0.3181636, -0.08527176, 0.05735309]],
    "backward": [
        [-0.805364, -0.7504409, -0.5944922, -0.3542839, -0.4401782],
        [-0.7679043, -0.7067528, -0.8061039, -1.111383, -1.003102],
    ],
}


def test_golden_values():
    # The contract in numbers: if one of these changes, so do all results that were ever published or saved.
    assert Seed(7).key == GOLDEN["key"]
    assert Seed(7, "net/0/tile1").key == GOLDEN["child"]
    assert _core.random_words(Seed(7).key, 0x10, 3, 6).tolist() == GOLDEN["words"]
    assert _core.random_words(Seed(7).key, 0x7F00, 2**32 + 1, 70)[-3:].tolist() == GOLDEN["later_words"]
    np.testing.assert_allclose(
        _core.random_gaussian(Seed(7).key, 0x14, 0, 6), GOLDEN["gaussians"], rtol=1e-5, atol=1e-6
    )
    unit = 2.0**-6
    counter = ConstantStep(
        dw_min=unit,
        dw_min_dtod=0,
        dw_min_ctoc=0,
        up_down_dtod=0,
        w_max=1e5,
        w_min=-1e5,
        w_max_dtod=0,
        w_min_dtod=0,
    )
    x = np.array([[1.0, 0.5, -0.25, 0.125, 0.0], [-0.5, 1.0, 0.75, -1.0, 0.25]])
    d = np.array([[1.0, -0.5, 0.25], [0.5, 0.0, -1.0]])
    for update, name in ((Update(), "counts"), (Update(bl=64, update_bl_management=False), "long_counts")):
        tile = Tile(5, 3, device=counter, update=update, seed=7)
        tile.update(x, d, 16 * unit)
        assert (tile.weight / unit).astype(int).tolist() == GOLDEN[name]
    # One column that always pulses shows the trains of the rows.
    tile = Tile(1, 4, device=counter, update=Update(bl=8, update_bl_management=False), seed=7)
    tile.update(np.ones((1, 1)), np.array([[1.0, 0.5, 0.25, 0.125]]), 8 * unit)
    assert (tile.weight / unit).astype(int).ravel().tolist() == GOLDEN["train"]
    device = SoftBounds(dw_min=0.01, stuck_prob=0.2, write_noise_std=1.0)
    tile = Tile(5, 3, device=device, seed=7)
    assert (tile.devices["w_max"] == tile.devices["w_min"]).astype(int).tolist() == GOLDEN["stuck"]
    np.testing.assert_allclose(tile.devices["dw_min_up"], GOLDEN["dw_min_up"], rtol=1e-5)
    tile.update(x, d, 0.1)
    np.testing.assert_allclose(tile.weight, GOLDEN["weight"], rtol=1e-4, atol=1e-6)
    io = IO(out_res=0, out_noise=0.1)
    tile = Tile(5, 3, device=Ideal(), forward_io=io, backward_io=io, seed=7)
    tile.weight = np.arange(15).reshape(3, 5) / 8 - 1
    np.testing.assert_allclose(tile.forward(x), GOLDEN["forward"], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(tile.backward(d), GOLDEN["backward"], rtol=1e-4, atol=1e-6)


# ---------------------------------------------------------------------------------------------- distribution


def test_words_are_uniform():
    words = _core.random_words(Seed(7).key, 0x7F00, 0, 2**20)
    counts = np.array([np.count_nonzero(words >> np.uint32(bit) & np.uint32(1)) for bit in range(32)])
    assert (np.abs(counts - 2**19) < 5 * np.sqrt(2**18)).all()
    bins = np.bincount(words >> np.uint32(20), minlength=4096)
    assert abs(((bins - 256) ** 2 / 256).sum() - 4095) < 5 * np.sqrt(2 * 4095)


def test_gaussians_are_gaussian():
    key = Seed(7, "gaussians").key
    part = _core.random_gaussian(key, 1, 0, 2**20)
    assert stats.kstest(part, stats.norm.cdf).pvalue > 6e-7  # 5 sigma
    for number in range(8):  # of a block, each by itself
        own = part.reshape(-1, 8, 16)[:, number]
        assert stats.kstest(own.ravel(), stats.norm.cdf).pvalue > 6e-7
    n, sums, beyond = 0, np.zeros(4), 0
    for step in range(10):
        xi = _core.random_gaussian(key, 1, step, 2**21).astype(np.float64)
        square = xi * xi
        sums += xi.sum(), square.sum(), (square * xi).sum(), (square * square).sum()
        beyond += np.count_nonzero(square > 25)
        n += len(xi)
    for power, (total, mean, variance) in enumerate(zip(sums, (0, 1, 0, 3), (1, 2, 15, 96), strict=True), 1):
        assert abs(total / n - mean) < 5 * np.sqrt(variance / n), power
    expected = n * 2 * stats.norm.sf(5)
    assert 0 < beyond < expected + 5 * np.sqrt(expected) + 5
