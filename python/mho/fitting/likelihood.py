"""The likelihood of pulse curves: a state-space model with the persistent weight as its state.

The persistent weight w moves by noisy pulses, ``w' = clip(w + step(w) + ctoc * |step| * xi)``, and what is
read has noise on top that is drawn anew each time, ``y = w + read * xi``. Noise of pulses persists and noise
of reads does not: increments of y are correlated with their neighbours by the latter, so that a curve tells
them apart. Where noise of reads lasts for some pulses (telegraph noise, 1/f noise), an autoregression is
added to it; without it such noise would pass for steps that persist.

The weights are integrated out by Laplace's method: the transitions are linearised about the most probable
path, found by Gauss and Newton's iteration, which is a Kalman smoother for the linear models and an iterated
one for the others. The precision matrix of a path is tridiagonal, so that a path of n readings costs O(n),
in compiled code (LAPACK's pttrf), and many paths for many parameters are one such matrix.

References
----------
B. M. Bell, SIAM J. Optim. 4:626 (1994), on the iterated Kalman smoother. L. Tierney and J. B. Kadane,
J. Am. Stat. Assoc. 81:82 (1986), on Laplace's method.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.linalg import lapack

from mho.fitting.models import StepModel

__all__ = ["Paths", "StateSpace", "Transition"]

Array = NDArray[np.float64]

_LOG_2PI = float(np.log(2 * np.pi))
# Pulses between two readings that are followed one by one, whatever the curves; more are taken in larger
# steps.
_ONE_BY_ONE = 8


@dataclass(frozen=True)
class Paths:
    """Readings in the order of their pulses, path after path; paths of one device follow one another.

    Attributes
    ----------
    y : ndarray of float64, shape (readings,)
        Weights that were read.
    pulses : ndarray of int64, shape (readings,)
        Pulses since the reading before; without meaning at the first of a path.
    up : ndarray of bool, shape (readings,)
        Their direction.
    first : ndarray of bool, shape (readings,)
        Whether a path begins here, at a weight that nothing before it tells.
    device : ndarray of int64, shape (readings,)
        Index of the device, ascending from 0 without a gap.
    resolution : float
        Smallest difference of weights that the readings show.
    """

    y: Array
    pulses: NDArray[np.int64]
    up: NDArray[np.bool_]
    first: NDArray[np.bool_]
    device: NDArray[np.int64]
    resolution: float

    @property
    def devices(self) -> int:
        """Number of devices."""
        return int(self.device[-1]) + 1


@dataclass(frozen=True)
class Transition:
    """Where pulses lead from a weight: mean, its derivative by the weight, and variance; all (sets, n)."""

    mean: Array
    slope: Array
    variance: Array


def _over(z: Array) -> tuple[Array, Array, Array]:
    """Return mean, variance and probability of min(xi, z), for a standard normal xi.

    The probability is that of not being clipped, which is also the derivative of the mean by a shift.
    """
    below, density = special.ndtr(z), np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    above = 1 - below
    mean = z * above - density
    square = below - z * density + z * z * above
    return mean, np.maximum(square - mean * mean, 0.0), below


class StateSpace:
    """The likelihood of some paths under one model, for many sets of parameters at once.

    Parameters
    ----------
    paths : Paths
        The readings.
    model : StepModel
        The mean step.
    bounded : bool
        Whether the weight is clipped to `w_max` and `w_min`.
    """

    def __init__(self, paths: Paths, model: StepModel, *, bounded: bool) -> None:
        """Sort the transitions by direction; see the class."""
        self.paths, self.model, self.bounded = paths, model, bounded
        self.width = max(float(np.ptp(paths.y)), 1e-12)
        self._near = float(paths.y.min()) - 0.5 * self.width, float(paths.y.max()) + 0.5 * self.width
        to = np.flatnonzero(~paths.first)
        self._sides = [
            (up, to[paths.up[to] == up] - 1, paths.pulses[to[paths.up[to] == up]]) for up in (True, False)
        ]
        self._sides = [side for side in self._sides if len(side[1])]
        self._device_starts = np.flatnonzero(np.diff(paths.device, prepend=-1))
        # Rounding of the readings is a noise that is known; single precision is the least.
        self.least_read = paths.resolution**2 / 12 + (1e-7 * self.width) ** 2
        self._step_size = 1e-6 * self.width
        # Larger steps are to cover so little of a run of pulses that their second order is enough.
        runs = int((paths.first | (np.diff(paths.up, prepend=paths.up[0]))).sum())
        self._substeps = int(np.clip(600 * runs / len(paths.y), 3, 32))

    def _at(self, values: Mapping[str, Array], index: NDArray[np.int64]) -> dict[str, Array]:
        """Take values (sets, 1) or (sets, devices) to the transitions that begin at some readings."""
        device = self.paths.device[index]
        return {name: value if value.shape[1] == 1 else value[:, device] for name, value in values.items()}

    def transition(
        self, w: Array, values: Mapping[str, Array], up: bool, pulses: NDArray[np.int64], least: Array
    ) -> Transition:
        """Follow pulses of one direction from weights.

        Parameters
        ----------
        w : ndarray of float64, shape (sets, n)
            Where they begin.
        values : mapping of str to ndarray
            Parameters, each (sets, 1) or (sets, n).
        up : bool
            Direction.
        pulses : ndarray of int64, shape (n,)
            How many there are.
        least : ndarray of float64, shape (sets, 1)
            Least variance, which keeps the problem regular where steps vanish.
        """
        h = self._step_size
        if self.bounded:
            w = np.clip(w, values["w_min"], values["w_max"])
        else:
            # Where readings are held out a path may stray; steps are not to be had far from the curves.
            w = np.clip(w, *self._near)
        mean, slope, variance = w, np.ones_like(w), np.zeros_like(w)
        most = int(pulses.max(initial=0))
        count = most if most <= _ONE_BY_ONE else max(self._substeps, _ONE_BY_ONE)
        if int(pulses.min(initial=0)) > _ONE_BY_ONE:
            count = self._substeps
        for k in range(count):
            share = np.where(pulses <= count, (pulses > k).astype(np.float64), pulses / count)
            here = self.model.step(mean, values, up)
            gradient = (self.model.step(mean + h, values, up) - self.model.step(mean - h, values, up)) / (
                2 * h
            )
            if most > count:
                # Half of the second-order term makes one large step of many small ones (midpoint rule).
                here = here * (1 + 0.5 * np.maximum(share - 1, 0) * gradient)
            size = self.model.size(values, up) if self.model.additive else np.abs(here)
            noise = (values["ctoc"] * size) ** 2
            factor = 1 + share * gradient
            mean, slope = mean + share * here, slope * factor
            variance = variance * factor**2 + share * noise
            if self.bounded:
                mean, slope, variance = self._clipped(mean, slope, variance, values, least)
        return Transition(mean, slope, variance + least)

    @staticmethod
    def _clipped(
        mean: Array, slope: Array, variance: Array, values: Mapping[str, Array], least: Array
    ) -> tuple[Array, Array, Array]:
        """Return the moments after clipping a normal weight to the bounds; it meets one of them at most."""
        spread = np.sqrt(variance + least)
        to_max, to_min = (values["w_max"] - mean) / spread, (mean - values["w_min"]) / spread
        if min(float(to_max.min()), float(to_min.min())) > 7:
            return mean, slope, variance
        mean_max, variance_max, free_max = _over(np.clip(to_max, -30, 30))
        mean_min, variance_min, free_min = _over(np.clip(to_min, -30, 30))
        mean = np.clip(mean + spread * (mean_max - mean_min), values["w_min"], values["w_max"])
        return mean, slope * free_max * free_min, variance * variance_max * variance_min

    def linearised(self, values: Mapping[str, Array], path: Array) -> tuple[Array, Array, Array]:
        """Return mean, slope and variance of the transition from each reading; ends of paths have none.

        Parameters
        ----------
        values : mapping of str to ndarray of float64
            Each (1,) or (devices,).
        path : ndarray of float64, shape (readings,)
            Weights to linearise at.
        """
        sets = {name: np.atleast_2d(value) for name, value in values.items()}
        least = self._least(sets["read"] ** 2 + self.least_read)
        result = np.zeros((3, len(path)))
        for up, begin, pulses in self._sides:
            moved = self.transition(path[None, begin], self._at(sets, begin), up, pulses, least)
            result[:, begin] = moved.mean[0], moved.slope[0], moved.variance[0]
        return result[0], result[1], result[2]

    def _least(self, read: Array) -> Array:
        result: Array = np.maximum(1e-7 * read, (1e-7 * self.width) ** 2)
        return result

    def evaluate(
        self,
        values: Mapping[str, Array],
        path: Array,
        *,
        seen: NDArray[np.bool_] | None = None,
        iterations: int = 2,
    ) -> tuple[Array, Array]:
        """Return the log-likelihood of each device, and the most probable paths.

        Parameters
        ----------
        values : mapping of str to ndarray of float64
            Each (sets, 1) for a value that all devices share, or (sets, devices). Besides those of the model
            `ctoc`, `read` (the standard deviation of a reading), `w_max` and `w_min`; and, for noise of reads
            that remembers, its standard deviation `memory` and how many pulses it lasts, `duration`.
        path : ndarray of float64, shape (readings,) or (sets, readings)
            Where the search for the path begins.
        seen : ndarray of bool, shape (readings,), optional
            Readings to use; the others are unknown.
        iterations : int
            How often to linearise.

        Returns
        -------
        likelihood : ndarray of float64, shape (sets, devices)
        path : ndarray of float64, shape (sets, readings)
        """
        paths = self.paths
        sets = max(value.shape[0] for value in values.values())
        n = len(paths.y)
        w = np.broadcast_to(path, (sets, n)).copy()
        use = np.ones(n) if seen is None else seen.astype(np.float64)
        read = np.broadcast_to(values["read"] ** 2 + self.least_read, (sets, 1))
        precision = use / read
        least = self._least(read)
        sides = [(self._at(values, begin), begin, up, pulses, least) for up, begin, pulses in self._sides]
        memory = _Memory(self, values) if "memory" in values else None
        result = np.full((sets, n), -np.inf)
        failed = np.zeros(sets, dtype=bool)
        for iteration in range(iterations):
            error = np.where(use > 0, paths.y - w, 0.0)
            # The first weight of a path is next to unknown; this keeps one without readings regular.
            diagonal = precision + paths.first * (0.1 / self.width) ** 2
            gradient = error * precision
            off = np.zeros((sets, n))
            known = []
            for at, begin, up, pulses, floor in sides:
                moved = self.transition(w[:, begin], at, up, pulses, floor)
                miss = w[:, begin + 1] - moved.mean
                weight = 1 / moved.variance
                diagonal[:, begin] += moved.slope**2 * weight
                diagonal[:, begin + 1] += weight
                off[:, begin] = -moved.slope * weight
                gradient[:, begin] += moved.slope * miss * weight
                gradient[:, begin + 1] -= miss * weight
                known.append((begin, moved, miss, weight))
            if memory is None:
                change, log_pivots = _solve(diagonal, off, gradient, failed)
                kept = np.zeros((1, 1))
            else:
                change, kept, log_pivots = memory.solve(
                    diagonal, off, gradient, error * precision, precision, failed
                )
            w = w + change
            if iteration < iterations - 1:
                continue
            error = np.where(use > 0, paths.y - w - kept, 0.0)
            result = -0.5 * (use * (np.log(read) + _LOG_2PI) + precision * error**2)
            result += 0.5 * (_LOG_2PI - log_pivots)
            if memory is not None:
                result += memory.log_density(kept)
            for begin, moved, miss, weight in known:
                miss = miss + change[:, begin + 1] - moved.slope * change[:, begin]
                result[:, begin] -= 0.5 * (_LOG_2PI - np.log(weight) + miss**2 * weight)
        total = np.add.reduceat(result, self._device_starts, axis=1)
        return np.where(np.isfinite(total) & ~failed[:, None], total, -np.inf), w

    def follow(
        self, values: Mapping[str, Array], path: Array, *, seen: NDArray[np.bool_] | None = None
    ) -> Array:
        """Return the most probable paths alone; arguments are those of `evaluate`."""
        return StateSpace.evaluate(self, values, path, seen=seen, iterations=3)[1]


def _solve(diagonal: Array, off: Array, right: Array, failed: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Solve tridiagonal systems; return the solutions and the logarithms of the pivots.

    A set whose matrix is not positive definite is marked in `failed` and solved as the identity.
    """
    sets, n = diagonal.shape
    for _ in range(sets + 1):
        diagonal[failed], off[failed] = 1.0, 0.0
        pivots, factors, info = lapack.dpttrf(diagonal.ravel(), off.ravel()[:-1])
        if info == 0:
            break
        failed[(abs(info) - 1) // n] = True
    change = lapack.dpttrs(pivots, factors, right.ravel())[0].reshape(sets, n)
    return change, np.log(pivots).reshape(sets, n)


class _Memory:
    """Noise of reads that remembers: an autoregression u with u' = r u + sqrt(1 - r**2) * memory * xi.

    Per pulse r is exp(-1 / duration). Weight and u alternate in a matrix with two diagonals on either side.
    """

    def __init__(self, space: StateSpace, values: Mapping[str, Array]) -> None:
        paths = space.paths
        self._first = paths.first
        self._variance = values["memory"] ** 2 + 1e-3 * space.least_read
        self._begin = np.flatnonzero(~paths.first) - 1
        gap = np.maximum(paths.pulses[self._begin + 1], 1e-3)
        self._keep = np.exp(-gap / values["duration"])
        self._fresh = self._variance * -np.expm1(-2 * gap / values["duration"])

    def solve(
        self,
        diagonal: Array,
        off: Array,
        gradient: Array,
        pull: Array,
        precision: Array,
        failed: NDArray[np.bool_],
    ) -> tuple[Array, Array, Array]:
        """Return the changes of the weights, u, and the logarithms of the pivots; `failed` as in `_solve`."""
        sets, n = diagonal.shape
        band = np.zeros((3, sets, n, 2))
        band[0, :, :, 0] = diagonal
        band[0, :, :, 1] = precision + self._first / self._variance
        band[0, :, self._begin, 1] += (self._keep**2 / self._fresh).T
        band[0, :, self._begin + 1, 1] += (1 / self._fresh).T
        band[1, :, :, 0] = precision
        band[2, :, :, 0] = off
        band[2, :, self._begin, 1] = (-self._keep / self._fresh).T
        right = np.stack([gradient, np.broadcast_to(pull, gradient.shape)], axis=2).reshape(-1, 1)
        for _ in range(sets + 1):
            band[0, failed], band[1:, failed] = 1.0, 0.0
            factor, info = lapack.dpbtrf(band.reshape(3, -1), lower=1)
            if info == 0:
                break
            failed[(abs(info) - 1) // (2 * n)] = True
        solution = lapack.dpbtrs(factor, right, lower=1)[0].reshape(sets, n, 2)
        return solution[:, :, 0], solution[:, :, 1], 2 * np.log(factor[0]).reshape(sets, n, 2).sum(2)

    def log_density(self, u: Array) -> Array:
        """Return the logarithm of the density of u, and the part of its integral that has no pivot."""
        result = np.zeros_like(u)
        result -= 0.5 * self._first * (np.log(self._variance) + u**2 / self._variance)
        miss = u[:, self._begin + 1] - self._keep * u[:, self._begin]
        result[:, self._begin + 1] -= 0.5 * (np.log(self._fresh) + miss**2 / self._fresh)
        return result
