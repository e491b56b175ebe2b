"""Maximum of a sum of functions of one device each, with parameters of their own and shared ones.

The Hessian has the shape of an arrow: a block for each device, and a border of the shared parameters. All
blocks come from the same few evaluations, since the devices' parameters can be varied at once; a step costs
no more for a hundred devices than a hundred separate fits. General-purpose optimisers, which scipy has, see
one dense problem with hundreds of unknowns instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Maximum", "log_determinant", "maximise"]

Array = NDArray[np.float64]
# shared (sets, s) and own (sets, devices, p) -> log-likelihood (sets, devices)
Objective = Callable[[Array, Array], Array]

# Numbers that one evaluation may hold; more sets are evaluated in several calls.
_AT_ONCE = 2_000_000
# Log-likelihood of what cannot be.
_IMPOSSIBLE = -1e100
# How well restricted log-likelihoods are known, which have determinants of second differences in them.
_UNSURE = 0.1
# Steps that one curvature serves.
_LIFE = 6


@dataclass(frozen=True)
class Maximum:
    """Where the maximum is, and how sharp.

    Attributes
    ----------
    shared : ndarray of float64, shape (s,)
    own : ndarray of float64, shape (devices, p)
        The parameters.
    value : ndarray of float64, shape (devices,)
        The function of each device.
    cov_shared : ndarray of float64, shape (s, s)
    cov_own : ndarray of float64, shape (devices, p, p)
    cov_cross : ndarray of float64, shape (devices, p, s)
        Inverse of minus the Hessian; parameters at a limit have no variance.
    free : ndarray of bool, shape (devices, s + p)
        Which are not at a limit.
    converged : bool
        Whether no step improved it noticeably.
    information : ndarray of float64, shape (devices, s + p, s + p)
    steps : ndarray of float64, shape (devices, s + p)
        Minus the Hessian of each device's function, and steps for differences: for a search that begins here.
    """

    shared: Array
    own: Array
    value: Array
    cov_shared: Array
    cov_own: Array
    cov_cross: Array
    free: NDArray[np.bool_]
    converged: bool
    information: Array
    steps: Array

    def covariance(self, device: int) -> Array:
        """Return the covariance of shared and own parameters of one device, in this order."""
        cross = self.cov_cross[device]
        return np.block([[self.cov_shared, cross.T], [cross, self.cov_own[device]]])


@dataclass(frozen=True)
class _Curvature:
    """Gradient and minus the Hessian."""

    gradient: Array  # (devices, s + p), of each device's function
    information: Array  # (devices, s + p, s + p)


class _Problem:
    """The objective with its limits; parameters in one row (devices, s + p) for each device."""

    def __init__(
        self, objective: Objective, limits_shared: Array, limits_own: Array, devices: int, points: int
    ) -> None:
        self.objective, self.shared, self.devices = objective, len(limits_shared), devices
        limits = np.concatenate([limits_shared, limits_own])
        self.low, self.high = limits[:, 0], limits[:, 1]
        self._sets = max(1, _AT_ONCE // max(points, 1))

    def values(self, rows: Array) -> Array:
        """Evaluate sets of parameters (sets, devices, s + p)."""
        parts = [
            self.objective(part[:, 0, : self.shared], part[:, :, self.shared :])
            for part in np.split(rows, range(self._sets, len(rows), self._sets))
        ]
        return np.concatenate(parts)

    def gradient(self, row: Array, steps: Array) -> Array:
        """Return the gradient (devices, s + p) alone."""
        n = row.shape[1]
        moves = np.zeros((2 * n, *row.shape))
        for i in range(n):
            moves[2 * i, :, i] = steps[:, i]
            moves[2 * i + 1, :, i] = -steps[:, i]
        with np.errstate(invalid="ignore"):
            found = np.maximum(self.values(row + moves), _IMPOSSIBLE)
        result: Array = _finite((found[::2] - found[1::2]) / 2).T / steps
        return result

    def curvature(
        self, row: Array, steps: Array, *, symmetric: bool, among: NDArray[np.bool_] | None = None
    ) -> tuple[_Curvature, Array]:
        """Return gradient and information by differences with steps (devices, s + p), and the new steps.

        With `among` (s + p,) only the second derivatives among those parameters, and zeros for the others.
        """
        n = row.shape[1]
        wanted = np.ones(n, dtype=bool) if among is None else among
        pairs = [(i, j) for i in range(n) for j in range(i) if wanted[i] and wanted[j]]
        moves = np.zeros((1 + 2 * n + (2 if symmetric else 1) * len(pairs), *row.shape))
        for i in range(n):
            moves[1 + 2 * i, :, i] = steps[:, i]
            moves[2 + 2 * i, :, i] = -steps[:, i]
        for k, (i, j) in enumerate(pairs):
            moves[1 + 2 * n + k] = moves[1 + 2 * i] + moves[1 + 2 * j]
            if symmetric:
                moves[1 + 2 * n + len(pairs) + k] = -moves[1 + 2 * n + k]
        with np.errstate(invalid="ignore"):
            found = np.maximum(self.values(row + moves), _IMPOSSIBLE)
        base, plus, minus = found[0], found[1 : 1 + 2 * n : 2], found[2 : 2 + 2 * n : 2]
        gradient = _finite((plus - minus) / 2).T / steps
        hessian = np.zeros((self.devices, n, n))
        for i in range(n):
            if wanted[i]:
                hessian[:, i, i] = _finite(plus[i] + minus[i] - 2 * base) / steps[:, i] ** 2
        for k, (i, j) in enumerate(pairs):
            both = found[1 + 2 * n + k]
            if symmetric:
                both = both + found[1 + 2 * n + len(pairs) + k]
                mixed = (both - plus[i] - minus[i] - plus[j] - minus[j] + 2 * base) / 2
            else:
                mixed = both - plus[i] - plus[j] + base
            hessian[:, i, j] = hessian[:, j, i] = _finite(mixed) / (steps[:, i] * steps[:, j])
        # The next steps are a tenth of a standard error: far above rounding, and where the function is
        # nearly quadratic. A shared parameter moves for all devices alike.
        sharp = np.abs(np.diagonal(hessian, axis1=1, axis2=2)).copy()
        sharp[:, : self.shared] = sharp[:, : self.shared].sum(0)
        better = np.clip(0.1 / np.sqrt(np.maximum(sharp, 1e-12)), 1e-6, 0.05)
        return _Curvature(gradient, -hessian), better


def _finite(values: Array) -> Array:
    """Return 0 for differences with a set of parameters that is impossible."""
    return np.where(np.abs(values) < -_IMPOSSIBLE / 10, values, 0.0)


def log_determinant(information: Array, free: NDArray[np.bool_], s: int) -> float:
    """Return the logarithm of the determinant of an arrow's information among free parameters."""
    masked = np.where(free[:, :, None] & free[:, None, :], information, 0.0)
    own = _positive(masked[:, s:, s:] + _frozen(~free[:, s:]), 0.0)
    total = float(np.linalg.slogdet(own)[1].sum()) if own.shape[1] else 0.0
    if s:
        cross = masked[:, s:, :s]
        corner = (masked[:, :s, :s] - cross.transpose(0, 2, 1) @ np.linalg.solve(own, cross)).sum(0)
        total += float(np.linalg.slogdet(_positive(corner + _frozen(~free[0, :s]), 0.0))[1])
    return total


