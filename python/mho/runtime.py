"""The process: how many threads the engine may use, and what it was built with."""

from __future__ import annotations

import platform
import sys
from typing import Any

import numpy as np

from mho import _core, _cpu, _validate
from mho._threads import MOST_THREADS
from mho._validate import Range

__all__ = ["build_info", "get_num_threads", "set_num_threads"]

__version__: str = _core.engine_info()["version"]


def set_num_threads(n: int) -> None:
    """Set how many threads a call into the engine may use.

    The number changes the speed and nothing else: results are bit-identical for every number of threads.

    Parameters
    ----------
    n : int
        From 1 to 1024.

    Raises
    ------
    MhoError
        If `n` is not such a number.

    Examples
    --------
    >>> before = get_num_threads()
    >>> set_num_threads(2)
    >>> get_num_threads()
    2
    >>> set_num_threads(before)
    """
    _core.set_num_threads(_validate.integer("num_threads", n, Range(at_least=1, at_most=MOST_THREADS)))


def get_num_threads() -> int:
    """Return how many threads a call into the engine may use; 1 in a process that was forked."""
    return _core.get_num_threads()


def build_info() -> dict[str, Any]:
    """Return what the engine was built with and what it runs on.

    Returns
    -------
    dict
        ``version``, ``compiler``, ``simd_level`` (in use), ``simd_levels`` (what this machine could use),
        ``openmp``, ``eigen``, ``threads``, ``python``, ``numpy`` and ``platform``.

    Examples
    --------
    >>> build_info()["simd_level"] in build_info()["simd_levels"]
    True
    """
    engine = _core.engine_info()
    return {
        **engine,
        "simd_levels": _cpu.supported_levels(),
        "threads": get_num_threads() if engine["openmp"] else 1,
        "python": sys.version.split()[0],
        "numpy": np.__version__,
        "platform": f"{platform.system()} {platform.machine()}",
    }
