"""What the machine itself can do: processor, memory, and how fast numbers are moved, drawn and summed.

Each probe is work to be timed beside the work that it explains, in the same turns, so that whatever else the
machine does meets both.
"""

from __future__ import annotations

import mmap
import platform
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from mho import _core
from mho.benchmark.timing import Contender

__all__ = [
    "Probe",
    "available_memory",
    "cpu_model",
    "gaussian_probe",
    "memory_probe",
    "page_faults",
    "page_probe",
    "product_probe",
]

# Smaller arrays would measure how fast numpy is called, by one thread or by several that wait for the
# interpreter's lock; larger ones would show nothing more.
_SMALLEST, _SMALLEST_OF_SEVERAL, _LARGEST = 1 << 18, 1 << 23, 1 << 28
# Work of one call of a memory probe; arrays that are smaller are gone through several times.
_BYTES_PER_CALL = 1 << 25
# So many gaussians stay in the first caches.
_GAUSSIANS = 1 << 14
_PAGES = 256
# Samples, inputs and outputs of the product of matrices.
_PRODUCT = (256, 1024, 1024)


@dataclass(frozen=True, kw_only=True)
class Probe:
    """Work that keeps one resource busy, and how much of that resource one call of it takes.

    Parameters
    ----------
    contender : Contender
        The work.
    amount : float
        Bytes, numbers or operations per call.
    unit : str
        What `amount` counts, such as ``B`` or ``gaussians``.
    """

    contender: Contender
    amount: float
    unit: str


def cpu_model() -> str:
    """Return the name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def available_memory() -> int | None:
    """Return the bytes that this process may still take, or None where the system does not tell.

    That is what the system has left, or what the control group allows, whichever is less.
    """
    limits = []
    try:
        facts = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        limits.append(1024 * int(facts["MemAvailable"].split()[0]))
    except (OSError, ValueError, KeyError):
        pass
    try:
        group = Path("/sys/fs/cgroup")
        allowed = (group / "memory.max").read_text().strip()
        if allowed != "max":
            limits.append(int(allowed) - int((group / "memory.current").read_text()))
    except (OSError, ValueError):
        pass
    return min(limits) if limits else None


@lru_cache(maxsize=8)
def _workers(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads)


def _in_parallel(threads: int, works: list[Contender]) -> Contender:
    """Do one of the works on each thread; numpy lets go of the interpreter's lock in its loops."""
    if threads == 1:
        return works[0]
    pool = _workers(threads)

    def work() -> None:
        for done in [pool.submit(contender.work) for contender in works]:
            done.result()

    return Contender(work)


def memory_probe(footprint: float, threads: int = 1) -> Probe:
    """Go through arrays of altogether `footprint` bytes as an update does: read two, write one.

    The arrays are gone through again and again, so that those that fit into a cache are measured there.

    Parameters
    ----------
    footprint : float
        Bytes; from 256 KiB (8 MiB with several threads) to 256 MiB, beyond which the nearer one is taken.
    threads : int
        Each takes a part of the arrays.

    Returns
    -------
    Probe
        `amount` in bytes that are read or written.
    """
    size = int(min(max(footprint, _SMALLEST if threads == 1 else _SMALLEST_OF_SEVERAL), _LARGEST))
    elements = max(size // (2 * 4 * threads), 1)
    passes = max(1, _BYTES_PER_CALL // (12 * elements * threads))

    def part() -> Contender:
        # Each thread's arrays are of its own, as in the engine.
        a, b = np.ones(elements, np.float32), np.zeros(elements, np.float32)

        def work() -> None:
            for _ in range(passes):
                np.add(a, b, out=a)

        return Contender(work)

    return Probe(
        contender=_in_parallel(threads, [part() for _ in range(threads)]),
        amount=12.0 * elements * threads * passes,
        unit="B",
    )


def page_faults() -> int:
    """Return how many pages of memory this process was given so far; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def page_probe() -> Probe:
    """Take pages of memory from the system, and write to each.

    Returns
    -------
    Probe
        `amount` in pages.
    """

    def work() -> None:
        with mmap.mmap(-1, _PAGES * mmap.PAGESIZE) as pages:
            array = np.frombuffer(pages, np.uint8)
            array[:: mmap.PAGESIZE] = 1
            del array  # a map that is still seen cannot be closed

    before = page_faults()
    work()
    # Where the system gives larger pages, these are fewer.
    return Probe(contender=Contender(work), amount=float(max(page_faults() - before, 1)), unit="pages")


def gaussian_probe() -> Probe:
    """Draw normal numbers as the engine does, on one thread.

    Returns
    -------
    Probe
        `amount` in numbers. Drawing shares nothing between threads: n of them draw n times as many.
    """
    return Probe(
        contender=Contender(lambda: _core.random_gaussian(1, 0x0013, 0, _GAUSSIANS)),
        amount=float(_GAUSSIANS),
        unit="gaussians",
    )


def product_probe() -> Probe:
    """Multiply two matrices with numpy, on as many threads as its library has been given.

    Returns
    -------
    Probe
        `amount` in floating-point operations, two for each product.
    """
    batch, inputs, outputs = _PRODUCT
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (batch, inputs)).astype(np.float32)
    w = rng.uniform(-1, 1, (outputs, inputs)).astype(np.float32)
    return Probe(contender=Contender(lambda: x @ w.T), amount=2.0 * batch * inputs * outputs, unit="flop")
