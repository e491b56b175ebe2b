"""Write docs/validation.md and its figures: what the statistical tests measure, beside what theory says.

Run ``python tools/make_validation.py``; it takes about a minute. The numbers are those of the tests in
tests/physics, made by the same functions. The table of whole trainings is that of docs/learning.md, once
tools/make_learning_table.py has written it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy import stats

matplotlib.use("Agg")

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "physics"), str(ROOT / "tests")]

import device_measurements as devices  # noqa: E402
import periphery_measurements as periphery  # noqa: E402
import update_measurements as updates  # noqa: E402
from statistics_helpers import SIGMAS, Comparison, Fit  # noqa: E402

TARGET = ROOT / "docs" / "validation.md"
MEASURED, THEORY, OTHER = "#0b5394", "#d35400", "#6a8e3a"

Results = list[Comparison] | list[Fit] | list[Comparison | Fit]


# --- tables


def number(value: float) -> str:
    return f"{value:.5g}" if abs(value) > 1e-15 else "0"


def table(results: Iterable[Comparison | Fit]) -> str:
    """Chosen comparisons, one a line."""
    lines = ["| what | measured | theory | standard error | difference |", "|---|---|---|---|---|"]
    for r in results:
        if isinstance(r, Comparison):
            exact = "exact" if r.error == 0 else f"{r.sigmas:+.1f} sigma"
            error = "–" if r.error == 0 else f"{r.error:.1g}"
            lines.append(f"| {r.what} | {number(r.measured)} | {number(r.theory)} | {error} | {exact} |")
    return "\n".join(lines)


@dataclass(frozen=True)
class Count:
    """How many comparisons there are, and how far the worst is off."""

    comparisons: int
    largest: float
    within_one: float
    distributions: int
    smallest_p: float
    exact: int

    def __str__(self) -> str:
        parts = []
        if self.comparisons:
            parts.append(f"{self.comparisons} comparisons, the largest difference {self.largest:.1f} sigma")
        if self.comparisons >= 100:
            parts[-1] += f" ({self.within_one:.0%} are within one sigma; of a normal distribution 68 % are)"
        if self.distributions:
            parts.append(f"{self.distributions} distributions, the smallest p-value {self.smallest_p:.2g}")
        if self.exact:
            parts.append(f"{self.exact} comparisons without chance, equal to rounding")
        return "; ".join(parts) + "."


def summary(results: Iterable[Comparison | Fit]) -> Count:
    """Count comparisons, all of which must agree."""
    results = list(results)
    wrong = [str(r) for r in results if not r.agrees]
    if wrong:
        raise SystemExit("these do not agree, so nothing is written:\n" + "\n".join(wrong))
    sigmas = np.array(
        [r.sigmas for r in results if isinstance(r, Comparison) and r.error > 0 and r.allowed < r.error / 2]
    )
    fits = [r.p_value for r in results if isinstance(r, Fit)]
    return Count(
        comparisons=len(sigmas),
        largest=float(np.abs(sigmas).max(initial=0)),
        within_one=float(np.mean(np.abs(sigmas) < 1)) if len(sigmas) else 0.0,
        distributions=len(fits),
        smallest_p=min(fits, default=1.0),
        exact=sum(isinstance(r, Comparison) and r.error == 0 for r in results),
    )


def named(results: Iterable[Comparison | Fit], *parts: str) -> list[Comparison | Fit]:
    """Those whose name has all of the parts."""
    return [r for r in results if all(part in r.what for part in parts)]


# --- figures


def new_figure(rows: int, columns: int, width: float = 10.0, height: float = 3.3) -> tuple[Figure, NDArray]:
    figure, axes = plt.subplots(
        rows, columns, figsize=(width, height * rows), squeeze=False, layout="constrained"
    )
    for ax in axes.flat:
        ax.grid(alpha=0.3, linewidth=0.5)
        ax.spines[["top", "right"]].set_visible(False)
    return figure, axes


def points(
    ax: Axes, x: NDArray, y: NDArray, error: NDArray | float, label: str = "measured, 5 sigma"
) -> None:
    ax.errorbar(
        x,
        y,
        SIGMAS * np.asarray(error),
        fmt="o",
        ms=3.5,
        color=MEASURED,
        ecolor=MEASURED,
        capsize=2,
        lw=1,
        label=label,
    )


def curve(ax: Axes, x: NDArray, y: NDArray, label: str = "theory", color: str = THEORY) -> None:
    ax.plot(x, y, "-", color=color, lw=1.3, zorder=1, label=label)


def save(figure: Figure, folder: Path, name: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / name, dpi=110, metadata={"Software": None})
    plt.close(figure)
    return f"img/{name}"


def update_figure(folder: Path) -> str:
    figure, axes = new_figure(1, 3)
    run, row = updates.sweep(), updates.row_sweep()
    g = updates.DW_MIN
    points(axes[0, 0], run["x"], run["mean"] / g, run["mean error"] / g)
    curve(axes[0, 0], run["fine"], run["fine mean"] / g)
    axes[0, 0].set(xlabel="x", ylabel="mean weight change / dw_min", title="Mean (d = 0.8, 10 slots)")
    points(axes[0, 1], run["x"], run["variance"] / g**2, run["variance error"] / g**2)
    curve(axes[0, 1], run["fine"], run["fine variance"] / g**2)
    axes[0, 1].set(xlabel="x", ylabel="variance / dw_min²", title="Variance")
    points(axes[0, 2], row["q"], row["correlation"], row["error"])
    curve(axes[0, 2], row["fine"], row["theory"])
    axes[0, 2].set(
        xlabel="probability of the row's pulses", ylabel="correlation", title="Two crosspoints of a row"
    )
    axes[0, 0].legend(frameon=False)
    return save(figure, folder, "validation_update.png")


def pulses_figure(folder: Path) -> str:
    names = ("no management", "length management, 31 slots", "length management, 64 slots")
    figure, axes = new_figure(1, 3)
    for ax, name in zip(axes[0], names, strict=True):
        case = next(case for case in updates.CASES if case.what == name)
        trains, n = case.plan, updates.pulse_numbers(case, 0, 1)
        slots = np.arange(trains.bl + 1)
        expected = stats.binom.pmf(slots, trains.bl, trains.p[1] * trains.q[0])
        shown = slots[expected > 1e-5]
        observed = np.bincount(n, minlength=trains.bl + 1) / len(n)
        ax.bar(shown, expected[shown], color=THEORY, alpha=0.35, width=0.85, label="binomial")
        points(ax, shown, observed[shown], np.sqrt(expected * (1 - expected) / len(n))[shown])
        ax.set(
            xlabel="pulses of one update", title=f"{trains.bl} slots, p q = {trains.p[1] * trains.q[0]:.3f}"
        )
        ax.set_ylim(0, 1.3 * expected.max())
    axes[0, 0].set_ylabel("probability")
    axes[0, 0].legend(frameon=False, fontsize=8, loc="upper right")
    return save(figure, folder, "validation_pulses.png")


def steps_figure(folder: Path) -> str:
    variants = list(devices.VARIANTS)
    columns = 3
    figure, axes = new_figure(-(-len(variants) // columns), columns, height=2.7)
    for ax in axes.flat[len(variants) :]:
        ax.set_visible(False)
    for ax, variant in zip(axes.flat, variants, strict=False):
        run = devices.one_step(variant)
        device = devices.nominal(variant, dw_min=0.002, dw_min_ctoc=0.3)
        fine = np.linspace(*device.bounds(), 200)
        for up, changes, step in zip((True, False), (run.up, run.down), device.mean_step(fine), strict=True):
            n = changes.shape[1]
            points(ax, run.w, changes.mean(1) / 0.002, changes.std(1) / np.sqrt(n) / 0.002)
            curve(ax, fine, step / 0.002)
            spread = devices.noise_of_step(device, fine, step, up) / 0.002
            ax.fill_between(
                fine, step / 0.002 - spread, step / 0.002 + spread, color=THEORY, alpha=0.13, lw=0
            )
            for sign in (-1, 1):
                edge = (changes.mean(1) + sign * changes.std(1)) / 0.002
                ax.plot(run.w, edge, "_", color=MEASURED, ms=5)
        ax.axhline(0, color="black", lw=0.5)
        ax.set_title(variant, fontsize=10)
    for ax in axes[:, 0]:
        ax.set_ylabel("step / dw_min")
    for ax in axes[-1]:
        ax.set_xlabel("weight")
    return save(figure, folder, "validation_steps.png")


def aggregation_sweep(variant: str, n: int = 3, ctoc: float = 0.3) -> list[devices.Several]:
    """n pulses up from the middle of the range, over the size of the step."""
    cells = []
    for dw_min in np.geomspace(0.0005, 0.1, 14):
        found = devices.several_pulses(variant, float(dw_min), ctoc, n)
        cells.append(next(cell for cell in found if cell.w == 0.0 and cell.up))
    return cells


def aggregation_figure(folder: Path) -> str:
    figure, axes = new_figure(2, 4, width=12.5, height=2.9)
    variants = ("SoftBounds", "LinearStep, additive noise", "ExpStep, ReRAM", "PowStep, gamma 2.6 and 1.4")
    for column, variant in enumerate(variants):
        cells = [cell for cell in aggregation_sweep(variant) if len(cell.in_one) == 3]
        dw = np.array([cell.dw_min for cell in cells])
        taken = np.array([cell.aggregated for cell in cells])
        for row, (what, allowed) in enumerate((("mean", 0.2), ("variance", 1.0))):
            ax = axes[row, column]
            parts = [cell.in_one[row] for cell in cells]
            error = np.array([100 * (p.measured / p.theory - 1) for p in parts])
            bar = np.array([100 * SIGMAS * p.error / abs(p.theory) for p in parts])
            ax.axhspan(-allowed, allowed, color=OTHER, alpha=0.15, lw=0, label="allowed where in one")
            for chosen, marker, label in ((taken, "o", "in one step"), (~taken, "x", "one by one")):
                ax.errorbar(
                    dw[chosen],
                    error[chosen],
                    bar[chosen],
                    fmt=marker,
                    ms=4,
                    lw=1,
                    capsize=2,
                    color=MEASURED if marker == "o" else THEORY,
                    label=label,
                )
            ax.axhline(0, color="black", lw=0.5)
            ax.set_xscale("log")
            ax.set_ylim(-1.5 * allowed, 1.5 * allowed)
            if row == 0:
                ax.set_title(variant, fontsize=10)
            if column == 0:
                ax.set_ylabel(f"error of the {what} (%)")
        axes[1, column].set_xlabel("dw_min")
    axes[0, 0].legend(frameon=False, fontsize=8, loc="lower left")
    return save(figure, folder, "validation_aggregation.png")


def spreads_figure(folder: Path) -> str:
    figure, axes = new_figure(1, 3)
    device = devices.spread_device("ConstantStep", "wide")
    arrays = devices.spread_tile("ConstantStep", "wide").devices
    log_normal = devices.spread_tile("ConstantStep", "log-normal").devices
    sigma = np.hypot(device.dw_min_dtod, device.up_down_dtod)
    up_cdf = devices._folded(1.0, float(sigma))
    bound = (device.w_max, device.w_max * device.w_max_dtod)
    other = (device.w_min, -device.w_min * device.w_min_dtod)
    shown = (
        (arrays["dw_min_up"] / device.dw_min, up_cdf, "steps up / dw_min (spread 0.8, asymmetry 0.4)"),
        (log_normal["dw_min_up"] / 0.002, stats.lognorm(0.5).cdf, "steps up / dw_min, log-normal"),
        (arrays["w_max"], devices._larger_bound(bound, other), "w_max, where bounds cross and swap"),
    )
    for ax, (values, cdf, label) in zip(axes[0], shown, strict=True):
        values = np.ravel(values)
        edges = np.linspace(0, np.quantile(values, 0.999), 41)
        n = len(values)
        share = np.histogram(values, edges)[0] / n
        expected = np.diff(cdf(edges))
        width = edges[1] - edges[0]
        middle = (edges[1:] + edges[:-1]) / 2
        points(ax, middle, share / width, np.sqrt(expected / n) / width)
        curve(ax, middle, expected / width)
        ax.set_xlabel(label, fontsize=9)
    axes[0, 0].set_ylabel("density")
    axes[0, 0].legend(frameon=False)
    return save(figure, folder, "validation_spreads.png")


def symmetry_figure(folder: Path) -> str:
    figure, axes = new_figure(1, 2, height=3.5)
    for ax, ctoc in zip(axes[0], (0.0, 0.3), strict=True):
        run = devices.soft_bounds_trajectory(ctoc, 250, 8, 16)
        low, _ = devices.fixed_points(run["up"], run["down"], run["w_max"], run["w_min"])
        rate = (1 - run["up"] / run["w_max"]) * (1 - run["down"] / -run["w_min"])
        pairs = np.arange(251)
        colors = plt.get_cmap("viridis")(np.linspace(0, 0.9, 5))
        for color, (i, j) in zip(colors, ((0, 0), (1, 3), (2, 6), (3, 9), (4, 12)), strict=True):
            way = low[i, j] + rate[i, j] ** pairs * (run["w"][0, i, j] - low[i, j])
            ax.plot(pairs, way, "-", color=color, lw=1.2)
            ax.plot(pairs[::10], run["w"][::20, i, j], "o", ms=3.5, mfc="none", color=color)
            symmetric = (run["up"] - run["down"]) / (run["up"] / run["w_max"] - run["down"] / run["w_min"])
            ax.plot([255], [symmetric[i, j]], "<", color=color, ms=6)
        ax.set(xlabel="pairs of pulses", ylabel="weight", title=f"cycle-to-cycle spread {ctoc:g}")
    return save(figure, folder, "validation_symmetry.png")


def noise_figure(folder: Path) -> str:
    figure, axes = new_figure(1, 4, width=12)
    for ax, source in zip(
        axes[0], ("input noise", "output noise", "additive_constant", "pcm_read"), strict=True
    ):
        run = periphery.variance_over_signal(source)
        points(ax, run["scale"], run["variance"] * 1e3, run["error"] * 1e3)
        curve(ax, run["fine"], run["theory"] * 1e3)
        ax.set(xlabel="size of the input", title=source, ylim=(0, None))
    axes[0, 0].set_ylabel("variance of an output × 1000")
    axes[0, 0].legend(frameon=False, loc="lower left")
    return save(figure, folder, "validation_noise.png")


def converters_figure(folder: Path) -> str:
    figure, axes = new_figure(1, 3)
    stochastic, nearest = periphery.rounding_sweep("out", True), periphery.rounding_sweep("out", False)
    f, q, n = stochastic["fraction"], float(stochastic["step"]), len(stochastic["error"])
    fine = np.linspace(0, 1, 200)
    error = stochastic["error"].std(0) / np.sqrt(n) / q
    points(axes[0, 0], f, stochastic["error"].mean(0) / q, error, "stochastic")
    axes[0, 0].plot(f[1:-1], nearest["error"].mean(0)[1:-1] / q, "s", ms=3.5, color=OTHER, label="nearest")
    curve(axes[0, 0], fine, np.where(fine < 0.5, 0, 1) - fine, color=OTHER, label="_")
    curve(axes[0, 0], fine, 0 * fine)
    axes[0, 0].set(
        xlabel="place between two levels", ylabel="mean error / step", title="Rounding of a converter"
    )
    axes[0, 0].legend(frameon=False, fontsize=8)
    square = (stochastic["error"] - stochastic["error"].mean(0)) ** 2
    points(axes[0, 1], f, square.mean(0) / q**2, square.std(0) / np.sqrt(n) / q**2)
    curve(axes[0, 1], fine, fine * (1 - fine))
    axes[0, 1].set(xlabel="place between two levels", ylabel="variance / step²", title="Stochastic rounding")
    run = periphery.ir_drop_sweep()
    axes[0, 2].plot(run["w"], 100 * run["loss"], "o", ms=3.5, color=MEASURED, label="measured")
    curve(axes[0, 2], run["fine"], 100 * run["theory"])
    axes[0, 2].set(
        xlabel="weight of all devices", ylabel="loss of the output (%)", title="IR drop, 256 inputs of 1"
    )
    axes[0, 2].legend(frameon=False)
    return save(figure, folder, "validation_converters.png")


# --- the document

INTRODUCTION = """\
# Validation

