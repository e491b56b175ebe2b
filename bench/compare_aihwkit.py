"""mho and aihwkit side by side: the same work, first checked to be the same, then timed in turns.

    python bench/compare_aihwkit.py                      # everything, MNIST on a part of the samples
    python bench/compare_aihwkit.py --full --json out.json
    python bench/compare_aihwkit.py dense-constant sparse --threads 1

aihwkit is no dependency of mho: docs/performance.md says how to install it beside it.
Exit codes: 0 done, 1 the simulators do not do the same, 2 something is missing.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from messages import failure

if TYPE_CHECKING:
    from compare.rows import Row

console = Console()
if not console.is_terminal:
    console = Console(width=170)
app = typer.Typer(add_completion=False)


class ClockChoice(StrEnum):
    """What the times are of."""

    WALL = "wall"
    CPU = "cpu"


def _work(settings: dict[str, Any], target: Path) -> None:
    """Measure the rows of one number of threads; this process has been started for it."""
    # aihwkit is loaded now, so that the libraries that it brings get their number of threads as well.
    import aihwkit.nn  # noqa: F401

    from compare.peers import set_threads
    from compare.rows import ROWS, Mismatch, Run
    from mho.benchmark.timing import Schedule

    set_threads(settings["threads"])
    data_dir = settings["data_dir"]
    run = Run(
        threads=settings["threads"],
        schedule=Schedule(settings["turns"], settings["turn_seconds"], settings["clock"]),
        repeats=settings["repeats"],
        full=settings["full"],
        data_dir=None if data_dir is None else Path(data_dir),
    )
    done: list[dict[str, Any]] = []
    for key in settings["rows"]:
        try:
            rows = ROWS[key][1](run)
        except Mismatch as mismatch:
            raise failure(str(mismatch), 1) from None
        for row in rows:
            _announce(row)
        done += [row.to_dict() for row in rows]
        target.write_text(json.dumps(done))


def _announce(row: Row) -> None:
    """Print one line as soon as it is measured."""
    worst = max((check.sigma for check in row.checks), default=None)
    same = "" if worst is None else f" (same work: {worst:.1f} sigma)"
    console.print(
        f"{row.key}, {row.threads} thread{'s' * (row.threads > 1)}: {row.other} {row.incumbent.median:.4g}, "
        f"mho {row.mho.median:.4g} {row.unit}, ratio {row.ratio:.3g}{same}",
        highlight=False,
        soft_wrap=True,
    )


@app.command()
def main(
    rows: Annotated[list[str] | None, typer.Argument(help="Rows to measure; all by default.")] = None,
    threads: Annotated[list[int] | None, typer.Option(help="Numbers of threads; 1 and 2 by default.")] = None,
    turns: Annotated[int, typer.Option(min=3, help="Turns of each of the two.")] = 7,
    turn_seconds: Annotated[float, typer.Option(min=0, help="Least length of a turn.")] = 0.2,
    repeats: Annotated[int, typer.Option(min=10, help="Independent repetitions of a check.")] = 40,
    clock: Annotated[
        ClockChoice, typer.Option(help="cpu: for a busy machine; it leaves out what needs two threads.")
    ] = ClockChoice.WALL,
    full: Annotated[bool, typer.Option("--full", help="MNIST with all 60,000 samples.")] = False,
    data_dir: Annotated[Path | None, typer.Option(help="Folder with the files of MNIST.")] = None,
    json_path: Annotated[Path | None, typer.Option("--json", help="Write all to this file.")] = None,
    docs: Annotated[
        Path | None, typer.Option(help="Put the table into this document, at its lines for the SIMD level.")
    ] = None,
    worker: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Measure mho and aihwkit side by side."""
    if worker is not None:
        _work(json.loads(worker.read_text()), worker)
        return
    for module, advice in (
        ("mho", "pip install ."),
        ("aihwkit", "see docs/performance.md for how to build it"),
    ):
        if importlib.util.find_spec(module) is None:
            raise failure(f"{module} is not installed for {sys.executable}: {advice}", 2)

    from compare.peers import thread_environment
    from compare.report import environment, markdown, markers, table, update_document
    from compare.rows import ROWS

    unknown = [key for key in rows or () if key not in ROWS]
    if unknown:
        raise failure(f"there is no row {', '.join(unknown)}; there are {', '.join(ROWS)}", 2)
    if docs is not None and not docs.is_file():
        raise failure(f"there is no document {docs}", 2)
    before = environment("aihwkit", "torch", "numpy")
    begin, end = markers(before["build"]["simd_level"])
    if docs is not None and begin not in docs.read_text(encoding="utf-8"):
        raise failure(f"{docs} has no line {begin}", 2)
    if data_dir is not None:
        data_dir = data_dir.resolve()
    counts = sorted(set(threads or ([1] if clock is ClockChoice.CPU else [1, 2])))
    if clock is ClockChoice.CPU and counts != [1]:
        raise failure("--clock cpu adds up the time of all threads: use it with --threads 1", 2)
    settings = {
        "turns": turns,
        "turn_seconds": turn_seconds,
        "repeats": repeats,
        "clock": clock.value,
        "full": full,
        "data_dir": None if data_dir is None else str(data_dir),
    }
    measured: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for count in counts:
            chosen = [key for key in rows or ROWS if count in ROWS[key][0]]
            if not chosen:
                continue
            exchange = Path(folder) / f"threads{count}.json"
            exchange.write_text(json.dumps({**settings, "threads": count, "rows": chosen}))
            # A process of its own for every number of threads, which libraries read when they are loaded.
            command = [sys.executable, str(Path(__file__).resolve()), "--worker", str(exchange)]
            code = subprocess.run(command, env=thread_environment(count), check=False).returncode
            if code != 0:
                raise typer.Exit(code)
            measured += json.loads(exchange.read_text())
    order = list(ROWS)
    measured.sort(key=lambda row: order.index(row["key"]))
    report = {"environment": before, "settings": {**settings, "command": sys.argv[1:]}, "rows": measured}
    console.print(table(report))
    if json_path is not None:
        json_path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    if docs is not None:
        update_document(docs, markdown(report), begin, end)


if __name__ == "__main__":
    app()
