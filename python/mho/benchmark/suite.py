"""The suite of ``mho bench``: what is timed, what is checked before, and on how many threads."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mho import _validate, presets
from mho._validate import Range
from mho.benchmark.job import Job, build_job, read_job, time_jobs, update_job
from mho.benchmark.limits import THREADS, Timed, lost_to_threads, verdict
from mho.benchmark.timing import Schedule
from mho.devices import ConstantStep, PulsedDevice, SoftBounds
from mho.errors import MhoRuntimeError
from mho.runtime import get_num_threads, set_num_threads
from mho.tile import Tile

if TYPE_CHECKING:
    from typing import Any

__all__ = ["NAMES", "Check", "Result", "Settings", "check", "run"]

Float32 = NDArray[np.float32]

SIZE, BATCH = 1024, 64
_SEED = 1
# Of a check: repetitions, allowed standard errors, and the bias of the expectation, which reckons with mean
# numbers of pulses where the step bends.
_REPEATS, _SIGMA, _BIAS = 12, 5.0, 0.005
_ROWS = 256
_QUICK_SIZE = 256


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How the suite is run.

    Parameters
    ----------
    names : sequence of str
        Rows, of `NAMES`.
    threads : int
        Every row is timed on one thread and on so many.
    seconds : float
        How long a row is timed on each number of threads, from 0.01 to 600; less than about seven calls of
        everything that explains it is not possible.
    quick : bool
        Check the results on smaller tiles, and take three turns in place of seven.
    """

    names: Sequence[str]
    threads: int
    seconds: float = 1.0
    quick: bool = False

    def __post_init__(self) -> None:
        """Check the fields."""
        for name in self.names:
            _validate.choice("Settings.names", name, NAMES)
        _validate.integer("Settings.threads", self.threads, Range(at_least=1, at_most=1024))
        _validate.number("Settings.seconds", self.seconds, Range(at_least=0.01, at_most=600))


