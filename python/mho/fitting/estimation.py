"""Fits one model to curves: start values, maximum of the likelihood, its errors, held-out likelihood."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mho.fitting.likelihood import Paths, StateSpace
from mho.fitting.maximise import Maximum, log_determinant, maximise
from mho.fitting.models import Free, StepModel, StepTable

__all__ = ["Estimate", "estimate", "folds", "held_out", "smoothed", "step_table"]

Array = NDArray[np.float64]

_CTOC = Free(low=3e-3, high=1e3, per_device=False)
_READ = Free(low=1e-6, high=10.0, unit="length", per_device=False)
_MEMORY = Free(low=1e-5, high=10.0, unit="length", per_device=False)
# Longer than a few dozen pulses it could not be told from steps.
_DURATION = Free(low=0.5, high=60.0, per_device=False)
# Of logarithms: numbers further out are of no use to a search.
_FAR = 100.0
_NOISE = ("ctoc", "read", "memory", "duration")
# A bound that readings have met lies near the end of their range.
_MET_MAX = Free(scale="linear", low=-0.3, high=0.1, unit="length")
_MET_MIN = Free(scale="linear", low=-0.1, high=0.3, unit="length")


def step_table(paths: Paths, smooth: Array) -> StepTable:
    """Read mean steps off curves: straight lines through blocks of readings.

    Parameters
    ----------
    paths : Paths
        The readings.
    smooth : ndarray of float64, shape (readings,)
        The same without most of their noise.
    """
    change = np.flatnonzero(paths.first | (np.diff(paths.up, prepend=paths.up[0])))
    ends = np.append(change[1:], len(paths.y))
    rows: list[tuple[float, float, bool, float]] = []
    spans = list(zip(change.tolist(), ends.tolist(), strict=True))
    for begin, end in spans:
        # A run in one direction begins at the last reading of the run before.
        first = begin if paths.first[begin] else begin - 1
        length = end - first
        up = bool(paths.up[end - 1])
        if length < 2:
            continue
        blocks = int(np.clip(length // 8, 1, 25))
        edges = np.linspace(first, end - 1, blocks + 1).astype(int)
        for low, high in itertools.pairwise(edges):
            if high <= low:
                continue
            part = slice(low, high + 1)
            position = np.concatenate([[0], np.cumsum(paths.pulses[low + 1 : high + 1])]).astype(float)
            position -= position.mean()
            spread = float((position**2).sum())
            slope = float((position * paths.y[part]).sum()) / spread
            rows.append((float(smooth[part].mean()), slope if up else -slope, up, spread))
    w, step, ups, share = (np.array(column) for column in zip(*rows, strict=True))
    low, high = _range(paths, smooth)
    # The first reading of a path comes after a pulse, as the others do.
    gaps = np.where(paths.first, 1, paths.pulses)
    run = max(int(np.median([gaps[begin:end].sum() for begin, end in spans])), 1)
    return StepTable(w, step, ups.astype(bool), share / share.sum(), low, max(high, low + 1e-9), run)


def _half_window(n: int) -> int:
    """Return how many neighbours on either side a running mean takes, in a run of n readings."""
    return int(min(12, max(n // 20, 1)))


def _range(paths: Paths, smooth: Array) -> tuple[float, float]:
    """Return the range of the curves: of running means over whole windows, whose noise is small."""
    starts = np.flatnonzero(paths.first | (np.diff(paths.up, prepend=paths.up[0])))
    whole = np.zeros(len(smooth), dtype=bool)
    for begin, end in zip(starts, np.append(starts[1:], len(smooth)), strict=True):
        half = _half_window(end - begin)
        whole[begin + half : end - half] = True
    chosen = smooth[whole] if whole.any() else smooth
    return float(chosen.min()), float(chosen.max())


def smoothed(paths: Paths) -> Array:
    """Return running means of the readings, within each run of pulses in one direction."""
    result = np.empty_like(paths.y)
    starts = np.flatnonzero(paths.first | (np.diff(paths.up, prepend=paths.up[0])))
    for begin, end in zip(starts, np.append(starts[1:], len(paths.y)), strict=True):
        n = end - begin
        half = _half_window(n)
        total = np.concatenate([[0.0], np.cumsum(paths.y[begin:end])])
        k = np.arange(n)
        reach = np.minimum(np.minimum(k, n - 1 - k), half)
        result[begin:end] = (total[k + reach + 1] - total[k - reach]) / (2 * reach + 1)
    return result


@dataclass(frozen=True, kw_only=True)
class _Search:
    """The parameters of a fit: which are shared, and their scales."""

    model: StepModel
    shared: dict[str, Free]
    own: dict[str, Free]
    constants: dict[str, float]
    table: StepTable

    def natural(self, shared: Array, own: Array) -> dict[str, Array]:
        """Return the values that `StateSpace.evaluate` takes, from (sets, s) and (sets, devices, p)."""
        values = {name: np.full((1, 1), value) for name, value in self.constants.items()}
        for k, (name, free) in enumerate(self.shared.items()):
            values[name] = self._value(name, free, shared[:, k : k + 1])
        for k, (name, free) in enumerate(self.own.items()):
            values[name] = self._value(name, free, own[:, :, k])
        return values

    def _value(self, name: str, free: Free, u: Array) -> Array:
        # A search for the end of an interval may look far away, where nothing is likely any more.
        if free.scale == "log":
            return np.exp(np.clip(u, -_FAR, _FAR))
        if free.scale == "negative log":
            return -np.exp(np.clip(u, -_FAR, _FAR))
        return u * self.unit(free) + self._offset(name, free)

    def unit(self, free: Free) -> float:
        """Return what 1 on the scale of the search is worth, for a linear scale."""
        return {"wave": 1 / self.table.width, "length": self.table.width}.get(free.unit, 1.0)

    def _offset(self, name: str, free: Free) -> float:
        if free is _MET_MAX:
            return self.table.high
        return self.table.low if free is _MET_MIN else 0.0

    def search(self, name: str, free: Free, value: float) -> float:
        """Return where a value lies on the scale of the search."""
        if free.scale == "log":
            return float(np.log(value))
        if free.scale == "negative log":
            return float(np.log(-value))
        return (value - self._offset(name, free)) / self.unit(free)

    def limits(self, frees: Mapping[str, Free]) -> Array:
        """Return the limits of the search, (n, 2)."""
        rows = []
        for free in frees.values():
            low, high = free.limits(self.table.width)
            if free.scale == "linear":
                unit = self.unit(free)
                low, high = low / unit, high / unit
                # A device's bounds lie on either side of 0.
                if free is _MET_MAX:
                    low = max(low, 0.02 - self.table.high / unit)
                elif free is _MET_MIN:
                    high = min(high, -0.02 - self.table.low / unit)
                rows.append((low, max(high, low + 1e-3)))
            else:
                rows.append((np.log(low), np.log(high)))
        return np.array(rows).reshape(-1, 2)


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """One model with the parameters that make curves most probable.

    Attributes
    ----------
    model : StepModel
        The model.
    names : tuple of str
        The free parameters, shared ones first.
    maximum : Maximum
        Their values on the scale of the search, and errors.
    values : dict of str to ndarray
        The values themselves, (1,) or (devices,), with `ctoc`, `read`, `w_max` and `w_min`.
    log_likelihood : float
        Of all readings.
    path : ndarray of float64, shape (readings,)
        Most probable weights.
    bounded : bool
        Whether bounds were met.
    memory : bool
        Whether noise of reads lasts.
    """

    model: StepModel
    names: tuple[str, ...]
    maximum: Maximum
    values: dict[str, Array]
    log_likelihood: float
    path: Array
    bounded: bool
    memory: bool
    search: _Search
    space: StateSpace

    @property
    def restricted_log_likelihood(self) -> float:
        """The log-likelihood with what the parameters that are not of the noise cost it, up to a constant.

        It compares models of noise: their own parameters count, the degrees of freedom that the others take
        do not (D. R. Cox and N. Reid, J. R. Stat. Soc. B 49:1, 1987).
        """
        free = self.maximum.free & ~np.array([name in _NOISE for name in self.names])
        cost = log_determinant(self.maximum.information, free, len(self.maximum.shared))
        return self.log_likelihood - 0.5 * cost


def _noise_start(paths: Paths, table: StepTable, smooth: Array) -> tuple[float, float]:
    """Return ctoc and the noise of reads, from how increments differ and how neighbours of them correlate."""
    inside = ~paths.first
    gap = np.maximum(paths.pulses, 1)
    trend = np.diff(smooth, prepend=smooth[0])
    rest = (np.diff(paths.y, prepend=paths.y[0]) - trend)[inside]
    total = float(np.mean(rest**2))
    both = inside[1:] & inside[:-1]
    full = np.diff(paths.y, prepend=paths.y[0]) - trend
    neighbour = float(np.mean((full[1:] * full[:-1])[both])) if both.any() else -0.25 * total
    least = 1e-12 * table.width**2
    read = float(np.clip(-neighbour, 0.01 * total, 0.5 * total)) + least
    process = max(total - 2 * read, 0.02 * total) + least
    size = float(np.sqrt(np.average(table.step**2, weights=table.share))) + 1e-7 * table.width
    return float(np.clip(np.sqrt(process / float(gap[inside].mean())) / size, 1e-3, 300)), float(
        np.sqrt(read)
    )


def estimate(
    paths: Paths,
    model: StepModel,
    *,
    bounded: bool = False,
    memory: bool = False,
    fixed: Mapping[str, float] | None = None,
    near: Estimate | None = None,
    start: Estimate | None = None,
    coarser: Estimate | None = None,
    space: StateSpace | None = None,
    seen: NDArray[np.bool_] | None = None,
    errors: bool = True,
    iterations: int = 60,
    tolerance: float = 1e-3,
) -> Estimate:
    """Fit one model by maximum likelihood.

    Parameters
    ----------
    paths : Paths
        The readings.
    model : StepModel
        The model.
    bounded : bool
        Whether the bounds are met; they are free parameters then where the step does not know them.
    memory : bool
        Whether noise of reads lasts for some pulses.
    fixed : mapping of str to float, optional
        Parameters that are known.
    near : Estimate, optional
        A fit of the same model, with other noise, whose steps to begin with.
    start : Estimate, optional
        A fit of the same model, with the same noise, to begin at.
    coarser : Estimate, optional
        A fit of the entry of the model's family before, with the same noise, whose steps to begin with.
    space : StateSpace, optional
        The likelihood; that of `start`, or a new one, by default.
    seen : ndarray of bool, optional
        Readings to use.
    errors : bool
        Whether to compute covariances.
    """
    smooth = smoothed(paths)
    table = step_table(paths, smooth)
    search = start.search if start is not None else _set_up(paths, model, table, bounded, memory, fixed or {})
    if space is None:
        clipped = bounded or model.clips == "always"
        space = start.space if start is not None else StateSpace(paths, model, bounded=clipped)
    path = smooth if start is None else start.path

    def objective(shared: Array, own: Array) -> Array:
        return space.evaluate(search.natural(shared, own), path, seen=seen)[0]

    def move(shared: Array, own: Array) -> None:
        nonlocal path
        path = space.follow(search.natural(shared[None], own[None]), path, seen=seen)[0]

    limits = search.limits(search.shared), search.limits(search.own)
    noise = np.array([name in _NOISE for name in (*search.shared, *search.own)])
    if start is None:
        candidates = _starts(paths, search, smooth, near, coarser)
        scores = []
        for shared, own in candidates:
            found = space.evaluate(search.natural(shared[None], own[None]), smooth, seen=seen, iterations=5)
            scores.append(float(found[0].sum()))
        order = np.argsort(scores)[::-1]
        begin = [candidates[k] for k in order[:2]] if len(candidates) > 1 else candidates
    else:
        begin = [(start.maximum.shared, start.maximum.own)]
    best: Maximum | None = None
    best_path = path
    for k, (shared, own) in enumerate(begin):
        path = smooth if start is None else start.path
        last = k == len(begin) - 1 and k == 0
        found_max = maximise(
            objective,
            shared,
            own,
            *limits,
            points=len(paths.y),
            iterations=iterations if last else 25,
            tolerance=tolerance,
            accepted=move,
            errors=errors and last,
            restrict=noise,
            # Another likelihood bends in another way.
            like=start.maximum if start is not None and space is start.space else None,
        )
        if best is None or found_max.value.sum() > best.value.sum():
            best, best_path = found_max, path
    assert best is not None
    path = best_path
    if len(begin) > 1:
        best = maximise(
            objective,
            best.shared,
            best.own,
            *limits,
            points=len(paths.y),
            iterations=iterations,
            tolerance=tolerance,
            accepted=move,
            errors=errors,
            restrict=noise,
        )
    values = {name: value[0] for name, value in search.natural(best.shared[None], best.own[None]).items()}
    return Estimate(
        model=model,
        names=(*search.shared, *search.own),
        maximum=best,
        values=values,
        log_likelihood=float(best.value.sum()),
        path=path,
        bounded=bounded,
        memory=memory,
        search=search,
        space=space,
    )


def _set_up(
    paths: Paths,
    model: StepModel,
    table: StepTable,
    bounded: bool,
    memory: bool,
    fixed: Mapping[str, float],
) -> _Search:
    frees = dict(model.free)
    constants: dict[str, float] = {}
    if not model.bounds_in_step:
        # Where no bound is met, the range that the curves cover stands for the bounds.
        if bounded:
            frees |= {"w_max": _MET_MAX, "w_min": _MET_MIN}
        else:
            low, high = table.reach
            constants = {"w_max": high, "w_min": low}
    frees |= {"ctoc": _CTOC, "read": _READ}
    if memory:
        frees |= {"memory": _MEMORY, "duration": _DURATION}
    constants |= fixed
    if {"w_max", "w_min"} <= constants.keys():
        table = replace(table, bounds=(constants["w_min"], constants["w_max"]))
    frees = {name: free for name, free in frees.items() if name not in constants}
    alone = paths.devices == 1
    return _Search(
        model=model,
        shared={} if alone else {name: free for name, free in frees.items() if not free.per_device},
        own=frees if alone else {name: free for name, free in frees.items() if free.per_device},
        constants=constants,
        table=table,
    )


def _starts(
    paths: Paths, search: _Search, smooth: Array, near: Estimate | None, coarser: Estimate | None
) -> list[tuple[Array, Array]]:
    """Return starting points: every combination of the candidates for up and for down, or that of a fit."""
    table = search.table
    ctoc, read = _noise_start(paths, table, smooth)
    rest = {"ctoc": ctoc, "read": read, "w_max": table.high, "w_min": table.low}
    if "duration" in search.shared or "duration" in search.own:
        # What looks like steps that persist may be noise that lasts.
        rest |= {"ctoc": 0.3 * ctoc, "memory": 0.5 * read, "duration": 3.0}
    sides = search.model.start(table, True), search.model.start(table, False)
    points = [rest | up | down for up, down in itertools.product(*sides)]
    if near is not None and "read" in near.values:
        found = {name: float(value.mean()) for name, value in near.values.items()}
        known = rest | {"ctoc": 0.3 * found["ctoc"], "read": found["read"], "memory": 0.5 * found["read"]}
        points = [found | known | {name: found[name] for name in search.model.free}]
    if coarser is not None:
        found = {name: float(value.mean()) for name, value in coarser.values.items()}
        points = [found | search.model.refine(found)]
    result = []
    for point in points:
        shared = [search.search(name, free, point[name]) for name, free in search.shared.items()]
        own = [search.search(name, free, point[name]) for name, free in search.own.items()]
        result.append((np.array(shared), np.tile(own, (paths.devices, 1))))
    return result


def folds(paths: Paths, number: int = 5) -> list[NDArray[np.bool_]]:
    """Return which readings to hold out, set after set: whole paths where there are many, else blocks.

    Each set holds out two blocks of every path, or every fifth path of every device.
    """
    path = np.cumsum(paths.first) - 1
    starts = np.flatnonzero(paths.first)
    of_device = np.bincount(paths.device[starts])
    if of_device.min() >= 2 * number:
        first_path = np.searchsorted(paths.device[starts], np.arange(paths.devices))
        rank = path - first_path[paths.device]
        return [rank % number == k for k in range(number)]
    position = np.arange(len(path)) - starts[path]
    length = np.bincount(path)[path]
    block = position * 2 * number // length
    return [block % number == k for k in range(number)]


def held_out(fit: Estimate, *, number: int = 5) -> Array:
    """Return the log-likelihood of each held-out reading set, and how many readings it has, (number, 2).

    For each set the parameters are fitted to all other readings. Then a held-out block is predicted by the
    filter from the readings before it: the probability of all up to its end, over that of all before it.
    """
    paths = fit.space.paths
    path = np.cumsum(paths.first) - 1
    result = []
    for out in folds(paths, number):
        trained = estimate(
            paths,
            fit.model,
            bounded=fit.bounded,
            memory=fit.memory,
            start=fit,
            seen=~out,
            errors=False,
            iterations=8,
            tolerance=1e-2,
        )
        values = trained.search.natural(trained.maximum.shared[None], trained.maximum.own[None])
        # Blocks of a path, one after the other; each pair of terms is the prediction of one block per path.
        begins = out & ~np.concatenate([[False], out[:-1] & (np.diff(path) == 0)])
        order = _ranks(begins, path)
        total = 0.0
        for k in range(int(order[begins].max()) + 1 if begins.any() else 0):
            here = begins & (order == k)
            begin = np.full(path[-1] + 1, len(path))
            begin[path[here]] = np.flatnonzero(here)
            index = np.arange(len(path))
            before = index < begin[path]
            ends = _block_ends(out, path, begin)
            upto = index < ends[path]
            for seen, sign in ((upto, 1), (before, -1)):
                found = trained.space.evaluate(values, trained.path, seen=seen, iterations=4)[0]
                total += sign * float(found.sum())
        result.append((total, float(out.sum())))
    return np.array(result)


def _ranks(begins: NDArray[np.bool_], path: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return, at each reading, how many blocks of its path began before."""
    total: NDArray[np.int64] = np.cumsum(begins)
    first = np.flatnonzero(np.diff(path, prepend=-1))
    before: NDArray[np.int64] = total[first] - begins[first]
    result: NDArray[np.int64] = total - before[path] - 1
    return result


def _block_ends(
    out: NDArray[np.bool_], path: NDArray[np.int64], begin: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return one past the last reading of the block that begins at `begin`, for each path."""
    n = len(path)
    ends = begin.copy()
    stop = np.flatnonzero(~out | np.concatenate([[False], np.diff(path) != 0]))
    for k, first in enumerate(begin):
        if first < n:
            later = stop[np.searchsorted(stop, first + 1) :]
            ends[k] = later[0] if len(later) else n
    return ends