<!-- Written by tools/make_validation.py from the measurements in tests/physics: change those, run it. -->

The physics of the simulator is compared with closed forms, statistically, by the tests in
`tests/physics`. This page shows what they measure. Its numbers come from the same functions as the tests,
with the same seeds. Beside another simulator, pulse by pulse, the mean and the spread of ten kinds of
devices agree within 5 standard errors: [parity with aihwkit](parity.md).

How to read it:

- *sigma* is the standard error of the measured value. It comes from independent updates or reads: many
  chips, or many vectors. Crosspoints of one update share the pulse trains of their lines and are never
  averaged as if they were independent. The tests fail beyond 5 sigma, which chance does once in 1.7
  million comparisons.
- Distributions are tested with the Kolmogorov-Smirnov test, numbers of pulses with the chi-square test. A
  p-value below 6e-7, which is 5 sigma, fails.
- Bars in the figures are 5 sigma.
- That a wrong formula would be found is tested too:
  `tests/physics/test_update_statistics.py::test_wrong_formulas_are_found`,
  `tests/physics/test_devices.py::test_wrong_moments_are_found` and
  `tests/physics/test_periphery.py::test_wrong_noise_is_found` compare with formulas that are slightly
  off.
"""


def update_section(folder: Path) -> str:
    moments = [r for case in updates.CASES for r in updates.moments(case)]
    lines = [r for case in updates.CASES for r in updates.shared_lines(case)]
    fits = [r for case in updates.CASES for r in updates.pulse_distribution(case)]
    batch, rounding = updates.batch_sum(), updates.rounded_stochastically()
    figure, pulses = update_figure(folder), pulses_figure(folder)
    chosen = (
        "no management",
        "update management",
        "length management, 64 slots",
        "um_grad_scale 0.5, d clipped",
    )
    shown = [r for name in chosen for r in named(moments, f", {name}, x 0.9, d 0.7")]
    shared = named(lines, "no management, row")[:2] + named(lines, "no management, column")[:2]
    shared += named(lines, "no management, nothing")[:2]
    return f"""\