def _positive(matrix: Array, damping: float) -> Array:
    """Return symmetric matrices with the magnitudes of their eigenvalues, which turns saddles into bowls."""
    scale = np.sqrt(np.maximum(np.abs(np.diagonal(matrix, axis1=-2, axis2=-1)), 1e-12))
    scaled = matrix / scale[..., :, None] / scale[..., None, :]
    values, vectors = np.linalg.eigh(np.where(np.isfinite(scaled), scaled, 0.0))
    values = np.maximum(np.abs(values), 1e-7) + damping
    result: Array = np.einsum("...ik,...k,...jk->...ij", vectors, values, vectors)
    result = result * scale[..., :, None] * scale[..., None, :]
    return result


def _arrow_solve(
    information: Array, gradient: Array, free: NDArray[np.bool_], shared: int, damping: float
) -> Array:
    """Return the Newton step (devices, s + p); shared parameters have the same step everywhere."""
    masked = np.where(free[:, :, None] & free[:, None, :], information, 0.0)
    slope = np.where(free, gradient, 0.0)
    step: Array = np.zeros_like(gradient)
    own = _positive(masked[:, shared:, shared:] + _frozen(~free[:, shared:]), damping)
    if not shared:
        alone = np.asarray(np.linalg.solve(own, slope[:, :, None])[:, :, 0], dtype=np.float64)
        return np.where(free, alone, 0.0)
    cross = masked[:, shared:, :shared]
    if own.shape[1]:
        inverse_cross = np.linalg.solve(own, cross)
        inverse_slope = np.linalg.solve(own, slope[:, shared:, None])
        corner = masked[:, :shared, :shared] - cross.transpose(0, 2, 1) @ inverse_cross
        rest = slope[:, :shared] - (cross.transpose(0, 2, 1) @ inverse_slope)[:, :, 0]
    else:
        corner, rest = masked[:, :shared, :shared], slope[:, :shared]
    total = _positive(corner.sum(0) + _frozen(~free[0, :shared]), damping)
    step[:, :shared] = np.linalg.solve(total, rest.sum(0))
    if own.shape[1]:
        step[:, shared:] = (inverse_slope - inverse_cross @ step[:, :shared, None])[:, :, 0]
    return np.where(free, step, 0.0)


