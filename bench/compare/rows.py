"""The rows of the comparison: what is done, that both do the same, how long it takes, what is asked."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

import mho
from compare.checks import Comparison, distributions, repeated
from compare.gemm import bare_gemm
from compare.mnist import CONFIG as MNIST_CONFIG
from compare.mnist import LEARNING_RATE, AihwkitTraining, MhoTraining
from compare.peers import (
    DEVICE_ARRAYS,
    Float32,
    Pair,
    aihwkit_tile,
    device_parameters,
    set_threads,
    thread_environment,
)
from mho.benchmark.timing import Contender, Schedule, Spread

# Devices on one side of the tiles that are only checked, not timed.
_CHECKED = 256
_BATCH = 64
_MNIST = 60_000


class Mismatch(Exception):
    """The simulators do not do the same, so their times must not be compared."""


@dataclass(frozen=True)
class Asked:
    """What the row is to show: `ratio` at least (or at most) so much, or `mho` at most so much."""

    what: Literal["ratio", "mho"]
    relation: Literal[">=", "<="]
    value: float

    def met(self, row: Row) -> bool:
        """Whether the row shows it."""
        found = row.ratio if self.what == "ratio" else row.mho.median
        return found >= self.value if self.relation == ">=" else found <= self.value


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    key: str
    work: str
    threads: int
    unit: str
    incumbent: Spread
    mho: Spread
    asked: Asked | None = None
    other: str = "aihwkit"
    higher_is_better: bool = False
    checks: list[Comparison] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """How many times better mho is; against anything else than aihwkit, its own cost in the other's."""
        if self.higher_is_better or self.other != "aihwkit":
            return self.mho.median / self.incumbent.median
        return self.incumbent.median / self.mho.median

    def to_dict(self) -> dict[str, Any]:
        """Return all as JSON values."""
        asked = None if self.asked is None else {**asdict(self.asked), "met": self.asked.met(self)}
        return {
            "key": self.key,
            "work": self.work,
            "threads": self.threads,
            "unit": self.unit,
            "other": self.other,
            "incumbent": asdict(self.incumbent),
            "mho": asdict(self.mho),
            "ratio": self.ratio,
            "asked": asked,
            "checks": [c.to_dict() for c in self.checks],
            "details": self.details,
        }


@dataclass(frozen=True)
class Run:
    """What every row is given."""

    threads: int
    schedule: Schedule
    repeats: int
    full: bool
    data_dir: Path | None


Rows = Callable[[Run], list[Row]]


def _require(work: str, checks: list[Comparison]) -> list[Comparison]:
    failed = [str(check) for check in checks if not check.passed]
    if failed:
        raise Mismatch(f"{work}: aihwkit and mho do not do the same.\n  " + "\n  ".join(failed))
    return checks


def _fresh(shape: tuple[int, ...], low: float, high: float, seed: int) -> Float32:
    return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32)


# -- updates


def _gradients(batch: int, in_features: int, out_features: int) -> tuple[Float32, Float32]:
    random = np.random.default_rng(11)
    x = random.uniform(-1, 1, (batch, in_features)).astype(np.float32)
    return x, random.normal(0, 0.3, (batch, out_features)).astype(np.float32)


def _check_update(
    work: str, config: mho.TileConfig, x: Float32, d: Float32, lr: float, repeats: int
) -> list[Comparison]:
    """Repeat one update from the same weights of the same devices, and compare how the weights move."""
    import torch

    shape = (d.shape[1], x.shape[1])
    pair = Pair(shape[1], shape[0], config)
    weight = _fresh(shape, -0.3, 0.3, 5)
    weight = np.clip(weight, pair.mho.devices["w_min"], pair.mho.devices["w_max"])
    x_tensor, d_tensor, w_tensor = torch.from_numpy(x), torch.from_numpy(d), torch.from_numpy(weight)

    def incumbent() -> Any:
        tile = pair.another_aihwkit()
        tile.set_learning_rate(lr)
        tile.set_weights(w_tensor)
        tile.update(x_tensor, d_tensor, False)
        return tile.get_weights().numpy().astype(np.float64) - weight

    def ours() -> Any:
        pair.mho.set_weight(weight)
        pair.mho.update(x, d, lr)
        return pair.mho.weight.astype(np.float64) - weight

    expected = -lr * (d.T.astype(np.float64) @ x)
    return _require(work, repeated(incumbent, ours, expected, repeats))