## One pulsed update

In each of BL slots the line of x_j pulses with probability p_j and that of d_i with q_i; a crosspoint
gets a pulse where both do. The probabilities follow from x, d and the learning rate lr by the rules of
update management (Gokmen and Vlasov, Front. Neurosci. 10:333, 2016; Gokmen, Onen and Haensch, Front.
Neurosci. 11:538, 2017; length of the trains after Rasch, Gokmen and Haensch, IEEE Des. Test 37:19, 2020).
With steps of mean g and relative spread c:

- number of pulses n_ij: binomial (BL, p_j q_i), with the mean lr |x_j d_i| / g where no probability is
  clipped at 1;
- mean weight change: -sgn(x_j d_i) g BL p_j q_i, which then is -lr d_i x_j;
- variance: g² (BL p_j q_i (1 - p_j q_i) + c² BL p_j q_i);
- covariance in a row g² BL q_i (1 - q_i) p_j p_k, in a column g² BL p_j (1 - p_j) q_i q_l, elsewhere 0.

![Mean, variance and correlation of one update]({figure})

![Numbers of pulses]({pulses})

Means and variances over {len(updates.CASES)} settings of the update, {updates.CHIPS} chips each:
{summary(moments)}

{table(shown)}

Crosspoints that share a line: {summary(lines)}

