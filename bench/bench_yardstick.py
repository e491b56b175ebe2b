"""Ratios that hold on any machine: against a plain loop in C++, and against numpy's product.

Times differ from machine to machine and from hour to hour; ratios within one run, of processor times and over
interleaved repetitions, hardly do. They notice gross regressions only; `history.py` is for the others.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import mho
from problems import BATCH, Problem, check_update

HERE = Path(__file__).parent
SIZE = 256
REPETITIONS = 5


@pytest.fixture(scope="module")
def plain_loop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plain loop, compiled."""
    compiler = shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        pytest.skip("there is no C++ compiler to build the plain loop with")
    program = tmp_path_factory.mktemp("plain_loop") / "plain_loop"
    source = HERE / "plain_loop" / "plain_loop.cpp"
    subprocess.run([compiler, "-std=c++20", "-O3", "-o", program, source], check=True)
    return program


def plain_seconds(program: Path, lr: float) -> float:
    command = [program, str(SIZE), str(BATCH), repr(lr), "1"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seconds, gain = map(float, output.split())
    assert abs(gain - 1) < 0.1, f"the plain loop moves its weights {gain} times as far as it should"
    return seconds


# How many times faster than the plain loop: with registers of sixteen devices, and with smaller ones.
LIMITS = {"dense": (10, 3), "sparse": (5, 3)}


@pytest.mark.parametrize(("density", "pulses"), [("dense", 1.15), ("sparse", 0.012)], ids=["dense", "sparse"])
def test_update_against_a_plain_loop(plain_loop: Path, density: str, pulses: float) -> None:
    tile = mho.Tile(SIZE, SIZE, device=mho.devices.ConstantStep(), seed=1)
    problem = Problem.of(SIZE, pulses, tile.granularity)
    check_update(tile, problem)
    zeros = np.zeros((SIZE, SIZE), np.float32)
    plain, ours = [], []
    for _ in range(REPETITIONS):
        plain.append(plain_seconds(plain_loop, problem.lr))
        for _ in range(3):
            tile.weight = zeros
            started = time.process_time()
            tile.update(problem.x, problem.d, problem.lr)
            ours.append(time.process_time() - started)
    ratio = statistics.median(plain) / statistics.median(ours)
    per_device = SIZE * SIZE * BATCH
    print(
        f"plain loop {statistics.median(plain) / per_device * 1e9:.3f} ns, mho "
        f"{statistics.median(ours) / per_device * 1e9:.3f} ns per device and sample: {ratio:.1f} times faster"
    )
    assert ratio >= LIMITS[density][0 if mho.build_info()["simd_level"] == "v4" else 1]


# Tables of few nodes and of many, and a function of the user.
TABLES = {
    "3 nodes": mho.devices.PiecewiseStep(nodes_up=(1.6, 1.0, 0.4), nodes_down=(0.3, 1.0, 1.7)),
    "a function": mho.devices.Response.exponential(tau=0.6, gamma=1.0),
    "1024 nodes": mho.devices.PiecewiseStep(
        nodes_up=np.linspace(1.6, 0.4, 1024).tolist(), nodes_down=np.linspace(0.4, 1.6, 1024).tolist()
    ),
}


@pytest.mark.parametrize("table", TABLES)
def test_table_against_a_formula(table: str) -> None:
    """A pulse of a table costs what one of exponentials costs, both taken one at a time."""
    devices = {"table": TABLES[table], "formula": mho.devices.ExpStep()}
    update = mho.Update(pulse_by_pulse=True)
    tiles = {
        name: mho.Tile(SIZE, SIZE, device=device, update=update, seed=1) for name, device in devices.items()
    }
    problems = {name: Problem.of(SIZE, 1.15, tile.granularity) for name, tile in tiles.items()}
    for name, tile in tiles.items():
        check_update(tile, problems[name])
    zeros = np.zeros((SIZE, SIZE), np.float32)
    ratios = []
    for _ in range(5 * REPETITIONS):
        seconds = {}
        for name, tile in tiles.items():
            tile.weight = zeros
            started = time.process_time()
            tile.update(problems[name].x, problems[name].d, problems[name].lr)
            seconds[name] = time.process_time() - started
        ratios.append(seconds["table"] / seconds["formula"])
    ratio = statistics.median(ratios)
    print(f"a table of {table} takes {ratio:.2f} times as long as ExpStep, pulse by pulse")
    assert ratio <= 1.2


# In a process of its own, since the threads of numpy's product are fixed when it is loaded.
FORWARD = """
import json, statistics, time
import numpy as np
import mho

size, batch = 1024, 64
rng = np.random.default_rng(1)
x = rng.uniform(-1, 1, (batch, size)).astype(np.float32)
w = rng.uniform(-1, 1, (size, size)).astype(np.float32) * np.float32(4 / size**0.5)
tiles = {"default": mho.IO(), "perfect": mho.IO.perfect()}
for name, io in tiles.items():
    tiles[name] = mho.Tile(size, size, device=mho.devices.Ideal(), forward_io=io, seed=1)
    tiles[name].weight = w
    assert np.abs(tiles[name].forward(x) - x @ w.T).max() < (0.5 if name == "default" else 1e-4)
work = {"numpy": lambda: x @ w.T, **{name: lambda tile=tile: tile.forward(x) for name, tile in tiles.items()}}
seconds = {name: [] for name in work}
for _ in range(15):
    for name, call in work.items():
        started = time.process_time()
        call()
        seconds[name].append(time.process_time() - started)
print(json.dumps({name: statistics.median(values) for name, values in seconds.items()}))
"""


def test_forward_against_numpy() -> None:
    names = (
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "OMP_NUM_THREADS",
        "BLIS_NUM_THREADS",
        "MHO_NUM_THREADS",
    )
    environment = {**os.environ, **dict.fromkeys(names, "1")}
    command = [sys.executable, "-c", FORWARD]
    output = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    seconds = json.loads(output)
    default, perfect = (seconds[name] / seconds["numpy"] for name in ("default", "perfect"))
    print(
        f"forward takes {perfect:.2f} times as long as numpy's product without a flaw, "
        f"{default:.2f} times with the default periphery"
    )
    assert perfect <= 2.0
    assert default <= 2.5