def _updates(pair: Pair, x: Float32, d: Float32, lr: float) -> tuple[Contender, Contender]:
    """Return the same update of both, each call from the same weights."""
    import torch

    weight = _fresh((d.shape[1], x.shape[1]), -0.3, 0.3, 5)
    tensors = torch.from_numpy(x), torch.from_numpy(d), torch.from_numpy(weight)
    pair.aihwkit.set_learning_rate(lr)
    return (
        Contender(
            lambda: pair.aihwkit.update(tensors[0], tensors[1], False),
            lambda: pair.aihwkit.set_weights(tensors[2]),
        ),
        Contender(lambda: pair.mho.update(x, d, lr), lambda: pair.mho.set_weight(weight)),
    )


def _update_row(key: str, work: str, device: mho.devices.Device, lr: float, asked: dict[int, float]) -> Rows:
    def rows(run: Run) -> list[Row]:
        config = mho.TileConfig(device=device)
        checks = _check_update(work, config, *_gradients(_BATCH, _CHECKED, _CHECKED), lr, run.repeats)
        size = 1024
        x, d = _gradients(_BATCH, size, size)
        pair = Pair(size, size, config)
        incumbent, ours = _updates(pair, x, d, lr)
        before = pair.mho.pulses.total
        pair.mho.update(x, d, lr)
        pulses = (pair.mho.pulses.total - before) / (size * size * _BATCH)
        spent = run.schedule.alternate({"incumbent": incumbent, "mho": ours})
        unit = 1e9 / (size * size * _BATCH)
        return [
            Row(
                key,
                work,
                run.threads,
                "ns per device and sample",
                spent["incumbent"] * unit,
                spent["mho"] * unit,
                Asked("ratio", ">=", asked[run.threads]) if run.threads in asked else None,
                checks=checks,
                details={"pulses per device and sample": pulses},
            )
        ]

    return rows


def _scaling(run: Run) -> list[Row]:
    """One thread against two, in turns."""
    size = 1024
    x, d = _gradients(_BATCH, size, size)
    contenders = _updates(Pair(size, size, mho.TileConfig()), x, d, 0.01)

    def on(threads: int, contender: Contender) -> Contender:
        def prepare() -> None:
            set_threads(threads)
            if contender.prepare is not None:
                contender.prepare()

        return Contender(contender.work, prepare)

    spent = run.schedule.alternate(
        {f"{name}{n}": on(n, c) for name, c in zip("am", contenders, strict=True) for n in (1, 2)}
    )
    set_threads(run.threads)

    def gain(name: str) -> Spread:
        one, two = spent[name + "1"], spent[name + "2"]
        return Spread(
            one.median / two.median, one.low / two.high, one.high / two.low, one.best / two.best, one.turns
        )

    return [
        Row(
            "scaling",
            "from one thread to two, dense update, ConstantStep",
            2,
            "times faster",
            gain("a"),
            gain("m"),
            Asked("mho", ">=", 1.8),
            higher_is_better=True,
        )
    ]


# -- training


# What the rules' fast arrays are made of, but for the reference, which moves with no pulse.
_FAST_DEVICE = mho.devices.SoftBounds(
    dw_min=0.002, dw_min_ctoc=3.75, mult_noise=False, w_max=1.25, w_min=-0.75, w_max_dtod=0.0, w_min_dtod=0.0
)


