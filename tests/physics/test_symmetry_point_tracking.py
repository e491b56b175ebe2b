"""What RIDER and ERIDER are for: fast devices whose symmetry points are scattered, and known to nobody."""

from __future__ import annotations

import numpy as np
import pytest

from mho import IO, Tile
from mho.devices import SoftBounds
from mho.rules import ERIDER, RIDER, ResidualLearning, Rule, TikiTaka

SLOW = SoftBounds(
    dw_min=1e-3, dw_min_dtod=0.1, dw_min_ctoc=0.1, up_down_dtod=0.01, w_max_dtod=0.05, w_min_dtod=0.05
)
# Steps up and down differ by 30 %, one way or the other: symmetry points are at about +-0.18.
FAST = SLOW.replace(up_down_dtod=0.3)
CHIPS, OUTPUTS, INPUTS = 3, 8, 10
COMMON = {"fast_device": FAST, "scale_transfer_lr": False}


def error(rule: Rule, steps: int = 2500, lr: float = 0.2) -> float:
    """Mean squared error of the weights after a regression without noise, relative to their square."""
    rng = np.random.default_rng(0)
    target = rng.uniform(-0.4, 0.4, (OUTPUTS, INPUTS)).astype(np.float32)
    perfect = IO.perfect()
    tile = Tile(
        INPUTS,
        OUTPUTS,
        device=SLOW,
        rule=rule,
        forward_io=perfect,
        backward_io=perfect,
        seed=3,
        instances=CHIPS,
    )
    for _ in range(steps):
        x = rng.normal(size=(10, INPUTS)).astype(np.float32)
        tile.update(x, (tile.forward(x) - x @ target.T) / len(x), lr)
    return float(np.mean((tile.weight - target) ** 2) / np.mean(target**2))


@pytest.fixture(scope="module")
def without() -> float:
    """The best that rules reach that take the symmetry point for 0."""
    rules = [
        kind(transfer_lr=rate, **COMMON) for rate in (0.02, 0.1) for kind in (TikiTaka, ResidualLearning)
    ]
    return min(error(rule) for rule in rules)


def test_scattered_symmetry_points_spoil_what_takes_them_for_zero(without: float) -> None:
    assert without > 0.02
    good = SLOW.replace(up_down_dtod=0.0)
    assert error(TikiTaka(fast_device=good, transfer_lr=0.02, scale_transfer_lr=False)) < without / 10


def test_erider_learns_in_spite_of_scattered_symmetry_points(without: float) -> None:
    assert error(ERIDER(gamma=0.4, transfer_lr=0.02, **COMMON)) < without / 100


def test_rider_does_so_without_choppers(without: float) -> None:
    assert error(RIDER(gamma=0.4, transfer_lr=0.1, **COMMON)) < without / 3


@pytest.mark.parametrize("rule", [RIDER(fast_device=FAST), ERIDER(fast_device=FAST)])
def test_the_mean_finds_the_symmetry_points(rule: Rule) -> None:
    """Pulses of random sign pull every device to its symmetry point, and Q with it."""
    tile = Tile(INPUTS, OUTPUTS, device=SLOW, rule=rule.replace(filter=0.02), seed=3, instances=CHIPS)
    rng = np.random.default_rng(1)
    for _ in range(60):
        x, d = rng.normal(size=(100, INPUTS)), rng.normal(size=(CHIPS, 100, OUTPUTS))
        tile.update(x, d, 0.1)
    arrays = tile.devices
    up, down = arrays["fast/dw_min_up"].astype(float), arrays["fast/dw_min_down"].astype(float)
    points = (up - down) / (up / arrays["fast/w_max"] - down / arrays["fast/w_min"])
    found = arrays["running_mean"]
    assert points.std() > 0.1
    assert np.corrcoef(points.ravel(), found.ravel())[0, 1] > 0.9
    assert np.sqrt(np.mean((found - points) ** 2)) < points.std() / 2
