"""Zero-shifting: what the script of Kim et al. (2019) builds, and the pulses that it counts."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "papers"


@pytest.fixture(scope="module")
def kim() -> Any:
    """The script, which finds its neighbours in its folder."""
    sys.path.insert(0, str(FOLDER))
    yield importlib.import_module("kim_2019")
    sys.path.remove(str(FOLDER))


@pytest.mark.parametrize("imbalance", [0.0, 0.3])
def test_steps_differ_as_they_should(kim: ModuleType, imbalance: float) -> None:
    up, down = kim.device(3.0, imbalance).mean_step(0.0)
    np.testing.assert_allclose([up, -down], [1e-3 * (1 + imbalance), 1e-3 * (1 - imbalance)])
    assert kim.device(3.0, imbalance).weight_granularity == pytest.approx(1e-3)


def test_zero_shifting_keeps_the_weights_and_moves_the_symmetry_points(kim: ModuleType) -> None:
    bare, none = kim.network(1.0, 0.3, "as they are", 1, 0)
    shifted, left = kim.network(1.0, 0.3, "zero-shifted", 1, 3000)
    assert none == 0
    point = kim.device(1.0, 0.3).symmetry_point()
    assert 0 < left < 0.5 * point
    for layer, twin in zip(bare.layers[::2], shifted.layers[::2], strict=True):
        np.testing.assert_allclose(layer.weight, twin.weight, atol=1e-6)
        reference = twin.tiles[0].devices["reference/weight"]
        assert reference.mean() == pytest.approx(point, rel=0.1)


def test_pulses_grow_as_steps_shrink(kim: ModuleType) -> None:
    frame = importlib.import_module("reproduction")
    cells = [
        kim.CELLS[[c.name for c in kim.CELLS].index(f"pulses, dw_min {s}, cyclic")]
        for s in ("0.005", "0.001")
    ]
    many = [kim.calibrated(frame.Job(cells=(cell,), seeds=(1,), quick=True)).value for cell in cells]
    assert many[1] / many[0] == pytest.approx(5, rel=0.15)
