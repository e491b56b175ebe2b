"""Calibration of symmetry points: against the closed forms of soft bounds, and against what a tile knows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import mho
from mho.devices import ConstantStep, Ideal, OneSided, Reference, SoftBounds, Vector
from mho.rules import CustomRule, FastArray, TikiTaka2, define

METHODS = ("alternating", "cyclic", "random")


def exact(dw_min: float = 0.01, **changes: Any) -> SoftBounds:
    """Soft bounds without any spread or noise."""
    fields = {"up_down": 0.3, "w_max": 1.0, "w_min": -0.8, "w_max_dtod": 0, "w_min_dtod": 0}
    none = {"dw_min_dtod": 0, "dw_min_ctoc": 0, "up_down_dtod": 0}
    return SoftBounds(dw_min=dw_min, **(fields | none | changes))


def forms(device: SoftBounds) -> tuple[float, float, float, float]:
    """The symmetry point, what a pair leaves of a distance, and where pairs end: after up, after down."""
    up, down = (abs(float(step)) for step in device.mean_step(0.0))
    u, v = up / device.w_max, -down / device.w_min
    after_down = (up * (1 - v) - down) / (u + v - u * v)
    return (up - down) / (u + v), (1 - u) * (1 - v), after_down * (1 - u) + up, after_down


def tile_of(device: Any, shape: tuple[int, int] = (3, 2), **arguments: Any) -> mho.Tile:
    return mho.Tile(shape[1], shape[0], device=device, **({"seed": 5} | arguments))


def test_alternating_pulses_converge_geometrically() -> None:
    device = exact(0.02)
    point, kept, after_up, after_down = forms(device)
    middle = (after_up + after_down) / 2
    # Half a step above and below; where the slopes differ, their middle is off by a part of a step.
    u, v = 0.02, 0.02 * 0.7 / 0.8
    step = 0.02 * (1 - point)
    assert middle - point == pytest.approx(step * (u - v) / (2 * (u + v - u * v)), rel=1e-6)
    assert after_down == pytest.approx(point - device.dw_min / 2, rel=0.2)
    tile = tile_of(device)
    tile.weight = np.full((3, 2), 0.7)
    distances = [tile.calibrate_symmetry_point(pulses=2).symmetry_point[0, 0] - middle for _ in range(60)]
    np.testing.assert_allclose(np.divide(distances[1:], distances[:-1]), kept, rtol=2e-4)
    found = tile.calibrate_symmetry_point(pulses=1500)
    np.testing.assert_allclose(found.symmetry_point, middle, atol=2e-6)
    np.testing.assert_allclose(found.residual, middle - point, atol=2e-6)
    np.testing.assert_allclose(tile.weight, after_down, atol=2e-6)
    assert found.rms == pytest.approx(abs(found.mean), rel=1e-3)


def test_pulses_that_are_needed_grow_as_steps_shrink() -> None:
    steps = np.array([0.02, 0.01, 0.005, 0.0025])
    spent = []
    for step in steps:
        tile = tile_of(exact(step))
        tile.weight = np.full((3, 2), 0.7)
        found = tile.calibrate_symmetry_point(pulses=20000, tolerance=0.002)
        assert found.converged
        # What is left, and what the middle of the two phases is off.
        assert found.rms < 0.002 + 0.1 * step
        spent.append(found.pulses)
    slope = np.polyfit(np.log(steps), np.log(spent), 1)[0]
    assert slope == pytest.approx(-1, abs=0.1)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_the_symmetry_points(method: Any) -> None:
    device = SoftBounds(
        dw_min=0.004, dw_min_dtod=0.1, up_down=0.2, up_down_dtod=0.1, w_max_dtod=0.05, w_min_dtod=0.05
    )
    tile = tile_of(Reference(device=device), (20, 30))
    before = tile.pulses.total
    found = tile.calibrate_symmetry_point(method=method, pulses=4000, reads=50)
    assert found.programmed
    assert found.unreached == 0
    assert (found.pulses, found.reads, found.converged) == (4000, 100, None)
    assert tile.pulses.total - before == 4000 * 600
    true = tile_of(device, (20, 30), seed=mho.Seed(5)).response().symmetry_point
    # Noise of pulses leaves a few steps; a random order, a walk that is held by slopes of dw_min / w_max.
    walk = device.dw_min * np.sqrt(device.w_max / (2 * device.dw_min))
    assert found.rms < (walk if method == "random" else 4 * device.dw_min)
    assert found.rms < 0.5 * true.std()
    assert abs(found.mean) < 5 * found.rms / np.sqrt(600) + 0.1 * device.dw_min
    # Weight 0 is at the symmetry point now, and the device near it.
    assert np.abs(tile.weight).mean() < 0.1
    points = tile.devices["reference/weight"]
    np.testing.assert_allclose(points, found.symmetry_point, atol=1e-6)
    assert tile.set_weight(np.full((20, 30), 0.1)) == 0
    np.testing.assert_array_equal(tile.devices["reference/weight"], points)


def test_means_of_reads_are_less_noisy() -> None:
    rms = []
    for reads in (1, 400):
        tile = tile_of(SoftBounds(dw_min=0.01, up_down=0.2), (20, 30))
        rms.append(tile.calibrate_symmetry_point(pulses=2000, reads=reads).rms)
    assert rms[1] < 0.7 * rms[0]


def test_read_noise_is_averaged() -> None:
    n = 600
    tile = tile_of(exact(), (20, 30))
    found = tile.calibrate_symmetry_point(pulses=2000, reads=8, read_noise=0.05)
    expected = 0.05 / np.sqrt(16)
    spread = found.residual.std()
    assert abs(spread / expected - 1) < 5 / np.sqrt(2 * n)
    assert abs(found.mean) < 5 * expected / np.sqrt(n) + 0.01**2
    again = tile.calibrate_symmetry_point(pulses=2000, reads=8, read_noise=0.05)
    assert abs(np.corrcoef(found.residual.ravel(), again.residual.ravel())[0, 1]) < 5 / np.sqrt(n)


def test_a_tolerance_below_the_noise_is_not_reached() -> None:
    tile = tile_of(SoftBounds(dw_min=0.01, up_down=0.2), (10, 10))
    found = tile.calibrate_symmetry_point(pulses=2000, tolerance=1e-4)
    assert found.converged is False
    assert found.pulses <= 2000


@pytest.mark.parametrize("gamma", [0.0, 0.3])
def test_the_fast_array_is_calibrated_by_itself(gamma: float) -> None:
    cell = Reference(device=SoftBounds(dw_min=0.01, up_down=0.2))
    rule = TikiTaka2(fast_device=cell, fast_lr=0.1, gamma=gamma)
    tile = tile_of(SoftBounds(dw_min=0.02), rule=rule)
    slow = tile.devices["main/weight" if gamma else "weight"]
    found = tile.calibrate_symmetry_point(array="fast", pulses=1000, reads=20)
    assert found.programmed
    assert set(tile.costs.pulses) >= {"fast/device"}
    np.testing.assert_array_equal(tile.devices["main/weight" if gamma else "weight"], slow)
    np.testing.assert_allclose(tile.devices["fast/reference/weight"], found.symmetry_point, atol=1e-6)
    assert np.abs(tile.devices["fast/weight"]).max() < 0.1
    np.testing.assert_allclose(tile.weight, slow + gamma * tile.devices["fast/weight"], atol=1e-6)
    main = tile.calibrate_symmetry_point(pulses=400)
    assert not main.programmed


def test_arrays_of_rules_of_ones_own_are_calibrated() -> None:
    @define
    class Own(CustomRule):
        def arrays(self) -> Any:
            return {"fast": FastArray(device=Reference(device=exact())), "other": FastArray()}

        def update(self, hardware: Any, x: Any, d: Any, lr: float) -> None:
            hardware.main.pulse(x, d, lr)

    tile = tile_of(exact(0.02), rule=Own())
    assert tile.calibrate_symmetry_point(array="fast", pulses=2000).max < 1e-3
    found = tile.calibrate_symmetry_point(array="other", pulses=2000)
    assert not found.programmed
    assert found.max < 1e-3


def test_an_instance_is_calibrated_as_a_tile_of_its_own() -> None:
    device = Reference(device=SoftBounds(dw_min=0.01, up_down=0.2))
    settings: dict[str, Any] = {"method": "random", "pulses": 200, "reads": 3, "read_noise": 0.01}
    many = tile_of(device, instances=2)
    found = many.calibrate_symmetry_point(**settings)
    for k in range(2):
        one = tile_of(device, seed=mho.Seed(5).child(f"instance{k}"))
        own = one.calibrate_symmetry_point(**settings)
        np.testing.assert_array_equal(own.symmetry_point, found.symmetry_point[k])
        np.testing.assert_array_equal(own.residual, found.residual[k])
        np.testing.assert_array_equal(one.weight, many.weight[k])


def test_a_calibration_is_part_of_the_state(tmp_path: Any) -> None:
    tile = tile_of(Reference(device=SoftBounds(dw_min=0.01, up_down=0.2)))
    tile.calibrate_symmetry_point(pulses=200, method="random")
    tile.save(tmp_path / "tile.safetensors")
    loaded = mho.Tile.load(tmp_path / "tile.safetensors")
    results = [each.calibrate_symmetry_point(pulses=100, method="random") for each in (tile, loaded)]
    np.testing.assert_array_equal(results[0].symmetry_point, results[1].symmetry_point)
    np.testing.assert_array_equal(tile.weight, loaded.weight)


def test_stuck_devices_have_no_symmetry_point() -> None:
    tile = tile_of(Reference(device=SoftBounds(dw_min=0.01, stuck_prob=0.3, up_down=0.2)), (10, 10))
    found = tile.calibrate_symmetry_point(pulses=1000)
    stuck = tile.devices["device/w_max"] == tile.devices["device/w_min"]
    assert stuck.any()
    np.testing.assert_array_equal(np.isnan(found.residual), stuck)
    assert np.isfinite([found.mean, found.rms, found.max]).all()


@pytest.mark.parametrize(
    ("device", "arguments", "message"),
    [
        (exact(), {"program": True}, r"program needs devices with a reference part"),
        (exact(), {"method": "zigzag"}, "method must be one of 'alternating', 'cyclic', 'random'"),
        (exact(), {"burst": 3}, "burst has no effect with method 'alternating'"),
        (exact(), {"method": "cyclic", "pulses": 19}, "pulses must be >= 20"),
        (exact(), {"pulses": 0}, "pulses must be >= 2"),
        (exact(), {"pulses": 10.5}, "pulses must be an integer"),
        (exact(), {"pulses": 10, "reads": 6}, "pulses must be >= 12"),
        (exact(), {"reads": 0}, "reads must be >= 1"),
        (exact(), {"tolerance": 0.0}, "tolerance must be > 0"),
        (exact(), {"read_noise": -0.1}, "read_noise must be >= 0"),
        (exact(), {"program": 1}, "program must be True or False"),
        (exact(), {"array": "fast"}, "array must be one of main, got fast"),
        (exact(), {"array": 3}, "array must be the name of an array"),
        (ConstantStep(), {}, "ConstantStep has no symmetry point, or more than one"),
        (Ideal(), {}, "only single devices, and mho.devices.Reference of one.*got Ideal"),
        (OneSided(), {}, "only single devices.*got OneSided"),
        (Vector(devices=(exact(), exact())), {}, "only single devices.*got Vector"),
    ],
)
def test_what_cannot_be_calibrated_is_told(device: Any, arguments: dict[str, Any], message: str) -> None:
    tile = tile_of(device)
    arrays, counters = tile.state()
    with pytest.raises(mho.MhoError, match=message):
        tile.calibrate_symmetry_point(**arguments)
    after, after_counters = tile.state()
    assert counters == after_counters
    for name, values in arrays.items():
        np.testing.assert_array_equal(values, after[name], err_msg=name)
