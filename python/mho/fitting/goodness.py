"""Whether a fitted model describes its readings: tests on standardised innovations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from mho.fitting.clipped import ClippedStateSpace
from mho.fitting.estimation import Estimate
from mho.fitting.result import Goodness

__all__ = ["goodness", "innovations"]

Array = NDArray[np.float64]


def innovations(fit: Estimate) -> Array:
    """Return standardised innovations, NaN at the first reading of each path.

    A Kalman filter along each path, linearised where the fit was; its state is the weight and, where noise of
    reads lasts, that noise.
    """
    paths = fit.space.paths
    mean, slope, variance = fit.space.linearised(fit.values, fit.path)
    read = float(fit.values["read"][0]) ** 2 + fit.space.least_read
    lasting = float(fit.values["memory"][0]) ** 2 if fit.memory else 0.0
    keep = np.exp(-paths.pulses / float(fit.values["duration"][0])) if fit.memory else np.zeros(len(paths.y))
    result = np.full(len(paths.y), np.nan)
    # Plain numbers: a filter takes one reading after the other, and numpy pays for each operation.
    y, first, w, kept = paths.y.tolist(), paths.first.tolist(), fit.path.tolist(), keep.tolist()
    means, slopes, variances = mean.tolist(), slope.tolist(), variance.tolist()
    weight = noise = p = c = q = 0.0  # means; variance of the weight, covariance, variance of the noise
    for k in range(len(y)):
        if first[k]:
            # The first reading is all that is known of the weight.
            weight, noise, p, c, q = y[k], 0.0, read + lasting, -lasting, lasting
            continue
        a, r = slopes[k - 1], kept[k]
        weight, noise = means[k - 1] + a * (weight - w[k - 1]), r * noise
        p, c, q = a * a * p + variances[k - 1], a * r * c, r * r * q + (1 - r * r) * lasting
        total = p + 2 * c + q + read
        miss = y[k] - weight - noise
        result[k] = miss / total**0.5
        of_weight, of_noise = (p + c) / total, (c + q) / total
        weight, noise = weight + of_weight * miss, noise + of_noise * miss
        p, c, q = p - of_weight * (p + c), c - of_weight * (c + q), q - of_noise * (c + q)
    return result


def goodness(fit: Estimate) -> Goodness:
    """Test the innovations of a fit: normal, uncorrelated, and of mean 0 everywhere."""
    paths = fit.space.paths
    if isinstance(fit.space, ClippedStateSpace):
        # The most probable weights follow the readings closely there, and would sort innovations by size.
        found, place = fit.space.innovations(fit.values, fit.path)
    else:
        found, place = innovations(fit), fit.path
    known = np.isfinite(found)
    z = found[known]
    count = len(z)
    lags = int(np.clip(count // 10, 1, 10))
    centred = np.where(known, np.nan_to_num(found - z.mean()), 0.0)
    path = np.cumsum(paths.first) - 1
    power = float((centred**2).sum())
    correlations = []
    for lag in range(1, lags + 1):
        same = path[lag:] == path[:-lag]
        correlations.append(float((centred[lag:] * centred[:-lag])[same].sum()) / power)
    box = count * (count + 2) * sum(r**2 / (count - lag) for lag, r in enumerate(correlations, 1))
    # Noise parameters were fitted to these correlations: two degrees of freedom are spent.
    freedom = max(lags - 2, 1)
    statistic, cells = 0.0, 0
    for up in (True, False):
        chosen = known & (paths.up == up)
        if chosen.sum() < 20:
            continue
        order = np.argsort(place[chosen], kind="stable")
        for part in np.array_split(found[chosen][order], min(10, int(chosen.sum()) // 10)):
            statistic += len(part) * float(part.mean()) ** 2 / float(z.var())
            cells += 1
    return Goodness(
        innovations=found,
        mean=float(z.mean()),
        std=float(z.std()),
        ks_p=float(stats.kstest(z, "norm").pvalue),
        ljung_box_p=float(stats.chi2.sf(box, freedom)),
        lags=lags,
        correlation=correlations[0],
        trend_p=float(stats.chi2.sf(statistic, cells)) if cells else 1.0,
    )
