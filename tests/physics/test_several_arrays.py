"""What several arrays are for: devices of few states, whose arrays are digits of one number together."""

from __future__ import annotations

import numpy as np

from mho import IO, Tile
from mho.devices import SoftBounds
from mho.rules import ResidualLearning

# About ten states between the bounds, -0.6 and 0.6.
COARSE = SoftBounds(
    dw_min=0.12, dw_min_dtod=0.1, dw_min_ctoc=0.1, up_down_dtod=0.01, w_max_dtod=0.05, w_min_dtod=0.05
)


def error(rule: ResidualLearning, steps: int = 4000, lr: float = 0.05) -> float:
    """Mean squared error of the weights after a regression without noise, relative to their square."""
    rng = np.random.default_rng(0)
    target = rng.uniform(-0.4, 0.4, (8, 10)).astype(np.float32)
    tile = Tile(
        10,
        8,
        device=COARSE,
        rule=rule,
        forward_io=IO.perfect(),
        backward_io=IO.perfect(),
        seed=3,
        instances=2,
    )
    for _ in range(steps):
        x = rng.normal(size=(10, 10)).astype(np.float32)
        tile.update(x, (tile.forward(x) - x @ target.T) / len(x), lr)
    return float(np.mean((tile.weight - target) ** 2) / np.mean(target**2))


def test_more_arrays_resolve_what_few_states_cannot() -> None:
    two = ResidualLearning(gamma=0.25, transfer_every=2, transfer_lr=0.1, scale_transfer_lr=False)
    six = two.replace(arrays=6, transfer_every_growth=5, transfer_lr_growth=1.2)
    assert error(six) < error(two) / 4
