"""A reproduction as tables (printed, CSV, Markdown) and a figure."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mho.cli._console import UsageError, stdout_console
from mho.plotting import _style

if TYPE_CHECKING:
    from pathlib import Path

    from reproduction import Claim, Job, Reproduction, Row, Table

__all__ = [
    "check_document",
    "draw",
    "markdown",
    "print_table",
    "settings_line",
    "update_document",
    "write_csv",
]


def _interval(row: Row, form: str) -> str:
    return f"± {row.half_width:{form}}" if len(row.outcomes) > 1 else "one seed"


def _records(table: Table, form: str) -> list[tuple[str, str, str, str, str, str]]:
    """Return row, column, published, obtained, interval, seeds."""
    return [
        (
            row.cell.row,
            row.cell.column,
            "" if row.cell.published is None else f"{row.cell.published:{form}}",
            f"{row.mean:{form}}",
            _interval(row, form),
            str(len(row.outcomes)),
        )
        for row in table.values()
    ]


_HEADERS = ("row", "column", "published", "obtained", "95 % interval", "seeds")


def print_table(reproduction: Reproduction, table: Table, claims: Sequence[Claim]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable

    console = stdout_console()
    shown = RichTable(*_HEADERS, box=SIMPLE_HEAD, title=f"{reproduction.title}: {reproduction.quantity}")
    for record in _records(table, reproduction.form):
        shown.add_row(*record)
    console.print(shown)
    for claim in claims:
        console.print(f"{'holds' if claim.holds else 'FAILS'}: {claim.text}: {claim.measured}")


def markdown(reproduction: Reproduction, table: Table, claims: Sequence[Claim], settings: str) -> str:
    """Return the part of a document: settings, figure, a table of rows and columns, claims."""
    columns = list(dict.fromkeys(row.cell.column for row in table.values()))
    headers = [f"{reproduction.quantity}, published → obtained", *(column or " " for column in columns)]
    lines = [settings, "", f"![{reproduction.title}](img/{reproduction.name}.png)", ""]
    lines += [" | ".join(["", *headers, ""]).strip(), "|---|" + "--:|" * len(columns)]
    shown = dict.fromkeys((row.cell.row, "") for row in table.values())
    for name, _ in shown:
        cells = dict.fromkeys(columns, "")
        for record in _records(
            {k: row for k, row in table.items() if row.cell.row == name}, reproduction.form
        ):
            cells[record[1]] = f"{record[2] or '–'} → {record[3]}" + (
                f" {record[4]}" if record[5] != "1" else ""
            )
        lines.append(" | ".join(["", name, *cells.values(), ""]).strip())
    if claims:
        lines += ["", "| claim | measured | |", "|---|---|---|"]
        lines += [f"| {c.text} | {c.measured} | {'holds' if c.holds else '**fails**'} |" for c in claims]
    return "\n".join(lines)


def _markers(reproduction: Reproduction) -> tuple[str, str]:
    return f"<!-- {reproduction.name}: begin -->", f"<!-- {reproduction.name}: end -->"


def check_document(reproduction: Reproduction, docs: Path) -> str:
    begin, end = _markers(reproduction)
    text = docs.read_text(encoding="utf-8") if docs.is_file() else ""
    if begin not in text or end not in text.partition(begin)[2]:
        raise UsageError(f"--docs must be a document with the lines {begin} and {end}, got {docs}")
    return text


def draw(reproduction: Reproduction, table: Table, path: Path, subtitle: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with _style.new_figure(*reproduction.size, reproduction.title, subtitle) as figure:
        reproduction.draw(figure, table)
        _style.save(figure, path, reproduction.name)


def _duration(minutes: float) -> str:
    return f"{minutes:.1f} minutes" if minutes >= 0.1 else f"{60 * minutes:.0f} seconds"


def settings_line(reproduction: Reproduction, job: Job, seeds: int, minutes: float) -> str:
    """Say in a line how the numbers came about."""
    parts = [f"{seeds} seed" + "s" * (seeds > 1)]
    if reproduction.epochs is not None:
        parts.append(f"{job.epochs} epoch" + "s" * (job.epochs > 1))
    if reproduction.data is not None:
        parts.append("full MNIST" if job.data_dir else "embedded digits, not MNIST")
    quick = ["a quick run: no result"] if job.quick else []
    return f"{reproduction.paper}: " + ", ".join([*parts, f"{_duration(minutes)} of one core", *quick]) + "."


def write_csv(table: Table, path: Path) -> None:
    """Write the table with a line for each cell, and numbers as they are."""
    lines = [
        (row.cell.row, row.cell.column, row.cell.published, row.mean, row.half_width, len(row.outcomes))
        for row in table.values()
    ]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([(*_HEADERS[:4], "half of the 95 % interval", "seeds"), *lines])


def update_document(reproduction: Reproduction, text: str, docs: Path) -> None:
    """Put the generated text between the markers."""
    begin, end = _markers(reproduction)
    head, _, rest = check_document(reproduction, docs).partition(begin)
    docs.write_text(f"{head}{begin}\n{text}\n{end}{rest.partition(end)[2]}", encoding="utf-8")
