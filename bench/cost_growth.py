"""How the cost of updates and reads grows with tile, pulses and batch, beside what the machine can do.

    python bench/cost_growth.py --docs docs/performance.md --json cost_growth.json
    python bench/cost_growth.py --quick
    python bench/cost_growth.py --from cost_growth.json --docs docs/performance.md   # only draw again

The figures go into the folder img beside the document. Exit codes: 0 done, 1 a result is wrong, 2 bad usage.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from enum import StrEnum
from pathlib import Path
from textwrap import shorten
from typing import Annotated, Any

import typer
from rich.console import Console

from messages import failure

console = Console(highlight=False, soft_wrap=True)
app = typer.Typer(add_completion=False)

# Says that the libraries of this process were given their threads when it was started.
_STARTED_FOR = "COST_GROWTH_THREADS"


class ClockChoice(StrEnum):
    """What the times are of."""

    WALL = "wall"
    CPU = "cpu"


def _fail(message: str, code: int) -> typer.Exit:
    return failure(shorten(message, 400), code)


def _measure(settings: dict[str, Any]) -> dict[str, Any]:
    """Measure everything."""
    import mho
    from compare.report import environment
    from growth.measure import DENSE, Plan, Probes, explain, measure, missing_memory, worst
    from growth.memory import devices, measure_memory
    from mho.benchmark.machine import available_memory
    from mho.benchmark.timing import Schedule

    mho.set_num_threads(settings["threads"])
    quick = settings["quick"]
    plan = Plan(
        sizes=(64, 128, 256, 512) if quick else (64, 128, 256, 512, 1024, 2048, 4096, 8192),
        pulses=(0.01, 0.1, 1.0, 10.0) if quick else (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0),
        batches=(1, 8, 64) if quick else (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024),
        reference_size=256 if quick else 1024,
        reference_batch=64,
        schedule=Schedule(settings["turns"], settings["turn_seconds"], settings["clock"]),
        threads=settings["threads"],
    )
    before = environment("numpy")
    probes = Probes(plan.threads)
    points, skipped = [], []
    for setting in plan.settings():
        reason = missing_memory(setting.size, available_memory())
        if reason is not None:
            console.print(f"left out: {reason}")
            skipped.append(reason)
            continue
        found = measure(setting, plan, probes)
        told = ", ".join(f"{p.device if p.work == 'update' else p.work} {p.median:.3g}" for p in found)
        place = f"size {setting.size}, {setting.pulses:g} pulses, batch {setting.batch}"
        console.print(f"{setting.axis}: {place}: {told} ns")
        points += found
    if not points:
        raise _fail("there is not enough memory for a single point", 1)
    explained = [explain(worst(points, work), plan, probes) for work in ("update", "forward")]
    size, repeats = (1024, 1) if quick else (2048, 3)
    memory = [measure_memory(name, device, size, repeats) for name, device in devices().items()]
    return {
        "environment": before,
        "settings": {
            **settings,
            "reference_size": plan.reference_size,
            "reference_batch": plan.reference_batch,
            "dense": DENSE,
        },
        "points": [point.to_dict() for point in points],
        "skipped": skipped,
        "worst": explained,
        "memory": [m.to_dict() for m in memory],
    }


def _publish(report: dict[str, Any], docs: Path) -> None:
    """Draw the figures, and put the tables between the markers."""
    from compare.report import update_document
    from growth.figures import draw_reads, draw_updates
    from growth.report import BEGIN, END, READ_FIGURE, UPDATE_FIGURE, markdown, points_of, subtitle

    points, folder = points_of(report), docs.parent / "img"
    folder.mkdir(exist_ok=True)
    draw_updates(points, folder / UPDATE_FIGURE, subtitle(report, "update"))
    draw_reads(points, folder / READ_FIGURE, subtitle(report, "forward"))
    update_document(docs, markdown(report), BEGIN, END)


@app.command()
def main(
    quick: Annotated[bool, typer.Option("--quick", help="A small run, to see that all works.")] = False,
    threads: Annotated[int, typer.Option(min=1, max=1024, help="Threads of every library.")] = 1,
    turns: Annotated[int | None, typer.Option(min=3, help="Turns of each work; 7, quick 3.")] = None,
    turn_seconds: Annotated[
        float | None, typer.Option(min=0, help="Least length of a turn; 0.1, quick 0.01.")
    ] = None,
    clock: Annotated[
        ClockChoice, typer.Option(help="cpu: for a busy machine, and one thread.")
    ] = ClockChoice.WALL,
    json_path: Annotated[Path | None, typer.Option("--json", help="Write all to this file.")] = None,
    docs: Annotated[
        Path | None, typer.Option(help="Put tables into this document, and figures into img beside it.")
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="Take the report of an earlier run; measure nothing.")
    ] = None,
) -> None:
    """Measure and draw how cost grows."""
    from compare.peers import thread_environment
    from growth.report import BEGIN, END, markdown

    if clock is ClockChoice.CPU and threads != 1:
        raise _fail("--clock cpu adds up the time of all threads: use it with --threads 1", 2)
    if docs is not None:
        if not docs.is_file():
            raise _fail(f"there is no document {docs}", 2)
        text = docs.read_text(encoding="utf-8")
        if BEGIN not in text or END not in text.partition(BEGIN)[2]:
            raise _fail(f"{docs} must have the lines {BEGIN} and {END}", 2)
    if json_path is not None and not json_path.resolve().parent.is_dir():
        raise _fail(f"there is no folder for {json_path}", 2)
    if source is not None:
        try:
            report = json.loads(source.read_text(encoding="utf-8"))
            text = markdown(report)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _fail(
                f"{source} is no report of this command: {type(error).__name__}: {error}", 2
            ) from None
    elif os.environ.get(_STARTED_FOR) != str(threads):
        # A process of its own, since libraries read their number of threads when they are loaded.
        command = [sys.executable, str(Path(__file__).resolve()), *sys.argv[1:]]
        environment = {**thread_environment(threads), _STARTED_FOR: str(threads)}
        raise typer.Exit(subprocess.run(command, env=environment, check=False).returncode)
    else:
        settings = {
            "quick": quick,
            "threads": threads,
            "turns": turns or (3 if quick else 7),
            "turn_seconds": (0.01 if quick else 0.1) if turn_seconds is None else turn_seconds,
            "clock": clock.value,
        }
        try:
            report = _measure(settings)
        except AssertionError as error:
            raise _fail(f"a result is wrong, so it is not timed: {error}", 1) from None
        text = markdown(report)
    if json_path is not None:
        json_path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    if docs is not None:
        _publish(report, docs)
    console.print(text, markup=False)


if __name__ == "__main__":
    app()
