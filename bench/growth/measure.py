"""The measurements: updates and reads over the size of the tile, the pulses and the batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

import mho
from mho.benchmark.job import GAUSSIANS, PRODUCT, Float32, Job, read_job, time_jobs, update_job
from mho.benchmark.limits import MEMORY, Timed, verdict
from mho.benchmark.machine import Probe, gaussian_probe, memory_probe, product_probe
from mho.benchmark.timing import Contender, Schedule
from problems import Problem, check_read, check_update, read_problem

DEVICES: dict[str, mho.devices.PulsedDevice] = {
    "ConstantStep": mho.devices.ConstantStep(),
    "SoftBounds": mho.devices.SoftBounds(),
    "reram_es": mho.presets.reram_es(),
}
# A read sees the weights alone, so one device tells of all.
READ_DEVICE = "ConstantStep"
# With trains of up to 64 slots no probability is cut off at ten pulses in the mean and forty at most.
UPDATE = mho.Update(bl=64)
# Pulses per device and sample where they are not what is varied: as early in a training.
DENSE = 1.15
# All tiles of a size, their weights before, and copies of weights to compare; bytes per device.
_BYTES_PER_DEVICE = 110
_MOST_OF_MEMORY = 0.8
# Calls with more devices times samples than this take seconds, and get fewer turns.
_LONG = 1 << 29
_CHECKED_DEVICES = 1 << 24
_CHECKED_OUTPUTS = 512
# Below so many pulses per device and sample, it takes more updates to know their mean, and how many.
_FEW = 0.1


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One place on one axis."""

    axis: str
    size: int
    pulses: float
    batch: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which places are measured, and how long."""

    sizes: tuple[int, ...]
    pulses: tuple[float, ...]
    batches: tuple[int, ...]
    reference_size: int
    reference_batch: int
    schedule: Schedule
    threads: int = 1

    def settings(self) -> Iterator[Setting]:
        """Yield all places, axis by axis."""
        for size in self.sizes:
            yield Setting(axis="size", size=size, pulses=DENSE, batch=self.reference_batch)
        for pulses in self.pulses:
            yield Setting(axis="pulses", size=self.reference_size, pulses=pulses, batch=self.reference_batch)
        for batch in self.batches:
            yield Setting(axis="batch", size=self.reference_size, pulses=DENSE, batch=batch)


@dataclass(frozen=True, kw_only=True)
class Point:
    """One measured time; all times are nanoseconds per device and sample.

    `limits` are the least times of what the machine must deliver; `pulses` were counted.
    """

    axis: str
    work: str
    device: str
    size: int
    batch: int
    pulses: float
    median: float
    low: float
    high: float
    limits: dict[str, float] = field(default_factory=dict)

    @property
    def value(self) -> float:
        """Where on its axis."""
        return float({"size": self.size, "pulses": self.pulses, "batch": self.batch}[self.axis])

    @property
    def limit(self) -> str:
        """The resource that allows no less."""
        return max(self.limits, key=self.limits.__getitem__)

    @property
    def ratio(self) -> float:
        """How many times longer than the machine must take."""
        return self.median / self.limits[self.limit]

    def to_dict(self) -> dict[str, Any]:
        """Return all as JSON values."""
        return asdict(self)


class Probes:
    """What the machine can do, each probe made once, so that what is measured together shares it."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._made: dict[tuple[str, int], Probe] = {}

    def __call__(self, name: str, size: float) -> Probe:
        """Return the probe of a resource; `size` is a footprint in bytes."""
        # Steps of a quarter: the tiles of one size are measured with the same arrays.
        step = round(4 * np.log2(max(size, 1.0))) if name == MEMORY else 0
        if (name, step) not in self._made:
            make: dict[str, Callable[[], Probe]] = {
                MEMORY: lambda: memory_probe(2 ** (step / 4), self._threads),
                GAUSSIANS: gaussian_probe,
                PRODUCT: product_probe,
            }
            self._made[name, step] = make[name]()
        return self._made[name, step]


def missing_memory(size: int, available: int | None) -> str | None:
    """Return why tiles of a size are left out, or None where they fit."""
    needed = size * size * _BYTES_PER_DEVICE
    if available is None or needed <= _MOST_OF_MEMORY * available:
        return None
    return (
        f"size {size} needs about {needed / 2**30:.1f} GiB, of which {_MOST_OF_MEMORY:.0%} of the "
        f"{available / 2**30:.1f} GiB that are free may be taken"
    )


def _start(size: int) -> Float32:
    return np.random.default_rng(5).uniform(-0.3, 0.3, (size, size)).astype(np.float32)


