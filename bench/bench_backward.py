"""Throughput of backward reads through the default periphery."""

from __future__ import annotations

import mho
from problems import BATCH, Report, check_read, read_problem


def test_backward(size: int, report: Report) -> None:
    tile = mho.Tile(size, size, device=mho.devices.Ideal(), seed=1)
    d, w = read_problem(size)
    tile.weight = w
    check_read(tile.backward(d), d, w.T, tile.config.backward_io)
    report(
        lambda: tile.backward(d),
        rounds=200 if size == 256 else 40,
        per_call={"MVMs": float(BATCH), "devices": float(size * size * BATCH)},
        size=size,
        batch=BATCH,
    )
