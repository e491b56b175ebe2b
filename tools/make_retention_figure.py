"""Draw docs/img/retention.png: what time does to the weights of a tile, beside the laws.

Run ``python tools/make_retention_figure.py``; it takes seconds.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

import mho
from mho.devices import ConstantStep, Retention
from mho.plotting import _style

TARGET = Path(__file__).resolve().parents[1] / "docs" / "img" / "retention.png"
SIZE, START = 100, 0.4

Quantity = NDArray[np.float64]


def simulated(retention: Retention, times: Quantity) -> Quantity:
    """Return the weights of a tile at some times, (times, devices); no bound is in reach."""
    device = ConstantStep(w_max=10.0, w_min=-10.0, w_max_dtod=0, w_min_dtod=0, retention=retention)
    tile = mho.Tile(SIZE, SIZE, device=device, seed=7)
    tile.weight = np.full((SIZE, SIZE), START)
    weights, now = [], 0.0
    for time in times:
        tile.elapse(time - now)
        now = time
        weights.append(tile.weight.ravel().astype(np.float64))
    return np.array(weights)


def band(axes: Axes, times: Quantity, weights: Quantity) -> None:
    """Show the middle 90 % of the devices, and the median."""
    low, high = np.quantile(weights, (0.05, 0.95), axis=1)
    axes.fill_between(times, low, high, color=_style.UP, alpha=0.15, lw=0, label="90 % of the devices")
    axes.plot(
        times, np.median(weights, axis=1), "o", color=_style.UP, ms=4.5, label="median of 10,000 devices"
    )


def main() -> None:
    """Draw the figure."""
    with _style.new_figure(
        11, 3.9, "What time does to weights", "Simulated devices beside the laws."
    ) as figure:
        decay, diffusion, drift = figure.subplots(1, 3)
        fine = np.linspace(0, 30, 200)
        law = {"color": _style.FIT, "lw": 1.2}

        times = np.linspace(0, 30, 13)
        band(decay, times, simulated(Retention(lifetime=10.0, lifetime_dtod=0.3), times))
        decay.plot(fine, START * np.exp(-fine / 10), **law, ls="--", label="law, of the mean lifetime")
        _style.tidy(decay, "Decay: lifetime 10 s, spread 30 %", "time (s)", "weight")
        decay.set_ylim(0, 0.45)

        band(diffusion, times, simulated(Retention(diffusion=0.02), times))
        for sign in (-1.645, 1.645):
            label = {"label": "law, 5 % and 95 %"} if sign > 0 else {}
            diffusion.plot(fine, START + sign * 0.02 * np.sqrt(fine), **law, ls="--", **label)
        _style.tidy(diffusion, "Diffusion: 0.02 per √s", "time (s)", "weight")
        diffusion.set_ylim(0.1, 0.7)

        times = np.logspace(-1, 7, 17)
        band(drift, times, simulated(Retention(drift_nu=0.06, drift_nu_dtod=0.3), times))
        fine = np.logspace(-1, 7, 200)
        drift.plot(
            fine, START * np.maximum(fine, 1) ** -0.06, **law, ls="--", label="law, of the mean exponent"
        )
        drift.set_xscale("log")
        drift.set_yscale("log")
        ticks = (0.1, 0.15, 0.2, 0.3, 0.4)
        drift.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        drift.set_yticks([], minor=True)
        _style.tidy(drift, "Drift: exponent 0.06, spread 30 %", "time since the last pulse (s)", "weight")

        for axes, place in ((decay, "upper right"), (diffusion, "upper left"), (drift, "lower left")):
            axes.legend(loc=place, frameon=False, fontsize=8.5, labelcolor=_style.TEXT)
        _style.save(figure, TARGET, "retention")


if __name__ == "__main__":
    main()
