"""Throughput of forward reads: without a flaw, with the default periphery, and as on an inference chip."""

from __future__ import annotations

import numpy as np
import pytest

import mho
from problems import BATCH, Report, check_read, read_problem

PERIPHERIES = {
    "perfect": mho.IO.perfect(),
    "default": mho.IO(),
    "inference": mho.IO(
        inp_res=1 / 254,
        out_res=1 / 254,
        out_bound=10,
        out_noise=0.04,
        w_noise=0.0175,
        w_noise_type="pcm_read",
        ir_drop=1.0,
    ),
}


@pytest.mark.parametrize("periphery", PERIPHERIES)
def test_forward(size: int, periphery: str, report: Report) -> None:
    tile = mho.Tile(size, size, device=mho.devices.Ideal(), forward_io=PERIPHERIES[periphery], seed=1)
    x, w = read_problem(size)
    tile.weight = w
    check_read(tile.forward(x), x, w, PERIPHERIES[periphery])
    report(
        lambda: tile.forward(x),
        rounds=200 if size == 256 else 40,
        per_call={"MVMs": float(BATCH), "devices": float(size * size * BATCH)},
        size=size,
        batch=BATCH,
    )


def test_forward_of_one_vector(size: int, report: Report) -> None:
    tile = mho.Tile(size, size, device=mho.devices.Ideal(), seed=1)
    x, w = read_problem(size)
    tile.weight = w
    check_read(np.concatenate([tile.forward(row[None]) for row in x]), x, w, mho.IO())
    report(
        lambda: tile.forward(x[:1]),
        rounds=500,
        per_call={"MVMs": 1.0, "devices": float(size * size)},
        size=size,
        batch=1,
    )