{table(shared)}

Numbers of pulses: {summary(fits)}

A batch of 70 samples, whose contributions add up to -lr dᵀ x: {summary(batch)}

{table(named(batch, "(0, 1)"))}

Stochastic rounding of the probabilities, and of implicit x and d: {summary(rounding)} `mean_count` and
`deterministic_implicit` have no chance in them but this one; they are equal to their formulas
(`tests/physics/test_update_statistics.py::test_mean_count_is_the_product_of_the_rounded_lines`,
`tests/physics/test_update_statistics.py::test_implicit_pulses_are_the_rounded_product`).
"""


def device_section(folder: Path) -> str:
    one = [r for variant in devices.VARIANTS for r in devices.one_step_moments(variant)]
    spreads = [r for m in devices.MODELS for s in devices.SPREADS for r in devices.spreads(m, s)]
    spreads += [r for flags in ((True, True), (True, False), (False, True)) for r in devices.slopes(*flags)]
    spreads += devices.exponents()
    stuck = [r for model in devices.MODELS for r in devices.stuck(model)]
    noise = [r for model in devices.MODELS for r in devices.write_noise(model)]
    symmetry = devices.soft_bounds_symmetry()
    independent = [r for model in devices.MODELS for r in devices.independent_parameters(model)]
    for model in devices.MODELS:
        independent += devices.independent_noise(model, 5, False) + devices.independent_noise(model, 5, True)
    middle = [r for v in devices.VARIANTS for r in named(one, f"{v}, one step", "w +0.097, mean")]
    points_of = "\n".join(
        f"| {variant} | {np.mean(run.measured):.5f} | {run.iterated.mean():.5f} | {run.symmetry_point:.5f} "
        f"| {run.step:.2g} |"
        for variant in devices.ATTRACTED
        for run in [devices.nominal_symmetry(variant)]
    )
    return f"""\
