"""Stochastic Hamiltonian descent as mechanics: what symmetric steps keep, and asymmetric ones take out."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mho import IO, Tile
from mho.devices import ConstantStep, Ideal, PulsedDevice, SoftBounds
from mho.rules import StochasticHamiltonian, TikiTaka

CHIPS, STEPS = 256, 660
CURVATURE, START = 1.0, 0.5
FORCE, MOTION = 0.01, 1.0  # fast_lr and transfer_lr: 63 steps a period
ALIKE = {
    "dw_min": 2e-4,
    "dw_min_dtod": 0,
    "dw_min_ctoc": 0,
    "up_down_dtod": 0,
    "w_max_dtod": 0,
    "w_min_dtod": 0,
}


def positions(fast: PulsedDevice | Ideal, gamma: float = 0.0) -> NDArray[np.float64]:
    """Return C of independent chips, step by step: one weight, in the loss k C^2 / 2."""
    perfect = IO.perfect()
    tile = Tile(
        1,
        1,
        device=Ideal(),
        rule=StochasticHamiltonian(
            fast_device=fast,
            fast_lr=FORCE,
            scale_fast_lr=False,
            transfer_lr=MOTION,
            scale_transfer_lr=False,
            transfer_io=perfect,
            gamma=gamma,
        ),
        forward_io=perfect,
        backward_io=perfect,
        seed=3,
        instances=CHIPS,
    )
    tile.weight = np.full((CHIPS, 1, 1), START, np.float32)
    one = np.ones((1, 1), np.float32)
    seen = []
    for _ in range(STEPS):
        y = tile.forward(one)
        seen.append(y.ravel().astype(float))
        tile.update(one, np.float32(CURVATURE) * y, 1.0)
    return np.array(seen)


def mean_field(tau: float) -> NDArray[np.float64]:
    """Return C by the mean step of every pulse, soft bounds of A at +-tau."""
    a, c, seen = 0.0, START, []
    for _ in range(STEPS):
        seen.append(c)
        force = FORCE * CURVATURE * c
        a -= force + abs(force) * a / tau
        c += MOTION * a
    return np.array(seen)


def turning_points(path: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the steps at which |C| is largest, one for each half of a period."""
    size = np.abs(path)
    return 1 + np.flatnonzero((size[1:-1] > size[:-2]) & (size[1:-1] >= size[2:]))


def soft(tau: float) -> SoftBounds:
    return SoftBounds(w_max=tau, w_min=-tau, **ALIKE)


def amplitude(tau: float, step: NDArray[np.intp]) -> NDArray[np.float64]:
    return 1 / (1 / START + 2 * FORCE * CURVATURE * step / (3 * np.pi * tau))


@pytest.mark.parametrize("tau", [0.3, 1.0])
def test_the_closed_form_is_that_of_the_mean_steps(tau: float) -> None:
    """It averages over a period, in which the amplitude falls by up to a fifth."""
    path = mean_field(tau)
    at = turning_points(path)
    assert np.abs(path[at]) == pytest.approx(amplitude(tau, at), rel=0.005)
    assert np.diff(at).mean() == pytest.approx(np.pi / np.sqrt(FORCE * MOTION * CURVATURE), rel=0.01)


@pytest.mark.parametrize("tau", [0.3, 1.0])
def test_asymmetry_is_friction(tau: float) -> None:
    path = positions(soft(tau))
    at = turning_points(mean_field(tau))
    error = path[at].std(axis=1, ddof=1) / np.sqrt(CHIPS)
    assert np.all(np.abs(np.abs(path[at].mean(axis=1)) - amplitude(tau, at)) < 5 * error + 0.005 * START)
    assert np.abs(path[at[-1]].mean()) < amplitude(tau, at)[0]


@pytest.mark.parametrize("fast", [Ideal(), ConstantStep(w_max=1, w_min=-1, **ALIKE)], ids=["ideal", "pulsed"])
def test_symmetric_steps_keep_the_energy(fast: PulsedDevice | Ideal) -> None:
    path = positions(fast)
    at = turning_points(mean_field(np.inf))
    error = path[at].std(axis=1, ddof=1) / np.sqrt(CHIPS)
    # The turning point lies between two steps: up to a hundredth of a radian off.
    assert np.all(np.abs(np.abs(path[at].mean(axis=1)) - START) < 5 * error + 0.002 * START)


def test_reads_of_both_arrays_are_friction_without_asymmetry() -> None:
    """The force at C + gamma A takes out a share gamma a k of the momentum each step, half of that of Q."""
    gamma = 1.0
    path = positions(Ideal(), gamma)[:, 0]
    # What is read is C + gamma A, of the same decay.
    at = turning_points(path)
    decay = np.log(np.abs(path[at[0]] / path[at[-1]])) / (at[-1] - at[0])
    assert decay == pytest.approx(gamma * FORCE * CURVATURE / 2, rel=0.03)


def test_it_is_tiki_taka_read_at_c() -> None:
    x, d = np.random.default_rng(0).normal(size=(2, 40, 6)).astype(np.float32)
    fields = {"fast_lr": 2.0, "transfer_every": 3, "transfer_columns": False}
    one, other = (
        Tile(6, 6, device=SoftBounds(dw_min=0.01), rule=kind(**fields), seed=1)
        for kind in (StochasticHamiltonian, TikiTaka)
    )
    for tile in (one, other):
        tile.update(x, d, 0.1)
    np.testing.assert_array_equal(one.weight, other.weight)
    np.testing.assert_array_equal(one.devices["fast/weight"], other.devices["fast/weight"])
    assert one.weight.any()
