"""``mho bench``: how fast mho is on this machine, and what limits it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mho.cli._console import Interrupted, UsageError, print_json, stderr_console, stdout_console

if TYPE_CHECKING:
    from mho.benchmark import Result, Settings

__all__ = ["HELP", "bench"]

HELP = (
    "Measure how fast mho is on this machine, and say what limits it.\n\n"
    "Every result is first checked against theory. Each row is timed on one thread and on all that mho would "
    "use, in turns with what explains its time: memory bandwidth, gaussian numbers, pulse trains, the matrix "
    "product. It takes about half a minute; Ctrl-C shows what is done so far.\n\n"
    "[bold]Examples[/bold]\n\n"
    "mho bench\n"
    "mho bench --quick --only forward,backward\n"
    "mho bench --threads 4 --json bench.json\n"
    "MHO_SIMD_LEVEL=v3 mho bench --only update-constant --json -"
)

# Programs that were at work in the last minute, on average, from which on they are told of.
_BUSY = 0.5
_QUICK_SECONDS, _SECONDS = 0.1, 0.5


def bench(
    quick: Annotated[
        bool, typer.Option("--quick", help="A few seconds: shorter, and results checked on smaller tiles.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,...",
            show_default=False,
            help="Only these rows: update-constant, update-soft-bounds, update-reram, update-sparse, "
            "forward, backward, build. May be repeated. Default: all",
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            metavar="N", show_default=False, help="Threads beside one. Default: what the process may use"
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            show_default=False,
            help="How long each row is timed on each number of threads, at least; 0.01 to 600. "
            "Default: 0.5, with --quick 0.1",
        ),
    ] = None,
    json_path: Annotated[
        str | None,
        typer.Option(
            "--json",
            metavar="FILE|-",
            show_default=False,
            help="Write all numbers to this file as well, or print them in place of the table.",
        ),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Run the suite and show it; see `HELP`."""
    settings = _settings(quick, only, threads, seconds)
    target = _target(json_path)
    header = _header(settings)
    results: list[Result] = []
    interrupted = False
    try:
        with _progress(settings) as tell:
            for result in _run(settings):
                results.append(result)
                tell(len(results), result)
    except KeyboardInterrupt:
        interrupted = True
    report = {
        **header,
        "complete": not interrupted,
        "settings": {"quick": settings.quick, "seconds": settings.seconds, "only": list(settings.names)},
        "rows": [result.to_dict() for result in results],
    }
    if json_path == "-":
        print_json(report)
    else:
        _show(header, results)
    if target is not None:
        try:
            target.write_text(json.dumps(report, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        except OSError as error:
            raise UsageError(f"--json {json_path}: {error.strerror}") from None
    if interrupted:
        raise Interrupted(f"interrupted: {len(results)} of {_expected(settings)} measurements are done")


def _settings(quick: bool, only: list[str] | None, threads: int | None, seconds: float | None) -> Settings:
    """Check the options."""
    import mho
    from mho import _validate
    from mho._threads import MOST_THREADS
    from mho._validate import Range
    from mho.benchmark import NAMES, Settings
    from mho.errors import MhoError

    try:
        names = [name.strip() for part in only or () for name in part.split(",")]
        names = [_validate.choice("--only", name, NAMES) for name in names]
        count = mho.get_num_threads()
        if threads is not None:
            count = _validate.integer("--threads", threads, Range(at_least=1, at_most=MOST_THREADS))
        if count > 1 and not mho.build_info()["openmp"]:
            if threads is not None:
                raise UsageError(
                    f"--threads must be 1 for this build of mho, which has no OpenMP, got {threads}"
                )
            count = 1
        length = _QUICK_SECONDS if quick else _SECONDS
        if seconds is not None:
            length = _validate.number("--seconds", seconds, Range(at_least=0.01, at_most=600))
    except MhoError as error:
        raise UsageError(str(error)) from None
    return Settings(
        names=[name for name in NAMES if name in names or not names],
        threads=count,
        seconds=length,
        quick=quick,
    )


def _target(json_path: str | None) -> Path | None:
    """Return the file for JSON, which must be writable before anything is measured."""
    if json_path is None or json_path == "-":
        return None
    path = Path(json_path)
    if not path.parent.is_dir():
        raise UsageError(f"--json {json_path}: there is no folder {path.parent}")
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UsageError(f"--json {json_path}: it cannot be written")
    return path


def _header(settings: Settings) -> dict[str, Any]:
    import mho
    from mho.benchmark.machine import cpu_model

    build = mho.build_info()
    return {
        "mho": mho.__version__,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": cpu_model(),
        "processors": os.cpu_count(),
        "threads": settings.threads,
        "load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "build": build,
    }


def _run(settings: Settings) -> Iterator[Result]:
    from mho import benchmark

    return benchmark.run(settings)


def _expected(settings: Settings) -> int:
    """Return the number of measurements of a whole run."""
    return len(settings.names) * len({1, settings.threads})


@contextlib.contextmanager
def _progress(settings: Settings) -> Iterator[Any]:
    """Show on a terminal which measurement is running, and yield what tells that one is done."""
    console = stderr_console()
    with console.status(f"checking and timing {settings.names[0]}") as status:

        def tell(done: int, result: Result) -> None:
            status.update(f"{done} of {_expected(settings)} measurements done, the last: {result.work}")

        yield tell


def _rate(value: float | None) -> str:
    """Return a rate in three digits.

    Examples
    --------
    >>> _rate(6.118e8), _rate(26400.0), _rate(999.9e6), _rate(None)
    ('612 M', '26.4 k', '1.00 G', '')
    """
    if value is None:
        return ""
    prefixes = ["", " k", " M", " G", " T"]
    scaled, step = float(f"{value:.3g}"), 0
    while scaled >= 1000 and step + 1 < len(prefixes):
        scaled, step = scaled / 1000, step + 1
    digits = 2 if scaled < 10 else 1 if scaled < 100 else 0
    return f"{scaled:.{digits}f}{prefixes[step]}"


def _show(header: dict[str, Any], results: list[Result]) -> None:
    """Print the table."""
    from rich import box
    from rich.table import Table

    from mho.benchmark.suite import BATCH, SIZE

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", style="bold", no_wrap=True)
    table.add_column("threads", justify="right", no_wrap=True)
    for column in ("ms", "devices/s", "pulses/s", "MVMs/s"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("limited by")
    for k, result in enumerate(results):
        seconds, rates = result.timed.seconds, result.rates
        same = k > 0 and results[k - 1].name == result.name
        table.add_row(
            "" if same else result.work,
            str(result.threads),
            f"{1e3 * seconds.median:.3g} ±{100 * seconds.relative:.0f}%",
            *(_rate(rates.get(name)) for name in ("devices/s", "pulses/s", "MVMs/s")),
            result.verdict,
        )
    console = stdout_console()
    build = header["build"]
    console.print(
        f"mho {header['mho']} at SIMD level {build['simd_level']} on {header['cpu']}, up to "
        f"{header['threads']} thread{'s' * (header['threads'] > 1)} of {header['processors']} processors"
    )
    load = header["load_average"]
    if load is not None and load > _BUSY:
        console.print(f"Other programs were at work before (load {load:.1f}): they take from the speed.")
    if not results:
        return
    console.print(table)
    console.print(
        f"Tiles of {SIZE} x {SIZE} devices, {BATCH} samples. ms: median of a call, ± half of the distance of "
        "the quartiles. devices/s: devices times samples per second (of building: devices). limited by: what "
        "takes most of the time, as measured beside it; own arithmetic: no single thing takes half. "
        "docs/performance.md has the rule."
    )
