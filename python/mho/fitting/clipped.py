"""The likelihood of curves whose weights noise drives against their bounds, without Laplace's approximation.

A weight that is clipped lies on its bound with a probability of its own, and beside it on one side alone.
No normal distribution about the most probable path is like that, so that the width of intervals that follow
from it is wrong where many pulses may or may not be clipped. Here the weights are integrated out by a filter
on a grid: the state is one number, its density is followed at the nodes of a Gauss-Legendre quadrature about
each reading, and the two bounds carry masses. The nodes lie as close as the noise asks for, so that this is
exact up to rounding, at some ten times the cost.

References
----------
G. Kitagawa, J. Am. Stat. Assoc. 82:1032 (1987), on filters by numerical integration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mho.fitting.estimation import Estimate, estimate
from mho.fitting.likelihood import Paths, StateSpace
from mho.fitting.models import StepModel

__all__ = ["ClippedStateSpace", "clipping_matters", "finished", "open_share"]

Array = NDArray[np.float64]

_LOG_2PI = float(np.log(2 * np.pi))
# Standard deviations of a weight, given its readings, that the nodes reach to either side.
_REACH = 7.0
# Distance of nodes, in standard deviations of a weight given its neighbours; the error of the quadrature
# falls like exp(-2 (pi / distance)**2).
_SPACING = 0.95
_FEWEST_NODES, _MOST_NODES = 16, 160
# Pulses that are followed one by one; with more, or with more nodes, the approximation has to do.
_MOST_PULSES = 10_000
# Distance to a bound, in standard deviations of a pulse, within which it may or may not be clipped.
_OPEN = 2.0
# Share of such pulses that is too small to matter.
_MATTERS = 0.02
# Noise of reads to begin with, relative to how much readings change, and the log-likelihood that it must
# gain.
_READS = (0.02, 0.05, 0.1, 0.2, 0.5)
_CLEARLY = 2.0
# Noise of reads, relative to how much readings change, below which a bound may lie on a single reading; and
# where to begin another search then.
_SUSPECT, _ABOVE = 0.1, 0.2
# Numbers of one chunk of transition kernels: such that they stay in the cache.
_CHUNK = 150_000
# What masses are divided by if there is none left.
_LEAST = 1e-300


def open_share(fit: Estimate) -> float:
    """Return the share of pulses of which the curves leave open whether they were clipped.

    It is 0 where the weight does not meet its bounds, and small where its steps are larger than their noise.
    """
    space = fit.space
    if not space.bounded:
        return 0.0
    values = {name: np.atleast_2d(value) for name, value in fit.values.items()}
    open_ = total = 0
    for up in (True, False):
        to = np.flatnonzero(~space.paths.first & (space.paths.up == up))
        device = space.paths.device[to]
        at = {name: v if v.shape[1] == 1 else v[:, device] for name, v in values.items()}
        w = np.clip(fit.path[None, to - 1], at["w_min"], at["w_max"])
        step = space.model.step(w, at, up)
        size = space.model.size(at, up) if space.model.additive else np.abs(step)
        reach = _OPEN * at["ctoc"] * size
        near = np.minimum(np.abs(at["w_max"] - w - step), np.abs(w + step - at["w_min"])) < reach
        open_ += int(near.sum())
        total += len(to)
    return open_ / max(total, 1)


def finished(fit: Estimate, *, iterations: int = 60) -> Estimate:
    """Fit once more from where a search has ended, with errors, and on the grid where clipping matters.

    Parameters
    ----------
    fit : Estimate
        The end of a search.
    iterations : int
        Largest number of steps.
    """
    space, suspect = fit.space, 0.0
    starts = [fit]
    if clipping_matters(fit) and not fit.memory and _pulses(space.paths) <= _MOST_PULSES:
        exact = ClippedStateSpace(space.paths, fit.model)
        if exact.carries(fit):
            space = exact
            starts = [exact.begin(fit)]
            if "read" in fit.names:
                suspect = _SUSPECT * exact.change
                starts.append(exact.reading(fit, _ABOVE * exact.change))
    found: list[Estimate] = []
    for start in starts:
        found.append(
            estimate(
                space.paths,
                fit.model,
                bounded=fit.bounded,
                memory=fit.memory,
                start=start,
                space=space,
                iterations=iterations,
            )
        )
        # A reading that a bound lies on has an infinite density without noise of reads, and near such points
        # the likelihood has other maxima. The restricted one is finite: it counts what the bound costs.
        if not float(found[0].values["read"][0]) < suspect:
            break
    return max(found, key=lambda one: one.restricted_log_likelihood)


def clipping_matters(fit: Estimate) -> bool:
    """Tell whether Laplace's approximation would make the intervals of a fit too narrow."""
    return open_share(fit) > _MATTERS


