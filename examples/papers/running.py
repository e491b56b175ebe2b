"""Jobs of a reproduction side by side in processes, each result kept as soon as it is there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import mho
from mho.cli._console import stderr_console

if TYPE_CHECKING:
    from pathlib import Path

    from reproduction import Job, Outcome

    Run = Callable[[Job], Iterable[Outcome]]

__all__ = ["execute", "read_results"]


def _work(run: Run, job: Job) -> tuple[list[Outcome], float]:
    mho.set_num_threads(1)
    start = time.process_time()
    return list(run(job)), time.process_time() - start


def read_results(path: Path, jobs: Sequence[Job]) -> dict[tuple[str, int], dict[str, Any]]:
    """Read the results of earlier runs that have the present settings; an unfinished line is left out."""
    wanted = {
        (cell.name, seed): job.settings(cell) for job in jobs for cell in job.cells for seed in job.seeds
    }
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            record = json.loads(line)
            if record["settings"] == wanted.get((record["cell"], record["seed"])):
                found[record["cell"], record["seed"]] = record
        except (ValueError, KeyError, TypeError):
            continue
    return found


def execute(run: Run, form: str, jobs: Sequence[Job], path: Path, processes: int) -> None:
    """Run what has no result yet, and append to the file whatever is done."""
    found = read_results(path, jobs)
    open_jobs = [j for j in jobs if any((c.name, s) not in found for c in j.cells for s in j.seeds)]
    if path.is_file() and not path.read_bytes().endswith(b"\n"):
        path.write_bytes(path.read_bytes() + b"\n")  # a run was killed while it wrote its last line
    console, start = stderr_console(), time.perf_counter()
    for done, (job, (outcomes, seconds)) in enumerate(_run_all(run, open_jobs, processes), 1):
        with path.open("a", encoding="utf-8") as file:
            for outcome in outcomes:
                cell = next(cell for cell in job.cells if cell.name == outcome.cell)
                share = {"seconds": seconds / len(outcomes), "settings": job.settings(cell)}
                file.write(json.dumps(asdict(outcome) | share) + "\n")
        value = f": {outcomes[0].value:{form}}" if len(outcomes) == 1 else ""
        left = (time.perf_counter() - start) * (len(open_jobs) / done - 1)
        console.print(f"{done}/{len(open_jobs)} {job.name}{value} ({seconds:.0f} s; about {left:.0f} s left)")


def _run_all(
    run: Run, jobs: Sequence[Job], processes: int
) -> Iterator[tuple[Job, tuple[list[Outcome], float]]]:
    if processes == 1 or len(jobs) < 2:
        yield from ((job, _work(run, job)) for job in jobs)
        return
    pool = ProcessPoolExecutor(min(processes, len(jobs)), mp_context=get_context("spawn"))
    try:
        futures = {pool.submit(_work, run, job): job for job in jobs}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        pool.shutdown(cancel_futures=True)
