"""Timing of several contenders turn by turn, so that what else the machine does meets all of them alike."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Literal

__all__ = ["CLOCKS", "Clock", "Contender", "Schedule", "Spread"]

Clock = Literal["wall", "cpu"]
CLOCKS: dict[Clock, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}

# More calls in one turn make a turn longer, not more precise.
_MOST_CALLS = 2000


@dataclass(frozen=True)
class Contender:
    """Work to be timed, and what has to happen before every call of it, untimed."""

    work: Callable[[], object]
    prepare: Callable[[], object] | None = None

    def timed(self, clock: Callable[[], float]) -> float:
        """Return the seconds of one call."""
        if self.prepare is not None:
            self.prepare()
        started = clock()
        self.work()
        return clock() - started


@dataclass(frozen=True)
class Spread:
    """Median, quartiles and smallest of the turns, in one unit."""

    median: float
    low: float
    high: float
    best: float
    turns: int

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        """Summarise values.

        Examples
        --------
        >>> Spread.of([3.0, 1.0, 2.0, 5.0, 4.0])
        Spread(median=3.0, low=2.0, high=4.0, best=1.0, turns=5)
        """
        ranked = sorted(values)
        last = len(ranked) - 1
        return cls(
            median(ranked), ranked[round(0.25 * last)], ranked[round(0.75 * last)], ranked[0], len(ranked)
        )

    def __mul__(self, factor: float) -> Spread:
        """Convert to another unit."""
        return Spread(
            self.median * factor, self.low * factor, self.high * factor, self.best * factor, self.turns
        )

    @property
    def relative(self) -> float:
        """Half of the distance between the quartiles, as a fraction of the median."""
        return (self.high - self.low) / 2 / self.median if self.median else 0.0


@dataclass(frozen=True)
class Schedule:
    """How long to measure: turns of every contender, each of so many calls that it lasts `turn_seconds`."""

    turns: int
    turn_seconds: float
    clock: Clock

    def alternate(self, contenders: Mapping[str, Contender], *, once: bool = False) -> dict[str, Spread]:
        """Time all contenders, A B B A ..., and return the seconds per call of each.

        With `once`, for long work, a turn is one call, and none comes before the first turn.
        """
        clock = CLOCKS[self.clock]
        calls = dict.fromkeys(contenders, 1)
        for name, contender in () if once else contenders.items():
            warm = contender.timed(clock)
            if warm < self.turn_seconds:
                warm = max(contender.timed(clock), 1e-7)  # the first call paid for memory and threads
            calls[name] = min(max(1, math.ceil(self.turn_seconds / warm)), _MOST_CALLS)
        seconds: dict[str, list[float]] = {name: [] for name in contenders}
        gc.collect()
        gc.disable()
        try:
            for turn in range(self.turns):
                # Every other turn in reverse, so that none always runs behind the same other.
                for name in list(contenders)[:: -1 if turn % 2 else 1]:
                    spent = [contenders[name].timed(clock) for _ in range(calls[name])]
                    seconds[name].append(median(spent))
        finally:
            gc.enable()
        return {name: Spread.of(values) for name, values in seconds.items()}
