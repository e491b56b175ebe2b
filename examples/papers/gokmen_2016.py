"""MNIST on resistive processing units: Gokmen and Vlasov (2016), the baseline model and what it is made of.

A 784-256-128-10 network of sigmoids, its biases on lines of the crossbars, is trained image by image: in
floating point, and with more and more of the hardware. The learning rate is 0.01, 0.005 after 10 epochs,
and 0.0025 after 20.

    python examples/papers/gokmen_2016.py --data-dir MNIST
    python examples/papers/gokmen_2016.py --data-dir MNIST --epochs 10 --seeds 1
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from reproduction import Cell, Claim, Job, Outcome, Reproduction, Row, Table, main

import mho
from mho import nn
from mho.plotting import _style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZES = (784, 256, 128, 10)
SCHEDULE = mho.schedules.Piecewise(lr=0.01, after=(10, 20), rates=(0.005, 0.0025))
DW_MIN = 0.001
PERFECT = mho.IO.perfect()
# Ten slots and no management: at a learning rate of 0.01 the probability of a pulse is |x| or |d| itself.
PLAIN = mho.Update(bl=10, update_bl_management=False, update_management=False)

# Every device makes the same step, and no weight gets near a bound.
UNIFORM = mho.devices.ConstantStep(
    dw_min=DW_MIN,
    dw_min_dtod=0.0,
    dw_min_ctoc=0.0,
    up_down_dtod=0.0,
    w_max=10.0,
    w_min=-10.0,
    w_max_dtod=0.0,
    w_min_dtod=0.0,
)
# Table 1 of the paper: 30 % from pulse to pulse and from device to device, bounds of 0.6 that vary by 30 %,
# and 1 % between up and down.
VARIED = UNIFORM.replace(
    dw_min_dtod=0.3,
    dw_min_ctoc=0.3,
    up_down_dtod=0.01,
    w_max=0.6,
    w_min=-0.6,
    w_max_dtod=0.3,
    w_min_dtod=0.3,
)
# 7 bits at the input, 9 bits up to 12 at the output, and noise of 0.06 before it; both ways.
NOISY = mho.IO(
    inp_bound=1.0,
    inp_res=1 / (2**7 - 2),
    out_bound=12.0,
    out_res=1 / (2**9 - 2),
    out_noise=0.06,
    noise_management="none",
    bound_management="none",
)

FLOATING = "floating point"
STOCHASTIC = "stochastic pulses, 10 slots"
DEVICES = "... and varied devices"
BASELINE = "... and noisy reads: the RPU baseline"
MANAGED = "... and management"

CONFIGS = {
    FLOATING: mho.TileConfig(device=mho.devices.Ideal(), forward_io=PERFECT, backward_io=PERFECT),
    STOCHASTIC: mho.TileConfig(device=UNIFORM, update=PLAIN, forward_io=PERFECT, backward_io=PERFECT),
    DEVICES: mho.TileConfig(device=VARIED, update=PLAIN, forward_io=PERFECT, backward_io=PERFECT),
    BASELINE: mho.TileConfig(device=VARIED, update=PLAIN, forward_io=NOISY, backward_io=NOISY),
    # Gokmen, Onen and Haensch (2017): gradients fill the range of the converters, clipped outputs are read
    # again, and both sides of an update get the same probabilities.
    MANAGED: mho.TileConfig(
        device=VARIED,
        update=PLAIN.replace(update_management=True),
        forward_io=NOISY.replace(noise_management="abs_max", bound_management="iterative"),
        backward_io=NOISY.replace(noise_management="abs_max"),
    ),
}
PUBLISHED = {FLOATING: 2.0, STOCHASTIC: 2.0, BASELINE: 2.3}


def network(config: mho.TileConfig, seed: int) -> nn.Sequential:
    layers: list[nn.Layer] = []
    for k, (inputs, outputs) in enumerate(pairwise(SIZES)):
        layers += [nn.Sigmoid()] * (k > 0) + [nn.Linear(inputs, outputs, bias="analog", config=config)]
    return nn.Sequential(*layers, seed=seed)


def run(job: Job) -> list[Outcome]:
    """Train one network; return the test error in percent after the last epoch, and after each."""
    train, test = job.data()
    net = network(CONFIGS[job.cell.row], job.seed)
    trainer = mho.training.Trainer(net, loss="cross_entropy", lr=SCHEDULE, batch_size=1)
    history = trainer.fit(train, test, epochs=job.epochs)
    curve = (100 * history.column("test_error")).tolist()
    return [Outcome(cell=job.cell.name, seed=job.seed, value=curve[-1], details={"curve": curve})]


def difference(row: Row, other: Row) -> tuple[float, float]:
    """Return the mean of the differences, seed by seed, and half of its 95 % interval (NaN for one seed)."""
    pairs = Row(
        cell=row.cell,
        outcomes=tuple(
            Outcome(cell=a.cell, seed=a.seed, value=a.value - b.value)
            for a, b in zip(row.outcomes, other.outcomes, strict=True)
        ),
    )
    return pairs.mean, pairs.half_width


def claims(table: Table) -> list[Claim]:
    if len(table[FLOATING].outcomes[0].details["curve"]) <= SCHEDULE.after[-1]:
        return []  # the paper speaks of the whole training

    def claim(text: str, first: str, second: str, low: float, high: float) -> Claim:
        mean, half = difference(table[first], table[second])
        measured = f"{mean:+.2f}" + ("" if np.isnan(half) else f" ± {half:.2f}") + " percentage points"
        return Claim(text=text, measured=measured, holds=low <= mean <= high)

    # The standard error of a test error near 2 % on 10,000 images is 0.14 percentage points.
    return [
        claim(
            "Ten slots of stochastic pulses are as good as floating point, to 0.3",
            STOCHASTIC,
            FLOATING,
            -0.3,
            0.3,
        ),
        claim("The whole RPU baseline costs about 0.3: from 0 to 0.6", BASELINE, FLOATING, 0.0, 0.6),
        claim("Management brings it back to floating point, to 0.3", MANAGED, FLOATING, -0.3, 0.3),
    ]


def draw(figure: Figure, table: Table) -> None:
    axes = figure.subplots()
    every = []
    for row, color in zip(table.values(), ("#0f172a", *_style.PALETTE), strict=False):
        curves = np.array([outcome.details["curve"] for outcome in row.outcomes])
        epochs = np.arange(1, curves.shape[1] + 1)
        every.append(curves)
        axes.fill_between(epochs, curves.min(axis=0), curves.max(axis=0), color=color, alpha=0.15, lw=0)
        axes.plot(
            epochs,
            curves.mean(axis=0),
            color=color,
            lw=1.8,
            marker="o",
            ms=3.5,
            label=f"{row.cell.row}: {row.mean:.2f} %",
        )
    _style.error_axis(axes, np.concatenate([curves.ravel() for curves in every]))
    for epoch, rate in zip(SCHEDULE.after, SCHEDULE.rates, strict=True):
        if epoch < len(epochs):
            axes.axvline(epoch + 0.5, color=_style.MUTED, lw=0.9, ls=(0, (2, 3)))
            axes.text(
                epoch + 0.7,
                0.98,
                f"learning rate {rate:g}",
                transform=axes.get_xaxis_transform(),
                va="top",
                size=8.5,
                color=_style.MUTED,
            )
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(
        title="lines: mean; bands: all seeds" if len(row.outcomes) > 1 else None,
        facecolor="white",
        edgecolor="none",
        framealpha=1,
        labelcolor=_style.TEXT,
        loc="upper right",
        bbox_to_anchor=(1.0, 0.92),
    )
    axes.set_xlim(0.5, len(epochs) + 0.5)
    _style.tidy(axes, "", "epoch", "test error")


REPRODUCTION = Reproduction(
    name="gokmen_2016",
    title="MNIST trained on resistive processing units",
    paper="T. Gokmen and Y. Vlasov, Front. Neurosci. 10:333 (2016)",
    quantity="test error (%)",
    cells=[
        Cell(row=name, published=PUBLISHED.get(name), params=config.to_dict())
        for name, config in CONFIGS.items()
    ],
    run=run,
    draw=draw,
    claims=claims,
    epochs=30,
    data="digits",
    size=(9.0, 5.2),
)

if __name__ == "__main__":
    main(REPRODUCTION)
