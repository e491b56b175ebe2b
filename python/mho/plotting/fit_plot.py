"""A fit to measured curves: data and fit, innovations, steps with the symmetry point, states."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mho.plotting import _style

if TYPE_CHECKING:
    import os

    from matplotlib.axes import Axes

    from mho.fitting.result import FitResult

__all__ = ["fit_plot"]

Array = NDArray[np.float64]

# Devices whose curves are drawn one by one.
_SHOWN = 4
# Readings that are drawn as dots; more would hide the curve behind them.
_DOTS = 6000


def fit_plot(result: FitResult, path: str | os.PathLike[str]) -> None:
    """Draw what a fit has found.

    Parameters
    ----------
    result : FitResult
        The fit.
    path : path-like
        File to write; the ending tells the format (.png, .svg, .pdf).

    Raises
    ------
    MhoValueError
        The ending is unknown.
    MhoFileError
        The file cannot be written.
    """
    best = result.best.model.name
    count = len(result.curves.devices)
    subtitle = (
        f"{len(result.curves.values):,} readings of {count} {'device' if count == 1 else 'devices'}; "
        f"{'no misfit seen' if result.goodness.fits else 'misfit: see the innovations'}"
    )
    with _style.new_figure(11, 7.6, f"Fitted device: {best}", subtitle) as figure:
        axes = figure.subplots(2, 2)
        _curves(axes[0, 0], result)
        _innovations(axes[0, 1], result)
        _steps(axes[1, 0], result)
        _states(axes[1, 1], result)
        _style.save(figure, path, "fit_plot")


def _dot(readings: NDArray[np.int64]) -> float:
    """Return the size of the dot of a reading, in points."""
    return 2.2 if len(readings) > 800 else 4.5


def _unit(result: FitResult) -> str:
    return {"weight": "weight", "normalised": "conductance (normalised)"}.get(
        result.curves.unit, f"conductance ({result.curves.unit.replace('u', 'µ')})"
    )


def _curves(axes: Axes, result: FitResult) -> None:
    """Draw readings and the most probable course of the weight."""
    curves = result.curves
    shown = curves.device < _SHOWN
    position = np.zeros(len(curves.values))
    for device in range(min(_SHOWN, len(curves.devices))):
        mine = np.flatnonzero(curves.device == device)
        position[mine] = np.cumsum(np.where(curves.first[mine], 1, curves.pulses[mine]))
    chosen = np.flatnonzero(shown)
    dots = chosen[:: max(1, len(chosen) // _DOTS)]
    for up, color, label in (
        (True, _style.UP, "after potentiation"),
        (False, _style.DOWN, "after depression"),
    ):
        mine = dots[curves.up[dots] == up]
        axes.plot(
            position[mine],
            curves.values[mine],
            ".",
            ms=_dot(dots),
            alpha=0.45,
            color=color,
            mew=0,
            label=label,
        )
    course = result.scale.middle + result.scale.half * result.best.path
    path = np.cumsum(curves.first) - 1
    for number, k in enumerate(np.unique(path[chosen])):
        mine = path == k
        name = None if number else "fitted course"
        axes.plot(position[mine], course[mine], color=_style.FIT, lw=1.2, label=name)
    note = "" if len(curves.devices) <= _SHOWN else f", the first {_SHOWN} of {len(curves.devices)} devices"
    _style.tidy(axes, f"Readings and fit{note}", "pulses", _unit(result))
    # Room for the legend above the curves.
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.14 * (high - low))
    _style.legend(axes, markerscale=4 if len(dots) > 800 else 2, ncols=3, loc="upper center")


def _innovations(axes: Axes, result: FitResult) -> None:
    """Draw residuals of the prediction of each reading from those before."""
    found = result.goodness.innovations
    known = np.flatnonzero(np.isfinite(found))
    dots = known[:: max(1, len(known) // _DOTS)]
    up = result.curves.up[dots]
    for side, color in ((True, _style.UP), (False, _style.DOWN)):
        mine = dots[up == side]
        axes.plot(mine, found[mine], ".", ms=_dot(dots), alpha=0.45, mew=0, color=color)
    for level in (-1.96, 1.96):
        axes.axhline(level, color=_style.MUTED, lw=0.8, ls=(0, (4, 3)))
    axes.axhline(0, color=_style.MUTED, lw=0.8)
    # A running mean shows where the mean step is wrong.
    reach = max(len(known) // 40, 5)
    if len(known) > 3 * reach:
        mean = np.convolve(found[known], np.ones(reach) / reach, mode="valid")
        axes.plot(known[reach // 2 : reach // 2 + len(mean)], mean, color=_style.FIT, lw=1.2)
    high = float(np.clip(1.05 * np.nanmax(np.abs(found)), 3.6, 12))
    axes.set_ylim(-high, 1.45 * high)
    good = result.goodness
    _style.heading(
        axes,
        f"standard deviation {good.std:.3f} (1 if right); p of\n"
        f"normal {_p(good.ks_p)}   uncorrelated {_p(good.ljung_box_p)}   mean step {_p(good.trend_p)}",
    )
    _style.tidy(axes, "Innovations: reading minus prediction", "reading", "standard deviations")


def _p(value: float) -> str:
    return "< 1e-6" if value < 1e-6 else f"{value:.2g}"


def _steps(axes: Axes, result: FitResult) -> None:
    """Draw mean steps against the weight, measured and fitted, and where they cross."""
    from mho.fitting.estimation import smoothed, step_table

    device = result.device
    paths = result.best.space.paths
    table = step_table(paths, smoothed(paths))
    low, high = table.low - 0.03 * table.width, table.high + 0.03 * table.width
    tops: list[float] = []
    lower, upper = device.bounds()
    w = np.linspace(max(low, lower), min(high, upper), 300)
    for step, up, color in zip(device.mean_step(w), (True, False), (_style.UP, _style.DOWN), strict=True):
        name = "up" if up else "down"
        axes.plot(w, np.abs(step), color=color, lw=2, label=f"{name}, fitted")
        tops.append(float(np.abs(step).max()))
        middle, height, error = _binned(*table.side(up))
        axes.errorbar(
            middle,
            height,
            yerr=error,
            fmt="o",
            ms=3.5,
            color=color,
            mfc="white",
            lw=0.9,
            label=f"{name}, measured",
        )
    point = result.symmetry_point
    axes.axhline(0, color=_style.MUTED, lw=0.8)
    if point is not None:
        _style.symmetry_point(axes, float(point.value))
        if point.low is not None and point.high is not None:
            axes.axvspan(max(point.low, low), min(point.high, high), color=_style.FIT, alpha=0.07, lw=0)
    axes.set_xlim(low, high)
    # Steps that were measured too coarsely must not hide the curves.
    floor, ceiling = axes.get_ylim()
    axes.set_ylim(max(floor, -0.6 * max(tops)), 1.3 * min(ceiling, 1.8 * max(tops)))
    _style.tidy(axes, "Mean step of one pulse", "weight", "change of the weight (magnitude)")
    _style.legend(axes, ncols=2)


def _binned(w: Array, step: Array, share: Array) -> tuple[Array, Array, Array]:
    """Return means of measured steps in bins of the weight, with their standard errors."""
    order = np.argsort(w)
    rows = []
    for part in np.array_split(order, min(7, max(len(w) // 4, 1))):
        weight = share[part] / share[part].sum()
        mean = float((weight * step[part]).sum())
        spread = float(np.sqrt((weight * (step[part] - mean) ** 2).sum() / max(len(part) - 1, 1)))
        rows.append((float((weight * w[part]).sum()), mean, spread))
    middle, height, error = np.array(rows).T
    return middle, height, error


def _states(axes: Axes, result: FitResult) -> None:
    """Draw the mean course from bound to bound, and how finely noise lets states be told apart."""
    device = result.device
    states = result.states
    low, high = device.bounds()
    most = int(np.clip(6 * states, 50, 20_000))
    for up, color, label in (
        (True, _style.UP, "up from the lower bound"),
        (False, _style.DOWN, "down from the upper bound"),
    ):
        w = np.empty(most + 1)
        w[0] = low if up else high
        for k in range(most):
            w[k + 1] = np.clip(w[k] + float(device.mean_step(w[k])[0 if up else 1]), low, high)
        # As far as it gets within 1 % of the range.
        end = int(np.argmax(np.abs(w - w[-1]) < 0.01 * (high - low)))
        axes.plot(w[: max(end, 2) + 1], color=color, lw=2, label=label)
    noise = device.write_noise_std * device.dw_min
    text = f"{states:,.0f} states: range / dw_min"
    if noise > 0:
        axes.axhspan(-noise, noise, color=_style.MUTED, alpha=0.18, lw=0)
        text += f"\n{(high - low) / (2 * noise):,.1f} states two standard deviations of a read apart"
        text += "\n(grey: one standard deviation about 0)"
    span = high - low
    axes.set_ylim(low - 0.05 * span, high + 0.42 * span)
    _style.heading(axes, text)
    _style.tidy(axes, "States: mean course from bound to bound", "pulses", "weight")
    axes.legend(
        frameon=False, fontsize=8.5, loc="lower right", bbox_to_anchor=(1.0, 0.32), labelcolor=_style.TEXT
    )