def _mnist_row(batch: int, quick_samples: int, asked: float, rule: str | None = None) -> Rows:
    def rows(run: Run) -> list[Row]:
        work = f"MNIST epoch, batch {batch}" + ("" if rule is None else f", {rule} with reram_sb")
        train, _ = mho.data.mnist(run.data_dir)
        d = np.random.default_rng(3).normal(0, 0.1 / batch, (batch, 256)).astype(np.float32)
        x = train.x[5 : 5 + batch].copy()
        config = MNIST_CONFIG if rule is None else mho.TileConfig(device=_FAST_DEVICE)
        checks = _check_update(work, config, x, d, LEARNING_RATE, run.repeats * (8 if batch == 1 else 1))
        samples = _MNIST if run.full else quick_samples
        part = mho.data.Dataset(train.x[:samples], train.y[:samples], name="mnist", classes=10)
        incumbent, ours = AihwkitTraining(part, batch, rule=rule), MhoTraining(part, batch, rule=rule)
        spent = run.schedule.alternate(
            {"incumbent": Contender(incumbent.epoch), "mho": Contender(ours.epoch)}, once=True
        )
        scale = _MNIST / samples
        return [
            Row(
                f"mnist-{batch}" if rule is None else f"{rule}-{batch}".replace("_", "-"),
                work,
                run.threads,
                "s",
                spent["incumbent"] * scale,
                spent["mho"] * scale,
                Asked("ratio", ">=", asked),
                checks=checks,
                details={
                    "samples": samples,
                    "epochs": run.schedule.turns,
                    "training loss at the end, aihwkit": incumbent.loss,
                    "training loss at the end, mho": ours.loss,
                },
            )
        ]

    return rows


# -- reads


@dataclass(frozen=True)
class _Reads:
    """The same reads of both."""

    pair: Pair
    weight: Float32
    x: Float32

    @classmethod
    def of(cls, size: int, io: mho.IO, limit: float) -> _Reads:
        """Fill square tiles with uniform weights up to `limit`."""
        pair = Pair(size, size, mho.TileConfig(forward_io=io))
        weight = _fresh((size, size), -limit, limit, 6)
        weight = np.clip(weight, pair.mho.devices["w_min"], pair.mho.devices["w_max"])
        pair.mho.set_weight(weight)
        return cls(pair, weight, _fresh((_BATCH, size), -1, 1, 7))

    def contenders(self) -> dict[str, Contender]:
        """Return the work of both."""
        import torch

        x, tile = torch.from_numpy(self.x), self.pair.aihwkit
        tile.set_weights(torch.from_numpy(self.weight))
        return {
            "incumbent": Contender(lambda: tile.forward(x)),
            "mho": Contender(lambda: self.pair.mho.forward(self.x)),
        }

    def check(self, work: str, repeats: int) -> list[Comparison]:
        """Repeat the reads, and compare their means and their noise."""
        import torch

        x, w = torch.from_numpy(self.x), torch.from_numpy(self.weight)

        def incumbent() -> Any:
            tile = self.pair.another_aihwkit()
            tile.set_weights(w)
            return tile.forward(x).numpy().astype(np.float64)

        def ours() -> Any:
            return self.pair.mho.forward(self.x).astype(np.float64)

        expected = self.x.astype(np.float64) @ self.weight.T
        return _require(work, repeated(incumbent, ours, expected, repeats))


def _forward(run: Run) -> list[Row]:
    work = "forward, default periphery, 1024 x 1024, 64 vectors"
    # Weights as a layer starts with; no output reaches the bound.
    checks = _Reads.of(_CHECKED, mho.IO(), _CHECKED**-0.5).check(work, run.repeats)
    reads = _Reads.of(1024, mho.IO(), 1024**-0.5)
    weight, x = reads.weight, reads.x
    gemm = bare_gemm(x, weight)
    if not np.allclose(gemm(), x @ weight.T, atol=1e-4):
        raise Mismatch(f"{work}: the bare GEMM is wrong")
    spent = run.schedule.alternate(reads.contenders() | {"gemm": Contender(gemm)})
    return [
        Row("forward", work, run.threads, "ms", spent["incumbent"] * 1e3, spent["mho"] * 1e3, checks=checks),
        Row(
            "forward",
            "the same against a bare GEMM of the vendored Eigen",
            run.threads,
            "ms",
            spent["gemm"] * 1e3,
            spent["mho"] * 1e3,
            Asked("ratio", "<=", 1.35) if run.threads == 1 else None,
            other="Eigen",
        ),
    ]


