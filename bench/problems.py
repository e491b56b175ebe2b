"""Problems with a known answer, the checks that come before any timing, and the timing itself."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

import mho

Array = NDArray[Any]

BATCH = 64
_PULSES_AT_ONCE = 5.0

# Every model that takes pulses, with its defaults: single devices, and cells of several.
MODELS: dict[str, mho.devices.Device] = {
    name: device
    for name in mho.devices.Device.types()
    if (device := mho.devices.Device.from_dict({"type": name})).weight_granularity > 0
}
DEVICES: dict[str, mho.devices.Device] = {
    "Ideal": mho.devices.Ideal(),
    # The rest of the models is timed by device_models.py.
    **{name: MODELS[name] for name in ("ConstantStep", "SoftBounds", "LinearStep", "ExpStep", "PowStep")},
    "LinearStep": mho.devices.LinearStep(gamma_up=0.2, gamma_down=0.2),
    "PiecewiseStep": mho.devices.PiecewiseStep(
        nodes_up=(1.6, 1.3, 1.0, 0.7, 0.4), nodes_down=(0.3, 1.0, 1.7)
    ),
    "Response": mho.devices.Response.exponential(tau=0.6, gamma=1.0),
    "JumpTable": mho.devices.JumpTable(up=[[0, 1, 3], [0, 0.5, 1]], down=[[0, 0.5, 1], [0, 1, 3]]),
    "ConstantStepWriteNoise": mho.devices.ConstantStep(write_noise_std=1.0),
}


class Report:
    """Runs one benchmark and puts its rates beside its times."""

    def __init__(self, benchmark: Any) -> None:
        self._benchmark = benchmark

    def __call__(
        self,
        work: Callable[[], object],
        *,
        prepare: Callable[[], object] | None = None,
        rounds: int,
        per_call: dict[str, float],
        **info: object,
    ) -> None:
        def setup() -> None:
            if prepare is not None:
                prepare()

        self._benchmark.pedantic(work, setup=setup, rounds=rounds, warmup_rounds=2)
        self._benchmark.extra_info.update(info)
        if self._benchmark.stats is None:  # --benchmark-disable
            return
        seconds = statistics.median(self._benchmark.stats.stats.data)
        for name, amount in per_call.items():
            self._benchmark.extra_info[f"{name}/s"] = amount / seconds


@dataclass(frozen=True)
class Problem:
    """An update: a batch, and the learning rate that makes so many pulses per device and sample."""

    x: Array
    d: Array
    lr: float

    def first(self, samples: int) -> Problem:
        """Return the same with the first samples alone."""
        return Problem(self.x[:samples], self.d[:samples], self.lr)

    @classmethod
    def of(cls, size: int, pulses: float, granularity: float, batch: int = BATCH) -> Problem:
        rng = np.random.default_rng(size)
        x, d = (rng.uniform(-1, 1, (batch, size)).astype(np.float32) for _ in range(2))
        mean_product = float(np.abs(x).mean() * np.abs(d).mean())
        return cls(x, d, pulses * granularity / mean_product)


def nominal(device: mho.devices.PulsedDevice) -> mho.devices.PulsedDevice:
    """Return a device without any spread from crosspoint to crosspoint: all are what `mean_step` is of."""
    spreads = [f.name for f in fields(device) if f.name.endswith("_dtod") or f.name == "reference_std"]
    return device.replace(**dict.fromkeys(spreads, 0.0), dw_min_log_normal=False, stuck_prob=0.0)


def mean_update(tile: mho.Tile, problem: Problem, rows: slice) -> NDArray[np.float64]:
    """Return where an update takes some rows of a tile of nominal devices at rest, in the mean."""
    device = tile.config.device
    assert isinstance(device, mho.devices.PulsedDevice)
    w = np.zeros((tile.out_features, tile.in_features))[rows]
    for x, d in zip(problem.x, problem.d[:, rows], strict=True):
        pulses = np.outer(d * np.float32(-problem.lr / tile.granularity), x)  # up where positive
        # Some pulses at a time, since the step bends.
        parts = max(1, math.ceil(float(np.abs(pulses).max()) / _PULSES_AT_ONCE))
        for _ in range(parts):
            up, down = device.mean_step(w)
            w += np.where(pulses > 0, up, -down) * pulses / parts
            np.clip(w, device.w_min, device.w_max, out=w)
    return w


def check_mean(values: list[float], expected: float, allowed: float) -> None:
    """Compare the mean of independent values: five standard errors, and the part allowed on top."""
    error = statistics.stdev(values) / len(values) ** 0.5
    assert abs(statistics.fmean(values) - expected) < 5 * error + allowed * expected, (values, expected)
    # Else five standard errors would be no bound.
    assert error < 0.03 * expected, (values, expected)


def check_update(tile: mho.Tile, problem: Problem, array: str = "weight", repeats: int = 12) -> float:
    """Check where some updates take the devices, in the mean, from zero weights; return the pulses of one.

    Where the model has a mean step, that is compared on devices without spread, and the pulses are counted;
    of cells only that they move by ``-lr d^T x``. `array` is the one to look at: with few pulses and much
    write noise, only the persistent weight tells.
    """
    device, ideal = tile.config.device, -problem.lr * problem.d.T.astype(np.float64) @ problem.x
    zeros = np.zeros((tile.out_features, tile.in_features), np.float32)
    if isinstance(device, mho.devices.Ideal):
        tile.weight = zeros
        tile.update(problem.x, problem.d, problem.lr)
        np.testing.assert_allclose(tile.weight, ideal, rtol=1e-3, atol=1e-6)
        return 0.0
    rows = slice(0, 256)  # enough of a larger tile
    twin, expected = tile, ideal[rows]
    if isinstance(device, mho.devices.PulsedDevice):
        config = tile.config.replace(device=nominal(device))
        twin = mho.Tile(tile.in_features, tile.out_features, config=config, seed=1)
        expected = mean_update(twin, problem, rows)
    gains, pulses = [], []
    for _ in range(repeats):
        for updated in {tile, twin}:
            updated.weight = zeros
            before = updated.pulses.total
            updated.update(problem.x, problem.d, problem.lr)
            if updated is tile:
                pulses.append(float(tile.pulses.total - before))
        # Write noise is in what a read sees; it has no mean.
        moved = twin.devices[array][rows].astype(np.float64)
        gains.append(float((moved * expected).sum() / (expected * expected).sum()))
    if twin is not tile:
        products = np.abs(problem.d).sum(1, dtype=np.float64) @ np.abs(problem.x).sum(1, dtype=np.float64)
        check_mean(pulses, problem.lr / tile.granularity * float(products), 0.0)
    # The mean weight is not quite that of the mean number of pulses where the step bends. Of a cell, the
    # bending itself is not in the expectation: a fraction of its range is moved here.
    check_mean(gains, 1.0, 0.01 if twin is not tile else 0.15)
    return statistics.fmean(pulses)


def read_problem(size: int, batch: int = BATCH) -> tuple[Array, Array]:
    """Return inputs, and weights with which no output meets the bounds of the converters."""
    rng = np.random.default_rng(size)
    x = rng.uniform(-1, 1, (batch, size)).astype(np.float32)
    w = rng.uniform(-1, 1, (size, size)).astype(np.float32) * np.float32(4 / size**0.5)
    return x, w


def check_read(y: Array, x: Array, w: Array, io: mho.IO) -> None:
    """Compare a read with numpy: the errors have the size that the periphery gives them, and no mean."""
    exact = x.astype(np.float64) @ w.T.astype(np.float64)
    if io.is_perfect:
        np.testing.assert_allclose(y, exact, rtol=0, atol=2e-5)
        return
    scale = np.abs(x).max(axis=1, keepdims=True).astype(np.float64)
    dac, adc = 2 * io.inp_res * io.inp_bound, 2 * io.out_res * io.out_bound
    read = (np.abs(w).astype(np.float64) @ (x.T / scale.T) ** 2).T if io.w_noise > 0 else 0.0
    variance = scale**2 * (
        io.out_noise**2
        + adc**2 / 12
        + dac**2 / 12 * (w.astype(np.float64) ** 2).sum(axis=1)
        + io.w_noise**2 * read
    )
    error = (y - exact) / np.sqrt(variance)
    n = error.size
    # The errors of the DAC are shared by all outputs of a vector; IR drop is an error with a mean.
    shared = 0.02 + (0.1 if io.ir_drop > 0 else 0.0)
    assert abs(error.mean()) < 5 / n**0.5 + shared
    assert abs(error.std() - 1) < 5 / (2 * n) ** 0.5 + shared
