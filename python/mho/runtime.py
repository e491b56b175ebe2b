"""The process: how many threads the engine may use, and what it was built with."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np

from mho import _core, _cpu, _validate
from mho._validate import Range
from mho.errors import MhoValueError

__all__ = ["build_info", "get_num_threads", "set_num_threads"]

_MOST_THREADS = 1024


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
    _core.set_num_threads(_validate.integer("num_threads", n, Range(at_least=1, at_most=_MOST_THREADS)))


def get_num_threads() -> int:
    """Return how many threads a call into the engine may use; 1 in a process that was forked."""
    return _core.get_num_threads()


def build_info() -> dict[str, Any]:
    """Return what the engine was built with and what it runs on.

    Returns
    -------
    dict
        ``version``, ``compiler``, ``simd_level`` (in use), ``simd_levels`` (those that this machine could use),
        ``openmp``, ``eigen``, ``threads``, ``python``, ``numpy`` and ``platform``.

    Examples
    --------
    >>> build_info()["simd_level"] in build_info()["simd_levels"]
    True
    """
    return {
        **_core.engine_info(),
        "simd_levels": _cpu.supported_levels(),
        "threads": get_num_threads(),
        "python": sys.version.split()[0],
        "numpy": np.__version__,
        "platform": f"{platform.system()} {platform.machine()}",
    }


def _cpu_quota() -> float | None:
    """Return the processors that the control group allows, None without a limit."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        return None


def _default_num_threads() -> int:
    """Return ``MHO_NUM_THREADS``, or the number of processors this process may use."""
    asked = os.environ.get("MHO_NUM_THREADS", "")
    if asked:
        if not asked.isascii() or not asked.isdigit() or not 1 <= int(asked) <= _MOST_THREADS:
            raise MhoValueError(f"MHO_NUM_THREADS must be in [1, {_MOST_THREADS}], got {asked!r}")
        return int(asked)
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cpu_quota()
    return min(affinity if quota is None else max(1, min(affinity, int(quota))), _MOST_THREADS)


_core.set_num_threads(_default_num_threads())
