"""How fast each commit was: a table of what `pytest bench --benchmark-autosave` has kept in .benchmarks.

    python bench/history.py .benchmarks                # devices per second where there are any, else calls
    python bench/history.py .benchmarks --rate pulses/s
    python bench/history.py .benchmarks --only update --last 5 --plain

A row is a benchmark, a column a commit in the order of time. A commit that was measured several times counts
with its best run: whatever else a machine does makes it slower, never faster. What changed by more than a
tenth since the column before is marked. Files of different machines are not compared: choose with --machine.
Exit codes: 0 done, 1 no table can be made, 2 bad usage.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

CALLS = "calls/s"
DEFAULT_RATE = "devices/s"
NOTABLE = 0.1


class HistoryError(Exception):
    """No table can be made of the files."""


@dataclass(frozen=True)
class Run:
    """One file: the rates of one commit on one machine."""

    commit: str
    time: datetime  # of the commit, or of the run where there is none
    machine: str
    benchmarks: dict[str, dict[str, float]]  # name -> rate -> value

    @classmethod
    def load(cls, path: Path) -> Run:
        """Read a file that pytest-benchmark has written."""
        try:
            return cls.parse(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise HistoryError(f"{path} is no file of pytest-benchmark ({error!r})") from error

    @classmethod
    def parse(cls, content: dict[str, Any]) -> Run:
        """Take over what matters of such a file."""
        commit = content["commit_info"]
        name = commit.get("id") or "unknown"
        cpu = content["machine_info"].get("cpu", {})
        level = content["machine_info"].get("mho", {}).get("simd_level")
        machine = cpu.get("brand_raw") or content["machine_info"].get("node", "unknown")
        benchmarks = {}
        for entry in content["benchmarks"]:
            extra = entry.get("extra_info", {})
            rates = {key: float(value) for key, value in extra.items() if key.endswith("/s")}
            rates[CALLS] = 1 / float(entry["stats"]["median"])
            benchmarks[str(entry["name"]).removeprefix("test_")] = rates
        return cls(
            commit=name[:10] + ("+" if commit.get("dirty") else ""),
            time=datetime.fromisoformat(commit.get("time") or content["datetime"]),
            machine=f"{machine} ({level})" if level else str(machine),
            benchmarks=benchmarks,
        )


@dataclass(frozen=True)
class History:
    """Rates by benchmark and commit."""

    commits: list[str]
    values: dict[str, list[float | None]]  # one for each commit
    units: dict[str, str]

    @classmethod
    def of(cls, runs: Iterable[Run], rate: str = DEFAULT_RATE, only: str = "") -> History:
        """Arrange runs by commit. Where a benchmark lacks the rate, the default one falls back to calls."""
        ordered = sorted(runs, key=lambda run: run.time.timestamp())
        commits = list(dict.fromkeys(run.commit for run in ordered))
        names = list(dict.fromkeys(name for run in ordered for name in run.benchmarks if only in name))
        history = cls(commits, {}, {})
        for name in names:
            measured = [run for run in ordered if name in run.benchmarks]
            unit = rate
            if rate == DEFAULT_RATE and not any(rate in run.benchmarks[name] for run in measured):
                unit = CALLS
            values: list[float | None] = []
            for commit in commits:
                found = [
                    run.benchmarks[name][unit]
                    for run in measured
                    if run.commit == commit and unit in run.benchmarks[name]
                ]
                values.append(max(found) if found else None)
            if any(value is not None for value in values):
                history.values[name], history.units[name] = values, unit
        return history

    def last(self, n: int) -> History:
        """Return the part of the last n commits."""
        return History(
            self.commits[-n:], {name: values[-n:] for name, values in self.values.items()}, self.units
        )


def human(value: float) -> str:
    """Return three digits with the prefix of a thousand.

    >>> human(1234567.0), human(12.0), human(0.5), human(9.996e8)
    ('1.23 M', '12.0', '0.500', '1.00 G')
    """
    prefixes = ["", " k", " M", " G", " T"]
    value, exponent = float(f"{value:.3g}"), 0
    while exponent + 1 < len(prefixes) and value >= 1000:
        value /= 1000
        exponent += 1
    digits = 3 if value < 1 else 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{digits}f}{prefixes[exponent]}"


def cells(values: Sequence[float | None]) -> list[tuple[str, float | None]]:
    """Return the text of each value and its change since the last one before it, where that is notable."""
    result: list[tuple[str, float | None]] = []
    before: float | None = None
    for value in values:
        if value is None:
            result.append(("", None))
            continue
        change = None if before is None else value / before - 1
        notable = change is not None and abs(change) > NOTABLE
        text = human(value) + (f" ({change:+.0%})" if notable else "")
        result.append((text, change if notable else None))
        before = value
    return result


def to_rich(history: History, title: str) -> Table:
    """Draw a table: slower in red, faster in green."""
    table = Table(title=title)
    table.add_column("benchmark")
    table.add_column("unit")
    for commit in history.commits:
        table.add_column(commit, justify="right", no_wrap=True)
    for name, values in history.values.items():
        row = []
        for text, change in cells(values):
            colour = None if change is None else "red" if change < 0 else "green"
            row.append(f"[{colour}]{text}[/{colour}]" if colour else text)
        table.add_row(name.replace("[", "\\["), history.units[name], *row)
    return table


def to_plain(history: History) -> str:
    """Write tab-separated values, unrounded."""
    lines = ["\t".join(["benchmark", "unit", *history.commits])]
    for name, values in history.values.items():
        numbers = ["" if value is None else f"{value:.6g}" for value in values]
        lines.append("\t".join([name, history.units[name], *numbers]))
    return "\n".join(lines)


def read_runs(folder: Path, machine: str | None = None) -> list[Run]:
    """Read every file below a folder; all must be of one machine."""
    runs = [Run.load(path) for path in sorted(folder.rglob("*.json"))]
    if not runs:
        raise HistoryError(f"{folder} holds no JSON file")
    machines = sorted({run.machine for run in runs})
    if machine is not None:
        runs = [run for run in runs if machine in run.machine]
        if not runs:
            raise HistoryError(f"no file is of a machine named {machine!r}; there are {', '.join(machines)}")
        machines = sorted({run.machine for run in runs})
    if len(machines) > 1:
        raise HistoryError(f"the files are of several machines, choose one: {', '.join(machines)}")
    return runs


def main(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Folder of saved JSON files.")],
    rate: Annotated[
        str, typer.Option(help="Which rate: devices/s, pulses/s, MVMs/s or calls/s.")
    ] = DEFAULT_RATE,
    only: Annotated[str, typer.Option(help="Only benchmarks whose name contains this.")] = "",
    last: Annotated[int, typer.Option(min=1, help="Only the last commits.")] = 8,
    machine: Annotated[
        str | None, typer.Option(help="Only runs on machines whose name contains this.")
    ] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Tab-separated, for other programs.")] = False,
) -> None:
    """Show how fast each commit was."""
    try:
        runs = read_runs(folder, machine)
        history = History.of(runs, rate, only).last(last)
        if not history.values:
            raise HistoryError(f"no benchmark with {only!r} in its name has the rate {rate!r}")
    except HistoryError as error:
        print(f"history: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    if plain:
        print(to_plain(history))
    else:
        Console().print(to_rich(history, runs[0].machine))


if __name__ == "__main__":
    typer.run(main)
