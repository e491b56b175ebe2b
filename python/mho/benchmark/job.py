"""Work to be timed, with what it needs of the machine: updates, reads and the building of a tile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mho.benchmark.limits import MEMORY, Timed
from mho.benchmark.machine import (
    Probe,
    gaussian_probe,
    memory_probe,
    page_faults,
    page_probe,
)
from mho.benchmark.timing import Contender, Schedule, Spread
from mho.devices import PulsedDevice
from mho.periphery import IO
from mho.tile import Tile

__all__ = [
    "FINE",
    "GAUSSIANS",
    "LINES",
    "ONE_AT_A_TIME",
    "PRODUCT",
    "Job",
    "Need",
    "build_job",
    "count_moved",
    "finer",
    "read_job",
    "time_jobs",
    "update_job",
]

Float32 = NDArray[np.float32]

GAUSSIANS = "gaussian numbers"
LINES = "pulse trains and the call"
ONE_AT_A_TIME = "pulses one at a time"
PRODUCT = "GEMM arithmetic"
CALL = "the call itself"
PAGES = "new pages of memory"
PERIPHERY = "converters and noise"

# Outputs of an input whose devices lie in a cache line, and those that share a call of the generator
# (docs/determinism.md).
_LINE, _TOGETHER = 16, 4
# Samples of an update by themselves, to see how many devices a sample moves.
_LOOKED_AT = 4
# So much smaller are the steps of devices that never come near a bound.
FINE = 1e-3


@dataclass(frozen=True, kw_only=True)
class Need:
    """How much of a resource one call of a job takes at least, and the probe that tells how long it takes."""

    probe: Probe
    amount: float

    def seconds(self, probed: float) -> float:
        """Return the seconds of the needed amount, where one call of the probe takes `probed` seconds."""
        return self.amount / self.probe.amount * probed


@dataclass(frozen=True, kw_only=True)
class Job:
    """A piece of work, what one call of it does and needs, and the same work without one of its costs.

    Parameters
    ----------
    work : Contender
        The work.
    devices, pulses, vectors : float
        Devices times samples (devices, when a tile is built), pulses, and vectors read, per call.
    needs : mapping of str to Need
        By the name of the resource.
    without : mapping of str to Contender
        By the name of the cost.
    """

    work: Contender
    devices: float
    pulses: float = 0.0
    vectors: float = 0.0
    needs: Mapping[str, Need] = field(default_factory=dict)
    without: Mapping[str, Contender] = field(default_factory=dict)


def time_jobs(jobs: Mapping[str, Job], schedule: Schedule) -> dict[str, Timed]:
    """Time jobs and all that explains them in turns.

    Parameters
    ----------
    jobs : mapping of str to Job
        By any name. A probe that several share is timed once.
    schedule : Schedule
        How long.

    Returns
    -------
    dict of str to Timed
    """
    contenders: list[Contender] = []
    for job in jobs.values():
        contenders += [
            job.work,
            *job.without.values(),
            *(need.probe.contender for need in job.needs.values()),
        ]
    by_identity = {str(id(contender)): contender for contender in contenders}
    spent = schedule.alternate(by_identity)

    def seconds(contender: Contender) -> Spread:
        return spent[str(id(contender))]

    return {
        name: Timed(
            seconds=seconds(job.work),
            resources={
                resource: need.seconds(seconds(need.probe.contender).best)
                for resource, need in job.needs.items()
            },
            costs={
                cost: max(0.0, seconds(job.work).best - seconds(other).best)
                for cost, other in job.without.items()
            },
        )
        for name, job in jobs.items()
    }


@dataclass(frozen=True, kw_only=True)
class Moved:
    """What an update does to the devices of a tile: counted, not computed.

    Parameters
    ----------
    pulses : float
        Pulses of the update.
    gaussians : float
        Normal numbers that the devices which a sample moves need, over all samples. The numbers of four
        neighbouring rows come from one call of the generator, so if one of the four moves, four are counted.
    bytes : float
        Of the cache lines, of all arrays, whose devices the update moves: read once, and the weights written.
    """

    pulses: float
    gaussians: float
    bytes: float


def count_moved(tile: Tile, x: Float32, d: Float32, lr: float, start: Float32) -> Moved:
    """Update a tile from the weights `start`, and look which devices have moved."""
    names = tile.devices.keys()
    weights = "persistent_weight" if "persistent_weight" in names else "weight"

    def moved(x: Float32, d: Float32) -> NDArray[np.bool_]:
        tile.set_weight(start)
        before = tile.devices[weights]
        tile.update(x, d, lr)
        return np.asarray(tile.devices[weights] != before)

    def groups(array: NDArray[np.bool_], size: int, axis: int) -> int:
        """Count the groups of `size` neighbours with a device that has moved."""
        starts = np.arange(0, array.shape[axis], size)
        return int(np.count_nonzero(np.logical_or.reduceat(array, starts, axis)))

    pulses = tile.pulses.total
    lines = groups(moved(x, d), _LINE, 0)
    pulses = tile.pulses.total - pulses
    chosen = np.unique(np.linspace(0, len(x) - 1, _LOOKED_AT).round().astype(int))
    together = [groups(moved(x[k : k + 1], d[k : k + 1]), _TOGETHER, 0) for k in chosen]
    written = 1 if weights == "weight" else 2
    gaussians = 0.0 if tile.granularity == 0 else float(np.mean(together)) * _TOGETHER * len(x)
    return Moved(
        pulses=float(pulses), gaussians=gaussians, bytes=4.0 * _LINE * lines * (len(names) + written)
    )


def finer(device: PulsedDevice) -> PulsedDevice:
    """Return a device with the same pulses, none of which comes near a bound or bends."""
    granularity = None if device.granularity is None else device.granularity * FINE
    same = PulsedDevice.from_dict(device.engine_dict())  # in terms of dw_min
    return same.replace(dw_min=device.dw_min * FINE, granularity=granularity)


def update_job(
    tile: Tile,
    x: Float32,
    d: Float32,
    lr: float,
    start: Float32,
    *,
    threads: int = 1,
    explain: bool = True,
    probes: Callable[[str, float], Probe] | None = None,
) -> Job:
    """Return the update of a tile, each time from the same weights.

    Parameters
    ----------
    tile : Tile
        The tile.
    x, d : ndarray of float32
        The batch.
    lr : float
        The learning rate.
    start : ndarray of float32
        The weights before.
    threads : int
        How many threads the tile uses.
    explain : bool
        Whether to build further tiles that tell what pulse trains cost, and pulses taken one at a time.
    probes : callable, optional
        Returns the probe of a resource, `MEMORY` with a footprint in bytes or `GAUSSIANS`; for callers that
        share probes between jobs.

    Returns
    -------
    Job
    """
    probe = probes or _new_probe(threads)
    moved = count_moved(tile, x, d, lr, start)
    needs = {MEMORY: Need(probe=probe(MEMORY, tile.memory_bytes), amount=moved.bytes)}
    without = {}
    device = tile.config.device
    if isinstance(device, PulsedDevice):
        # Every thread draws its own: n threads, n times as many.
        needs[GAUSSIANS] = Need(probe=probe(GAUSSIANS, 0.0), amount=moved.gaussians / threads)
    if explain and isinstance(device, PulsedDevice):
        needs[LINES] = Need(probe=_lines_probe(tile, x, d, lr), amount=1.0)
        fine = Tile(
            tile.in_features, tile.out_features, config=tile.config.replace(device=finer(device)), seed=1
        )
        without[ONE_AT_A_TIME] = Contender(
            lambda: fine.update(x, d, lr * FINE), lambda: fine.set_weight(start)
        )
    return Job(
        work=Contender(lambda: tile.update(x, d, lr), lambda: tile.set_weight(start)),
        devices=float(tile.in_features * tile.out_features * len(x)),
        pulses=moved.pulses,
        needs=needs,
        without=without,
    )


def _new_probe(threads: int) -> Callable[[str, float], Probe]:
    return lambda name, size: memory_probe(size, threads) if name == MEMORY else gaussian_probe()


def _lines_probe(tile: Tile, x: Float32, d: Float32, lr: float) -> Probe:
    """Return the update of a tile that has all the lines of another and hardly a device.

    Its outputs are the inputs and outputs of the other; its only input has the largest input of each sample,
    so that the trains are as long.
    """
    largest = np.abs(x).max(axis=1, keepdims=True)
    lines = np.concatenate([d, x * (np.abs(d).max() / max(float(largest.max()), 1e-30))], axis=1)
    narrow = Tile(1, lines.shape[1], config=tile.config, seed=1)
    return Probe(contender=Contender(lambda: narrow.update(largest, lines, lr)), amount=1.0, unit="calls")


def read_job(
    tile: Tile,
    x: Float32,
    *,
    backward: bool = False,
    threads: int = 1,
    explain: bool = True,
    probes: Callable[[str, float], Probe] | None = None,
) -> Job:
    """Return a read of a tile.

    Parameters
    ----------
    tile : Tile
        The tile, with weights.
    x : ndarray of float32
        The vectors.
    backward : bool
        Whether the read is backward.
    threads : int
        How many threads the tile uses.
    explain : bool
        Whether to build further tiles that tell what converters and noise cost, and the call itself.
    probes : callable, optional
        As for `update_job`; it is asked for `PRODUCT` as well. Without it, the arithmetic is measured by the
        same read with a perfect periphery, that is by the engine's own product.

    Returns
    -------
    Job
    """

    def reader(of: Tile) -> Callable[[Float32], Float32]:
        return of.backward if backward else of.forward

    probe = probes or _new_probe(threads)
    size = tile.in_features * tile.out_features
    outputs = len(x) * (tile.in_features if backward else tile.out_features)
    io = tile.config.backward_io if backward else tile.config.forward_io
    needs = {
        MEMORY: Need(probe=probe(MEMORY, 4.0 * size), amount=4.0 * (size + x.size + outputs)),
        GAUSSIANS: Need(probe=probe(GAUSSIANS, 0.0), amount=outputs / threads if io.out_noise > 0 else 0.0),
    }
    without = {}
    perfect = tile.config.replace(forward_io=IO.perfect(), backward_io=IO.perfect())
    if explain or probes is None:
        bare = Tile(tile.in_features, tile.out_features, config=perfect, seed=1)
        bare.set_weight(tile.weight)
        product = Contender(lambda: reader(bare)(x))
        without[PERIPHERY] = product
    if probes is None:
        needs[PRODUCT] = Need(probe=Probe(contender=product, amount=1.0, unit="calls"), amount=1.0)
    else:
        needs[PRODUCT] = Need(probe=probes(PRODUCT, 0.0), amount=2.0 * size * len(x))
    if explain:
        point = Tile(1, 1, config=tile.config, seed=1)
        one = np.ascontiguousarray(x[:, :1])
        call = Contender(lambda: reader(point)(one))
        needs[CALL] = Need(probe=Probe(contender=call, amount=1.0, unit="calls"), amount=1.0)
    return Job(
        work=Contender(lambda: reader(tile)(x)),
        devices=float(size * len(x)),
        vectors=float(len(x)),
        needs=needs,
        without=without,
    )


def build_job(build: Callable[[], Tile], *, threads: int = 1) -> Job:
    """Return the building of a tile, whose devices draw their parameters.

    Parameters
    ----------
    build : callable
        Builds it.
    threads : int
        How many threads it uses.

    Returns
    -------
    Job
    """
    tile = build()
    size = tile.in_features * tile.out_features
    device: Any = tile.config.device
    spreads = [name for name in device.to_dict() if name.endswith("_dtod") and getattr(device, name) > 0]
    probe = _new_probe(threads)
    for _ in range(3):
        # Freed and taken again, as in the timed turns: what the C library keeps is not taken from the system.
        tile = build()
    before = page_faults()
    tile = build()
    faults = page_faults() - before
    return Job(
        work=Contender(build),
        devices=float(size),
        needs={
            MEMORY: Need(probe=probe(MEMORY, tile.memory_bytes), amount=float(tile.memory_bytes)),
            GAUSSIANS: Need(probe=probe(GAUSSIANS, 0.0), amount=float(size * len(spreads)) / threads),
            PAGES: Need(probe=page_probe(), amount=float(faults)),
        },
    )
