"""Stochastic Hamiltonian descent: Onen et al. (2022), asymmetric devices as friction.

One weight in a quadratic loss. The second array is its momentum: on devices with symmetric steps the two
swing for ever, on asymmetric ones every pulse takes energy out. There are no published numbers beside it, but
a closed form of the amplitude Q against the number of samples n, 1 / Q = 1 / Q_0 + 2 a k n / (3 pi tau).

    python examples/papers/onen_2022.py
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from reproduction import Cell, Claim, Job, Outcome, Reproduction, Table, main

import mho
from mho.plotting import _style

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

STEPS, START, CURVATURE = 2000, 0.5, 1.0
FORCE, MOTION = 0.01, 1.0
TAUS = (math.inf, 2.0, 1.0, 0.5)
NAMES = ("symmetric steps", "soft bounds, tau = 2", "soft bounds, tau = 1", "soft bounds, tau = 0.5")


def device(tau: float) -> mho.devices.PulsedDevice:
    """Return devices that are all alike; without `tau` their steps are the same everywhere."""
    kind = mho.devices.SoftBounds if math.isfinite(tau) else mho.devices.ConstantStep
    bound = tau if math.isfinite(tau) else 1.0
    return kind(
        w_max=bound,
        w_min=-bound,
        dw_min=2e-4,
        dw_min_dtod=0,
        dw_min_ctoc=0,
        w_max_dtod=0,
        w_min_dtod=0,
        up_down_dtod=0,
    )


def run(job: Job) -> list[Outcome]:
    """Run one device, with all seeds as instances in lockstep."""
    perfect = mho.IO.perfect()
    rule = mho.rules.StochasticHamiltonian(
        fast_device=device(TAUS[NAMES.index(job.cell.row)]),
        fast_lr=FORCE,
        scale_fast_lr=False,
        transfer_lr=MOTION,
        scale_transfer_lr=False,
        transfer_io=perfect,
    )
    tile = mho.Tile(
        1,
        1,
        device=mho.devices.Ideal(),
        rule=rule,
        forward_io=perfect,
        backward_io=perfect,
        seed=mho.Seed(job.seed).child(job.cell.name),
        instances=len(job.seeds),
    )
    tile.weight = np.full((len(job.seeds), 1, 1), START, np.float32)
    one = np.ones((1, 1), np.float32)
    position, momentum = [], []
    for _ in range(200 if job.quick else STEPS):
        c = tile.forward(one)
        position.append(c.ravel())
        momentum.append(tile.devices["fast/weight"].ravel())
        tile.update(one, np.float32(CURVATURE) * c, 1.0)
    c, a = np.array(position, float), np.array(momentum, float)
    energy = size(c, a) ** 2 / START**2
    period = round(2 * math.pi / math.sqrt(FORCE * MOTION * CURVATURE))
    return [
        Outcome(
            cell=job.cell.name,
            seed=seed,
            value=100 * float(energy[-period:, k].mean()),
            details={"path": np.stack([c[:, k], a[:, k]], axis=1)[::2].round(6).tolist()},
        )
        for k, seed in enumerate(job.seeds)
    ]


def size(c: NDArray[np.float64], a: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the amplitude that C swings with: the root of what steps of this length keep exactly."""
    return np.sqrt(c**2 + MOTION / (FORCE * CURVATURE) * a**2 - MOTION * a * c)


def expected(tau: float, steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the amplitude by the closed form."""
    return 1 / (1 / START + 2 * FORCE * CURVATURE * steps / (3 * math.pi * tau))


def claims(table: Table) -> list[Claim]:
    middle = np.array([STEPS - math.pi / math.sqrt(FORCE * MOTION * CURVATURE)])
    due = [100 * float((expected(tau, middle) / START)[0] ** 2) for tau in TAUS[1:]]
    found = [table[name].mean for name in NAMES]
    return [
        Claim(
            text="On devices with symmetric steps the energy stays (noise of pulses adds some)",
            measured=f"{found[0]:.1f} % after {STEPS} samples",
            holds=abs(found[0] - 100) < 2 * table[NAMES[0]].half_width,
        ),
        Claim(
            text="The more asymmetric the devices, the sooner the weight comes to rest",
            measured=", ".join(f"{value:.1f} %" for value in found[1:]),
            holds=found[0] > found[1] > found[2] > found[3],
        ),
        Claim(
            text="What is left is that of the closed form",
            measured=", ".join(f"{value:.1f} %" for value in due) + " are due",
            holds=all(
                abs(table[name].mean - value) < 2 * table[name].half_width + 0.02 * value
                for name, value in zip(NAMES[1:], due, strict=True)
            ),
        ),
    ]


def draw(figure: Figure, table: Table) -> None:
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.5))
    for name, tau, color in zip(NAMES, TAUS, _style.PALETTE, strict=False):
        row = table.get(name)
        if row is None:
            continue
        paths = np.array([outcome.details["path"] for outcome in row.outcomes])
        steps = 2 * np.arange(paths.shape[1])
        if tau in (math.inf, 0.5):
            left.plot(paths[0, :, 0], paths[0, :, 1], color=color, lw=0.8)
        squares = size(paths[..., 0], paths[..., 1]) ** 2
        right.plot(steps, np.sqrt(squares.mean(axis=0)), color=color, lw=2.5, alpha=0.6, label=name)
        right.plot(steps, expected(tau, steps), color=_style.TEXT, lw=0.9, ls=(0, (5, 4)))
    right.plot([], [], color=_style.TEXT, lw=0.9, ls=(0, (5, 4)), label="closed form")
    left.set_xticks([-0.4, 0, 0.4])
    _style.tidy(left, "one chip", "position, C", "momentum, A")
    _style.tidy(right, "mean of all chips", "samples", "amplitude of C")
    right.set_ylim(0, None)
    figure.legend(loc="outside right center", frameon=False, labelcolor=_style.TEXT)


REPRODUCTION = Reproduction(
    name="onen_2022",
    title="Asymmetric devices as friction",
    paper="M. Onen et al., Front. Artif. Intell. 5:891624 (2022), after its abstract",
    quantity="energy left (%)",
    cells=tuple(
        Cell(
            row=name,
            params={"steps": STEPS, "start": START, "force": FORCE, "motion": MOTION},
            group=name,
        )
        for name in NAMES
    ),
    run=run,
    draw=draw,
    claims=claims,
    seeds=100,
    form=".1f",
)

if __name__ == "__main__":
    main(REPRODUCTION)
