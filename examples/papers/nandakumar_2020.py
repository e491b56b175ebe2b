"""Mixed precision on phase-change memory, with three optimizers: Nandakumar et al. (2020).

A 784-250-10 network whose weights are pairs of phase-change devices. Gradients are summed up in digital
memory, and devices get blind pulses when the sum is worth some. SGD is what was published; momentum and Adam
are what a digital gradient allows on top.

    python examples/papers/nandakumar_2020.py --data-dir DIR
    python examples/papers/nandakumar_2020.py --data-dir DIR --epochs 30
"""

from __future__ import annotations

from perceptron import draw_accuracies, perceptron, train
from reproduction import Cell, Claim, Job, Outcome, Reproduction, Table, main

import mho
from mho.rules.mixed_precision import Optimizer

SIZES = (784, 250, 10)
BATCH = 10
REFRESH = 100
# The published network in double precision is 0.57 percentage points better than the devices.
FLOATING_POINT, ANALOG = 98.30, 97.73
RATES: dict[str, float] = {"floating point": 0.4, "sgd": 0.4, "momentum": 0.01, "adam": 0.002}


def config(optimizer: str, outputs: int) -> mho.TileConfig:
    """Return pairs of phase-change devices, refreshed every 100 images, or exact weights."""
    exact = mho.IO.perfect()
    if optimizer == "floating point":
        return mho.TileConfig(device=mho.devices.Ideal(), forward_io=exact, backward_io=exact)
    names: dict[str, Optimizer] = {"sgd": "sgd", "momentum": "momentum", "adam": "adam"}
    return mho.TileConfig(
        # Pairs count samples that pass by: after each batch one for each row that is written.
        device=mho.presets.pcm_pair(refresh_every=REFRESH // BATCH * outputs),
        rule=mho.rules.MixedPrecision(optimizer=names[optimizer], batch_size=BATCH),
    )


def run(job: Job) -> list[Outcome]:
    """Train one network; the learning rate falls to a tenth over the training."""
    optimizer = job.cell.params["optimizer"]
    net = perceptron(lambda outputs: config(optimizer, outputs), job.seed, SIZES)
    rate, last = RATES[optimizer], max(job.epochs - 1, 1)
    curve = train(
        net,
        job.data(),
        epochs=job.epochs,
        lr=lambda epoch: rate * 0.1 ** (epoch / last),
        batch_size=BATCH,
    )
    pulses = net.costs.total_pulses.total
    return [
        Outcome(
            cell=job.cell.name, seed=job.seed, value=curve[-1], details={"curve": curve, "pulses": pulses}
        )
    ]


def claims(table: Table) -> list[Claim]:
    exact = table["floating point"].mean
    loss = exact - table["mixed precision, sgd"].mean
    adam = table["mixed precision, adam"].mean
    return [
        Claim(
            text="Devices cost less than 1 percentage point (published: 0.57)",
            measured=f"{loss:.2f} points",
            holds=loss < 1,
        ),
        Claim(
            text="Adam on the devices is within 1 point of SGD in floating point, or better (not published)",
            measured=f"{adam - exact:+.2f} points",
            holds=adam > exact - 1,
        ),
    ]


REPRODUCTION = Reproduction(
    name="nandakumar_2020",
    title="Mixed precision on pairs of phase-change devices",
    paper="S. R. Nandakumar et al., Front. Neurosci. 14:406 (2020)",
    quantity="test accuracy (%)",
    cells=(
        Cell(
            row="floating point",
            published=FLOATING_POINT,
            params={"optimizer": "floating point", "rate": RATES["floating point"]},
        ),
        *(
            Cell(
                row=f"mixed precision, {optimizer}",
                published=ANALOG if optimizer == "sgd" else None,
                params={"optimizer": optimizer, "rate": RATES[optimizer], "refresh_images": REFRESH},
            )
            for optimizer in ("sgd", "momentum", "adam")
        ),
    ),
    run=run,
    draw=draw_accuracies,
    claims=claims,
    seeds=3,
    epochs=2,
    data="digits",
)

if __name__ == "__main__":
    main(REPRODUCTION)
