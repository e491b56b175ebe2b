"""Do both simulators do the same? Statistics of independent repetitions of the same work, in standard errors.

One update moves all crosspoints of a row by the same pulse train, so crosspoints are no independent samples.
What is compared is therefore one number per repetition, and its standard error is that over repetitions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LIMIT = 5.0  # sigma


@dataclass(frozen=True)
class Comparison:
    """One statistic of both simulators, and by how many standard errors they differ."""

    statistic: str
    incumbent: float
    incumbent_error: float
    mho: float
    mho_error: float

    @property
    def sigma(self) -> float:
        """The difference in standard errors."""
        error = math.hypot(self.incumbent_error, self.mho_error)
        difference = abs(self.mho - self.incumbent)
        if error == 0:
            return 0.0 if difference == 0 else math.inf
        return difference / error

    @property
    def passed(self) -> bool:
        """Whether both agree."""
        return self.sigma <= LIMIT

    def to_dict(self) -> dict[str, Any]:
        """Return all as JSON values."""
        return {**asdict(self), "sigma": self.sigma, "passed": self.passed}

    def __str__(self) -> str:
        return (
            f"{self.statistic}: aihwkit {self.incumbent:.6g} +- {self.incumbent_error:.2g}, "
            f"mho {self.mho:.6g} +- {self.mho_error:.2g}, {self.sigma:.1f} sigma apart"
        )


def _mean(values: Array) -> tuple[float, float]:
    """Return the mean of independent values and its standard error."""
    return float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values)))


def compare(statistic: str, incumbent: Array, mho: Array) -> Comparison:
    """Compare the means of two sets of independent values."""
    return Comparison(statistic, *_mean(incumbent), *_mean(mho))


def distributions(name: str, incumbent: Array, mho: Array) -> list[Comparison]:
    """Compare mean and variance of two sets of independent values, such as parameters of devices."""
    centre = float(incumbent.mean())
    return [
        compare(f"mean of {name}", incumbent, mho),
        compare(f"variance of {name}", (incumbent - centre) ** 2, (mho - centre) ** 2),
    ]


def repeated(
    incumbent: Callable[[], Array], mho: Callable[[], Array], expected: Array, repeats: int
) -> list[Comparison]:
    """Compare the means and variances of arrays that are drawn again and again.

    Parameters
    ----------
    incumbent, mho : callable
        Do the work once, and return its result: an array, always of the shape of `expected`.
    expected : ndarray
        What the result would be without any flaw.
    repeats : int
        Even; how often.
    """
    runs = [[work() for _ in range(repeats)] for work in (incumbent, mho)]
    norm = float((expected**2).sum())
    along = [np.array([(r * expected).sum() / norm for r in run]) for run in runs]
    level = [np.array([r.mean() for r in run]) for run in runs]
    # The difference of two repetitions has twice the variance of one; every repetition is used once.
    variance = [np.array([((a - b) ** 2).mean() / 2 for a, b in _pairs(run)]) for run in runs]
    # The product of two independent differences has the square of the difference of the means as its mean.
    apart = (
        np.array(
            [
                ((a1 - b1) * (a2 - b2)).mean()
                for (a1, a2), (b1, b2) in zip(_pairs(runs[0]), _pairs(runs[1]), strict=True)
            ]
        )
        / variance[0].mean()
    )
    return [
        compare("share of the ideal result", along[0], along[1]),
        compare("mean over all elements", level[0], level[1]),
        compare("variance, mean over all elements", variance[0], variance[1]),
        Comparison(
            "squared difference of the means, element by element, in variances", 0.0, 0.0, *_mean(apart)
        ),
    ]


def _pairs(run: list[Array]) -> list[tuple[Array, Array]]:
    return list(zip(run[::2], run[1::2], strict=True))
