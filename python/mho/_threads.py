"""How many threads the engine may use when nobody has said."""

from __future__ import annotations

import os

from mho.errors import MhoValueError

__all__ = ["MOST_THREADS", "default_num_threads"]

MOST_THREADS = 1024


def _cpu_quota() -> float | None:
    """Return the processors that the control group allows, None without a limit."""
    try:
        # Whoever imports mho comes here: without pathlib it takes a good while less.
        with open("/sys/fs/cgroup/cpu.max") as file:  # noqa: PTH123
            quota, period = file.read().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        return None


def default_num_threads() -> int:
    """Return ``MHO_NUM_THREADS``, or the number of processors this process may use."""
    asked = os.environ.get("MHO_NUM_THREADS", "")
    if asked:
        if not asked.isascii() or not asked.isdigit() or not 1 <= int(asked) <= MOST_THREADS:
            raise MhoValueError(f"MHO_NUM_THREADS must be in [1, {MOST_THREADS}], got {asked!r}")
        return int(asked)
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cpu_quota()
    return min(affinity if quota is None else max(1, min(affinity, int(quota))), MOST_THREADS)
