"""The command line of mho: ``mho train``, ``mho devices``, ``mho device``, ``mho bench``, ``mho info``.

Exit codes: 0, 1 for a failure (an interrupted training included), 2 for bad usage.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Arguments after the name of the program; those of the process by default.

    Returns
    -------
    int
        0, 1 for a failure, 2 for bad usage.
    """
    from mho.cli._console import Interrupted, UsageError, print_error
    from mho.cli.app import command
    from mho.errors import MhoError

    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = command()(args=words, prog_name="mho", standalone_mode=False) or 0
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The reader of our output left, as head does: say nothing, and keep Python's shutdown from saying it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (Exception, KeyboardInterrupt) as error:
        if "--debug" in words:
            traceback.print_exc()
        if isinstance(error, KeyboardInterrupt):
            print_error("interrupted")
            return 1
        if isinstance(error, Interrupted):
            print(error, file=sys.stderr)
            return 1
        if isinstance(error, MhoError):
            print_error(str(error))
            return 2 if isinstance(error, UsageError) else 1
        # Bad usage found by typer, whose exception classes come from click in some of its versions.
        describe = getattr(error, "format_message", None)
        if describe is not None:
            print_error(describe())
            return int(getattr(error, "exit_code", 1))
        print_error(f"{type(error).__name__}: {error} (run it again with --debug to see where)")
        return 1
