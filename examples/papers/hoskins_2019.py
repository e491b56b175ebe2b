"""How many outer products a batch needs: Hoskins et al. (2019).

A 784-100-10 ReLU network, batches of 128 samples. The gradient of a batch becomes 1, 3 or 10 orthogonal
pairs, by power iteration on the stored batch or in one pass over its samples, and each pair is one update of
the array. Beside it, all 128 samples are applied one by one; and all of it is done by pulses on the devices
of Gokmen and Vlasov, with noisy reads.

    python examples/papers/hoskins_2019.py --data-dir FOLDER_WITH_MNIST
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from reproduction import Cell, Claim, Job, Outcome, Reproduction, Row, Table, main

import mho
from mho.plotting import _style
from mho.rules import SGD, StreamingBatch
from mho.rules.streaming_batch import Method

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

BATCH, HIDDEN, LR, EPOCHS = 128, 100, 0.2, 5
RANKS = (1, 3, 10)
ALL = "all samples"
ROWS: dict[str, tuple[Method, str]] = {
    "power iteration": ("power", "ideal"),
    "streaming": ("streaming", "ideal"),
    "streaming, by pulses": ("streaming", "gokmen_vlasov"),
}


class SpectrumLinear(mho.nn.Linear):
    """A layer that looks at the singular values of every 50th batch gradient."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Build the layer; see `mho.nn.Linear`."""
        super().__init__(*args, **kwargs)
        self.energies: list[NDArray[np.float64]] = []
        self._updates = 0

    def update(self, d: Any, saved: Any, lr: float) -> None:
        """Update, and note how much of the squared norm the first pairs hold."""
        if self._updates % 50 == 0:
            squares = np.linalg.svd(d.T @ saved.x, compute_uv=False).astype(np.float64) ** 2
            if squares.sum() > 0:
                self.energies.append(np.cumsum(squares) / squares.sum())
        self._updates += 1
        super().update(d, saved, lr)


def config(method: Method, device: str, rank: int) -> mho.TileConfig:
    """Return tiles that are trained by `rank` pairs of each batch, or by all samples where it is 0."""
    rule = SGD() if rank == 0 else StreamingBatch(rank=rank, method=method, trains_per_component=0)
    if device == "ideal":
        exact = mho.IO.perfect()
        return mho.TileConfig(device=mho.devices.Ideal(), rule=rule, forward_io=exact, backward_io=exact)
    return mho.TileConfig(device=getattr(mho.presets, device)(), rule=rule)


def run(job: Job) -> list[Outcome]:
    """Train one network."""
    params = job.cell.params
    train, test = job.data()
    hidden = SpectrumLinear(784, HIDDEN)
    net = mho.nn.Sequential(
        hidden,
        mho.nn.ReLU(),
        mho.nn.Linear(HIDDEN, 10),
        config=config(params["method"], params["device"], params["rank"]),
        seed=job.seed,
    )
    trainer = mho.training.Trainer(net, loss="cross_entropy", lr=params["lr"], batch_size=params["batch"])
    history = trainer.fit(train, test, epochs=job.epochs)
    energies = np.array(hidden.energies)
    return [
        Outcome(
            cell=job.cell.name,
            seed=job.seed,
            value=100 * (1 - float(history[-1].test_error or 0)),
            details={
                "accuracies": (100 * (1 - history.column("test_error"))).round(3).tolist(),
                "updates": net.costs.array_updates / len(history),
                "energy": energies.mean(axis=0)[:20].round(4).tolist(),
                "most_in_first": float(energies[:, 0].max()),
            },
        )
    ]


def _cells() -> tuple[Cell, ...]:
    cells = []
    for row, (method, device) in ROWS.items():
        for rank in (*RANKS, 0):
            if rank == 0 and row == "streaming":
                continue  # the same as beside power iteration
            params = {"method": method, "device": device, "rank": rank, "lr": LR, "batch": BATCH}
            cells.append(Cell(row=row, column=f"rank {rank}" if rank else ALL, params=params))
    return tuple(cells)