def _pulses(paths: Paths) -> int:
    """Return how many pulses are to be followed, with paths side by side."""
    done = np.cumsum(np.where(paths.first, 1, paths.pulses))
    begin = np.flatnonzero(paths.first)
    lengths = np.diff(done[begin] - 1, append=done[-1])
    return int(lengths.max()) * len(begin)


class ClippedStateSpace(StateSpace):
    """As `StateSpace`, for weights that are clipped, with the exact likelihood.

    Noise of reads that lasts is not known to it.

    Parameters
    ----------
    paths : Paths
        The readings.
    model : StepModel
        The mean step.
    """

    def __init__(self, paths: Paths, model: StepModel) -> None:
        """Sort the pulses into states, path after path; see the class."""
        super().__init__(paths, model, bounded=True)
        moved = np.where(paths.first, 0, paths.pulses)
        begin = np.flatnonzero(paths.first)
        path = np.cumsum(paths.first) - 1
        done = np.cumsum(moved)
        # The state of each reading, and that of paths side by side.
        self._state = done - done[begin][path]
        self._path = path
        self._length = np.zeros(len(begin), dtype=np.int64)
        np.maximum.at(self._length, path, self._state + 1)
        self._device = paths.device[begin]
        shape = len(begin), int(self._length.max())
        where = path, self._state
        self._count = np.zeros(shape)
        np.add.at(self._count, where, 1.0)
        total, square = np.zeros(shape), np.zeros(shape)
        np.add.at(total, where, paths.y)
        self._y = total / np.maximum(self._count, 1)
        np.add.at(square, where, (paths.y - self._y[where]) ** 2)
        self._scatter = square
        # Which reading a state leads to; all pulses between two have one direction.
        self._next = np.zeros(shape, dtype=np.int64)
        for k, (first, length) in enumerate(zip(begin, self._length, strict=True)):
            last = first + int((path == k).sum())
            self._next[k, :length] = first + np.searchsorted(
                self._state[first:last], np.arange(length), side="left"
            )
            self._next[k, length:] = last - 1
        self._up = paths.up[self._next]
        gaps = np.maximum(paths.pulses, 1)
        self._gap = np.where(self._count > 0, 0, gaps[self._next])

    def carries(self, fit: Estimate) -> bool:
        """Tell whether a fit asks for no more nodes than can be followed, and makes no reading impossible."""
        values = {name: np.atleast_2d(value) for name, value in fit.values.items()}
        if self._windows(values, fit.path)[2] > _MOST_NODES:
            return False
        return bool(np.isfinite(self.evaluate(values, fit.path)[0]).all())

    def begin(self, fit: Estimate) -> Estimate:
        """Return where to begin a search: at the end of another, or with other noise of reads.

        Laplace's method may see none of it. Without any a bound could lie on a single reading, which has an
        infinite density then: a search that begins there does not come back.
        """
        if "read" not in fit.names:
            return fit
        read = self.change * np.array(_READS)
        values = {name: np.atleast_2d(value) for name, value in fit.values.items()}
        now = self.evaluate(values, fit.path)[0].sum()
        found = self.evaluate(values | {"read": read[:, None]}, fit.path)[0].sum(axis=1)
        return self.reading(fit, float(read[found.argmax()])) if found.max() > now + _CLEARLY else fit

    @property
    def change(self) -> float:
        """How much readings change from one to the next (root mean square)."""
        return float(np.sqrt(np.mean(np.diff(self.paths.y)[~self.paths.first[1:]] ** 2)))

    @staticmethod
    def reading(fit: Estimate, read: float) -> Estimate:
        """Return a fit with other noise of reads, to begin a search at."""
        # One device has all parameters of its own; several share those of noise.
        alone = not fit.search.shared
        rows = (fit.maximum.own if alone else fit.maximum.shared).copy()
        free = (fit.search.own if alone else fit.search.shared)["read"]
        rows[..., fit.names.index("read")] = fit.search.search("read", free, read)
        begin = replace(fit.maximum, own=rows) if alone else replace(fit.maximum, shared=rows)
        return replace(fit, maximum=begin)

    def _windows(self, values: Mapping[str, Array], path: Array) -> tuple[Array, Array, int]:
        """Return centres and half widths (paths, states) of the nodes, and how many there are.

        They follow from the first set of parameters, so that nearby sets have the same nodes.
        """
        at = {name: v[:1] if v.shape[1] == 1 else v[:1, self._device] for name, v in values.items()}
        at = {name: v.T for name, v in at.items()}
        read = float(values["read"][0, 0]) ** 2 + self.least_read
        centre = np.empty(self._next.shape)
        for k in range(len(centre)):
            mine = self._path == k
            centre[k] = np.interp(np.arange(centre.shape[1]), self._state[mine], path[mine])
        centre = np.clip(centre, at["w_min"], at["w_max"])
        sizes = []
        for up in (True, False):
            size = self.model.size(at, up) if self.model.additive else np.abs(self.model.step(centre, at, up))
            sizes.append(np.broadcast_to((at["ctoc"] * size) ** 2, centre.shape))
        least = float(self._least(np.array([[read]]))[0, 0])
        noise = np.where(self._up, *sizes) + least
        # The variance of a filter in its steady state, and what unread pulses add to it.
        known = 0.5 * noise * (np.sqrt(1 + 4 * read / noise) - 1)
        half = _REACH * np.sqrt(known + noise * self._gap)
        local = 1 / (np.minimum(self._count, 1) / read + 2 / noise)
        wanted = float((np.pi * half / np.sqrt(local)).max()) / _SPACING
        return centre, half, max(int(wanted) + 1, _FEWEST_NODES)

    def evaluate(
        self,
        values: Mapping[str, Array],
        path: Array,
        *,
        seen: NDArray[np.bool_] | None = None,
        iterations: int = 2,
    ) -> tuple[Array, Array]:
        """Return the log-likelihood of each device, and the most probable paths; see `StateSpace`."""
        approximate, found = super().evaluate(values, path, seen=seen, iterations=iterations)
        if seen is not None or not np.isfinite(found[0]).all():
            return approximate, found
        centre, half, count = self._windows(values, found[0])
        sets = max(value.shape[0] for value in values.values())
        at = self._per_path(values)
        starts = np.flatnonzero(np.diff(self._device, prepend=-1))
        total = np.add.reduceat(self._filter(at, sets, centre, half, min(count, _MOST_NODES)), starts, axis=1)
        return np.where(np.isfinite(total), total, -np.inf), found

    def innovations(self, values: Mapping[str, Array], path: Array) -> tuple[Array, Array]:
        """Return standardised innovations, and the weights that were expected, each (readings,).

        An innovation is the standard normal number that is as improbable as a reading is, given those before
        it. It is NaN at the first of a path, and where there are several readings of one weight.

        Parameters
        ----------
        values : mapping of str to ndarray of float64
            Each (1,) or (devices,).
        path : ndarray of float64, shape (readings,)
            Most probable weights.
        """
        values = {name: np.atleast_2d(value) for name, value in values.items()}
        at = self._per_path(values)
        centre, half, count = self._windows(values, path)
        known: list[tuple[Array, Array]] = []
        self._filter(at, 1, centre, half, min(count, _MOST_NODES), known)
        variance = float(values["read"][0, 0]) ** 2 + self.least_read
        read, least = np.sqrt(variance), self._least(np.array([[variance]]))[..., None, None]
        node, share = np.polynomial.legendre.leggauss(_MOST_NODES)
        low_bound, high_bound = at["w_min"][0, :, 0], at["w_max"][0, :, 0]
        score, expected = np.full(centre.shape, np.nan), centre.copy()
        for k, (w, mass) in enumerate(known[:-1], 1):
            mean, noise = (x[0, :, 0] for x in self._moved(w[:, :, None], at, self._up[:, k : k + 1], least))
            y = self._y[:, k, None]
            # Nodes only where a weight may lie above or below the reading; (paths, nodes).
            low, high = (np.clip(y + side * (_REACH + 1) * read, low_bound, high_bound) for side in (-1, 1))
            v = (low + high) / 2 + (high - low) / 2 * node
            density = np.exp(-0.5 * ((v[:, None] - mean[..., None]) / noise[..., None]) ** 2)
            weight = special.ndtr((y - v) / read) * (high - low) / 2 * share / np.sqrt(2 * np.pi)
            to_min, to_max = (
                special.ndtr((low_bound - mean) / noise),
                special.ndtr((mean - high_bound) / noise),
            )
            below = (density @ weight[..., None])[..., 0] / noise
            below += np.maximum(special.ndtr((low - mean) / noise) - to_min, 0)
            below += to_max * special.ndtr((y - high_bound) / read)
            below += to_min * special.ndtr((y - low_bound) / read)
            score[:, k] = special.ndtri(np.clip((mass * below).sum(axis=1), 1e-12, 1 - 1e-12))
            bounds = {"w_max": high_bound, "w_min": low_bound}
            clipped = self._clipped(mean, np.ones_like(mean), noise**2, bounds, np.zeros((1, 1)))[0]
            expected[:, k] = (mass * clipped).sum(axis=1)
        score[self._count != 1] = np.nan
        return score[self._path, self._state], expected[self._path, self._state]

    def _per_path(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """Return values as (sets, 1 or paths, 1, 1)."""
        return {
            name: (v if v.shape[1] == 1 else v[:, self._device])[:, :, None, None]
            for name, v in values.items()
        }

    def _filter(
        self,
        at: Mapping[str, Array],
        sets: int,
        centre: Array,
        half: Array,
        count: int,
        known: list[tuple[Array, Array]] | None = None,
    ) -> Array:
        """Return the log-likelihood of each path, (sets, paths); values are as `_per_path` returns them.

        To `known`, of one set, the nodes of each state (1, paths, count + 2) and the masses there, without
        the sets, are added.
        """
        paths, states = centre.shape
        node, share = np.polynomial.legendre.leggauss(count)
        node, share = (node + 1) / 2, share / 2
        low_bound, high_bound = at["w_min"][..., 0], at["w_max"][..., 0]
        read = at["read"][..., 0, 0] ** 2 + self.least_read
        least = self._least(read)[..., None, None]
        # Of each state the log of the largest density of its reading, and what is left of the mass.
        peaks, kept = np.zeros((2, sets, paths, states))
        ended = bool((self._length < states).any())
        step = max(1, _CHUNK // (sets * paths * (count + 2) * count))
        mass = last = np.empty(0)
        for begin in range(0, states, step):
            part = slice(begin, min(begin + step, states))
            # Nodes, then both bounds: (sets, paths, states, count + 2).
            middle = np.clip(centre[None, :, part], low_bound, high_bound)
            middle = np.broadcast_to(middle, (sets, *middle.shape[1:]))
            low = np.maximum(middle - half[None, :, part], low_bound)
            high = np.minimum(middle + half[None, :, part], high_bound)
            w = np.empty((*low.shape, count + 2))
            w[..., :count] = low[..., None] + (high - low)[..., None] * node
            w[..., count], w[..., count + 1] = high_bound, low_bound
            readings = self._count[None, :, part, None]
            off = (w - self._y[None, :, part, None]) ** 2 * readings + self._scatter[None, :, part, None]
            spread = read[..., None, None]
            density = -0.5 * (off / spread + readings * (np.log(spread) + _LOG_2PI))
            peaks[:, :, part] = density.max(axis=3)
            density = np.exp(density - peaks[:, :, part, None])
            density[..., :count] *= (high - low)[..., None] * share
            if begin == 0:
                # The first weight is unknown but for that a pulse has clipped it.
                noise = self._moved(w[:, :, :1, count:], at, self._up[:, :1], least)[1][:, :, 0]
                mass = density[:, :, 0]
                mass[..., count:] *= noise / np.sqrt(2 * np.pi)
                source, up, skip = w[:, :, :-1], self._up[:, 1 : part.stop], 1
            else:
                source, up, skip = np.concatenate([last, w[:, :, :-1]], axis=2), self._up[:, part], 0
            moved, noise = self._moved(source, at, up, least)
            kernel = self._kernels(moved, noise, w[:, :, skip:], at)
            factor = 1 / (noise * np.sqrt(2 * np.pi))
            if skip:
                kept[:, :, 0] = mass.sum(axis=2)
                mass = (mass / kept[:, :, :1])[:, :, None]
                if known is not None:
                    known.append((w[:, :, 0], mass[0, :, 0]))
            for k in range(part.stop - begin - skip):
                mass = (mass * factor[:, :, k, None]) @ kernel[:, :, k]
                mass *= density[:, :, skip + k, None]
                whole = kept[:, :, begin + skip + k] = mass.sum(axis=(2, 3))
                mass /= np.maximum(whole, _LEAST)[..., None, None]
                if known is not None:
                    known.append((w[:, :, skip + k], mass[0, :, 0].copy()))
                if ended:
                    mass[:, begin + skip + k >= self._length] = 1.0
            last = w[:, :, -1:]
        with np.errstate(divide="ignore"):
            result = np.log(kept) + peaks
        alive = np.arange(states) < self._length[:, None]
        total: Array = np.where(alive, result, 0.0).sum(axis=2)
        return total

    def _moved(
        self, w: Array, at: Mapping[str, Array], up: NDArray[np.bool_], least: Array
    ) -> tuple[Array, Array]:
        """Return mean and standard deviation of where a pulse leads from weights, before it is clipped."""
        sides = []
        for direction in (True, False):
            if not up.size or (up == direction).any():
                step = self.model.step(w, at, direction)
                size = self.model.size(at, direction) if self.model.additive else np.abs(step)
                sides.append((w + step, np.broadcast_to((at["ctoc"] * size) ** 2, w.shape)))
        if len(sides) == 1:
            mean, noise = sides[0]
        else:
            mean, noise = (np.where(up[None, :, :, None], a, b) for a, b in zip(*sides, strict=True))
        return mean, np.sqrt(noise + least)

    @staticmethod
    def _kernels(mean: Array, noise: Array, w: Array, at: Mapping[str, Array]) -> Array:
        """Return the densities at the next nodes, and the probabilities of both bounds, from each node.

        (..., count + 2, count + 2). They are relative to the largest density of each transition: one factor
        less for each element, where most of the time goes.
        """
        scale = np.sqrt(0.5) / noise
        result: Array = w[..., None, :] * scale[..., :, None]
        result -= (mean * scale)[..., None]
        result *= result
        np.negative(result, out=result)
        np.exp(result, out=result)
        whole = noise * np.sqrt(2 * np.pi)
        result[..., -2] = special.ndtr((mean - at["w_max"]) / noise) * whole
        result[..., -1] = special.ndtr((at["w_min"] - mean) / noise) * whole
        return result
