"""What the scripts in this folder share: a published result as cells of a table, run for several seeds.

A script declares its ``REPRODUCTION`` and calls `main` with it. That runs the jobs side by side in processes,
keeps every result in ``results.jsonl``, from which an interrupted run goes on, and writes a table with 95 %
confidence intervals (printed, and as ``table.csv``), a figure (``NAME.png``) and, with ``--docs``, a part of
a document.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from report import check_document, draw, markdown, print_table, settings_line, update_document, write_csv
from running import execute, read_results

import mho
from mho.cli._console import UsageError, print_error, stderr_console
from mho.data import Dataset
from mho.errors import MhoError

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = ["Cell", "Claim", "Job", "Outcome", "Reproduction", "Row", "Table", "main"]

_T975 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One published number, and the parameters (plain values) of the run that should give it."""

    row: str
    column: str = ""
    published: float | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    group: str = ""  # cells of one group make one job with all seeds, for instances in lockstep

    @property
    def name(self) -> str:
        return f"{self.row}, {self.column}" if self.column else self.row


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one cell gave with one seed; `details` are JSON values, such as a curve for the figure."""

    cell: str
    seed: int
    value: float
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Job:
    """What runs at once in one process: one cell and seed, or all those of a group."""

    cells: tuple[Cell, ...]
    seeds: tuple[int, ...]
    epochs: int = 0
    data_dir: str | None = None
    quick: bool = False

    @property
    def cell(self) -> Cell:
        return self.cells[0]

    @property
    def seed(self) -> int:
        return self.seeds[0]

    @property
    def name(self) -> str:
        return self.cell.group or f"{self.cell.name}, seed {self.seed}"

    def data(self) -> tuple[Dataset, Dataset]:
        """Return training and test images: full MNIST, or the embedded digits; a few of them if `quick`."""
        train, test = _load(self.data_dir)
        return (train.subset(200), test.subset(100)) if self.quick else (train, test)

    def settings(self, cell: Cell) -> dict[str, Any]:
        """Return what the result of a cell depends on beside the seed: others are not taken up again."""
        data = "mnist" if self.data_dir else "digits"
        return {"params": dict(cell.params), "epochs": self.epochs, "data": data, "quick": self.quick}


@dataclass(frozen=True, kw_only=True)
class Row:
    """A cell and its results."""

    cell: Cell
    outcomes: tuple[Outcome, ...]

    @property
    def values(self) -> NDArray[np.float64]:
        return np.array([outcome.value for outcome in self.outcomes])

    @property
    def mean(self) -> float:
        return float(self.values.mean())

    @property
    def half_width(self) -> float:
        """Half of the 95 % confidence interval of the mean; NaN for a single seed."""
        n = len(self.outcomes)
        return student_t(n - 1) * float(self.values.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan


Table = Mapping[str, Row]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A statement of the paper beyond single numbers, and whether it was found."""

    text: str
    measured: str
    holds: bool


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """A published result: what to run, and how to show it."""

    name: str
    title: str
    paper: str
    quantity: str  # with its unit, such as "test error (%)"
    cells: Sequence[Cell]
    run: Callable[[Job], Iterable[Outcome]]  # a function of a module, since processes import it
    draw: Callable[[Figure, Table], None]
    claims: Callable[[Table], Sequence[Claim]] = lambda table: ()
    seeds: int = 3
    epochs: int | None = None  # None: there are no epochs, and no option --epochs
    data: str | None = None  # None, "digits" (full MNIST is better) or "mnist" (nothing else will do)
    form: str = ".2f"
    size: tuple[float, float] = (10.0, 4.6)


def student_t(degrees: int) -> float:
    """Return the 97.5 % quantile of Student's t, to 0.1 %."""
    if degrees <= len(_T975):
        return _T975[degrees - 1]
    z = NormalDist().inv_cdf(0.975)
    return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)


@lru_cache(maxsize=1)
def _load(data_dir: str | None) -> tuple[Dataset, Dataset]:
    return mho.data.load("mnist", data_dir) if data_dir else mho.data.load("digits")


def _jobs(reproduction: Reproduction, cells: Sequence[Cell], seeds: int, **common: Any) -> Iterator[Job]:
    every = tuple(range(1, seeds + 1))
    for group in dict.fromkeys(cell.group for cell in cells if cell.group):
        yield Job(cells=tuple(cell for cell in cells if cell.group == group), seeds=every, **common)
    for seed in every:
        yield from (Job(cells=(cell,), seeds=(seed,), **common) for cell in cells if not cell.group)


