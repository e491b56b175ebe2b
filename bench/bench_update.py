"""Throughput of updates: every device model, many pulses and few."""

from __future__ import annotations

import numpy as np
import pytest

import mho
from problems import BATCH, Problem, Report, check_update

# Pulses per device and sample: as early in a training, and as late in one.
DENSITIES = {"dense": 1.15, "sparse": 0.012}


@pytest.mark.parametrize("density", DENSITIES)
def test_update(device: mho.devices.Device, size: int, density: str, report: Report) -> None:
    tile = mho.Tile(size, size, device=device, seed=1)
    problem = Problem.of(size, DENSITIES[density], tile.granularity or 0.001)
    pulses = check_update(tile, problem)
    zeros = np.zeros((size, size), np.float32)
    report(
        lambda: tile.update(problem.x, problem.d, problem.lr),
        prepare=lambda: tile.set_weight(zeros),
        rounds=40 if size == 256 else 10,
        per_call={"devices": float(size * size * BATCH)} | ({"pulses": pulses} if pulses else {}),
        size=size,
        batch=BATCH,
        pulses_per_device_and_sample=pulses / (size * size * BATCH),
    )
