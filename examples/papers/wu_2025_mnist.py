"""Residual learning on MNIST, on devices of the power and exponential families: Wu et al. (2025), table 6.

python examples/papers/wu_2025_mnist.py --data-dir DIR
python examples/papers/wu_2025_mnist.py --data-dir DIR --epochs 30
"""

from __future__ import annotations

from perceptron import draw_accuracies, perceptron, train
from reproduction import Cell, Claim, Job, Outcome, Reproduction, Table, main

import mho

TAU, STATES, LR = 0.7, 1200, 0.05
# Analog SGD is given as below 15 %.
PUBLISHED = {
    ("analog SGD", "power"): 15.0,
    ("residual learning", "power"): 97.33,
    ("analog SGD", "exponential"): 15.0,
    ("residual learning", "exponential"): 97.49,
}


def config(rule: str, family: str) -> mho.TileConfig:
    """Return tiles of devices whose bounds are all alike, with the default periphery."""
    make = mho.devices.Response.power if family == "power" else mho.devices.Response.exponential
    device = make(tau=TAU, gamma=1.0, dw_min=2 * TAU / STATES, w_max_dtod=0, w_min_dtod=0)
    residual = mho.rules.ResidualLearning(
        gamma=0.4, scale_fast_lr=False, fast_lr=0.5, transfer_lr=20, batch_size=10
    )
    return mho.TileConfig(device=device, rule=residual if rule == "residual learning" else mho.rules.SGD())


def run(job: Job) -> list[Outcome]:
    """Train one network."""
    net = perceptron(config(job.cell.params["rule"], job.cell.params["family"]), job.seed)
    curve = train(net, job.data(), epochs=job.epochs, lr=lambda epoch: LR * 0.5 ** (epoch // 15))
    return [Outcome(cell=job.cell.name, seed=job.seed, value=curve[-1], details={"curve": curve})]


def claims(table: Table) -> list[Claim]:
    means = {name: row.mean for name, row in table.items()}
    sgd = max(means["analog SGD, power"], means["analog SGD, exponential"])
    residual = min(means["residual learning, power"], means["residual learning, exponential"])
    return [
        Claim(text="Analog SGD stays below 15 %", measured=f"up to {sgd:.1f} %", holds=sgd < 15),
        Claim(
            text="Residual learning is better than analog SGD",
            measured=f"at least {residual:.1f} against at most {sgd:.1f} %",
            holds=residual > sgd,
        ),
    ]


REPRODUCTION = Reproduction(
    name="wu_2025_mnist",
    title="Residual learning on devices of the power and exponential families",
    paper="Z. Wu et al., NeurIPS (2025), arXiv:2502.06309, table 6",
    quantity="test accuracy (%)",
    cells=tuple(
        Cell(
            row=f"{rule}, {family}",
            published=accuracy,
            params={"rule": rule, "family": family, "tau": TAU, "states": STATES, "rate": LR},
        )
        for (rule, family), accuracy in PUBLISHED.items()
    ),
    run=run,
    draw=draw_accuracies,
    claims=claims,
    seeds=3,
    epochs=5,
    data="digits",
)

if __name__ == "__main__":
    main(REPRODUCTION)
