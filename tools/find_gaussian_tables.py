"""Find the tables of which the gaussians of pulses are made (cpp/mho/random/table_gaussian.h).

A gaussian is the sum, or the difference, of two sums of four entries each. The entries come with either sign,
from two tables of eight magnitudes times a factor; so the distribution is that of eight independent numbers,
and is computed exactly, by convolution. First the characteristic function of that distribution is fitted to
the normal one in floating point, then the integers are changed at random as long as that makes the
distribution more normal.

Run ``python tools/find_gaussian_tables.py``; it needs SciPy and a quarter of an hour.
``--steps 0 --start "[[...], [...]]"`` reports on tables that are given.
"""

from __future__ import annotations

import argparse
import ast
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.signal import fftconvolve
from scipy.stats import norm

FACTORS = (8, 5, 6, 4)  # of the nibbles; even ones have the first table, odd ones the second
UNITS = 4096  # of the integers to one sigma
LARGEST = 32767
TAILS = {1.0: 40, 2.0: 40, 3.0: 40, 3.5: 20, 4.0: 10, 4.5: 4, 5.0: 1}  # sigma, and how much its tail counts

Tables = NDArray[np.int64]  # (2, 8)


@dataclass(frozen=True, kw_only=True)
class Quality:
    """How normal the distribution of tables is."""

    sigma: float
    largest: float
    distance: float  # of the distribution functions
    moments: tuple[float, float]  # of order 4 and 6
    tails: tuple[float, ...]  # over the normal ones

    @property
    def badness(self) -> float:
        """Return what the search makes smaller."""
        tails = sum(weight * abs(tail - 1) for tail, weight in zip(self.tails, TAILS.values(), strict=True))
        moments = 2000 * abs(self.moments[0] - 3) + 100 * abs(self.moments[1] - 15)
        return 1e4 * self.distance + tails + moments + 1e5 * abs(self.sigma / UNITS - 1)


def quality(tables: Tables) -> Quality:
    """Return how normal the sum of eight entries is, exactly."""
    half = np.ones(1)
    for nibble, factor in enumerate(FACTORS):
        entries = factor * tables[nibble % 2]
        largest = int(entries.max())
        wider = np.zeros(len(half) + 2 * largest)
        for entry in np.concatenate([entries, -entries]):
            wider[largest + entry : largest + entry + len(half)] += half / 16
        half = wider
    p = np.maximum(fftconvolve(half, half), 0)
    x = np.arange(len(p)) - len(p) // 2
    sigma = float(np.sqrt((p * x * x).sum()))
    z = x / sigma
    return Quality(
        sigma=sigma,
        largest=float(z[-1]),
        distance=float(np.abs(np.cumsum(p) - p / 2 - norm.cdf(z)).max()),
        moments=(float((p * z**4).sum()), float((p * z**6).sum())),
        tails=tuple(float(p[z > tail].sum() / norm.sf(tail)) for tail in TAILS),
    )


def fitted(rng: np.random.Generator) -> Tables:
    """Return tables whose characteristic function is near the normal one."""
    scale = np.sqrt(2 * sum(f * f for f in FACTORS))
    edges = norm.ppf(0.5 + np.arange(9) / 16)
    density = np.append(norm.pdf(edges[:-1]), 0)
    quantiles = np.tile((density[:-1] - density[1:]) * 16, 2)
    u = np.concatenate([np.linspace(0.05, 8, 120), np.linspace(8.1, 60, 300)])

    def residuals(magnitudes: NDArray[np.float64]) -> Any:
        found = np.ones_like(u)
        cumulants = np.zeros(3)
        for nibble, factor in enumerate(FACTORS):
            t = magnitudes.reshape(2, 8)[nibble % 2] * factor / scale
            found *= np.cos(np.outer(u, t)).mean(axis=1) ** 2
            m2, m4, m6 = (np.mean(t**k) for k in (2, 4, 6))
            cumulants += 2 * np.array([m2, m4 - 3 * m2**2, m6 - 15 * m4 * m2 + 30 * m2**3])
        return np.concatenate(
            [
                3 * (found - np.exp(-u * u / 2)),
                (cumulants - [1, 0, 0]) * [10, 10, 6],
                1e-3 * (magnitudes - quantiles),
            ]
        )

    found = least_squares(residuals, quantiles + rng.normal(0, 0.15, 16), max_nfev=300).x
    integers: Tables = np.rint(np.sort(np.abs(found.reshape(2, 8)), axis=1) * UNITS / scale).astype(np.int64)
    return integers


def improved(tables: Tables, steps: int, rng: np.random.Generator) -> Tables:
    """Return tables with a distribution that is more normal."""
    best = quality(tables).badness
    for _ in range(steps):
        changed = tables.copy()
        for _ in range(rng.integers(1, 5)):
            changed[rng.integers(2), rng.integers(8)] += rng.integers(-4, 5)
        changed = np.sort(np.abs(changed), axis=1)
        if 2 * changed.max(axis=1) @ [FACTORS[0] + FACTORS[2], FACTORS[1] + FACTORS[3]] > LARGEST:
            continue
        badness = quality(changed).badness
        if badness < best:
            tables, best = changed, badness
    return tables


def main() -> None:
    """Search, or report on tables that are given."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--start", type=ast.literal_eval, help="tables to begin with")
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    tables = fitted(rng) if options.start is None else np.array(options.start, dtype=np.int64)
    tables = improved(tables, options.steps, rng)
    print(tables.tolist())
    print(quality(tables))


if __name__ == "__main__":
    main()
