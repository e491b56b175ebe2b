"""MNIST on resistive processing units: ten epochs beside an independent simulation of the same model."""

from __future__ import annotations

import importlib
import math
import os
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = [Path(os.environ[name]) for name in ("MHO_DATA_DIR",) if name in os.environ]
FOLDERS.append(ROOT.parent / "shared" / "data" / "mnist")

# Test errors in percent of that simulation, one seed: of floating point after ten epochs, and what the
# other models add to it.
FLOATING = 2.55
ADDED = {"STOCHASTIC": 0.04, "DEVICES": -0.05, "BASELINE": 0.45, "MANAGED": 0.08}
# One run: the binomial error of 10,000 images, and what seeds differ by at this learning rate.
SIGMA = math.hypot(100 * math.sqrt(0.0255 * 0.9745 / 10_000), 0.12)


@pytest.fixture(scope="module")
def script() -> Any:
    folder = str(ROOT / "examples" / "papers")
    sys.path.insert(0, folder)
    yield importlib.import_module("gokmen_2016")
    sys.path.remove(folder)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_ten_epochs_of_every_model(script):
    folder = next((f for f in FOLDERS if f.is_dir()), None)
    if folder is None:
        pytest.skip("needs the files of full MNIST, in the folder MHO_DATA_DIR")
    job = importlib.import_module("reproduction").Job
    found = {
        cell.row: script.run(job(cells=(cell,), seeds=(1,), epochs=10, data_dir=str(folder)))[0]
        for cell in script.REPRODUCTION.cells
    }
    errors = {name: outcome.value for name, outcome in found.items()}
    expected = {script.FLOATING: FLOATING}
    expected |= {getattr(script, name): FLOATING + added for name, added in ADDED.items()}
    assert errors.keys() == expected.keys()
    # Two single runs, this one and that: three sigma of their difference.
    for name, error in errors.items():
        assert abs(error - expected[name]) < 3 * math.sqrt(2) * SIGMA, errors
        curve = found[name].details["curve"]
        assert len(curve) == 10
        assert curve[0] < 13
        assert min(curve[5:]) < curve[1] / 1.5