## Devices

### One pulse

Mean and variance of one step, up and down, at 13 weights over the range, for every model: {summary(one)}
The formulas of the steps are in the documentation of each model in `python/mho/devices/`.

![Steps of all models over the weight]({steps_figure(folder)})

Points are measured means with 5-sigma bars, dashes the measured mean plus and minus one cycle-to-cycle
spread, the line and the band around it theory. The steps are not symmetric on purpose (`up_down` 0.1,
bounds 1 and -0.8).

{table(middle)}

{aggregation_section(folder)}
### Spreads from device to device

Steps are folded normal (or log-normal) numbers, |1 + spread xi| with both spreads of the device added in
quadrature; bounds are normal numbers, swapped where they cross and then made w_max >= 0 >= w_min
(parameters of Gokmen and Vlasov 2016): {summary(spreads)}

![Distributions of steps and bounds]({spreads_figure(folder)})

{table(named(spreads, "SoftBounds, defaults", "mean") + named(spreads, "SoftBounds, defaults", "variance"))}

Stuck devices, their fraction and where they are stuck: {summary(stuck)}

Write noise, the visible weight about the persistent one with a standard deviation of `write_noise_std *
dw_min`, in units of it: {summary(noise)}

{table(named(noise, "SoftBounds"))}

Parameters and noise of neighbouring devices, of other tiles, calls and directions, whose correlation must
be 0: {summary(independent)}