def _frozen(fixed: NDArray[np.bool_]) -> Array:
    """Return diagonal matrices with ones where a parameter does not move."""
    return fixed[..., :, None] * np.eye(fixed.shape[-1])


def maximise(
    objective: Objective,
    shared: Array,
    own: Array,
    limits_shared: Array,
    limits_own: Array,
    *,
    points: int = 1,
    iterations: int = 60,
    tolerance: float = 1e-3,
    accepted: Callable[[Array, Array], None] | None = None,
    errors: bool = True,
    restrict: NDArray[np.bool_] | None = None,
    like: Maximum | None = None,
) -> Maximum:
    """Find a maximum near a start, within limits, by Newton's method with damping.

    Parameters
    ----------
    objective : callable
        From shared parameters (sets, s) and those of the devices (sets, devices, p) to the log-likelihood of
        each device (sets, devices). Parameters should be scaled such that a change by 1 is large.
    shared, own : ndarray of float64, shapes (s,) and (devices, p)
        The start.
    limits_shared, limits_own : ndarray of float64, shapes (s, 2) and (p, 2)
        Lowest and highest values.
    points : int
        Readings, to know how many sets fit into memory at once.
    iterations : int
        Largest number of steps.
    tolerance : float
        Gain of log-likelihood that ends the search.
    accepted : callable, optional
        Called with each new best point.
    errors : bool
        Whether to compute the covariances.
    restrict : ndarray of bool, shape (s + p,), optional
        Parameters of the noise. They are moved to the maximum of the restricted likelihood, which counts the
        degrees of freedom that the other parameters take (D. R. Cox and N. Reid, J. R. Stat. Soc. B 49:1,
        1987):
        that of the maximum of the likelihood is too small.
    like : Maximum, optional
        A maximum of nearly the same function, whose curvature serves for the first steps.

    Returns
    -------
    Maximum
    """
    limits_shared, limits_own = limits_shared.reshape(-1, 2), limits_own.reshape(-1, 2)
    devices, s = len(own), len(shared)
    problem = _Problem(objective, limits_shared, limits_own, devices, points)
    row = np.concatenate([np.broadcast_to(shared, (devices, s)), own], axis=1)
    margin = 1e-9 * (problem.high - problem.low)
    row = np.clip(row, problem.low + margin, problem.high - margin)
    steps = np.full_like(row, 1e-3)
    damping, converged = 1e-3, False
    best = problem.values(row[None])[0]
    if accepted:
        accepted(row[0, :s], row[:, s:])
        best = problem.values(row[None])[0]
    renew, age = like is None, 0
    bend = _Curvature(np.zeros_like(row), np.zeros((0,)))
    if like is not None:
        bend, steps = _Curvature(bend.gradient, like.information), like.steps
    for _ in range(iterations):
        # The curvature changes slowly near the maximum, and costs several times a gradient.
        if renew or age >= _LIFE:
            bend, steps = problem.curvature(row, steps, symmetric=False)
            age = 0
        else:
            bend = _Curvature(problem.gradient(row, steps), bend.information)
        age += 1
        free = _free(row, bend.gradient, problem, s)
        gained = None
        for _attempt in range(12):
            step = _arrow_solve(bend.information, bend.gradient, free, s, damping)
            step = np.clip(step, -2.0, 2.0)
            tried = np.clip(row + step, problem.low, problem.high)
            value = problem.values(tried[None])[0]
            if np.isfinite(value).all() and value.sum() > best.sum() - 1e-10:
                gained = float(value.sum() - best.sum())
                break
            damping = max(4 * damping, 1e-3)
        if gained is None:
            if age > 1:
                renew, damping = True, 1e-3
                continue
            converged = bool(np.isfinite(best).all())
            break
        due = float((step * bend.gradient).sum() - 0.5 * np.einsum("di,dij,dj", step, bend.information, step))
        renew = not gained > 0.3 * due
        row, best, damping = tried, value, max(damping / 6, 1e-9)
        if accepted:
            accepted(row[0, :s], row[:, s:])
            best = problem.values(row[None])[0]
        if gained < tolerance:
            converged = True
            break
    n = row.shape[1]
    cov_shared, cov_own = np.zeros((s, s)), np.zeros((devices, n - s, n - s))
    cov_cross = np.zeros((devices, n - s, s))
    free = np.ones((devices, n), dtype=bool)
    if errors:
        if restrict is not None and restrict.any():
            row = _restricted(problem, row, steps, bend, restrict, s)
            if accepted:
                accepted(row[0, :s], row[:, s:])
            best = problem.values(row[None])[0]
        bend, _ = problem.curvature(row, steps, symmetric=True)
        free = _free(row, bend.gradient, problem, s)
        cov_shared, cov_own, cov_cross = _covariances(bend.information, free, s)
    return Maximum(
        row[0, :s],
        row[:, s:],
        best,
        cov_shared,
        cov_own,
        cov_cross,
        free,
        converged,
        bend.information,
        steps,
    )


