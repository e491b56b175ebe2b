"""Cells against a slow implementation of theirs, and against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statistics_helpers import check, correlation, mean, variance

import mho
from mho import Tile, Update
from mho.devices import (
    Cell,
    ConstantStep,
    Device,
    ExpStep,
    LinearStep,
    MultiSignificance,
    OneSided,
    Reference,
    SoftBounds,
    Vector,
)
from reference import cells, devices, pulses

SEED = 7
UP_ONLY = ConstantStep(dw_min=0.02, w_max=1.0, w_min=0.0, w_max_dtod=0.1)
NOISY = SoftBounds(dw_min=0.02, write_noise_std=2.0, stuck_prob=0.05)
FINE = SoftBounds(dw_min=0.005, up_down=0.2)
# As of phase-change memory: steps that shrink as the device grows.
SHRINKING = ExpStep(
    dw_min=0.05, w_max=1.0, w_min=0.0, A_up=0.1, A_down=0.1, gamma_up=2.0, gamma_down=2.0, a=1.0, b=0.0
)
PAIR = OneSided(device=UP_ONLY, refresh_every=5, refresh_upper=0.3, refresh_lower=0.1)
CELLS = {
    "all": Vector(devices=(NOISY, FINE)),
    "all-signs": Vector(devices=(NOISY, FINE, UP_ONLY), gamma=(1.0, -0.5, 0.3)),
    "fixed": Vector(devices=(FINE, NOISY), policy="fixed", index=1, gamma=(0.7, -1.2)),
    "sequential": Vector(devices=(FINE, NOISY, FINE), policy="sequential"),
    "random": Vector(devices=(FINE, NOISY, FINE), policy="random", gamma=(1.0, -1.0, 0.2)),
    "reference": Reference(device=NOISY, reference_mean=0.1, reference_std=0.05),
    "reference-other": Reference(device=FINE, reference_device=NOISY, reference_std=0.05),
    "pair": OneSided(device=UP_ONLY),
    "pair-refresh": PAIR.replace(gamma=0.8),
    "pair-two-kinds": PAIR.replace(second_device=NOISY.replace(w_max=1.2), refresh_every=3),
    "pair-shrinking": PAIR.replace(device=SHRINKING),
    "multi": MultiSignificance(
        pair=PAIR.replace(refresh_every=14),
        capacitor=LinearStep(dw_min=0.01),
        transfer_every=7,
        reference_std=0.05,
    ),
    "multi-without-inversion": MultiSignificance(
        pair=PAIR.replace(refresh_every=0, refresh_upper=0.75, refresh_lower=0.25),
        capacitor=NOISY,
        transfer_every=4,
        polarity_inversion=False,
        gain=1.5,
    ),
    "cells-in-a-cell": Vector(
        devices=(
            PAIR,
            Reference(device=FINE, reference_std=0.1),
            Vector(devices=(NOISY, FINE), policy="random"),
        ),
        gamma=(1.0, -0.5, 0.5),
        policy="sequential",
    ),
    "reference-of-a-pair": Reference(device=PAIR, reference_device=FINE),
}
each_cell = pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)


def test_every_cell_is_tested() -> None:
    assert {type(cell).__name__ for cell in CELLS.values()} == set(Cell.types())


def vectors(batch, features, seed):
    x = np.random.default_rng([seed, batch, features]).normal(size=(batch, features)).astype(np.float32)
    x[np.abs(x) < 0.1] = 0
    return x


def parts_of(crosspoints, prefix=""):
    yield prefix, crosspoints
    if isinstance(crosspoints, cells.Cell):
        for name, part in crosspoints.parts.items():
            yield from parts_of(part, f"{prefix}{name}/")


# ------------------------------------------------------------------------------------ against the reference


@each_cell
@pytest.mark.parametrize("shape", [(6, 17), (9, 1)], ids=str)
def test_pulse_by_pulse(cell: Device, shape: tuple[int, int]) -> None:
    update = Update(pulse_by_pulse=True)
    tile = Tile(shape[1], shape[0], device=cell, update=update, seed=SEED)
    tile.weight = 0.2 * np.random.default_rng(3).normal(size=shape)
    theirs = cells.build(cell, {name: tile.devices[name] for name in tile.devices}, tile.seed.key)
    np.testing.assert_allclose(tile.weight, theirs.visible, rtol=0, atol=1e-6)
    x, d = vectors(40, shape[1], 1), vectors(40, shape[0], 2)
    for s, sample in enumerate(pulses.samples(update, x, d, 0.1, tile.granularity, tile.seed.key)):
        cells.pass_sample(theirs, sample.counts, sample.up, s, sample.numbers)
    tile.update(x, d, 0.1)
    for prefix, part in parts_of(theirs):
        np.testing.assert_allclose(
            tile.devices[f"{prefix}weight"], part.visible, rtol=0, atol=2e-5, err_msg=prefix
        )
        for name, found in (("refreshed", "refreshed"), ("transfers", "transfers")):
            if hasattr(part, name):
                assert tile.state()[1][prefix + found] == [getattr(part, name)]
    assert tile.pulses.total > 200
    if "refresh" in repr(cell) and not isinstance(cell, Reference | Vector):
        counters = tile.state()[1]
        assert sum(sum(n) for name, n in counters.items() if name.endswith(("refreshed", "transfers"))) > 0


@each_cell
def test_parts_are_devices_of_their_own_key(cell: Device) -> None:
    tile = Tile(17, 6, device=cell, seed=SEED)
    theirs = cells.build(cell, {name: tile.devices[name] for name in tile.devices}, tile.seed.key)
    for prefix, part in parts_of(theirs):
        if isinstance(part, cells.Cell):
            if hasattr(part.cell, "reference_std"):
                wanted = cells.reference_weight(part.cell, part.key, (6, 17))
                own = part.parts["reference"].arrays if "w_max" in part.parts["reference"].arrays else None
                if own is not None:
                    wanted = np.clip(wanted, own["w_min"], own["w_max"])
                np.testing.assert_allclose(
                    tile.devices[f"{prefix}reference/weight"], wanted, rtol=0, atol=1e-6
                )
            continue
        drawn = devices.construct(part.device, part.key, (6, 17))
        for name in ("dw_min_up", "dw_min_down", "w_max", "w_min"):
            np.testing.assert_allclose(tile.devices[prefix + name], drawn[name], rtol=2e-6, atol=1e-6)


# ------------------------------------------------------------------------------------- against closed forms

CHIPS = 4000
SIGMA = 0.4


def flat(dw_min: float, **fields: object) -> ConstantStep:
    """A device whose steps are the same everywhere, and its bounds out of reach."""
    values = {
        "dw_min": dw_min,
        "dw_min_dtod": 0,
        "up_down_dtod": 0,
        "dw_min_ctoc": SIGMA,
        "w_max": 1e3,
        "w_min": -1e3,
        "w_max_dtod": 0,
        "w_min_dtod": 0,
        "reset_std": 0,
    }
    return ConstantStep(**(values | fields))


PLAIN = Update(update_management=False, update_bl_management=False, bl=10)
# Kinds of cells; the variance of one sample is a sum over devices that took pulses, of (gamma s) ** 2.
SUMS = {
    "all": Vector(devices=(flat(0.02), flat(0.01)), gamma=(1.0, -0.5)),
    "fixed": Vector(devices=(flat(0.02), flat(0.01)), policy="fixed", index=1, gamma=(1.0, -0.5)),
    "sequential": Vector(devices=(flat(0.02), flat(0.02)), policy="sequential", gamma=(0.5, -0.5)),
    "random": Vector(devices=(flat(0.02), flat(0.01)), policy="random", gamma=(1.0, 0.5)),
    "reference": Reference(device=flat(0.02), reference_std=0.1),
    "pair": OneSided(device=flat(0.02), gamma=2.0),
    "multi": MultiSignificance(pair=OneSided(device=flat(0.02)), capacitor=flat(0.02)),
}


@pytest.mark.parametrize("name", SUMS)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_mean_and_variance_of_an_update(name: str, sign: float) -> None:
    cell = SUMS[name]
    tile = Tile(1, 1, device=cell, update=PLAIN, seed=3, instances=CHIPS)
    before = tile.weight[:, 0, 0].astype(np.float64)
    lr, x, d = 0.05, 0.8, 0.5
    tile.update([[x]], [[sign * d]], lr)
    moved = tile.weight[:, 0, 0] - before
    g = cell.weight_granularity
    slots = lr * x * d / g  # mean number of coincidences
    spread = slots * (1 - slots / PLAIN.bl)
    steps = {
        "all": [(1.0, 0.02), (0.5, 0.01)],
        "fixed": [(0.5, 0.01)],
        "sequential": [(0.5, 0.02)],
        "reference": [(1.0, 0.02)],
        "pair": [(2.0, 0.02)],
        "multi": [(1.0, 0.02)],
    }
    if name == "random":
        # Either device, with probability 1/2.
        sizes = np.array([0.02, 0.005])
        second = (sizes**2 * (spread + slots**2 + SIGMA**2 * slots)).mean()
        expected = second - (sizes.mean() * slots) ** 2
    else:
        total = sum(gamma * s for gamma, s in steps[name])
        noise = sum((gamma * s) ** 2 for gamma, s in steps[name])
        expected = total**2 * spread + noise * SIGMA**2 * slots
    check([mean("mean", moved, -sign * lr * x * d, expected), variance("variance", moved, expected)])


def test_random_choices_are_even_and_independent() -> None:
    cell = Vector(devices=(flat(0.01, dw_min_ctoc=0),) * 3, policy="random", gamma=(1.0, 1.0, 1.0))
    tile = Tile(1, 1, device=cell, update=PLAIN, seed=3, instances=200)
    chosen, last = [], np.zeros((3, 200))
    for _ in range(60):
        tile.update([[1.0]], [[-1.0]], 0.1)  # a pulse in every slot
        now = np.array([tile.devices[f"device{k}/weight"][:, 0, 0] for k in range(3)])
        assert ((now > last).sum(axis=0) == 1).all()
        chosen.append((now > last).argmax(axis=0))
        last = now
    picks = np.array(chosen)
    assert stats.chisquare(np.bincount(picks.ravel())).pvalue > 6e-7
    check(
        [
            correlation("steps", picks[1:], picks[:-1]),
            correlation("instances", picks[:, 1:], picks[:, :-1]),
        ]
    )


def test_parts_are_uncorrelated() -> None:
    sure = Update(bl=1, update_management=False, update_bl_management=False)
    cell = Vector(devices=(flat(0.01, dw_min_dtod=0.3), flat(0.01, dw_min_dtod=0.3)), gamma=(1.0, 1.0))
    tile = Tile(150, 150, device=cell, update=sure, seed=3)
    steps = [tile.devices[f"device{k}/dw_min_up"] for k in range(2)]
    tile.update(np.ones((1, 150)), -np.ones((1, 150)), cell.weight_granularity)  # one pulse for everybody
    noise = [tile.devices[f"device{k}/weight"] / steps[k] - 1 for k in range(2)]
    check(
        [
            correlation("sizes of steps", *steps),
            correlation("noise", *noise),
            variance("noise of one", noise[0].ravel(), SIGMA**2),
        ]
    )


def test_several_devices_average_their_flaws() -> None:
    one, four = mho.presets.idealized(), mho.presets.idealized4()
    steps = {}
    for name, device in (("one", one), ("four", four)):
        tile = Tile(200, 200, device=device, seed=3)
        parts = [n for n in tile.devices if n.endswith("w_max")]
        steps[name] = np.mean([tile.devices[n] for n in parts], axis=0)
    check([variance("bounds", steps["four"].ravel(), (one.w_max_dtod * one.w_max) ** 2 / 4)])
    assert steps["one"].var() == pytest.approx(0.09, rel=0.05)


# -------------------------------------------------------------------------------------------------- refresh


def saturated(cell: OneSided, shape=(200, 200)):
    """A tile whose pairs lie anywhere, and what they were."""
    tile = Tile(shape[1], shape[0], device=cell, seed=5)
    plus, minus = np.random.default_rng(1).uniform(0, 1, size=(2, *shape)).astype(np.float32)
    for part, value in (("positive", plus), ("negative", minus)):
        assert tile.set_weight(value, part=part) == 0
    return tile, plus, minus


def test_refresh_keeps_the_weight_in_the_mean() -> None:
    g = 0.02
    device = flat(g, w_min=0.0, w_max=1.0)
    tile, plus, minus = saturated(OneSided(device=device, refresh_every=1))
    before = tile.weight
    np.testing.assert_allclose(before, plus - minus, atol=1e-6)
    tile.update(np.zeros((1, 200)), np.zeros((1, 200)), 0.1)  # no pulse, but a sample that goes by
    due = (np.maximum(plus, minus) > 0.75) & (np.minimum(plus, minus) > 0.25)
    assert tile.state()[1]["refreshed"] == [due.sum()]
    assert 0.2 < due.mean() < 0.45
    np.testing.assert_array_equal(tile.weight[~due], before[~due])
    assert (np.minimum(tile.devices["positive/weight"], tile.devices["negative/weight"])[due] == 0).all()
    # The number of pulses is rounded at random; each has noise. Close to 0 the bound cuts off a first step.
    far = due & (np.abs(before) > 0.15) & (np.abs(before) < 0.6)
    error = (tile.weight - before)[far].astype(np.float64)
    wanted = np.abs(before[far]) / g
    share = wanted % 1
    expected = g**2 * (share * (1 - share) + SIGMA**2 * wanted)
    check(
        [
            mean("error", error, 0.0, expected.mean()),
            mean("error by its size", error * np.sign(before[far]), 0.0, expected.mean()),
            mean("squared error", error**2 / expected, 1.0, 2.2),
            correlation("error and weight", error, before[far]),
        ]
    )


def test_refresh_happens_every_so_many_samples() -> None:
    tile, *_ = saturated(OneSided(device=flat(0.02, w_min=0.0, w_max=1.0), refresh_every=7), shape=(8, 9))
    refreshed = []
    for _ in range(8):
        tile.update(np.zeros((1, 9)), np.zeros((1, 8)), 0.1)
        refreshed.append(tile.state()[1]["refreshed"][0])
    assert refreshed[:6] == [0] * 6
    assert refreshed[6] == refreshed[7] > 5


def test_a_pair_without_refresh_saturates_and_one_with_does_not() -> None:
    rng = np.random.default_rng(2)
    moved = {}
    for every in (0, 10):
        device = SHRINKING.replace(dw_min_ctoc=0.3, dw_min=0.02)
        # Steps end at a weight of 0.58.
        limits = {"refresh_every": every, "refresh_upper": 0.4, "refresh_lower": 0.2} if every else {}
        tile = Tile(30, 20, device=OneSided(device=device, **limits), seed=3)
        for _ in range(20):
            tile.update(rng.normal(size=(100, 30)), rng.normal(size=(100, 20)), 0.02)
        before = tile.weight
        tile.update(np.ones((5, 30)), -np.ones((5, 20)), 0.02)
        moved[every] = float((tile.weight - before).mean())
    assert moved[0] < 0.02
    assert moved[10] > 0.05


# ----------------------------------------------------------------------------------------- multi-significance


def transfers(cell: MultiSignificance, samples: int, update=None, seed=5) -> Tile:
    """A tile after so many samples, each with the pulses that `update` gives."""
    tile = Tile(60, 50, device=cell, update=PLAIN, seed=seed)
    for _ in range(samples):
        if update is None:
            tile.update(np.zeros((1, 60)), np.zeros((1, 50)), 0.1)
        else:
            update(tile)
    return tile


def test_transfer_moves_the_value_and_keeps_the_weight() -> None:
    step, gain = 0.01, 3.0
    cell = MultiSignificance(
        pair=OneSided(device=flat(step, w_min=0.0, dw_min_ctoc=0.0)), capacitor=flat(0.005), transfer_every=2
    )
    tile = Tile(120, 100, device=cell, seed=5)
    g = np.random.default_rng(1).uniform(-0.9, 0.9, size=(100, 120)).astype(np.float32)
    tile.set_weight(g, part="capacitor")
    tile.update(np.zeros((1, 120)), np.zeros((1, 100)), 0.1)
    np.testing.assert_array_equal(tile.weight, g)
    tile.update(np.zeros((1, 120)), np.zeros((1, 100)), 0.1)
    assert tile.state()[1]["transfers"] == [1]
    assert not tile.devices["capacitor/weight"].any()
    error = (tile.weight - g).astype(np.float64).ravel()
    share = np.abs(g).ravel().astype(np.float64) / (gain * step) % 1
    expected = (gain * step) ** 2 * share * (1 - share)
    assert np.abs(error).max() < gain * step * 1.0001
    check(
        [
            mean("error", error, 0.0, expected.mean()),
            mean("error by its size", error * np.sign(g.ravel()), 0.0, expected.mean()),
            mean("squared error", error**2, expected.mean(), expected.mean() ** 2 * 1.5),
        ]
    )
    np.testing.assert_allclose(tile.weight, gain * tile.devices["pair/weight"], atol=1e-6)


def test_polarity_inversion_cancels_fixed_references() -> None:
    count, spread = 20, 0.05
    found = {}
    for inversion in (False, True):
        cell = MultiSignificance(
            pair=OneSided(device=flat(0.002, w_min=0.0, dw_min_ctoc=0.0)),
            capacitor=flat(0.005),
            transfer_every=1,
            reference_std=spread,
            polarity_inversion=inversion,
        )
        tile = transfers(cell, count)
        offset = tile.devices["reference/weight"].ravel().astype(np.float64)
        held = 3.0 * tile.devices["pair/weight"].ravel().astype(np.float64)
        found[inversion] = stats.linregress(offset, held), held
    rounding = 3.0 * 0.002 * np.sqrt(count / 4)  # at most, of that many rounded numbers
    error = 5 * rounding / (spread * np.sqrt(3000))
    # What every transfer adds without it, and what an even number of transfers adds with it.
    assert abs(found[False][0].slope + count) < error
    assert abs(found[True][0].slope) < error
    assert found[False][1].std() > 10 * found[True][1].std()


def test_polarity_inversion_cancels_an_asymmetry_of_the_steps() -> None:
    rng = np.random.default_rng(4)

    def noise(tile: Tile) -> None:
        # A gradient whose mean is 0: whatever drifts is due to the devices.
        tile.update(rng.choice([-1.0, 1.0], size=(20, 60)), rng.choice([-1.0, 1.0], size=(20, 50)), 0.02)

    drift = {}
    for inversion in (False, True):
        cell = MultiSignificance(
            pair=OneSided(device=flat(0.002, w_min=0.0)),
            capacitor=flat(0.005, up_down=0.4),
            transfer_every=20,
            polarity_inversion=inversion,
        )
        weight = transfers(cell, 10, noise).weight.astype(np.float64)
        # Rows share trains: the standard error is that of their means.
        drift[inversion] = weight.mean(), weight.mean(axis=1).std() / np.sqrt(50)
    # Half of all pulses go down, and lack 40 % of a step: the capacitor drifts up by 0.1 of what it moves.
    assert drift[False][0] > 20 * drift[False][1]
    assert abs(drift[True][0]) < 0.1 * drift[False][0]
