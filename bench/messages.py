"""How the scripts of this folder end with an error: one line in red, and an exit code."""

from __future__ import annotations

import typer
from rich.console import Console

errors = Console(stderr=True, soft_wrap=True)


def failure(message: str, code: int) -> typer.Exit:
    """Print the message, and return what ends the command with that code when it is raised."""
    errors.print(message, style="red", markup=False, highlight=False)
    return typer.Exit(code)
