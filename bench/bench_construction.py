"""Throughput of building tiles: every device draws its own parameters."""

from __future__ import annotations

import math

import numpy as np

import mho
from problems import Report


def check_spread(values: np.ndarray, mean: float, spread: float) -> None:
    """Compare mean and relative spread of drawn parameters, to five standard errors of a gaussian."""
    deviation = abs(mean) * spread
    error = deviation / math.sqrt(values.size)
    assert abs(values.mean(dtype=np.float64) - mean) < 5 * error + 1e-6 * abs(mean)
    assert abs(values.std(dtype=np.float64) - deviation) < 5 * error / math.sqrt(2) + 1e-6 * abs(mean)


def check_tile(tile: mho.Tile) -> None:
    device = tile.config.device
    if isinstance(device, mho.devices.Ideal):
        assert not tile.weight.any()
        return
    assert isinstance(device, mho.devices.PulsedDevice)
    # Signs of parameters are corrected: beyond 4.5 sigma of a gaussian that takes no part in these moments.
    assert max(device.dw_min_dtod, device.w_max_dtod, device.w_min_dtod) <= 0.3
    total = math.hypot(device.dw_min_dtod, device.up_down_dtod)
    for name in ("dw_min_up", "dw_min_down"):
        check_spread(np.asarray(tile.devices[name]), device.dw_min, total)
    check_spread(np.asarray(tile.devices["w_max"]), device.w_max, device.w_max_dtod)
    check_spread(np.asarray(tile.devices["w_min"]), device.w_min, device.w_min_dtod)


def test_construction(device: mho.devices.Device, size: int, report: Report) -> None:
    check_tile(mho.Tile(size, size, device=device, seed=1))
    report(
        lambda: mho.Tile(size, size, device=device, seed=1),
        rounds=40 if size == 256 else 10,
        per_call={"devices": float(size * size)},
        size=size,
    )
