"""Training on devices whose symmetry points are unknown: RIDER, Xiao et al. (2026), fully connected network.

The references of the fast array are off by a gaussian offset, as wide as the column says. TTv2 takes it for a
gradient; AGAD and E-RIDER learn it while they train.

    python examples/papers/rider_2026.py --data-dir DIR
    python examples/papers/rider_2026.py --data-dir DIR --epochs 40
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from perceptron import perceptron, train
from reproduction import Cell, Claim, Job, Outcome, Reproduction, Table, main

import mho
from mho.plotting import _style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SPREADS = (0.05, 0.4, 1.0)
PUBLISHED = {
    "TTv2": (90.26, 85.98, 79.20),
    "AGAD": (92.59, 92.48, 91.37),
    "E-RIDER": (95.45, 95.34, 93.86),
}
BATCH, LR, GAMMA, CHOPPERS = 10, 0.05, 0.1, 0.05
# Of E-RIDER: the best of 0.005 to 0.1 at a spread of 0.4 after an epoch. Reads see the fast array, and larger
# rates make too much of a single image.
FAST_LR = 0.03
RULES = list(PUBLISHED)


def device(spread: float) -> mho.devices.Device:
    """Return the HfO2 devices of the publication, with about five states, less a reference that is off."""
    return mho.presets.reram_array_hfo2(
        subtract_symmetry_point=True, reference_mean=0.0, reference_std=spread
    )


def rule(name: str, spread: float) -> mho.rules.Rule:
    """Return a rule with the published parameters: gamma 0.1, p 0.05, fast_lr 0.5, auto_granularity 1000.

    Only the learning rate of the fast array is another one with E-RIDER, whose reads see that array.
    """
    fast = device(spread)
    if name == "E-RIDER":
        return mho.rules.ERIDER(
            fast_device=fast,
            fast_lr=FAST_LR,
            scale_fast_lr=False,
            auto_scale=True,
            buffer_granularity=1.0,
            auto_granularity=1000,
            gamma=GAMMA,
            in_chop_prob=CHOPPERS,
        )
    if name == "AGAD":
        return mho.rules.AGAD(
            fast_device=fast, fast_lr=0.5, auto_scale=True, auto_granularity=1000, in_chop_prob=CHOPPERS
        )
    return mho.rules.ChoppedTikiTaka2(
        fast_device=fast, fast_lr=0.5, auto_scale=True, auto_granularity=1000, in_chop_prob=0.0
    )


def run(job: Job) -> list[Outcome]:
    """Train one network; the references of the slow arrays are right."""
    name, spread = job.cell.params["rule"], job.cell.params["spread"]
    config = mho.TileConfig(device=device(0.0), rule=rule(name, spread), update=mho.Update(bl=5))
    curve = train(
        perceptron(config, job.seed), job.data(), epochs=job.epochs, lr=lambda epoch: LR, batch_size=BATCH
    )
    return [Outcome(cell=job.cell.name, seed=job.seed, value=curve[-1], details={"curve": curve})]


def claims(table: Table) -> list[Claim]:
    lost = {
        name: table[f"{name}, spread {SPREADS[0]:g}"].mean - table[f"{name}, spread {SPREADS[-1]:g}"].mean
        for name in RULES
    }
    others = [name for name in RULES if name != "TTv2"]
    return [
        Claim(
            text="From the smallest spread to the largest, TTv2 loses more than twice as much as "
            + " or ".join(others),
            measured=", ".join(f"{name} {points:.1f} points" for name, points in lost.items()),
            holds=lost["TTv2"] > 0 and all(lost[name] < lost["TTv2"] / 2 for name in others),
        )
    ]


def draw(figure: Figure, table: Table) -> None:
    axes = figure.subplots()
    for name, color in zip(RULES, _style.PALETTE, strict=False):
        rows = [row for row in table.values() if row.cell.row == name]
        axes.errorbar(
            [row.cell.params["spread"] for row in rows],
            [row.mean for row in rows],
            yerr=np.nan_to_num([row.half_width for row in rows]),
            color=color,
            lw=1.8,
            marker="o",
            ms=4.5,
            capsize=3,
            label=name,
        )
        axes.plot(SPREADS, PUBLISHED[name], color=color, lw=1, ls=(0, (3, 3)), marker="o", ms=8, mfc="none")
    axes.plot(
        [], [], color=_style.MUTED, lw=1, ls=(0, (3, 3)), marker="o", ms=8, mfc="none", label="published"
    )
    _style.tidy(axes, "", "spread of the references' offset", "test accuracy (%)")
    figure.legend(loc="outside right center", frameon=False, labelcolor=_style.TEXT)


REPRODUCTION = Reproduction(
    name="rider_2026",
    title="Training with unknown symmetry points",
    paper="Q. Xiao et al., arXiv:2602.21321 (2026)",
    quantity="test accuracy (%)",
    cells=tuple(
        Cell(
            row=name,
            column=f"spread {spread:g}",
            published=published,
            params={"rule": name, "spread": spread, "rate": LR, "choppers": CHOPPERS}
            | ({"fast": FAST_LR} if name == "E-RIDER" else {}),
        )
        for name in RULES
        for spread, published in zip(SPREADS, PUBLISHED[name], strict=True)
    ),
    run=run,
    draw=draw,
    claims=claims,
    seeds=2,
    epochs=1,
    data="digits",
)

if __name__ == "__main__":
    main(REPRODUCTION)