### Symmetry point

Alternating pulses lead a device to where its steps up and down are equal. For soft bounds with steps u
and v at weight 0 this is w* = (u - v) / (u / w_max - v / w_min), the way there is geometric with the
factor (1 - u / w_max)(1 - v / |w_min|) a pair, and the weight ends half a step below w* after each pulse
down (Kim, Rasch, Gokmen et al., arXiv:1907.10228): {summary(symmetry)}

{table(symmetry)}

![Way to the symmetry point]({symmetry_figure(folder)})

Circles are the weight after every tenth pair, lines the closed form of each device's own parameters,
arrows w*.

Other models against the mean steps iterated in double precision, and against the nominal symmetry point,
from which the middle of both phases may be off by second order in the step:

| model | measured | iterated | symmetry point | step there |
|---|---|---|---|---|
{points_of}
"""


def aggregation_section(folder: Path) -> str:
    cells = [
        cell
        for variant in devices.SUMMED
        for dw_min in (0.001, 0.01, 0.1)
        for ctoc in (0.3, 5.0)
        for n in devices.NUMBERS
        for cell in devices.several_pulses(variant, dw_min, ctoc, n)
    ]
    everything = [comparison for cell in cells for comparison in cell.comparisons]
    summary(everything)
    # Where a bound makes the moments, or a step is below the last place, there is no error to compare with.
    loops = [c for cell in cells if len(cell.one_by_one) == 3 for c in cell.one_by_one if c.allowed < c.error]
    taken = [cell for cell in cells if cell.aggregated]
    # Where a step is far above the last place of a weight, so that the errors are those of the method.
    full = [cell for cell in taken if len(cell.in_one) == 3 and cell.in_one[1].theory > 1e-10]
    rows = []
    for variant in devices.SUMMED:
        own = [cell for cell in full if cell.variant == variant]
        share = len([cell for cell in taken if cell.variant == variant])
        total = len([cell for cell in cells if cell.variant == variant])
        errors = "none | none | none"  # where pulses are always taken one by one
        if own:
            mean, variance = (
                max(abs(cell.in_one[k].measured / cell.in_one[k].theory - 1) for cell in own) for k in (0, 1)
            )
            skewness = max(abs(cell.in_one[2].measured - cell.in_one[2].theory) for cell in own)
            errors = f"{100 * mean:.3f} % | {100 * variance:.2f} % | {skewness:.3f}"
        rows.append(f"| {variant} | {share} of {total} | {errors} |")
    # Models whose pulses have no moments to sum up: each is drawn by itself.
    drawn = [variant for variant in devices.VARIANTS if variant not in devices.SUMMED]
    rows += [f"| {variant} | never | none | none | none |" for variant in drawn]
    numbers = ", ".join(map(str, devices.NUMBERS))
    worst_of_all = "\n".join(rows)
    return f"""\
### Several pulses in one step

Where several pulses of a sample meet at a crosspoint, the engine may take them in one step if, in each
direction and at every weight, the mean is off by at most 0.2 % of that mean, the variance by at most 1 %
and the skewness by at most 0.05; else, and near a bound, it takes them one by one. Both ways are compared
with the exact moments, which come from integrating over the noise of each pulse, bounds included
(`device_measurements.exact_moments`; tested against the closed form of steps that are linear in the
weight, and against a simulation). To see 0.2 % the part of each moment that the known noise explains is
subtracted (control variates).