def _read_row(key: str, work: str, io: mho.IO) -> Rows:
    def rows(run: Run) -> list[Row]:
        reads = _Reads.of(256, io, 0.3)
        checks = reads.check(work, run.repeats)
        spent = run.schedule.alternate(reads.contenders())
        unit = 1e6 / _BATCH
        return [
            Row(
                key,
                work,
                run.threads,
                "us per vector",
                spent["incumbent"] * unit,
                spent["mho"] * unit,
                Asked("ratio", ">=", 15),
                checks=checks,
            )
        ]

    return rows


# -- tiles themselves


def _build_row(key: str, device: mho.devices.Device) -> Rows:
    name = "reram_es" if key.endswith("reram") else type(device).__name__
    work = f"building a tile with all variations, {name}, 2048 x 2048"

    def rows(run: Run) -> list[Row]:
        config = mho.TileConfig(device=device)
        theirs = device_parameters(aihwkit_tile(_CHECKED, _CHECKED, config))
        ours = mho.Tile(_CHECKED, _CHECKED, config=config, seed=1).devices
        checks = [
            comparison
            for here, there in DEVICE_ARRAYS.items()
            for comparison in distributions(
                here, theirs[there].ravel().astype(np.float64), ours[here].ravel().astype(np.float64)
            )
        ]
        size = 2048
        # The first turns may have to wait until the system has memory in large pages again.
        schedule = replace(run.schedule, turns=max(run.schedule.turns, 7))
        spent = schedule.alternate(
            {
                "incumbent": Contender(lambda: aihwkit_tile(size, size, config)),
                "mho": Contender(lambda: mho.Tile(size, size, config=config, seed=1)),
            }
        )
        return [
            Row(
                key,
                work,
                run.threads,
                "ns per device",
                spent["incumbent"] * (1e9 / size**2),
                spent["mho"] * (1e9 / size**2),
                Asked("ratio", ">=", {1: 15.0, 2: 25.0}[run.threads]) if run.threads < 3 else None,
                checks=_require(work, checks),
            )
        ]

    return rows


# What the children share: memory that the process holds, after free memory went back to the system.
_MEMORY = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
import numpy as np, torch, mho
from compare.memory import resident_bytes
from compare.peers import aihwkit_tile, set_threads
set_threads(int(sys.argv[3]))
config = mho.TileConfig(device=mho.devices.SoftBounds())
def build(size):
    x = np.zeros((64, size), np.float32); x[:] = np.linspace(-1, 1, size); d = .1 * x
    if sys.argv[2] == "mho":
        tile = mho.Tile(size, size, config=config, seed=1)
        tile.forward(x); tile.backward(d); tile.update(x, d, 0.01)
    else:
        tile = aihwkit_tile(size, size, config)
        tile.set_learning_rate(0.01)
        x, d = torch.from_numpy(x), torch.from_numpy(d)
        tile.forward(x); tile.backward(d); tile.update(x, d, False)
    return tile
