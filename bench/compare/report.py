"""What was measured, as a table for people and as JSON for programs."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.table import Table

import mho
from mho.benchmark.machine import cpu_model

_ROOT = Path(__file__).resolve().parents[2]


def markers(simd_level: str) -> tuple[str, str]:
    """Return the lines around the table of machines of one SIMD level."""
    return f"<!-- compare_aihwkit {simd_level}: begin -->", f"<!-- compare_aihwkit {simd_level}: end -->"


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(_ROOT), *arguments], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def environment(*packages: str) -> dict[str, Any]:
    """Return what the figures depend on, the versions of these packages among it."""
    changed = _git(
        "status", "--porcelain", "--untracked-files=no", "--", "cpp", "python", "CMakeLists.txt", "cmake"
    )
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"mho": mho.__version__, "python": platform.python_version()}
        | {name: version(name) for name in packages},
        "build": mho.build_info(),
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "load_average": list(os.getloadavg()),
        "git": {"revision": _git("rev-parse", "HEAD"), "changed": bool(changed)},
    }


def _number(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def _spread(value: dict[str, Any]) -> str:
    median = value["median"]
    relative = (value["high"] - value["low"]) / 2 / median if median else 0.0
    return f"{_number(median)} ±{100 * relative:.0f}%"


def _cells(row: dict[str, Any]) -> tuple[list[str], str]:
    asked = row["asked"]
    wanted, verdict = "", ""
    if asked is not None:
        sign = {">=": "≥", "<=": "≤"}[asked["relation"]]
        unit = "×" if asked["what"] == "ratio" or row["unit"].startswith("times") else f" {row['unit']}"
        wanted = f"{sign} {asked['value']:g}{unit}"
        verdict = "yes" if asked["met"] else "no"
    peer = _spread(row["incumbent"]) + ("" if row["other"] == "aihwkit" else f" ({row['other']})")
    ratio = f"{row['ratio']:.3g}×"
    return [row["work"], str(row["threads"]), row["unit"], peer, _spread(row["mho"]), ratio, wanted], verdict


_HEADERS = ("Work", "Threads", "Unit", "aihwkit", "mho", "Ratio", "Target", "Met")


def table(report: dict[str, Any]) -> Table:
    """Return the table for a terminal."""
    result = Table(title=title(report), caption="medians of turns, ± half of the distance of the quartiles")
    for k, header in enumerate(_HEADERS):
        result.add_column(header, justify="left" if k in (0, 2) else "right")
    for row in report["rows"]:
        cells, verdict = _cells(row)
        style = {"yes": "[green]yes[/]", "no": "[red]no[/]"}.get(verdict, "")
        result.add_row(*cells, style)
    return result


def mho_version(environment: dict[str, Any]) -> str:
    """Return version, revision, compiler and SIMD level."""
    git, build = environment["git"], environment["build"]
    revision = (git["revision"] or "unknown")[:12] + (" with changes" if git["changed"] else "")
    version = environment["versions"]["mho"]
    return f"mho {version} ({revision}, {build['compiler']}, SIMD level {build['simd_level']})"


def one_thread_table(rows: list[list[str]], environment: dict[str, Any], clock: str) -> str:
    """Return rows of cells as a table for a document, below a line about the machine and one thread of it."""
    machine = f"{environment['cores']} cores of {environment['cpu']}"
    return (
        f"{mho_version(environment)} on 1 thread of {machine}, {clock} time, "
        f"load {environment['load_average'][0]:.1f} before the run, {environment['date'][:10]}.\n\n"
        + "\n".join("| " + " | ".join(row) + " |" for row in rows)
    )


def title(report: dict[str, Any]) -> str:
    """Return one line about the machine and the versions."""
    e = report["environment"]
    versions = e["versions"]
    return (
        f"{mho_version(e)} and "
        f"aihwkit {versions['aihwkit']} (torch {versions['torch']}) on {e['cores']} cores of {e['cpu']}, "
        f"{report['settings']['clock']} time, load {e['load_average'][0]:.1f} before the run"
    )


def markdown(report: dict[str, Any]) -> str:
    """Return the table for a document."""
    lines = [title(report) + f", {report['environment']['date'][:10]}.", ""]
    lines += ["| " + " | ".join(_HEADERS) + " |", "|---|--:|---|--:|--:|--:|--:|--:|"]
    for row in report["rows"]:
        cells, verdict = _cells(row)
        lines.append("| " + " | ".join([*cells, verdict]) + " |")
    return "\n".join(lines)


def update_document(path: Path, text: str, begin: str, end: str) -> None:
    """Put a generated text between the markers of a document."""
    before = path.read_text(encoding="utf-8")
    if begin not in before or end not in before.partition(begin)[2]:
        raise ValueError(f"{path} must have the lines {begin} and {end}")
    head, _, rest = before.partition(begin)
    tail = rest.partition(end)[2]
    path.write_text(f"{head}{begin}\n{text}\n{end}{tail}", encoding="utf-8")
