"""Where analog gradient descent comes to rest: at the minimum of f plus a penalty, not at that of f.

Pulses change a weight by ``-lr (g F(w) + |g| G(w))`` in the mean. On ``f = h (w - goal)^2 / 2`` with noisy
gradients g the weight therefore rests where ``h (w - goal) + E|g| G(w) / F(w) = 0``: at the minimum of
``f + E|g| R(w)`` with R' = G / F. Z. Wu et al., arXiv:2406.12774 (2024) and arXiv:2502.06309 (2025).
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize, stats

import mho
from mho.devices import Response, SoftBounds

GOAL, CURVATURE, SIGMA = 0.5, 1.0, 0.2
TAU, DW_MIN, BL = 0.8, 4e-4, 10
LR = BL * DW_MIN  # then a pulse on the input line comes in every slot, and rows are independent
DEVICES, STEPS = 1000, 1800
ALIKE = {
    "dw_min": DW_MIN,
    "dw_min_dtod": 0,
    "dw_min_ctoc": 0,
    "w_max_dtod": 0,
    "w_min_dtod": 0,
    "up_down_dtod": 0,
}


def mean_gradient_size(w: float) -> float:
    """E|g| of a normal gradient."""
    mean = CURVATURE * (w - GOAL)
    return float(stats.foldnorm.mean(abs(mean) / SIGMA, scale=SIGMA))


def resting_weight(response: mho.devices.PulsedDevice) -> float:
    """The weight at which f plus the penalty is stationary."""

    def slope(w: float) -> float:
        q = response.response(w)
        return CURVATURE * (w - GOAL) + mean_gradient_size(w) * float(q.G) / float(q.F)

    return float(optimize.brentq(slope, -0.7 * TAU, 0.7 * TAU))


def descend(device: mho.devices.PulsedDevice) -> tuple[float, float]:
    """Mean weight at rest, and its standard error."""
    io = mho.IO.perfect()
    update = mho.Update(bl=BL, update_management=False, update_bl_management=False)
    tile = mho.Tile(1, DEVICES, device=device, update=update, forward_io=io, backward_io=io, seed=3)
    tile.weight = np.full((DEVICES, 1), GOAL, np.float32)
    noise = np.random.default_rng(5)
    one, means = np.ones((1, 1), np.float32), np.zeros(DEVICES)
    for step in range(2 * STEPS):
        gradient = CURVATURE * (tile.weight[:, 0] - GOAL) + SIGMA * noise.standard_normal(DEVICES)
        tile.update(one, gradient[None], lr=LR)
        if step >= STEPS:
            means += tile.weight[:, 0] / STEPS
    return float(means.mean()), float(means.std() / math.sqrt(DEVICES))


@pytest.mark.parametrize(
    "device",
    [
        SoftBounds(w_max=TAU, w_min=-TAU, **ALIKE),
        SoftBounds(w_max=2 * TAU, w_min=-2 * TAU, **ALIKE),
        Response.linear(tau=TAU, shift=0.2, **ALIKE),
        Response.power(tau=TAU, gamma=2, **ALIKE),
        Response.exponential(tau=TAU, gamma=3, **ALIKE),
    ],
    ids=["soft bounds", "twice as wide", "shifted", "power", "exponential"],
)
def test_weights_rest_at_the_minimum_with_the_penalty(device):
    mean, error = descend(device)
    predicted = resting_weight(device)
    # What is left out of the theory: the spread of a weight at rest, lr sigma^2 / (2 h) and as much again by
    # single pulses, times half of the curvature of the drift, which is less than 4.
    spread = LR * SIGMA**2 / (2 * CURVATURE) + DW_MIN * SIGMA / (2 * CURVATURE)
    assert mean == pytest.approx(predicted, abs=5 * error + 2 * spread)
    # far less than the penalty does
    assert abs(GOAL - predicted) > 15 * (5 * error + 2 * spread)


def test_soft_bounds_shrink_weights_as_a_ridge_does():
    """With soft bounds the penalty is E|g| w^2 / (2 tau)."""
    predicted = resting_weight(SoftBounds(w_max=TAU, w_min=-TAU, **ALIKE))
    ridge = mean_gradient_size(predicted) / TAU
    assert predicted == pytest.approx(GOAL * CURVATURE / (CURVATURE + ridge), rel=1e-9)