@dataclass(frozen=True, kw_only=True)
class Check:
    """A mean over independent repetitions beside what it must be.

    Parameters
    ----------
    statistic : str
        What was looked at.
    expected, found, error : float
        What it must be, its mean, and the standard error of the mean.
    allowed : float
        How far the expectation itself may be off.
    """

    statistic: str
    expected: float
    found: float
    error: float
    allowed: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether the mean is within five standard errors, which are small enough to mean something."""
        near = abs(self.found - self.expected) <= _SIGMA * self.error + self.allowed
        return near and self.error <= 0.03 * abs(self.expected)

    @classmethod
    def of(cls, statistic: str, values: ArrayLike, expected: float, bias: float = 0.0) -> Check:
        """Summarise independent values; `bias` is a fraction of the expectation."""
        array = np.asarray(values, np.float64)
        return cls(
            statistic=statistic,
            expected=expected,
            found=float(array.mean()),
            error=float(array.std(ddof=1)) / math.sqrt(len(array)),
            allowed=bias * abs(expected),
        )


@dataclass(frozen=True, kw_only=True)
class Result:
    """One row on one number of threads."""

    name: str
    work: str
    threads: int
    job: Job
    timed: Timed
    checks: Sequence[Check]
    one_thread: float | None = None

    @property
    def rates(self) -> dict[str, float]:
        """Devices times samples, pulses and matrix-vector products per second; those that there are."""
        amounts = {"devices/s": self.job.devices, "pulses/s": self.job.pulses, "MVMs/s": self.job.vectors}
        return {name: amount / self.timed.seconds.median for name, amount in amounts.items() if amount > 0}

    @property
    def shares(self) -> dict[str, float]:
        """The part of the time that each resource or cost takes, and, of several threads, that is lost."""
        shares = self.timed.shares
        if self.one_thread is not None:
            shares[THREADS] = lost_to_threads(self.one_thread, self.timed.seconds.best, self.threads)
        return shares

    @property
    def verdict(self) -> str:
        """What limits the work, in a few words."""
        return verdict(self.shares)

    def to_dict(self) -> dict[str, Any]:
        """Return all as JSON values."""
        seconds = self.timed.seconds
        return {
            "name": self.name,
            "work": self.work,
            "threads": self.threads,
            "seconds": {
                "median": seconds.median,
                "low": seconds.low,
                "high": seconds.high,
                "best": seconds.best,
                "turns": seconds.turns,
            },
            "rates": self.rates,
            "shares": self.shares,
            "verdict": self.verdict,
            "checks": [
                {
                    "statistic": c.statistic,
                    "expected": c.expected,
                    "found": c.found,
                    "standard_error": c.error,
                }
                for c in self.checks
            ],
        }


@dataclass(frozen=True, kw_only=True)
class _Row:
    """A line of the table: how its result is checked, and the job of a number of threads."""

    work: str
    check: Callable[[int], list[Check]]
    job: Callable[[int], Job]


def _batch(inputs: int, outputs: int) -> tuple[Float32, Float32]:
    """Return inputs and errors of the updates."""
    rng = np.random.default_rng(11)
    x = rng.uniform(-1, 1, (BATCH, inputs)).astype(np.float32)
    return x, rng.normal(0, 0.3, (BATCH, outputs)).astype(np.float32)


def _weights(size: int, limit: float) -> Float32:
    return np.random.default_rng(5).uniform(-limit, limit, (size, size)).astype(np.float32)


def expected_move(
    tile: Tile, x: Float32, d: Float32, lr: float, rows: slice = slice(None)
) -> NDArray[np.float64]:
    """Return where an update takes the weights of a tile from 0, with mean numbers of pulses.

    Parameters
    ----------
    tile : Tile
        Its devices may differ in the size of their steps, not in their bounds.
    x, d : ndarray of float32, shapes (batch, in_features) and (batch, out_features)
        The batch.
    lr : float
        The learning rate.
    rows : slice
        Which rows of the weights.

    Returns
    -------
    ndarray of float64, shape (rows, in_features)
    """
    device = tile.config.device
    assert isinstance(device, PulsedDevice)
    nominal = Tile(1, 1, device=device.replace(dw_min_dtod=0.0, up_down_dtod=0.0), seed=_SEED)
    scale_up, scale_down = (
        tile.devices[name][rows] / float(nominal.devices[name][0, 0]) for name in ("dw_min_up", "dw_min_down")
    )
    w = np.zeros(scale_up.shape)
    for inputs, errors in zip(x, d[:, rows], strict=True):
        pulses = np.outer(errors * (-lr / tile.granularity), inputs)
        up, down = device.mean_step(w)
        move = np.where(pulses > 0, up * scale_up, -down * scale_down) * pulses
        w = np.clip(w + move, device.w_min, device.w_max)
    return w


def _check_update(device: PulsedDevice, lr: float, size: int) -> list[Check]:
    """Repeat an update from weights 0, and compare its pulses and its mean move with what they must be."""
    tile = Tile(size, size, device=device.replace(w_max_dtod=0.0, w_min_dtod=0.0), seed=_SEED)
    x, d = _batch(size, size)
    rows = slice(0, _ROWS)
    expected = expected_move(tile, x, d, lr, rows)
    norm = float((expected**2).sum())
    zeros = np.zeros((size, size), np.float32)
    moves, pulses = [], []
    for _ in range(_REPEATS):
        tile.set_weight(zeros)
        before = tile.pulses.total
        tile.update(x, d, lr)
        pulses.append(float(tile.pulses.total - before))
        moves.append(float((tile.weight[rows] * expected).sum()) / norm)
    product = np.abs(d).sum(axis=1, dtype=np.float64) @ np.abs(x).sum(axis=1, dtype=np.float64)
    return [
        Check.of("pulses of an update", pulses, lr / tile.granularity * float(product)),
        Check.of("share of the expected move", moves, 1.0, _BIAS),
    ]


def _update(work: str, device: PulsedDevice, lr: float) -> _Row:
    def job(threads: int) -> Job:
        tile = Tile(SIZE, SIZE, device=device, seed=_SEED)
        return update_job(tile, *_batch(SIZE, SIZE), lr, _weights(SIZE, 0.3), threads=threads)

    return _Row(work=work, check=lambda size: _check_update(device, lr, size), job=job)


def _read(work: str, *, backward: bool) -> _Row:
    def tile(size: int) -> tuple[Tile, Float32]:
        result = Tile(size, size, seed=_SEED)
        # As a fresh layer: no output reaches the bound of the ADC, and no vector is read twice.
        result.set_weight(_weights(size, size**-0.5))
        return result, _batch(size, size)[0]

    def check(size: int) -> list[Check]:
        read, x = tile(size)
        w = read.weight.astype(np.float64)
        exact = x @ (w if backward else w.T)
        norm = float((exact**2).sum())
        values = [
            float(((read.backward if backward else read.forward)(x) * exact).sum()) / norm
            for _ in range(_REPEATS)
        ]
        # The DAC rounds the same inputs the same way in every read.
        return [Check.of("share of the exact product", values, 1.0, 0.002)]

    def job(threads: int) -> Job:
        return read_job(*tile(SIZE), backward=backward, threads=threads)

    return _Row(work=work, check=check, job=job)


def _build(work: str) -> _Row:
    device = ConstantStep()

    def check(size: int) -> list[Check]:
        arrays = Tile(size, size, device=device, seed=_SEED).devices
        deviation = np.abs(arrays["w_max"].astype(np.float64) - device.w_max)
        normal = device.w_max * device.w_max_dtod * math.sqrt(2 / math.pi)
        # The asymmetry shifts steps up and down by opposite amounts, and changes no mean.
        return [
            Check.of("mean dw_min_up", arrays["dw_min_up"].ravel(), device.dw_min, 1e-3),
            Check.of("mean w_max", arrays["w_max"].ravel(), device.w_max, 1e-3),
            Check.of("mean deviation of w_max", deviation.ravel(), normal, 1e-2),
        ]

    def job(threads: int) -> Job:
        return build_job(lambda: Tile(SIZE, SIZE, device=device, seed=_SEED), threads=threads)

    return _Row(work=work, check=check, job=job)


_ROWS_BY_NAME = {
    "update-constant": _update("dense update, ConstantStep", ConstantStep(), 0.01),
    "update-soft-bounds": _update("dense update, SoftBounds", SoftBounds(), 0.01),
    "update-reram": _update("dense update, reram_es", presets.reram_es(), 0.01),
    "update-sparse": _update("sparse update, ConstantStep", ConstantStep(), 1e-4),
    "forward": _read("forward read", backward=False),
    "backward": _read("backward read", backward=True),
    "build": _build("building a tile"),
}
NAMES = tuple(_ROWS_BY_NAME)


def check(name: str, size: int = SIZE) -> list[Check]:
    """Compare the results of a row with theory, on a tile of `size` x `size` devices."""
    return _ROWS_BY_NAME[_validate.choice("name", name, NAMES)].check(size)


def run(settings: Settings) -> Iterator[Result]:
    """Check and time every row, on one thread and on ``settings.threads``, and yield each when it is done.

    Parameters
    ----------
    settings : Settings
        What to run.

    Yields
    ------
    Result

    Raises
    ------
    MhoRuntimeError
        If a result is not what it must be; its row is not timed.
    """
    before = get_num_threads()
    turns = 3 if settings.quick else 7
    try:
        for name in settings.names:
            row = _ROWS_BY_NAME[name]
            set_num_threads(settings.threads)
            checks = check(name, _QUICK_SIZE if settings.quick else SIZE)
            for done in checks:
                if not done.passed:
                    raise MhoRuntimeError(
                        f"{row.work}: the result is wrong, so it is not timed: {done.statistic} must be "
                        f"{done.expected:.6g}, got {done.found:.6g} +- {done.error:.2g}"
                    )
            one_thread = None
            for threads in sorted({1, settings.threads}):
                set_num_threads(threads)
                job = row.job(threads)
                contenders = 1 + len(job.without) + len(job.needs)
                schedule = Schedule(turns, settings.seconds / (turns * contenders), "wall")
                timed = time_jobs({name: job}, schedule)[name]
                yield Result(
                    name=name,
                    work=row.work,
                    threads=threads,
                    job=job,
                    timed=timed,
                    checks=checks,
                    one_thread=one_thread,
                )
                one_thread = timed.seconds.best
    finally:
        set_num_threads(before)
