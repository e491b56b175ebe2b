"""Zero-shifting: training on devices whose steps up and down differ, Kim et al. (2019).

A device with soft bounds and uneven steps has its symmetry point away from weight 0, and training pulls
weights there. Zero-shifting drives each device to its symmetry point by alternating pulses and subtracts a
reference that is programmed to where it is, so that weight 0 is the symmetry point. The second part counts
the pulses that this takes.

    python examples/papers/kim_2019.py --data-dir MNIST
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from reproduction import Cell, Claim, Job, Outcome, Reproduction, Table, main

import mho
from mho.devices import Reference, SoftBounds
from mho.nn import Epoch, Linear, Sequential, Sigmoid
from mho.plotting import _style
from mho.training import evaluate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DW_MIN = 1e-3
LR = 0.01
IMBALANCES = {1: (0.0, 0.3), 3: (0.0, 0.1, 0.3)}  # by bounds
SHIFTS = ("as they are", "zero-shifted")
# Of the paper there are figures only. These come from an independent program with the same devices.
REFERENCE = {(1, "as they are"): 22.2, (1, "zero-shifted"): 12.3}
REFERENCE |= {(3, "as they are"): 78.8, (3, "zero-shifted"): 5.9}

STEPS = (5e-3, 2e-3, 1e-3, 5e-4, 2e-4)
METHODS = ("alternating", "cyclic")
TOLERANCE = 0.02  # root of the mean square of what is left to the symmetry points, bounds being 1


def device(bound: float, imbalance: float) -> SoftBounds:
    """Return devices with steps of DW_MIN (1 + imbalance) up and DW_MIN (1 - imbalance) down at weight 0."""
    return SoftBounds(
        dw_min=DW_MIN * (1 + imbalance),
        up_down=2 * imbalance / (1 + imbalance),  # of the step up, by which the step down is smaller
        dw_min_dtod=0.3,
        dw_min_ctoc=0.3,
        w_max=bound,
        w_min=-bound,
        w_max_dtod=0.1,
        w_min_dtod=0.1,
    )


def network(bound: float, imbalance: float, shift: str, seed: int, pulses: int) -> tuple[Sequential, float]:
    """Return a network, zero-shifted if so, and what zero-shifting left (root of the mean square)."""
    single = device(bound, imbalance)
    config = mho.TileConfig(
        device=Reference(device=single) if shift == SHIFTS[1] else single,
        update=mho.Update(bl=10, update_management=False, update_bl_management=False),
        forward_io=mho.IO.perfect(),
        backward_io=mho.IO.perfect(),
    )
    layers = [
        Linear(784, 256, bias="analog"),
        Linear(256, 128, bias="analog"),
        Linear(128, 10, bias="analog"),
    ]
    net = Sequential(layers[0], Sigmoid(), layers[1], Sigmoid(), layers[2], config=config, seed=seed)
    left = []
    for layer in layers if shift == SHIFTS[1] else ():
        weight, bias = layer.weight, layer.bias
        left += [tile.calibrate_symmetry_point(pulses=pulses, reads=10).residual for tile in layer.tiles]
        layer.set_weight(weight, bias)
    every = np.concatenate([part.ravel() for part in left]) if left else np.zeros(1)
    return net, float(np.sqrt(np.mean(every**2)))


def trained(job: Job) -> Outcome:
    """Train a network and return its test error at the end, in percent."""
    bound, imbalance, shift = (job.cell.params[name] for name in ("bound", "imbalance", "shift"))
    # So many pulses leave e^-6 of a device's distance to its symmetry point.
    pulses = 100 if job.quick else round(6 * bound / DW_MIN)
    net, left = network(bound, imbalance, shift, job.seed, pulses)
    images, test = job.data()
    errors = []
    for epoch in range(job.epochs):
        order = net.seed.child("shuffle").permutation(len(images), step=epoch)
        # Image by image: with batches of ten uneven steps do less harm.
        Epoch(net, images.x, images.y, batch_size=1, order=order).train(LR)
        errors.append(100 * evaluate(net, test).error)
    return Outcome(
        cell=job.cell.name, seed=job.seed, value=errors[-1], details={"curve": errors, "left": left}
    )


def calibrated(job: Job) -> Outcome:
    """Count the pulses until devices have come to their symmetry points."""
    step, method = job.cell.params["step"], job.cell.params["method"]
    size = 8 if job.quick else 64
    single = SoftBounds(dw_min=step, up_down=0.3, w_max=1, w_min=-1, w_max_dtod=0.1, w_min_dtod=0.1)
    # A device with a step near 0 would take for ever.
    tile = mho.Tile(size, size, device=single.replace(dw_min_dtod=0.1), seed=job.seed)
    tile.weight = mho.Seed(job.seed).child("start").uniform((size, size), -0.5, 0.5)
    chunk = 20 * max(1, round(0.05 / step / 20))
    pulses, left = 0, np.inf
    while left > TOLERANCE:
        found = tile.calibrate_symmetry_point(method=method, pulses=chunk)
        pulses, left = pulses + found.pulses, found.rms
    return Outcome(cell=job.cell.name, seed=job.seed, value=pulses)


def run(job: Job) -> list[Outcome]:
    return [trained(job) if "bound" in job.cell.params else calibrated(job)]


def row_name(bound: int, imbalance: float) -> str:
    return f"error, bounds {bound}, imbalance {imbalance:g}"


CELLS = (
    *(
        Cell(
            row=row_name(bound, imbalance),
            column=shift,
            params={"bound": bound, "imbalance": imbalance, "shift": shift},
        )
        for bound, imbalances in IMBALANCES.items()
        for imbalance in imbalances
        for shift in SHIFTS
        if imbalance or shift == SHIFTS[0]
    ),
    *(
        Cell(row=f"pulses, dw_min {step:g}", column=method, params={"step": step, "method": method})
        for step in STEPS
        for method in METHODS
    ),
)


def found(table: Table, bound: int, imbalance: float, shift: str) -> Any:
    return table[f"{row_name(bound, imbalance)}, {shift}"]


def pulses(table: Table, method: str) -> list[float]:
    return [table[f"pulses, dw_min {step:g}, {method}"].mean for step in STEPS]


def claims(table: Table) -> list[Claim]:
    results = []
    for bound in IMBALANCES:
        bare, shifted = (found(table, bound, 0.3, shift).mean for shift in SHIFTS)
        even = found(table, bound, 0.0, SHIFTS[0]).mean
        results.append(
            Claim(
                text=f"Bounds {bound}: imbalance raises the error, and zero-shifting brings most of it back",
                measured=f"{even:.1f} % without imbalance, {bare:.1f} % with, {shifted:.1f} % zero-shifted",
                holds=bare > 1.3 * even and bare - shifted > 0.5 * (bare - even),
            )
        )
    independent = ", ".join(
        f"{found(table, bound, 0.3, shift).mean:.1f} ({value:g})"
        for (bound, shift), value in REFERENCE.items()
    )
    near = [
        abs(found(table, bound, 0.3, shift).mean / value - 1) < 0.3
        for (bound, shift), value in REFERENCE.items()
    ]
    results.append(
        Claim(
            text="Errors at imbalance 0.3 within 30 % of an independent program (in brackets)",
            measured=independent,
            holds=all(near),
        )
    )
    for method in METHODS:
        slope = np.polyfit(np.log(STEPS), np.log(pulses(table, method)), 1)[0]
        results.append(
            Claim(
                text=f"Pulses of the {method} order grow as 1 / dw_min",
                measured=f"as dw_min^{slope:.2f}",
                holds=bool(abs(slope + 1) < 0.15),
            )
        )
    return results


def draw_errors(axes: Axes, table: Table) -> None:
    places, labels = [], []
    rows = [(bound, value) for bound, values in IMBALANCES.items() for value in values]
    for place, (bound, imbalance) in enumerate(rows):
        places.append(place)
        labels.append(f"{imbalance:g}\n±{bound}")
        for k, shift in enumerate(SHIFTS):
            if not imbalance and k:
                continue
            row = found(table, bound, imbalance, shift)
            at = place if not imbalance else place + (k - 0.5) * 0.38
            width = row.half_width if len(row.outcomes) > 1 else 0
            first = place == 1
            axes.bar(at, row.mean, 0.36, color=_style.PALETTE[k], label=shift if first else None)
            top = min(row.mean + width, 100.0)
            axes.errorbar(at, row.mean, [[width], [top - row.mean]], color=_style.TEXT, lw=1.2, capsize=3)
            if imbalance == 0.3:
                ring = REFERENCE[bound, shift]
                axes.plot([at], [ring], "o", ms=6.5, mfc="white", color=_style.TEXT)
                if abs(ring - top) < 6:  # would lie on the number
                    top = max(top, ring + 2.5)
            axes.annotate(
                f"{row.mean:.1f}",
                (at, top),
                ha="center",
                va="bottom",
                fontsize=8.5,
                color=_style.TEXT,
            )
    axes.plot([], [], "o", ms=6.5, mfc="white", color=_style.TEXT, label="independent program")
    axes.set_xticks(places, labels)
    axes.set_ylim(0, 109)
    _style.tidy(
        axes, "Test error after training", "imbalance of the steps, bounds of the weights", "test error (%)"
    )
    axes.legend(frameon=False, fontsize=8.5, loc="upper center", labelcolor=_style.TEXT)


def draw_pulses(axes: Axes, table: Table) -> None:
    inverse = 1 / np.array(STEPS)
    for k, method in enumerate(METHODS):
        rows = [table[f"pulses, dw_min {step:g}, {method}"] for step in STEPS]
        widths = [row.half_width if len(row.outcomes) > 1 else 0 for row in rows]
        means, style = (
            [row.mean for row in rows],
            {"marker": "os"[k], "ms": (8, 4)[k], "lw": 1.6, "capsize": 3},
        )
        axes.errorbar(inverse, means, widths, color=_style.PALETTE[k], label=method, **style)
    first = pulses(table, METHODS[0])[0]
    axes.plot(inverse, first * inverse / inverse[0], ":", color=_style.MUTED, lw=1.4, label="as 1 / dw_min")
    axes.set_xscale("log")
    axes.set_xticks(inverse, [f"{value:.0f}" for value in inverse])
    axes.set_xticks([], minor=True)
    axes.set_yscale("log")
    _style.tidy(
        axes, f"Pulses to {100 * TOLERANCE:g} % of the bounds", "1 / dw_min", "pulses for each device"
    )
    axes.legend(frameon=False, fontsize=8.5, loc="upper left", labelcolor=_style.TEXT)


def draw(figure: Figure, table: Table) -> None:
    left, right = figure.subplots(1, 2, width_ratios=(1.5, 1))
    draw_errors(left, table)
    draw_pulses(right, table)


REPRODUCTION = Reproduction(
    name="kim_2019",
    title="Zero-shifting of devices whose steps up and down differ",
    paper="H. Kim et al., arXiv:1907.10228 (2019)",
    quantity="test error (%), or pulses for each device",
    cells=CELLS,
    run=run,
    draw=draw,
    claims=claims,
    seeds=3,
    epochs=10,
    data="digits",
    form=".4g",
    size=(11.0, 4.6),
)

if __name__ == "__main__":
    main(REPRODUCTION)