def _reproduce(
    reproduction: Reproduction,
    seeds: int,
    common: dict[str, Any],
    folder: Path,
    processes: int,
    only: str,
    docs: Path | None,
) -> None:
    cells = [cell for cell in reproduction.cells if only in cell.name]
    if not cells:
        raise UsageError(f"--only must be part of the name of a cell, got {only!r}")
    jobs = list(_jobs(reproduction, cells, seeds, **common))
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "results.jsonl"
    execute(reproduction.run, reproduction.form, jobs, kept, processes)
    found, every = read_results(kept, jobs), range(1, seeds + 1)
    fields = ("cell", "seed", "value", "details")
    table = {
        cell.name: Row(
            cell=cell,
            outcomes=tuple(Outcome(**{k: found[cell.name, s][k] for k in fields}) for s in every),
        )
        for cell in cells
    }
    claims = () if only else reproduction.claims(table)
    minutes = sum(record["seconds"] for record in found.values()) / 60
    settings = settings_line(reproduction, jobs[0], seeds, minutes)
    print_table(reproduction, table, claims)
    write_csv(table, folder / "table.csv")
    draw(reproduction, table, folder / f"{reproduction.name}.png", settings)
    stderr_console().print(f"written: {folder}/results.jsonl, table.csv, {reproduction.name}.png")
    if docs is not None:
        update_document(reproduction, markdown(reproduction, table, claims, settings), docs)
        draw(reproduction, table, docs.parent / "img" / f"{reproduction.name}.png", settings)


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """Turn errors into one line and an exit code."""
    try:
        yield
    except MhoError as error:
        print_error(str(error))
        raise typer.Exit(2 if isinstance(error, UsageError) else 1) from None
    except KeyboardInterrupt:
        print_error("interrupted; what is done is kept, and the same command goes on from there")
        raise typer.Exit(1) from None


def main(reproduction: Reproduction, arguments: Sequence[str] | None = None) -> None:
    """Run the command line of a script, and exit.

    Parameters
    ----------
    reproduction : Reproduction
    arguments : sequence of str, optional
        By default those of the process.
    """

    def command(
        seeds: Annotated[int | None, typer.Option(min=1, help="How many seeds, from 1 on.")] = None,
        epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the training images.")] = None,
        data_dir: Annotated[
            Path | None, typer.Option(help="Folder with the four MNIST files. Default: $MHO_DATA_DIR")
        ] = None,
        output: Annotated[
            Path | None, typer.Option(help="Folder of the results. Default: runs/papers/NAME")
        ] = None,
        processes: Annotated[
            int, typer.Option(min=1, help="Jobs side by side, each on one thread.")
        ] = os.cpu_count() or 1,
        only: Annotated[str, typer.Option(help="Only the cells whose names contain this.")] = "",
        docs: Annotated[
            Path | None, typer.Option(help="Put the table into this document, the figure into img beside it.")
        ] = None,
        quick: Annotated[bool, typer.Option("--quick", help="A few seconds, to see that all works.")] = False,
    ) -> None:
        with _one_line_errors():
            if epochs is not None and reproduction.epochs is None:
                raise UsageError(f"--epochs has no effect: {reproduction.name} has none")
            if data_dir is not None and reproduction.data is None:
                raise UsageError(f"--data-dir has no effect: {reproduction.name} takes no images")
            if docs is not None:
                if only:
                    raise UsageError("--docs needs all cells: leave --only out")
                check_document(reproduction, docs)
            folder = str(data_dir or os.environ.get("MHO_DATA_DIR") or "") or None
            if reproduction.data is None or (quick and data_dir is None):
                folder = None
            elif folder is None and reproduction.data == "mnist":
                raise UsageError(f"{reproduction.name} needs full MNIST: give its folder with --data-dir")
            elif folder is None:
                stderr_console().print(
                    "note: the embedded digits stand for MNIST; --data-dir takes the real one"
                )
            if folder is not None:
                _load(folder)  # a wrong folder is told before anything runs
            common = {
                "epochs": 0
                if reproduction.epochs is None
                else epochs or (1 if quick else reproduction.epochs),
                "data_dir": folder,
                "quick": quick,
            }
            where = output or Path("runs", "papers", reproduction.name + "-quick" * quick)
            count = seeds or (1 if quick else reproduction.seeds)
            _reproduce(reproduction, count, common, where, processes, only, docs)

    command.__doc__ = f"{reproduction.title}. {reproduction.paper}."
    app = typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.command()(command)
    app(arguments if arguments is not None else sys.argv[1:])