def checked_samples(setting: Setting) -> int:
    """Return how many samples a check takes: enough pulses to tell, too few to reach the bounds."""
    by_work = max(1, _CHECKED_DEVICES // setting.size**2)
    by_pulses = max(1, round(40 / setting.pulses))
    wanted = 64 if setting.pulses < _FEW else by_work
    return min(setting.batch, wanted, by_pulses)


def _update(
    setting: Setting, device: mho.devices.PulsedDevice, start: Float32, probes: Probes | None, threads: int
) -> tuple[mho.Tile, Job]:
    """Return a tile and its update, checked."""
    tile = mho.Tile(setting.size, setting.size, device=device, update=UPDATE, seed=1)
    problem = Problem.of(setting.size, setting.pulses, tile.granularity, setting.batch)
    weights = "persistent_weight" if "persistent_weight" in tile.devices else "weight"
    repeats = 150 if setting.pulses < _FEW / 10 else 60 if setting.pulses < _FEW else 12
    check_update(tile, problem.first(checked_samples(setting)), weights, repeats=repeats)
    job = update_job(
        tile, problem.x, problem.d, problem.lr, start, threads=threads, explain=probes is None, probes=probes
    )
    return tile, job


def _read(setting: Setting, tile: mho.Tile, probes: Probes, *, explain: bool, threads: int) -> Job:
    """Return a read of a tile, checked."""
    x, w = read_problem(setting.size, setting.batch)
    tile.set_weight(w)
    w = tile.weight
    some = slice(0, _CHECKED_OUTPUTS)
    check_read(tile.forward(x)[:, some], x, w[some], tile.config.forward_io)
    return read_job(tile, x, probes=probes, explain=explain, threads=threads)


def _product(setting: Setting) -> Job:
    """Return numpy's product of the same shape."""
    x, w = read_problem(setting.size, setting.batch)
    return Job(work=Contender(lambda: x @ w.T), devices=float(setting.size**2 * setting.batch))


def _time(jobs: dict[str, Job], schedule: Schedule) -> dict[str, Timed]:
    if max(job.devices for job in jobs.values()) > _LONG:
        schedule = replace(schedule, turns=min(schedule.turns, 3))
    return time_jobs(jobs, schedule)


def _point(setting: Setting, work: str, device: str, job: Job, timed: Timed) -> Point:
    unit = 1e9 / job.devices
    seconds = timed.seconds * unit
    return Point(
        axis=setting.axis,
        work=work,
        device=device,
        size=setting.size,
        batch=setting.batch,
        pulses=job.pulses / job.devices,
        median=seconds.median,
        low=seconds.low,
        high=seconds.high,
        limits={name: value * unit for name, value in timed.resources.items()},
    )


def measure(setting: Setting, plan: Plan, probes: Probes) -> list[Point]:
    """Check and time the updates of all devices in turns, and where it matters a read and numpy's product.

    Raises
    ------
    AssertionError
        A result is not what it must be.
    """
    start = _start(setting.size)
    updates = {
        name: _update(setting, device, start, probes, plan.threads) for name, device in DEVICES.items()
    }
    jobs = {name: job for name, (_, job) in updates.items()}
    timed = _time(jobs, plan.schedule)
    points = [_point(setting, "update", name, jobs[name], timed[name]) for name in jobs]
    if setting.axis == "pulses":
        return points
    tile = updates[READ_DEVICE][0]
    reads = {
        "forward": _read(setting, tile, probes, explain=False, threads=plan.threads),
        "product": _product(setting),
    }
    timed = _time(reads, plan.schedule)
    return points + [_point(setting, name, READ_DEVICE, reads[name], timed[name]) for name in reads]


def worst(points: list[Point], work: str) -> Point:
    """Return the point that is farthest from what the machine must take."""
    return max((point for point in points if point.work == work), key=lambda point: point.ratio)


def explain(point: Point, plan: Plan, probes: Probes) -> dict[str, Any]:
    """Measure a point again, with all that explains it: shares of its time, and the verdict of their rule."""
    asked = min(plan.pulses, key=lambda p: abs(p - point.pulses)) if point.axis == "pulses" else DENSE
    setting = Setting(axis=point.axis, size=point.size, pulses=asked, batch=point.batch)
    if point.work == "update":
        _, job = _update(setting, DEVICES[point.device], _start(point.size), None, plan.threads)
    else:
        tile = mho.Tile(point.size, point.size, device=DEVICES[point.device], seed=1)
        job = _read(setting, tile, probes, explain=True, threads=plan.threads)
    shares = _time({"it": job}, plan.schedule)["it"].shares
    return {"point": point.to_dict(), "shares": shares, "verdict": verdict(shares)}