{len(cells)} combinations of model, step size (0.001, 0.01, 0.1), cycle-to-cycle spread (0.3, 5), number
of pulses ({numbers}), direction and weight (over the range and two steps from either bound) all agree.
One by one: {summary(loops)} In one step, the largest differences:

| model | taken in one step | mean | variance | skewness |
|---|---|---|---|---|
{worst_of_all}

![Errors of the aggregated step over the step size]({aggregation_figure(folder)})

Three pulses up from weight 0 with a spread of 0.3. The slow tests repeat this for many step sizes:
`tests/physics/test_devices.py::test_several_pulses_up_to_where_they_are_taken_one_by_one`.
"""


def periphery_section(folder: Path) -> str:
    sources: dict[str, tuple[str, Results]] = {
        "inp_noise": ("sigma² W Wᵀ", [r for s in periphery.SPLIT for r in periphery.input_noise(0.3, s)]),
        "out_noise": ("sigma², independently", periphery.output_noise(0.3)),
        "out_noise_std": ("sigma_i = \\|sigma (1 + s xi_i)\\|, fixed", periphery.output_noise_spread()),
        "additive_constant": (
            "sigma² \\|x\\|²",
            [r for s in periphery.SPLIT for r in periphery.read_noise("additive_constant", 0.1, s)],
        ),
        "pcm_read": (
            "sigma² Σ_j \\|w_ij\\| x_j²",
            [r for s in periphery.SPLIT for r in periphery.read_noise("pcm_read", 0.1, s)],
        ),
        "stochastic rounding": (
            "mean 0, variance q² f (1 - f)",
            periphery.stochastic_rounding("inp") + periphery.stochastic_rounding("out"),
        ),
        "rounding to nearest": (
            "uniform, q² / 12",
            periphery.quantisation("inp") + periphery.quantisation("out"),
        ),
        "out_nonlinearity_std": ("n_i = \\|n (1 + s xi_i)\\|, fixed", periphery.nonlinearity_spread()),
        "v_offset_std": ("max(s xi_i, 0), fixed", periphery.voltage_offset()),
        "w_read_asymmetry_dtod": ("w_ij (1 + s xi_ij), fixed", periphery.read_asymmetry()),
        "resampling of clipped vectors": ("fresh noise, times the factor", periphery.resampled_noise()),
        "independence": ("correlation 0", periphery.many_lines()),
    }
    rows = []
    for name, (formula, results) in sources.items():
        n = summary(results)
        fits = f"{n.distributions} | {n.smallest_p:.2g}" if n.distributions else "– | –"
        rows.append(f"| {name} | {formula} | {n.comparisons + n.exact} | {n.largest:.1f} sigma | {fits} |")
    of_sources = "\n".join(rows)
    shown = [
        named(sources[name][1], "variance of output 0")[0]
        for name in ("inp_noise", "out_noise", "additive_constant", "pcm_read")
    ]
    shown += named(sources["inp_noise"][1], "one_pass, covariance")[:1]
    shown += sources["out_noise_std"][1]
    shown += named(sources["stochastic rounding"][1], "out, variance at 0.3")
    shown += named(sources["rounding to nearest"][1], "out, variance")
    return f"""\
## Reads through the periphery

Each source of noise by itself (model of a read: Rasch et al., AICAS 2021, arXiv:2104.02184; read noise,
IR drop and distortions: Rasch et al., Nat. Commun. 14:5282, 2023; {periphery.VECTORS} vectors each):

| source | variance of the output, or distribution | comparisons | largest difference | tests | smallest p |
|---|---|---|---|---|---|
{of_sources}

{table(shown)}

![Variance of an output over the size of the input]({noise_figure(folder)})

![Converters and IR drop]({converters_figure(folder)})

What has no chance in it is compared with its formula to rounding: levels and bounds of the converters,
asymmetries, nonlinearity and its slope calibration, voltage offsets, series resistance, IR drop (y_i -
ir_drop c_i Σ_j w_ij x_j (1 - (1 - j/n)²), c = a (a (a / 20 - 1/5) + 1/2), a = n / g_ratio Σ_j |w_ij
x_j|), all kinds of noise and bound management, and both ways of separate passes
(`tests/physics/test_periphery.py`).
"""


CONVENTIONS = """\
## Where the conventions differ from the incumbent

