"""Linear least squares on a single row of devices, several problems in lockstep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

import mho

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DIMENSIONS", "curves", "exact_reads"]

DIMENSIONS = 50
_SAMPLES = 100
_SCALE = 0.5


def exact_reads(w_noise: float = 0.0) -> mho.IO:
    """Return a periphery without converters and bounds; the only noise is that of the weights."""
    if w_noise == 0:
        return mho.IO.perfect()
    return mho.IO(
        inp_bound=0,
        out_bound=0,
        inp_res=0,
        out_res=0,
        out_noise=0,
        noise_management="none",
        bound_management="none",
        w_noise=w_noise,
        w_noise_type="additive_constant",
    )


def curves(
    config: mho.TileConfig, seeds: Sequence[int], *, steps: int, lr: float, start: float
) -> NDArray[np.float64]:
    """Descend on ``f(W) = |A W - b|^2 / (2 N D)`` with one gradient of all N = 100 samples in each step.

    A is standard normal, the solution normal with a standard deviation of 0.5, D = 50. Each sample is a
    rank-one update of its own.

    Returns
    -------
    ndarray of float64, shape (seeds, steps + 1)
        f before each step, and after the last.
    """
    rngs = [np.random.default_rng(seed) for seed in seeds]
    a = np.array([rng.normal(size=(_SAMPLES, DIMENSIONS)) for rng in rngs], dtype=np.float32)
    solution = np.array([rng.normal(0, _SCALE, (1, DIMENSIONS)) for rng in rngs], dtype=np.float32)
    b = a @ solution.transpose(0, 2, 1)
    tile = mho.Tile(DIMENSIONS, 1, config=config, seed=seeds[0], instances=len(seeds))
    tile.weight = np.full(solution.shape, start, np.float32)

    def loss() -> NDArray[np.float64]:
        residual = a.astype(np.float64) @ (tile.weight - solution).transpose(0, 2, 1)
        return np.asarray(np.mean(residual**2, axis=(1, 2)) / (2 * DIMENSIONS))

    values = [loss()]
    for _ in range(steps):
        tile.update(a, (tile.forward(a) - b) / _SAMPLES, lr=lr)
        values.append(loss())
    return np.array(values).T
