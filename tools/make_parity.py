"""Write docs/parity.md and its figure: mho and aihwkit under the same pulses, on every preset.

Run ``python tools/make_parity.py`` where aihwkit is installed beside mho, as docs/performance.md says; it
takes less than a minute. The numbers are those of the tests in tests/parity, made by the same functions.
"""

from __future__ import annotations

import importlib.util
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "parity"), str(ROOT / "bench")]

import parity_measurements as parity  # noqa: E402
from parity_measurements import CHECKPOINTS, PERSISTENT, VISIBLE, NoiseOfTiles, Parity  # noqa: E402

import mho  # noqa: E402
from mho.plotting import _style  # noqa: E402

TARGET = ROOT / "docs" / "parity.md"
FIGURE = "img/parity.png"
COLUMNS = 3
ENDS = [CHECKPOINTS.index(500 * (k + 1)) for k in range(len(parity.PHASES))]

DOCUMENT = """\
# Parity with aihwkit

<!-- Written by tools/make_parity.py, where aihwkit is installed: change that, run it. -->

IBM's Analog Hardware Acceleration Kit (aihwkit) is the simulator under which the parameter sets of the
presets circulate. Here both get the same {pulses} pulses on {devices} devices of each preset:
{phases}. Each draws its devices from its own preset and its
noise from its own generator, and starts from weight 0. Mean and spread (standard deviation) over devices are
compared after {checkpoints} numbers of pulses, and so are the bounds and the scales of the steps that were
drawn.

Versions: mho {mho}, aihwkit {aihwkit}. Seed of mho and of aihwkit's devices: {seed}. The noise of aihwkit
has no seed: its last digits differ from run to run. The commands, with aihwkit installed
[beside mho](performance.md#side-by-side-with-aihwkit):

```
python tools/make_parity.py
pytest tests/parity
```

![Mean and spread of the weights of both simulators along the pulses, for each preset]({figure})

The bands are mean ± spread: filled for aihwkit, lines for mho.

## Agreement

The largest difference between the two, in standard errors, over all numbers of pulses. Neighbouring points
of a curve are not independent. A standard error of a spread comes from the fourth moment. More than
{limit:g} fail the test.

{agreement}

The weight that a read sees and the persistent one under it are told apart where there is write noise.

## Where the curves are

Mean ± spread over devices of the weight that a read sees, at the end of each part.

{ends}

## What differs, and is known

- **The noise of a tile.** A tile of aihwkit draws the noise of all its life from a list of 32,768 normal
  numbers, made when it is built, whose mean is not 0 but scatters by 0.0055. The steps of all its devices
  are off by the same part, and that never averages out. Measured on {tiles} tiles with constant steps, as
  the mean of all noise that a tile has had, in units of that of one pulse, root mean square over tiles:
  {noise_aihwkit:.4f} for aihwkit, {noise_mho:.4f} for mho; independent numbers give
  {noise_independent:.4f}. So aihwkit's {devices} devices are spread over {groups} tiles here, and its
  standard errors are those over tiles.
- **Weights that are set.** aihwkit gives write noise to a weight that is set, mho sets it exactly. The
  first pulse ends the difference; it is compared from there on.
- **Granularity.** aihwkit's pulse counts reckon, for exponential steps, with the step down at weight 0 in
  place of the mean over up and down. The presets pin its numbers (`granularity`), so that a learning rate
  means the same. Here every sample is one pulse, and it has no part.
- **Parameter conventions** are the same on purpose: the one-sided asymmetry `up_down`, bounds made positive
  and negative by their magnitude, spreads relative to the mean.
{fields}"""


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a table, its first two columns texts and the others numbers."""
    rules = ["---", "---"] + ["--:"] * (len(head) - 2)
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rules, *rows])


def largest(result: Parity, *names: str) -> str:
    """Return the largest of some differences of a preset, or a dash where there are none."""
    found = [float(np.abs(result.differences[name]).max()) for name in names if name in result.differences]
    return f"{max(found):.1f}" if found else "–"


def agreement(results: list[Parity]) -> str:
    """Return the table of differences in standard errors."""
    head = ["preset", "of aihwkit", "mean", "spread", "persistent mean", "persistent spread", "devices"]
    rows = []
    for result in results:
        drawn = [f"{kind} of the {name}" for name in result.mho.devices for kind in ("mean", "spread")]
        curves = [f"{kind} of the {name}" for name in (VISIBLE, PERSISTENT) for kind in ("mean", "spread")]
        rows.append(
            [f"`{result.preset}`", f"`{parity.COUNTERPARTS[result.preset]}`"]
            + [largest(result, name) for name in curves]
            + [largest(result, *drawn)]
        )
    return table(head, rows)


def ends(results: list[Parity]) -> str:
    """Return the table of means and spreads at the ends of the parts."""
    rows = []
    for result in results:
        for name, run in (("aihwkit", result.aihwkit), ("mho", result.mho)):
            curve = run.curves[VISIBLE]
            values = [f"{curve.mean[k]:.4f} ± {curve.spread[k]:.4f}" for k in ENDS]
            rows.append([f"`{result.preset}`", name, *values])
    return table(["preset", "simulator", *parity.PHASES], rows)


def fields(results: list[Parity]) -> str:
    """Return the list of parameters that differ, each with its reason."""
    lines = []
    for result in results:
        reasons = parity.DIFFERENT_FIELDS.get(result.preset, {})
        for name, (theirs, ours) in parity.different_fields(result.preset).items():
            values = f"`{name}` is {theirs:g} at aihwkit, {ours:g} here"
            lines.append(f"- **`{result.preset}`**: {values}: {reasons[name]}.")
    return "\n".join([*lines, ""])


def draw(results: list[Parity], path: Path) -> None:
    """Draw the curves of all presets, one panel each."""
    rows = -(-len(results) // COLUMNS)
    what = "Filled: aihwkit; lines: mho; mean ± spread."
    subtitle = f"{parity.DEVICES:,} devices each; {', '.join(parity.PHASES)}. {what}"
    with _style.new_figure(10.5, 2.5 * rows + 0.8, "The same pulses in both simulators", subtitle) as figure:
        panels = figure.subplots(rows, COLUMNS, squeeze=False, sharex=True)
        for panel, result in zip(panels.flat, results, strict=False):
            _panel(panel, result)
        for empty in panels.flat[len(results) :]:
            empty.set_visible(False)
        # Without a panel below, the axis of pulses is named here.
        for column in range(COLUMNS):
            last = max(k for k in range(column, len(results), COLUMNS)) if column < len(results) else None
            if last is not None:
                panels.flat[last].set_xlabel("pulses", color=_style.MUTED)
                panels.flat[last].tick_params(labelbottom=True)
        panels.flat[0].legend(loc="lower right", frameon=False, fontsize=8.5, handlelength=1.8)
        figure.savefig(path, dpi=130, metadata={"Software": None})


def _panel(axes: Axes, result: Parity) -> None:
    theirs, ours = result.aihwkit.curves[VISIBLE], result.mho.curves[VISIBLE]
    x = np.array(CHECKPOINTS)
    axes.fill_between(
        x,
        theirs.mean - theirs.spread,
        theirs.mean + theirs.spread,
        color=_style.DOWN,
        alpha=0.18,
        lw=0,
    )
    axes.plot(x, theirs.mean, color=_style.DOWN, lw=3.2, alpha=0.45, label="aihwkit")
    axes.plot(x, ours.mean, color=_style.UP, lw=1.1, label="mho")
    for sign in (-1, 1):
        axes.plot(x, ours.mean + sign * ours.spread, color=_style.UP, lw=0.8, ls=(0, (3, 2)))
    _style.tidy(axes, result.preset, "", "weight")
    axes.set_xlim(0, CHECKPOINTS[-1])
    axes.set_xticks(range(0, CHECKPOINTS[-1] + 1, 500))
    axes.margins(y=0.12)


def document(results: list[Parity], noise: NoiseOfTiles) -> str:
    """Return the text."""
    return DOCUMENT.format(
        pulses=f"{len(parity.PULSES):,}",
        devices=f"{parity.DEVICES:,}",
        groups=parity.TILES,
        phases=", ".join(parity.PHASES),
        checkpoints=len(CHECKPOINTS),
        mho=mho.__version__,
        aihwkit=version("aihwkit"),
        seed=parity.SEED,
        figure=FIGURE,
        limit=parity.LIMIT,
        agreement=agreement(results),
        ends=ends(results),
        tiles=noise.tiles,
        noise_aihwkit=noise.aihwkit,
        noise_mho=noise.mho,
        noise_independent=noise.independent,
        fields=fields(results),
    )


def main(target: Path = TARGET) -> None:
    """Measure, and write the document and its figure if all agrees."""
    if importlib.util.find_spec("aihwkit") is None:
        raise SystemExit(
            f"aihwkit is not installed for {sys.executable}; docs/performance.md says how to build it"
        )
    results = [parity.measure(preset) for preset in mho.presets.names()]
    wrong = [
        f"{result.preset}: {name}, {float(np.abs(sigmas).max()):.1f} standard errors"
        for result in results
        for name, sigmas in result.differences.items()
        if np.abs(sigmas).max() > parity.LIMIT
    ]
    if wrong:
        raise SystemExit("these do not agree, so nothing is written:\n" + "\n".join(wrong))
    text = document(results, parity.noise_of_tiles())
    (target.parent / "img").mkdir(exist_ok=True)
    draw(results, target.parent / FIGURE)
    target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