Parameters keep the meaning that they have in the simulator that most published parameter sets were made
for (IBM's aihwkit 1.2), also where its documentation says something else. Where it deviates from its own
intent, `mho` does what is meant. Each line is shown by a test.
"""

# What, there, here, and the test that shows it.
DIFFERENCES = (
    (
        "`up_down`",
        "documented as symmetric, but reduces one side only",
        "one side only, and documented so: a positive value reduces steps down, a negative one steps up",
        "tests/physics/test_update_statistics.py::test_asymmetry_reduces_one_side_only",
    ),
    (
        "granularity of an exponential step",
        "the step down averaged with itself",
        "the true mean of the steps up and down at weight 0; `granularity=` overrides it, and the "
        "preset `reram_es` pins the published 0.0019914",
        "tests/physics/test_update_statistics.py::test_pulses_are_counted_in_units_of_the_granularity",
    ),
    (
        "bounds that cross",
        "swapped, then the magnitudes taken",
        "the same, so that w_max >= 0 >= w_min",
        "tests/physics/test_devices.py::test_steps_and_bounds_follow_their_distributions",
    ),
    (
        "pulse counters",
        "empty on the CPU",
        "`tile.pulses` counts every coincidence, by direction",
        "tests/physics/test_update_statistics.py::test_counter_of_pulses_agrees_with_the_weights",
    ),
    (
        "`res` given as a number of steps",
        "ignored",
        "an error that names the allowed range; a fraction discretises the probabilities",
        "tests/physics/test_update_statistics.py::test_resolution_is_a_fraction",
    ),
    (
        "bound management `shift`",
        "fails",
        "lowers all outputs by what the largest exceeds the bound, without restoring it: of use "
        "before a softmax",
        "tests/physics/test_periphery.py::test_shift_lowers_all_outputs_by_the_excess",
    ),
    (
        "`bm_test_negative_bound`",
        "overwritten",
        "respected",
        "tests/physics/test_periphery.py::test_negative_bound_is_tested_where_it_is_asked_for",
    ),
    (
        "bound management of a batch",
        "in one of its tiles all vectors are repeated when one clips",
        "each vector by itself; vectors that fit keep their bits",
        "tests/physics/test_periphery.py::test_bound_management_takes_only_clipped_vectors_again",
    ),
    (
        "`out_noise_std`",
        "in one of its tiles the size of `out_noise` is lost",
        "relative to `out_noise`, fixed for each line",
        "tests/physics/test_periphery.py::test_output_noise_differs_from_line_to_line",
    ),
    (
        "read noise of a vector of zeros",
        "not defined",
        "none",
        "tests/physics/test_periphery.py::test_read_noise_of_lines_without_a_signal",
    ),
    (
        "input noise",
        "added behind the clipping of the DAC",
        "the same: inputs at the bound may exceed it",
        "tests/physics/test_periphery.py::test_input_noise_may_leave_the_bound",
    ),
    (
        "running average of noise management",
        "for each vector on CPUs, for each batch on GPUs",
        "for each vector, in order",
        "tests/physics/test_periphery.py::test_average_of_the_largest_inputs",
    ),
    (
        "repeated runs",
        "seeds do not fix the outputs",
        "the same seed gives the same bits, whatever the number of threads",
        "tests/api/test_determinism.py",
    ),
)


def conventions_section() -> str:
    lines = [f"| {what} | {there} | {here} | `{test}` |" for what, there, here, test in DIFFERENCES]
    return "\n".join([CONVENTIONS, "| what | there | here | test |", "|---|---|---|---|", *lines]) + "\n"


def learning_section(target: Path) -> str:
    """The table of whole trainings, which is made elsewhere."""
    section = """\
## Learning on full MNIST

Whole trainings of simulated devices beside the same network in floating point: same weights at the start,
same batches, same learning rate. `tools/make_learning_table.py` runs them.
"""
    made = target.parent / "learning.md"
    if not made.exists():
        return section
    rows = [line for line in made.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    return "\n".join([section, *rows, "", "How they were run: [learning](learning.md).", ""])


def main(target: Path = TARGET) -> None:
    """Measure, and write the document and its figures next to it."""
    folder = target.parent / "img"
    sections = [
        INTRODUCTION,
        update_section(folder),
        device_section(folder),
        periphery_section(folder),
        learning_section(target),
        conventions_section(),
    ]
    target.write_text("\n".join(sections), encoding="utf-8")


if __name__ == "__main__":
    main()
