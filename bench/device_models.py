"""A line for every device model: the time of a dense update, beside that of ConstantStep in the same turns.

    python bench/device_models.py                                    # half a minute
    python bench/device_models.py --docs docs/performance.md         # and put the table there
    python bench/device_models.py SoftBounds ExpStep --quick         # some, to see that it works

A model that takes more than three times as long needs a line in REASONS below, which says what of its
mathematics costs that. Exit codes: 0 done, 1 a result is wrong or a reason is missing, 2 a bad argument.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

import mho
from compare.report import environment, one_thread_table, update_document
from messages import failure
from mho.benchmark.timing import Contender, Schedule, Spread
from problems import BATCH, MODELS, Problem, check_update

BEGIN, END = "<!-- device_models: begin -->", "<!-- device_models: end -->"
BASELINE = "ConstantStep"
SIZE, CHECKED = 1024, 256
PULSES = 1.15  # per device and sample
LIMIT = 3.0  # times the baseline

# What makes a model slower than the limit.
REASONS = {
    "PowStep": "every step is a power with an exponent of the device's own: a logarithm, an exponential and "
    "divisions",
    "PowStepReference": "the power of PowStep, of the weight and its reference",
    "PiecewiseStep": "each step is read from a table, at the place of the device: loads, not arithmetic",
    "Response": "the table of PiecewiseStep",
    "JumpTable": "each jump is drawn from a distribution at the present weight: one pulse at a time",
    "HiddenStep": "each pulse moves a counter, and only some move the weight: one pulse at a time",
}

console = Console(soft_wrap=True)
app = typer.Typer(add_completion=False)


@dataclass(frozen=True)
class Line:
    """One model: nanoseconds per device and sample, and how many times the baseline that is."""

    model: str
    median: float
    low: float
    high: float
    ratio: float
    pulses: float

    @property
    def verdict(self) -> str:
        """Whether the model is within the limit, or why it need not be."""
        return (
            f"within {LIMIT:g}×" if self.ratio <= LIMIT else REASONS.get(self.model, "**without a reason**")
        )

    @property
    def cells(self) -> list[str]:
        """What stands in the table."""
        spread = (self.high - self.low) / 2 / self.median
        time = f"{self.median:.3g} ±{100 * spread:.0f}%"
        return [f"`{self.model}`", time, f"{self.ratio:.2f}×", f"{self.pulses:.2f}", self.verdict]


def measure(models: list[str], schedule: Schedule) -> list[Line]:
    """Check and time models, all of them in the same turns."""
    start = np.random.default_rng(5).uniform(-0.3, 0.3, (SIZE, SIZE)).astype(np.float32)
    contenders, pulses = {}, {}
    for name in models:
        small = mho.Tile(CHECKED, CHECKED, device=MODELS[name], seed=1)
        problem = Problem.of(CHECKED, PULSES, small.granularity)
        pulses[name] = check_update(small, problem) / (CHECKED**2 * BATCH)
        tile = mho.Tile(SIZE, SIZE, device=MODELS[name], seed=1)
        contenders[name] = _contender(tile, Problem.of(SIZE, PULSES, tile.granularity), start)
    spent = schedule.alternate(contenders)
    return [_line(name, spent[name], spent[BASELINE], pulses[name]) for name in models]


def _contender(tile: mho.Tile, problem: Problem, start: Any) -> Contender:
    return Contender(
        lambda: tile.update(problem.x, problem.d, problem.lr),
        lambda: tile.set_weight(start),
    )


def _line(name: str, spent: Spread, baseline: Spread, pulses: float) -> Line:
    time = spent * (1e9 / (SIZE**2 * BATCH))
    return Line(name, time.median, time.low, time.high, spent.median / baseline.median, pulses)


def markdown(lines: list[Line], made: dict[str, Any], clock: str) -> str:
    """Return the table for a document."""
    head = ["model", "ns per device and sample", "of ConstantStep", "pulses per device and sample", ""]
    rows = [head, ["---", "--:", "--:", "--:", "---"], *(line.cells for line in lines)]
    return one_thread_table(rows, made, clock)


@app.command()
def main(
    models: Annotated[list[str] | None, typer.Argument(help="Models; all by default.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A short run, to see that it works.")] = False,
    turns: Annotated[int | None, typer.Option(min=3, help="Turns of each model; 9, quick 3.")] = None,
    turn_seconds: Annotated[
        float | None, typer.Option(min=0, help="Least length of a turn; 0.2, quick 0.01.")
    ] = None,
    cpu: Annotated[bool, typer.Option("--cpu", help="Processor time, for a busy machine.")] = False,
    json_path: Annotated[Path | None, typer.Option("--json", help="Write all to this file.")] = None,
    docs: Annotated[Path | None, typer.Option(help="Put the table into this document.")] = None,
) -> None:
    """Time the dense update of every device model."""
    unknown = [name for name in models or () if name not in MODELS]
    if unknown:
        raise failure(f"there is no model {', '.join(unknown)}; there are {', '.join(MODELS)}", 2)
    if docs is not None and (not docs.is_file() or BEGIN not in docs.read_text(encoding="utf-8")):
        raise failure(f"there is no document {docs} with the line {BEGIN}", 2)
    chosen = [BASELINE, *(name for name in models or MODELS if name != BASELINE)]
    clock = "cpu" if cpu else "wall"
    schedule = Schedule(
        turns or (3 if quick else 9),
        (0.01 if quick else 0.2) if turn_seconds is None else turn_seconds,
        "cpu" if cpu else "wall",
    )
    made = environment("numpy")
    mho.set_num_threads(1)
    try:
        lines = measure(chosen, schedule)
    except AssertionError as error:
        raise failure(f"a result is wrong, so nothing is timed: {error}", 1) from None
    text = markdown(lines, made, clock)
    if json_path is not None:
        report = {"environment": made, "clock": clock, "lines": [asdict(line) for line in lines]}
        json_path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    console.print(text, markup=False, highlight=False)
    unexplained = [line.model for line in lines if line.ratio > LIMIT and line.model not in REASONS]
    if unexplained:
        raise failure(f"more than {LIMIT:g} times {BASELINE}, without a reason: {', '.join(unexplained)}", 1)
    if docs is not None:
        update_document(docs, text, BEGIN, END)


if __name__ == "__main__":
    app()
