"""The rule of docs/rules-of-your-own.md, written in Python, beside the same rule in the engine.

    python bench/custom_rule.py                                        # a minute
    python bench/custom_rule.py --docs docs/rules-of-your-own.md       # and put the table there
    python bench/custom_rule.py --quick                                # to see that it works

Both update tiles of the same size with the same batches, in turn, and must come to the same weights. Exit
codes: 0 done, 1 a result is wrong or an update takes more than twice the time, 2 a bad argument.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

import mho
from compare.report import environment, one_thread_table, update_document
from messages import failure
from mho.benchmark.timing import Contender, Schedule

BEGIN, END = "<!-- custom_rule: begin -->", "<!-- custom_rule: end -->"
DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "rules-of-your-own.md"
LIMIT = 2.0  # times the built-in rule
BATCHES = (10, 64)
LAYERS = ((784, 256), (256, 128), (128, 10))
WORKS: dict[str, tuple[tuple[int, int], ...]] = {
    **{f"{inputs} x {outputs}": ((inputs, outputs),) for inputs, outputs in LAYERS},
    "784-256-128-10, all three": LAYERS,
    "512 x 512": ((512, 512),),
}
DEVICE = mho.devices.SoftBounds(dw_min=0.01)
RATES: dict[str, float] = {"fast_lr": 0.1}

console = Console(soft_wrap=True)
app = typer.Typer(add_completion=False)


@dataclass(frozen=True)
class Line:
    """The time of an update of some tiles by both rules, in microseconds."""

    work: str
    batch: int
    own: float
    built_in: float

    @property
    def ratio(self) -> float:
        """How many times the built-in rule."""
        return self.own / self.built_in

    @property
    def cells(self) -> list[str]:
        """What stands in the table."""
        return [self.work, str(self.batch), f"{self.built_in:.3g}", f"{self.own:.3g}", f"{self.ratio:.2f}×"]


def example() -> Any:
    """Return the class of the document."""
    found = re.search(
        r"^<!-- run -->\n```python\n(.*?)^```$",
        DOCUMENT.read_text(encoding="utf-8"),
        re.DOTALL | re.MULTILINE,
    )
    assert found is not None, "the document has no example"
    scope: dict[str, Any] = {}
    exec(compile(found[1], str(DOCUMENT), "exec"), scope)
    return scope["MyTikiTaka2"]


def measure(works: dict[str, tuple[tuple[int, int], ...]], schedule: Schedule) -> list[Line]:
    """Check and time both rules."""
    rules = {"own": example()(**RATES), "built-in": mho.rules.TikiTaka2(**RATES)}
    lines = []
    for work, sizes in works.items():
        for batch in BATCHES:
            data = [_data(batch, *size) for size in sizes]
            tiles = {
                name: [mho.Tile(*size, device=DEVICE, rule=rule, seed=1) for size in sizes]
                for name, rule in rules.items()
            }
            _check(tiles, data)
            spent = schedule.alternate({name: _contender(found, data) for name, found in tiles.items()})
            lines.append(Line(work, batch, 1e6 * spent["own"].median, 1e6 * spent["built-in"].median))
    return lines


def _contender(tiles: list[mho.Tile], data: list[tuple[Any, Any]]) -> Contender:
    return Contender(lambda: _update(tiles, data))


def _data(batch: int, inputs: int, outputs: int) -> tuple[Any, Any]:
    """Return inputs of which a fifth is not zero, as of handwritten digits, and errors."""
    rng = np.random.default_rng(inputs)
    x = rng.uniform(size=(batch, inputs)) * (rng.uniform(size=(batch, inputs)) < 0.2)
    return x.astype(np.float32), (0.1 * rng.normal(size=(batch, outputs))).astype(np.float32)


def _update(tiles: list[mho.Tile], data: list[tuple[Any, Any]]) -> None:
    for tile, (x, d) in zip(tiles, data, strict=True):
        tile.update(x, d, 0.1)


def _check(tiles: dict[str, list[mho.Tile]], data: list[tuple[Any, Any]]) -> None:
    for found in tiles.values():
        for _ in range(3):
            _update(found, data)
    for own, built_in in zip(tiles["own"], tiles["built-in"], strict=True):
        np.testing.assert_array_equal(own.weight, built_in.weight)
        assert own.pulses == built_in.pulses
        assert own.pulses.total > 0


def markdown(lines: list[Line], made: dict[str, Any], clock: str) -> str:
    """Return the table for a document."""
    head = ["tile", "samples", "built in, µs per update", "in Python, µs per update", "ratio"]
    rows = [head, ["---", "--:", "--:", "--:", "--:"], *(line.cells for line in lines)]
    return one_thread_table(rows, made, clock)


@app.command()
def main(
    quick: Annotated[bool, typer.Option("--quick", help="A short run, to see that it works.")] = False,
    turns: Annotated[int | None, typer.Option(min=3, help="Turns of each; 15, quick 3.")] = None,
    cpu: Annotated[bool, typer.Option("--cpu", help="Processor time, for a busy machine.")] = False,
    docs: Annotated[Path | None, typer.Option(help="Put the table into this document.")] = None,
) -> None:
    """Time an update by the rule of the document, and by the built-in one."""
    if docs is not None and (not docs.is_file() or BEGIN not in docs.read_text(encoding="utf-8")):
        raise failure(f"there is no document {docs} with the line {BEGIN}", 2)
    clock = "cpu" if cpu else "wall"
    schedule = Schedule(turns or (3 if quick else 15), 0.01 if quick else 0.1, "cpu" if cpu else "wall")
    made = environment("numpy")
    mho.set_num_threads(1)
    try:
        lines = measure(WORKS, schedule)
    except AssertionError as error:
        raise failure(f"a result is wrong, so nothing is timed: {error}", 1) from None
    text = markdown(lines, made, clock)
    console.print(text, markup=False, highlight=False)
    slow = [f"{line.work} ({line.batch} samples)" for line in lines if line.ratio > LIMIT]
    if slow and not quick:
        raise failure(f"more than {LIMIT:g} times the built-in rule: {', '.join(slow)}", 1)
    if docs is not None:
        update_document(docs, text, BEGIN, END)


if __name__ == "__main__":
    app()
