"""SoftBoundsPmax: the response that it is given by, and that it is a SoftBounds to everything else."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from device_measurements import sure_pulses

from mho import Tile
from mho.devices import Device, SoftBounds, SoftBoundsPmax
from mho.response import pulse_response

FLAT: dict[str, Any] = dict.fromkeys(
    ("dw_min_dtod", "dw_min_ctoc", "w_max_dtod", "w_min_dtod", "up_down_dtod"), 0.0
)
RESPONSES = [
    {"p_max": 1000, "alpha": 0.0005, "range_min": -1.0, "range_max": 1.0},
    {"p_max": 120, "alpha": 0.02, "range_min": -0.3, "range_max": 0.8},
    {"p_max": 50, "alpha": 0.1, "range_min": -0.9, "range_max": 0.1},
    {"p_max": 300, "alpha": 0.004, "range_min": 0.0, "range_max": 0.5},
]


def published(device: SoftBoundsPmax, pulses: np.ndarray, up: bool) -> np.ndarray:
    """w(p) of the response, as aihwkit's documentation has it; p pulses down are p_max - p_down there."""
    b = (device.range_max - device.range_min) / (1 - math.exp(-device.alpha * device.p_max))
    if up:
        return b * (1 - np.exp(-device.alpha * pulses)) + device.range_min
    p_down = device.p_max - pulses
    return -b * (1 - np.exp(-device.alpha * (device.p_max - p_down))) + device.range_max


@pytest.mark.parametrize("values", RESPONSES, ids=repr)
@pytest.mark.parametrize("up", [True, False])
def test_response_is_the_published_one(values: dict[str, Any], up: bool) -> None:
    device = SoftBoundsPmax(**values, **FLAT)
    directions = np.full(device.p_max, up)
    start = device.range_min if up else device.range_max
    response = pulse_response(device, directions, start=start)
    # Each of the pulses is rounded to half of a last place, 3e-8.
    tolerance = 3e-8 * np.sqrt(device.p_max) * 5 + 1e-7
    expected = published(device, response.pulses, up)
    np.testing.assert_allclose(response.weight[:, 0], expected, atol=tolerance)
    end = device.range_max if up else device.range_min
    assert response.weight[-1, 0] == pytest.approx(end, abs=tolerance)


@pytest.mark.parametrize("values", RESPONSES, ids=repr)
def test_it_is_soft_bounds_with_the_same_numbers(values: dict[str, Any]) -> None:
    device = SoftBoundsPmax(**values, stuck_prob=0.1, write_noise_std=2.0)
    same = Device.from_dict(device.engine_dict())
    assert isinstance(same, SoftBounds)
    assert not isinstance(same, SoftBoundsPmax)
    for name in ("dw_min", "w_max", "w_min", "up_down"):
        assert getattr(same, name) == getattr(device, name)
    assert same.weight_granularity == device.weight_granularity
    assert same.symmetry_point() == device.symmetry_point()
    assert np.array_equal(same.mean_step([-0.1, 0.2]), device.mean_step([-0.1, 0.2]))
    tiles = [Tile(20, 12, device=one, update=sure_pulses(3), seed=3) for one in (device, same)]
    assert tiles[0].granularity == device.weight_granularity
    for tile in tiles:
        tile.update(np.ones((2, 20)), np.array([[1.0] * 12, [-0.5] * 12]), 0.01)
    for name in tiles[0].devices:
        assert np.array_equal(tiles[0].devices[name], tiles[1].devices[name])
    # Its file keeps what it was given by.
    assert Device.from_dict(device.to_dict()) == device


def test_symmetric_response_is_symmetric() -> None:
    device = SoftBoundsPmax(range_min=-0.7, range_max=0.7)
    assert device.symmetry_point() == 0
    assert device.w_max == -device.w_min
    assert device.up_down == 0
    assert device.dw_min == pytest.approx(device.alpha * device.w_max, rel=device.alpha)
    mirrored = [SoftBoundsPmax(range_min=-a, range_max=b) for a, b in ((0.2, 0.9), (0.9, 0.2))]
    assert mirrored[0].up_down == pytest.approx(-mirrored[1].up_down)
    assert mirrored[0].symmetry_point() == pytest.approx(-mirrored[1].symmetry_point())
    assert mirrored[0].symmetry_point() == pytest.approx(0.35)
