"""``mho info``: what this installation is and what it runs on."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mho.cli._console import print_json, stdout_console

__all__ = ["HELP", "info"]

HELP = (
    "Show build, SIMD level, threads and versions: what to put into a bug report.\n\n"
    "[bold]Examples[/bold]\n\n"
    "mho info\n"
    "MHO_SIMD_LEVEL=v2 mho info --json"
)


def info(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Print the facts; see `HELP`."""
    facts = _facts()
    if as_json:
        print_json(facts)
        return

    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for key, value in facts.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        table.add_row(key, {"True": "yes", "False": "no"}.get(shown, shown))
    stdout_console().print(table)


def _facts() -> dict[str, Any]:
    import mho

    facts = mho.build_info()
    return {"mho": mho.__version__, "engine": facts.pop("version"), **facts}
