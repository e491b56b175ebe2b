"""The floor of analog gradient descent on least squares: Wu et al. (2024), figure 4.

Devices with soft bounds at -tau and tau pull their weights towards 0 wherever gradients are noisy, so that
the loss stops at a floor that depends on tau and on the noise, and not on where training starts.

    python examples/papers/wu_2024.py
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from least_squares import DIMENSIONS, curves, exact_reads
from reproduction import Cell, Claim, Job, Outcome, Reproduction, Table, main

import mho
from mho.plotting import _style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LR = 0.1
STEPS = 800
QUIET = 0.2**2 / DIMENSIONS
# Read off the figure: tau at low noise, variance of the noise at tau = 2.
BY_TAU = {2: 6e-3, 3: 9e-4, 5: 2e-4, 10: 5e-5, 20: 2e-5, 50: 1e-5}
BY_VARIANCE = {0.001: 6e-3, 0.01: 1.2e-2, 0.1: 3e-2, 1.0: 5.5e-2}
STARTS = (-1.0, 0.0, 1.0)


def config(tau: float, variance: float) -> mho.TileConfig:
    """Return devices that are all alike, with 10,000 tau pulses to each side, and reads of noisy weights."""
    return mho.TileConfig(
        device=mho.devices.Response.linear(
            tau=tau, dw_min=1e-4, dw_min_dtod=0, dw_min_ctoc=0, w_max_dtod=0, w_min_dtod=0, up_down_dtod=0
        ),
        update=mho.Update(bl=64),
        forward_io=exact_reads(math.sqrt(variance)),
        backward_io=mho.IO.perfect(),
    )


def run(job: Job) -> list[Outcome]:
    """Run one cell, with all seeds as instances in lockstep."""
    params = job.cell.params
    losses = curves(
        config(params["tau"], params["variance"]),
        job.seeds,
        steps=20 if job.quick else STEPS,
        lr=LR,
        start=params["start"],
    )
    floors = losses[:, -losses.shape[1] // 8 :].mean(axis=1)
    return [
        Outcome(
            cell=job.cell.name, seed=seed, value=float(floor), details={"curve": curve[::4].round(9).tolist()}
        )
        for seed, floor, curve in zip(job.seeds, floors, losses, strict=True)
    ]


def cell(row: str, published: float | None, *, tau: float, variance: float, start: float = 0.0) -> Cell:
    params = {"tau": tau, "variance": variance, "start": start, "steps": STEPS, "lr": LR}
    return Cell(row=row, published=published, params=params, group=row)


CELLS = (
    *(cell(f"tau {tau}", f, tau=tau, variance=QUIET) for tau, f in BY_TAU.items()),
    *(cell(f"variance {v:g}", f, tau=2, variance=v) for v, f in BY_VARIANCE.items()),
    *(cell(f"start {w:g}", None, tau=2, variance=0.01, start=w) for w in STARTS),
)


def claims(table: Table) -> list[Claim]:
    ratios = {name: row.mean / row.cell.published for name, row in table.items() if row.cell.published}
    worst = max(ratios, key=lambda name: abs(math.log(ratios[name])))
    starts = [table[f"start {w:g}"].mean for w in STARTS]
    falling = [table[f"tau {tau}"].mean for tau in BY_TAU]
    rising = [table[f"variance {v:g}"].mean for v in BY_VARIANCE]
    return [
        Claim(
            text="All floors within a factor of 1.5 of what is read off the figure",
            measured=f"worst: {worst}, {ratios[worst]:.2f} times",
            holds=1 / 1.5 < ratios[worst] < 1.5,
        ),
        Claim(
            text="The floor falls with tau, and rises with the noise",
            measured=f"{falling[0]:.1e} to {falling[-1]:.1e}; {rising[0]:.1e} to {rising[-1]:.1e}",
            holds=falling == sorted(falling, reverse=True) and rising == sorted(rising),
        ),
        Claim(
            text="The floor does not depend on the start",
            measured=f"largest {max(starts) / min(starts):.3f} times the smallest",
            holds=max(starts) < 1.05 * min(starts),
        ),
    ]


def draw(figure: Figure, table: Table) -> None:
    panels = figure.subplots(1, 3, sharey=True)
    titles = ("Bound of the devices", "Variance of the noise, tau 2", "Start, tau 2, variance 0.01")
    for axes, title, kind in zip(panels, titles, ("tau", "variance", "start"), strict=True):
        rows = [row for name, row in table.items() if name.startswith(kind)]
        for row, color in zip(rows, _style.PALETTE, strict=False):
            curve = np.mean([outcome.details["curve"] for outcome in row.outcomes], axis=0)
            axes.plot(4 * np.arange(len(curve)), curve, color=color, lw=1.6, label=row.cell.row)
            if row.cell.published:
                axes.plot([1.04 * STEPS], [row.cell.published], "o", color=color, ms=6, mfc="none")
        axes.set_yscale("log")
        axes.set_ylim(2e-6, 30)
        _style.tidy(axes, title, "steps", "loss f" if kind == "tau" else "")
        axes.legend(frameon=False, fontsize=8, ncols=2, loc="upper right", labelcolor=_style.TEXT)
    panels[0].text(
        0.03, 0.03, "circles: published", transform=panels[0].transAxes, size=8.5, color=_style.MUTED
    )


REPRODUCTION = Reproduction(
    name="wu_2024",
    title="The floor of analog gradient descent on least squares",
    paper="Z. Wu et al., NeurIPS (2024), arXiv:2406.12774, figure 4",
    quantity="loss at the end",
    cells=CELLS,
    run=run,
    draw=draw,
    claims=claims,
    seeds=10,
    form=".1e",
    size=(11.5, 4.4),
)

if __name__ == "__main__":
    main(REPRODUCTION)