build(64)
before = resident_bytes()
tile = build(2048)
print((resident_bytes() - before) / 2048**2)
"""

_IMPORT = """
import time
started = time.perf_counter()
{statement}
print(time.perf_counter() - started)
"""


def _child(run: Run, code: str, *arguments: str) -> float:
    # Modules are compiled once, as an installation has them, whatever this process was told.
    environment = thread_environment(run.threads)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise RuntimeError(f"a measurement in a process of its own failed:\n{result.stderr}")
    return float(result.stdout)


def _alternate_children(
    run: Run, turns: int, incumbent: Callable[[], float], ours: Callable[[], float]
) -> tuple[Spread, Spread]:
    values = [(incumbent(), ours()) for _ in range(turns)]
    return Spread.of([v[0] for v in values]), Spread.of([v[1] for v in values])


def _memory(run: Run) -> list[Row]:
    path = json.dumps(sys.path)
    incumbent, ours = _alternate_children(
        run,
        3,
        lambda: _child(run, _MEMORY, path, "aihwkit", str(run.threads)),
        lambda: _child(run, _MEMORY, path, "mho", str(run.threads)),
    )
    return [
        Row(
            "memory",
            "memory of a SoftBounds tile after a read both ways and an update, 2048 x 2048",
            run.threads,
            "bytes per device",
            incumbent,
            ours,
            Asked("mho", "<=", 24),
        )
    ]


def _import(run: Run) -> list[Row]:
    incumbent, ours = _alternate_children(
        run,
        max(run.schedule.turns, 5),
        lambda: _child(run, _IMPORT.format(statement="import aihwkit.nn")),
        # mho loads its engine when a name is first used: that is what counts.
        lambda: _child(run, _IMPORT.format(statement="import mho; mho.Tile")),
    )
    return [
        Row(
            "import",
            "import mho; mho.Tile, against import aihwkit.nn",
            run.threads,
            "ms",
            incumbent * 1e3,
            ours * 1e3,
            Asked("mho", "<=", 150),
        )
    ]


_DENSE = "dense update, {}, 1024 x 1024, 64 samples"

# By key: on how many threads (other numbers are left out), and what to do.
ROWS: dict[str, tuple[tuple[int, ...], Rows]] = {
    "dense-constant": (
        (1, 2),
        _update_row(
            "dense-constant",
            _DENSE.format("ConstantStep"),
            mho.devices.ConstantStep(),
            0.01,
            {1: 30.0, 2: 55.0},
        ),
    ),
    "dense-soft-bounds": (
        (1, 2),
        _update_row(
            "dense-soft-bounds",
            _DENSE.format("SoftBounds"),
            mho.devices.SoftBounds(),
            0.01,
            {1: 15.0, 2: 28.0},
        ),
    ),
    "dense-reram": (
        (1, 2),
        _update_row(
            "dense-reram", _DENSE.format("reram_es"), mho.presets.reram_es(), 0.01, {1: 12.0, 2: 22.0}
        ),
    ),
    "sparse": (
        (1,),
        _update_row(
            "sparse",
            "sparse update, ConstantStep, 1024 x 1024, 64 samples, lr 1e-4",
            mho.devices.ConstantStep(),
            1e-4,
            {1: 6.0},
        ),
    ),
    "mnist-1": ((1,), _mnist_row(1, 2_000, 10.0)),
    "mnist-10": ((1,), _mnist_row(10, 10_000, 7.0)),
    "mnist-64": ((1,), _mnist_row(64, 12_800, 6.0)),
    "tiki-taka2-1": ((2,), _mnist_row(1, 600, 25.0, "tiki_taka2")),
    "tiki-taka2-10": ((2,), _mnist_row(10, 1_200, 40.0, "tiki_taka2")),
    "agad-1": ((2,), _mnist_row(1, 600, 25.0, "agad")),
    "agad-10": ((2,), _mnist_row(10, 1_200, 40.0, "agad")),
    "forward": ((1,), _forward),
    "pcm-read": (
        (1,),
        _read_row(
            "pcm-read",
            "forward with PCM-like read noise, 256 x 256, 64 vectors",
            mho.IO(w_noise=0.0175, w_noise_type="pcm_read"),
        ),
    ),
    "ir-drop": (
        (1,),
        _read_row("ir-drop", "forward with IR drop, 256 x 256, 64 vectors", mho.IO(ir_drop=1.0)),
    ),
    "build-constant": ((1, 2), _build_row("build-constant", mho.devices.ConstantStep())),
    "build-soft-bounds": ((1, 2), _build_row("build-soft-bounds", mho.devices.SoftBounds())),
    "build-reram": ((1, 2), _build_row("build-reram", mho.presets.reram_es())),
    "memory": ((1,), _memory),
    "scaling": ((2,), _scaling),
    "import": ((1,), _import),
}
