"""Where residual learning helps, and where it fails: Wu et al. (2025), figure 2.

Least squares without noise on devices of the linear family, whose symmetry point is c tau. Analog gradient
descent stops at a floor; residual learning has none, as long as the symmetry point is near 0.

    python examples/papers/wu_2025.py
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from least_squares import curves, exact_reads
from reproduction import Cell, Claim, Job, Outcome, Reproduction, Table, main

import mho
from mho.plotting import _style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TAU, LR, STEPS, START = 3.5, 0.8, 1000, 1.0
SHIFTS = (0.0, 0.1, 0.2, 0.3)
# Read off the figure, whose legend has the names of the two rules swapped.
PUBLISHED = {
    "analog SGD": (1.1e-3, 1.6e-3, 9e-3, 3.5e-2),
    "residual learning": (6e-6, 6e-6, 2e-1, 1.1),
}


def config(rule: str, shift: float) -> mho.TileConfig:
    """Return devices that are all alike, steps down smaller than steps up by a share `shift`."""
    residual = mho.rules.ResidualLearning(
        gamma=0.4,
        scale_fast_lr=False,
        fast_lr=0.8,
        # All 50 columns are read once in each step of 100 samples.
        transfer_every=2,
        transfer_update=mho.Update(bl=31),
    )
    return mho.TileConfig(
        device=mho.devices.SoftBounds(
            w_max=TAU,
            w_min=-TAU,
            dw_min=1e-4,
            up_down=shift,
            dw_min_dtod=0,
            dw_min_ctoc=0,
            w_max_dtod=0,
            w_min_dtod=0,
            up_down_dtod=0,
        ),
        rule=residual if rule == "residual learning" else mho.rules.SGD(),
        update=mho.Update(bl=8),
        forward_io=exact_reads(),
        backward_io=exact_reads(),
    )


def run(job: Job) -> list[Outcome]:
    """Run one cell, with all seeds as instances in lockstep."""
    params = job.cell.params
    losses = curves(
        config(params["rule"], params["shift"]),
        job.seeds,
        steps=20 if job.quick else STEPS,
        lr=LR,
        start=START,
    )
    ends = losses[:, -losses.shape[1] // 10 :].mean(axis=1)
    return [
        Outcome(
            cell=job.cell.name, seed=seed, value=float(end), details={"curve": curve[::5].round(9).tolist()}
        )
        for seed, end, curve in zip(job.seeds, ends, losses, strict=True)
    ]


CELLS = tuple(
    Cell(
        row=rule,
        column=f"c = {shift:g}",
        published=published,
        params={"rule": rule, "shift": shift, "steps": STEPS, "lr": LR, "start": START},
        group=f"{rule}, c = {shift:g}",
    )
    for rule, values in PUBLISHED.items()
    for shift, published in zip(SHIFTS, values, strict=True)
)


def claims(table: Table) -> list[Claim]:
    def means(rule: str) -> list[float]:
        return [table[f"{rule}, c = {shift:g}"].mean for shift in SHIFTS]

    sgd, residual = means("analog SGD"), means("residual learning")
    ratios = {
        cell.name: table[cell.name].mean / cell.published for cell in CELLS if cell.published is not None
    }
    worst = max(ratios, key=lambda name: abs(math.log(ratios[name])))
    return [
        Claim(
            text="With c up to 0.1, residual learning ends below a hundredth of the loss of analog SGD",
            measured=f"{residual[0] / sgd[0]:.4f} and {residual[1] / sgd[1]:.4f} of it",
            holds=max(residual[0] / sgd[0], residual[1] / sgd[1]) < 0.01,
        ),
        Claim(
            text="With c from 0.2 on, it ends above analog SGD",
            measured=f"{residual[2] / sgd[2]:.0f} and {residual[3] / sgd[3]:.0f} times its loss",
            holds=residual[2] > sgd[2] and residual[3] > sgd[3],
        ),
        Claim(
            text="All within a factor of 3 of what is read off the figure, over almost six decades",
            measured=f"worst: {worst}, {ratios[worst]:.2f} times",
            holds=1 / 3 < ratios[worst] < 3,
        ),
    ]


def draw(figure: Figure, table: Table) -> None:
    panels = figure.subplots(1, 2, sharey=True)
    for axes, rule in zip(panels, PUBLISHED, strict=True):
        for shift, color in zip(SHIFTS, _style.PALETTE, strict=False):
            row = table.get(f"{rule}, c = {shift:g}")
            if row is None:
                continue
            all_curves = np.array([outcome.details["curve"] for outcome in row.outcomes])
            steps = 5 * np.arange(all_curves.shape[1])
            axes.plot(steps, all_curves.mean(axis=0), color=color, lw=1.8, label=f"c = {shift:g}")
            axes.fill_between(steps, all_curves.min(0), all_curves.max(0), color=color, alpha=0.12, lw=0)
            axes.plot([1.03 * STEPS], [row.cell.published], "o", color=color, ms=6.5, mfc="none")
        axes.set_yscale("log")
        axes.set_ylim(1e-6, 10)
        _style.tidy(axes, rule, "steps", "loss f" if rule == "analog SGD" else "")
    panels[0].plot([], [], "o", color=_style.MUTED, ms=6.5, mfc="none", label="published, at the end")
    panels[0].plot([], [], color=_style.MUTED, lw=6, alpha=0.2, label="range of the seeds")
    figure.legend(
        *panels[0].get_legend_handles_labels(),
        loc="outside right center",
        frameon=False,
        labelcolor=_style.TEXT,
    )


REPRODUCTION = Reproduction(
    name="wu_2025",
    title="Residual learning on least squares, with symmetry points off 0",
    paper="Z. Wu et al., NeurIPS (2025), arXiv:2502.06309, figure 2",
    quantity="loss at the end",
    cells=CELLS,
    run=run,
    draw=draw,
    claims=claims,
    seeds=10,
    form=".1e",
)

if __name__ == "__main__":
    main(REPRODUCTION)
