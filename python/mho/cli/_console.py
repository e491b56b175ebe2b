"""What the commands print and how they fail: consoles, the one-line error, the usage error."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from mho.errors import MhoError

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Interrupted", "UsageError", "print_error", "print_json", "stderr_console", "stdout_console"]

# Width of tables that go to a file or a pipe, where there is no terminal to ask.
_PLAIN_WIDTH = 110


class UsageError(MhoError):
    """A wrong option, argument or run file: the command exits with code 2 instead of 1."""


class Interrupted(MhoError):
    """Training was stopped by the user and can go on; the message says how. The command exits with code 1."""


def stdout_console() -> Console:
    """Return a console for results."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _PLAIN_WIDTH, highlight=False)


def stderr_console() -> Console:
    """Return a console for progress and remarks."""
    from rich.console import Console

    return Console(stderr=True, width=None if sys.stderr.isatty() else _PLAIN_WIDTH, highlight=False)


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object on standard output."""
    print(json.dumps(value, indent=2, allow_nan=False))


def print_error(message: str) -> None:
    """Print ``error: message`` as one line on standard error."""
    print("error: " + " ".join(message.split()), file=sys.stderr)
