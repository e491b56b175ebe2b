"""From times to a verdict: which part of the time of a piece of work is explained by what.

Two kinds of measurements explain a time, both taken in the same turns as the time itself:

- a *resource* that the work needs so much of, such as bytes to and from memory or normal numbers. A probe
  tells how much of it the machine delivers in a second, so what the work needs takes a time that it cannot go
  below;
- a *cost* that the same work can be done without, such as taking pulses one at a time. The difference between
  the two times is what it takes.

Each is a share of the time, from the best turn of each: what else the machine does only adds to times, and a
probe that was disturbed would explain too much. Shares of resources are lower bounds, and resources may be
busy at the same time, so they need not add up to one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mho.benchmark.timing import Spread

__all__ = ["HALF", "LOST", "MEMORY", "THREADS", "Timed", "lost_to_threads", "verdict"]

MEMORY = "memory bandwidth"
THREADS = "threads"

# What takes more than this part of the time limits it. Else there is no single limit.
HALF = 0.5
# Threads limit where more than this part of their time brings nothing.
LOST = 0.3


@dataclass(frozen=True, kw_only=True)
class Timed:
    """The measured time of one call, and what explains it.

    Parameters
    ----------
    seconds : Spread
        Of one call.
    resources : mapping of str to float
        Least seconds that one call takes for what it needs of each resource.
    costs : mapping of str to float
        Seconds that one call is faster without each cost; 0 where it is not.
    """

    seconds: Spread
    resources: Mapping[str, float]
    costs: Mapping[str, float]

    @property
    def bound(self) -> float:
        """The least seconds of one call: what its scarcest resource takes; 0 if none is known."""
        return max(self.resources.values(), default=0.0)

    @property
    def shares(self) -> dict[str, float]:
        """The part of the time that each resource and each cost takes."""
        return {name: value / self.seconds.best for name, value in {**self.resources, **self.costs}.items()}


def lost_to_threads(one: float, several: float, threads: int) -> float:
    """Return the part of the time of `threads` threads that they bring nothing in.

    Parameters
    ----------
    one, several : float
        Seconds of the same work on one thread, and on `threads`.
    threads : int
        How many.

    Examples
    --------
    >>> lost_to_threads(1.0, 0.5, 2)
    0.0
    >>> lost_to_threads(1.0, 1.0, 2)
    0.5
    """
    return max(0.0, 1.0 - one / threads / several)


def verdict(shares: Mapping[str, float]) -> str:
    """Say in a few words what limits the work.

    The rule: threads, where more than `LOST` of their time brings nothing and memory is not what they wait
    for; else what takes at least `HALF` of the time, the largest if there are several; else the work's own
    arithmetic, that is the instructions that no probe explains, with the largest share beside it.

    Parameters
    ----------
    shares : mapping of str to float
        The part of the time that each resource and each cost takes.

    Examples
    --------
    >>> verdict({"memory bandwidth": 0.7, "gaussian numbers": 0.2})
    'memory bandwidth (70 %)'
    >>> verdict({"memory bandwidth": 0.1, "gaussian numbers": 0.3})
    'own arithmetic (gaussian numbers 30 %)'
    >>> verdict({"gaussian numbers": 0.6, "threads": 0.45})
    'threads (45 % of their time lost)'
    >>> verdict({"memory bandwidth": 0.9, "threads": 0.45})
    'memory bandwidth (90 %)'
    >>> verdict({"GEMM arithmetic": 1.02})
    'GEMM arithmetic (100 %)'
    """
    lost = shares.get(THREADS, 0.0)
    if lost > LOST and shares.get(MEMORY, 0.0) < HALF:
        return f"{THREADS} ({100 * lost:.0f} % of their time lost)"
    others = {name: share for name, share in shares.items() if name != THREADS}
    if not others:
        return "own arithmetic"
    name = max(others, key=others.__getitem__)
    # The probe of what takes all of the time may be the slower of the two by chance.
    percent = f"{100 * min(others[name], 1.0):.0f} %"
    return f"{name} ({percent})" if others[name] >= HALF else f"own arithmetic ({name} {percent})"
