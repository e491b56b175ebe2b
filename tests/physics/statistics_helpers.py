"""Estimates with standard errors, and their comparison with a closed form.

Samples are independent by construction where a measurement calls these: one update or one read of a chip
gives one sample. Crosspoints of one update share the trains of their lines and are never averaged as if they
were independent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

# How far a measured value may be from theory, in standard errors: by chance one in 1.7 million comparisons
# is.
SIGMAS = 5.0
# The same as a probability, for tests that give a p-value.
SMALLEST_P = 2 * stats.norm.sf(SIGMAS)
# Rounding of single precision, relative, where a quantity has no chance in it.
FLOAT = 1e-6


@dataclass(frozen=True)
class Comparison:
    """A measured number and what theory says about it."""

    what: str
    measured: float
    theory: float
    error: float  # standard error of the measured one
    allowed: float = 0.0  # systematic difference that is tolerated

    @property
    def sigmas(self) -> float:
        """Difference in standard errors; 0 where nothing is random and nothing differs."""
        difference = self.measured - self.theory
        if self.error > 0:
            return difference / self.error
        return 0.0 if abs(difference) <= self.tolerance else float("inf")

    @property
    def tolerance(self) -> float:
        return self.allowed + SIGMAS * self.error + FLOAT * abs(self.theory)

    @property
    def agrees(self) -> bool:
        return abs(self.measured - self.theory) <= self.tolerance

    def __str__(self) -> str:
        return (
            f"{self.what}: measured {self.measured:.6g}, theory {self.theory:.6g}, "
            f"standard error {self.error:.2g}, allowed {self.allowed:.2g}: {self.sigmas:+.1f} sigma"
        )


@dataclass(frozen=True)
class Fit:
    """How well a sample follows a distribution: the p-value of a goodness-of-fit test."""

    what: str
    p_value: float
    samples: int

    @property
    def agrees(self) -> bool:
        return self.p_value > SMALLEST_P

    def __str__(self) -> str:
        return f"{self.what}: p = {self.p_value:.3g} of {self.samples} samples"


def check(results: Iterable[Comparison | Fit]) -> None:
    """Fail with every result that does not agree; fail if there is none to look at."""
    looked_at = list(results)
    assert looked_at, "nothing was measured"
    wrong = [str(result) for result in looked_at if not result.agrees]
    assert not wrong, f"{len(wrong)} of {len(looked_at)} differ:\n" + "\n".join(wrong)


def mean(what: str, samples: NDArray, theory: float, variance: float, allowed: float = 0.0) -> Comparison:
    """Compare a mean, its error from the variance of one sample that theory gives."""
    error = np.sqrt(variance / len(samples))
    return Comparison(what, float(np.mean(samples, dtype=np.float64)), float(theory), float(error), allowed)


def variance(what: str, samples: NDArray, theory: float, allowed: float = 0.0) -> Comparison:
    """Compare a variance, its error from the fourth moment of the sample."""
    values = np.asarray(samples, dtype=np.float64)
    square = (values - values.mean()) ** 2
    n = len(values)
    error = np.sqrt(square.var() / n)
    return Comparison(what, float(square.sum() / (n - 1)), float(theory), float(error), allowed)


def covariance(what: str, a: NDArray, b: NDArray, theory: float) -> Comparison:
    """Compare a covariance, its error from the spread of the products."""
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    product = (a - a.mean()) * (b - b.mean())
    n = len(product)
    return Comparison(what, float(product.sum() / (n - 1)), float(theory), float(np.sqrt(product.var() / n)))


def correlation(what: str, a: ArrayLike, b: ArrayLike, theory: float = 0.0) -> Comparison:
    """Compare a correlation of two samples; the error is that of normal ones."""
    a, b = np.ravel(a).astype(np.float64), np.ravel(b).astype(np.float64)
    error = (1 - theory**2) / np.sqrt(len(a))
    return Comparison(what, float(np.corrcoef(a, b)[0, 1]), theory, float(error))


def distribution(what: str, samples: ArrayLike, cdf: Callable[[NDArray], NDArray]) -> Fit:
    """Test a sample against a continuous distribution (Kolmogorov and Smirnov)."""
    values = np.ravel(samples).astype(np.float64)
    return Fit(what, float(stats.kstest(values, cdf).pvalue), len(values))


def counts(what: str, samples: NDArray, probabilities: NDArray) -> Fit:
    """Test numbers of pulses 0, 1, ... against their probabilities (chi-square)."""
    n = len(samples)
    observed = np.bincount(samples, minlength=len(probabilities)).astype(np.float64)
    assert len(observed) == len(probabilities), f"{what}: more pulses than there are slots"
    expected = n * np.asarray(probabilities)
    # Rare numbers are taken together from both ends, so that every class expects at least ten.
    classes: list[tuple[float, float]] = []
    seen = hoped = 0.0
    for o, e in zip(observed, expected, strict=True):
        seen, hoped = seen + o, hoped + e
        if hoped >= 10:
            classes.append((seen, hoped))
            seen = hoped = 0.0
    last = classes.pop()
    classes.append((last[0] + seen, last[1] + hoped))
    o, e = np.array(classes).T
    if len(classes) == 1:
        return Fit(what, float(o[0] == n), n)
    return Fit(what, float(stats.chisquare(o, e * o.sum() / e.sum()).pvalue), n)