def claims(table: Table) -> list[Claim]:
    full = table[f"power iteration, {ALL}"]
    energy = np.mean([outcome.details["energy"] for outcome in full.outcomes], axis=0)
    most = max(outcome.details["most_in_first"] for outcome in full.outcomes)
    streamed, powered = (
        [table[f"{row}, rank {rank}"].mean for rank in RANKS] for row in ("streaming", "power iteration")
    )

    def updates(row: Row) -> float:
        return float(np.mean([outcome.details["updates"] for outcome in row.outcomes]))

    fewer = updates(full) / updates(table["streaming, rank 1"])
    return [
        Claim(
            text="About ten singular pairs of the hidden layer's gradient hold 95 % of it",
            measured=f"{100 * energy[9]:.1f} % of the squared norm in the first ten, mean over a training",
            holds=bool(energy[9] > 0.95),
        ),
        Claim(
            text="The first pair holds up to 60 %",
            measured=f"{100 * energy[0]:.1f} % in the mean, {100 * most:.1f} % at most",
            holds=0.5 < most < 0.7,
        ),
        Claim(
            text="The more pairs, the higher the accuracy, by either method",
            measured=", ".join(f"{v:.2f}" for v in streamed)
            + " streamed; "
            + ", ".join(f"{v:.2f}" for v in powered),
            holds=bool(np.all(np.diff([streamed, powered]) > 0)),
        ),
        Claim(
            text="Ten pairs, made in one pass, train within 1 % of all samples",
            measured=f"{full.mean - streamed[-1]:.2f} % below, with {fewer / 10:.0f} times fewer updates",
            holds=full.mean - streamed[-1] < 1,
        ),
    ]


def draw(figure: Figure, table: Table) -> None:
    left, right = figure.subplots(1, 2)
    places = np.arange(len(RANKS) + 1)
    for shift, row, color in zip((-0.06, 0.0, 0.06), ROWS, _style.PALETTE, strict=False):
        found = [table[name] if (name := f"{row}, rank {rank}") in table else None for rank in RANKS]
        found.append(table.get(f"{row}, {ALL}"))
        here = [(k + shift, r) for k, r in zip(places, found, strict=True) if r is not None]
        left.errorbar(
            [k for k, _ in here],
            [r.mean for _, r in here],
            yerr=[np.nan_to_num(r.half_width) for _, r in here],
            color=color,
            marker="o",
            ms=5,
            lw=1.6,
            capsize=3,
            label=row,
        )
    left.set_xticks(places, [*map(str, RANKS), "all 128"])
    _style.tidy(left, "Accuracy after training", "outer products for a batch of 128", "test accuracy (%)")
    left.legend(frameon=False, labelcolor=_style.TEXT, loc="lower right")
    full = table.get(f"power iteration, {ALL}")
    if full is not None:
        energy = 100 * np.array([outcome.details["energy"] for outcome in full.outcomes])
        pairs = np.arange(1, energy.shape[1] + 1)
        right.plot(pairs, energy.mean(axis=0), color=_style.PALETTE[0], marker="o", ms=4, lw=1.6)
        right.plot([1, 10], [60, 95], "o", color=_style.MUTED, ms=8, mfc="none", label="published, about")
        right.set_ylim(0, 103)
        right.set_xticks([1, 5, 10, 15, 20])
        right.legend(frameon=False, labelcolor=_style.TEXT, loc="lower right")
    _style.tidy(
        right, "The hidden layer's gradient of a batch", "singular pairs", "share of the squared norm (%)"
    )


REPRODUCTION = Reproduction(
    name="hoskins_2019",
    title="Accuracy against the rank of the update of a batch",
    paper="B. D. Hoskins et al., Front. Neurosci. 13:793 (2019)",
    quantity="test accuracy (%)",
    cells=_cells(),
    run=run,
    draw=draw,
    claims=claims,
    seeds=5,
    epochs=EPOCHS,
    data="digits",
)

if __name__ == "__main__":
    main(REPRODUCTION)