def _restricted(
    problem: _Problem, row: Array, steps: Array, bend: _Curvature, noise: NDArray[np.bool_], s: int
) -> Array:
    """Return the maximum of the restricted likelihood near that of the likelihood."""
    start = row
    sharp = np.abs(np.diagonal(bend.information, axis1=1, axis2=2)).copy()
    sharp[:, :s] = sharp[:, :s].sum(0)
    # Noise that the data do not see stays where it is.
    seen = ~noise | (sharp > 1).all(0)
    middle, _ = problem.curvature(row, steps, symmetric=False, among=~noise)
    for _ in range(2):
        slope = problem.gradient(row, steps)
        free = _free(row, slope, problem, s) & seen
        base = log_determinant(middle.information, free & ~noise, s)
        total = np.zeros_like(slope)
        for k in np.flatnonzero(noise & free.any(0)):
            moved = row.copy()
            moved[:, k] += 3 * steps[:, k]
            inner, _ = problem.curvature(moved, steps, symmetric=False, among=~noise)
            change = -0.5 * (log_determinant(inner.information, free & ~noise, s) - base) / (3 * steps[0, k])
            # A shared parameter has its slope once, not once for each device.
            total[:, k] = change / (len(row) if k < s else 1)
        step = _arrow_solve(bend.information, slope + total, free, s, 0.0)
        step = np.clip(step, -0.5, 0.5)
        # The curvature of the likelihood is not quite that of the restricted one, which no step may lower by
        # more than differences of differences are sure of.
        before = problem.values(row[None])[0].sum() - 0.5 * base
        for _attempt in range(3):
            tried = np.clip(row + step, problem.low, problem.high)
            inner, _ = problem.curvature(tried, steps, symmetric=False, among=~noise)
            cost = log_determinant(inner.information, free & ~noise, s)
            raised = bool(problem.values(tried[None])[0].sum() - 0.5 * cost > before - _UNSURE)
            if raised:
                row, middle = tried, inner
                break
            step = step / 2
        if not raised or np.abs(step).max() < 1e-2:
            break
    # The more parameters, the larger the correction; one that costs more than they could has lost its way.
    values = problem.values(np.stack([start, row])).sum(1)
    spent = int((~noise[s:]).sum()) * len(row) + int((~noise[:s]).sum())
    if not values[1] > values[0] - 2.0 - 0.25 * spent:
        return start
    return row


def _free(row: Array, gradient: Array, problem: _Problem, s: int) -> NDArray[np.bool_]:
    """Tell which parameters are not pressed against a limit."""
    total = gradient.copy()
    total[:, :s] = gradient[:, :s].sum(0)
    near = 1e-6 * (problem.high - problem.low)
    pressed: NDArray[np.bool_] = ((row <= problem.low + near) & (total <= 0)) | (
        (row >= problem.high - near) & (total >= 0)
    )
    return ~pressed


def _covariances(information: Array, free: NDArray[np.bool_], s: int) -> tuple[Array, Array, Array]:
    """Return the blocks of the inverse of the information; zero for parameters at a limit."""
    masked = np.where(free[:, :, None] & free[:, None, :], information, 0.0)
    own = np.linalg.inv(_positive(masked[:, s:, s:] + _frozen(~free[:, s:]), 0.0))
    cross = masked[:, s:, :s]
    corner = (masked[:, :s, :s] - cross.transpose(0, 2, 1) @ own @ cross).sum(0)
    inverse = np.linalg.inv(_positive(corner + _frozen(~free[0, :s]), 0.0)) if s else corner
    cov_shared: Array = np.where(free[0, :s, None] & free[0, None, :s], inverse, 0.0)
    transfer = own @ cross
    cov_own = np.asarray(own + transfer @ cov_shared @ transfer.transpose(0, 2, 1), dtype=np.float64)
    cov_cross = np.asarray(-transfer @ cov_shared, dtype=np.float64)
    keep = free[:, s:]
    return cov_shared, np.where(keep[:, :, None] & keep[:, None, :], cov_own, 0.0), cov_cross
