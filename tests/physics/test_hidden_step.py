"""HiddenStep: how many pulses a step takes, how large it is, and what the counter is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from device_measurements import sure_pulses
from statistics_helpers import check, mean, variance

from mho import Tile
from mho.devices import ConstantStep, HiddenStep
from mho.response import pulse_response

FLAT: dict[str, Any] = dict.fromkeys(
    ("dw_min_dtod", "dw_min_ctoc", "w_max_dtod", "w_min_dtod", "up_down_dtod", "hidden_dtod"), 0.0
) | {"hidden_up_down_dtod": 0.0, "w_max": 100.0, "w_min": -100.0}


@pytest.mark.parametrize("states", [1, 2, 5, 64])
@pytest.mark.parametrize("up", [True, False])
def test_a_step_takes_as_many_pulses_as_there_are_states(states: int, up: bool) -> None:
    device = HiddenStep(dw_min=0.01, hidden_states=states, up_down=0.2, **FLAT)
    response = pulse_response(device, np.full(3 * states + 1, up), start=0.0)
    size = 0.01 if up else -0.008
    expected = size * states * (response.pulses // states)
    np.testing.assert_allclose(response.weight[:, 0], expected, atol=1e-5)


@pytest.mark.parametrize(("asymmetry", "up", "down"), [(0.0, 10, 10), (0.3, 10, 15), (-0.6, 25, 10)])
def test_mean_step_is_that_of_many_pulses(asymmetry: float, up: int, down: int) -> None:
    device = HiddenStep(dw_min=0.01, hidden_states=10, hidden_up_down=asymmetry, up_down=0.1, **FLAT)
    for direction, pulses, size, mean_step in (
        (True, up, 0.01, device.mean_step(0.0)[0]),
        (False, down, -0.009, device.mean_step(0.0)[1]),
    ):
        assert mean_step == pytest.approx(size * 10 / pulses)
        response = pulse_response(device, np.full(20, direction), start=0.0, every=pulses)
        assert response.weight[-1, 0] == pytest.approx(20 * pulses * float(mean_step), rel=1e-5)


def test_one_state_is_a_constant_step() -> None:
    common = {name: value for name, value in FLAT.items() if not name.startswith("hidden")}
    common |= {"dw_min_ctoc": 0.3, "dw_min_dtod": 0.3, "w_max": 0.3, "w_min": -0.3}
    hidden = HiddenStep(hidden_states=1, hidden_dtod=0.0, hidden_up_down_dtod=0.0, **common)
    devices = (hidden, ConstantStep(**common))
    tiles = [Tile(40, 30, device=device, update=sure_pulses(5, True), seed=3) for device in devices]
    generator = np.random.default_rng(1)
    for _ in range(4):
        x, d = generator.normal(size=(9, 40)), generator.normal(size=(9, 30))
        for tile in tiles:
            tile.update(x, d, 0.002)
    np.testing.assert_allclose(tiles[0].weight, tiles[1].weight, atol=2e-7)
    assert not tiles[0].devices["hidden_count"].any()


def test_noise_is_that_of_the_visible_step() -> None:
    device = HiddenStep(hidden_states=4, **(FLAT | {"dw_min_ctoc": 0.3}))
    tile = Tile(256, 256, device=device, update=sure_pulses(12), seed=4)
    tile.update(np.ones((1, 256)), -np.ones((1, 256)), 12 * tile.granularity)
    moved = tile.weight.astype(np.float64).ravel() / (4 * device.dw_min)
    check([mean("three steps", moved, 3.0, 3 * 0.09, 1e-6), variance("three steps", moved, 3 * 0.09)])


def test_counter_is_what_pulses_left_in_it() -> None:
    device = HiddenStep(hidden_states=7, **FLAT)
    tile = Tile(3, 2, device=device, update=sure_pulses(5), seed=5)
    tile.update(np.array([[1.0, 0.0, -1.0]]), np.array([[-1.0, 0.0]]), 5 * tile.granularity)
    np.testing.assert_array_equal(tile.devices["hidden_count"], [[5, 0, -5], [0, 0, 0]])
    assert not tile.weight.any()
    tile.update(np.array([[1.0, 0.0, 1.0]]), np.array([[-1.0, 0.0]]), 5 * tile.granularity)
    np.testing.assert_array_equal(tile.devices["hidden_count"], [[3, 0, 0], [0, 0, 0]])
    np.testing.assert_allclose(tile.weight, [[7 * device.dw_min, 0, 0], [0, 0, 0]], rtol=1e-6)
    tile.weight = np.zeros((2, 3))
    assert not tile.devices["hidden_count"].any()


def test_spread_counters_waste_pulses() -> None:
    """A device takes ceil(states / h) pulses for a step: what is beyond is lost."""
    device = HiddenStep(hidden_states=2, **(FLAT | {"hidden_dtod": 0.3}))
    tile = Tile(128, 128, device=device, update=sure_pulses(60), seed=6)
    tile.update(np.ones((1, 128)), -np.ones((1, 128)), 60 * tile.granularity)
    pulses = np.ceil(2 / tile.devices["hidden_up"].astype(np.float64))
    np.testing.assert_allclose(tile.weight, 2 * device.dw_min * (60 // pulses), rtol=1e-4, atol=1e-9)
    assert tile.weight.mean() < 0.9 * 60 * device.dw_min
