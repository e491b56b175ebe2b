"""Cells as users meet them: configuration, arrays, programming, layers, command line, errors."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

import mho
from mho import Tile, TileConfig, nn, presets
from mho.cli import main
from mho.devices import (
    ConstantStep,
    Device,
    ExpStep,
    Ideal,
    LinearStep,
    MultiSignificance,
    OneSided,
    Reference,
    SoftBounds,
    Vector,
)
from mho.errors import MhoError, MhoTypeError, MhoValueError
from mho.plotting import compare_plot, device_plot
from mho.plotting._swing import bounds_of, lowest_start, measured_steps, pulses_to_cross, swing
from mho.response import pulse_response

ONE_WAY = ConstantStep(dw_min=0.01, w_min=0.0, w_max=1.0)
EXACT = {"dw_min_dtod": 0, "dw_min_ctoc": 0, "up_down_dtod": 0, "w_max_dtod": 0, "w_min_dtod": 0}
CELLS = {
    "vector": Vector(devices=(SoftBounds(), LinearStep()), gamma=(1.0, -0.5), policy="fixed", index=1),
    "reference": Reference(device=SoftBounds(), reference_device=ConstantStep(), reference_mean=0.1),
    "pair": OneSided(device=ONE_WAY, second_device=ExpStep(), refresh_every=5, refresh_lower=0.1),
    "multi": MultiSignificance(pair=OneSided(device=ONE_WAY, gamma=2.0), transfer_every=10),
    "nested": Vector(devices=(OneSided(device=ONE_WAY), Reference(), Vector())),
}
each_cell = pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)


# -------------------------------------------------------------------------------------------- configuration


@each_cell
def test_configurations_survive_as_text(cell: Device) -> None:
    config = TileConfig(device=cell)
    assert TileConfig.from_toml(config.to_toml()) == config
    assert TileConfig.from_json(config.to_json()) == config
    assert Device.from_dict(cell.to_dict()) == cell
    names = {name: getattr(mho.devices, name) for name in Device.types()}
    assert eval(repr(cell), names) == cell
    assert hash(cell) == hash(cell.replace())


def test_a_cell_in_toml() -> None:
    text = """
    [tile.device]
    type = "OneSided"
    refresh_every = 100
    [tile.device.device]
    type = "ConstantStep"
    w_min = 0.0
    """
    assert TileConfig.from_toml(text).device == OneSided(device=ConstantStep(w_min=0.0), refresh_every=100)
    text = """
    [tile.device]
    type = "Vector"
    gamma = [1, 0.5]
    [[tile.device.devices]]
    type = "SoftBounds"
    [[tile.device.devices]]
    type = "Reference"
    reference_std = 0.1
    """
    expected = Vector(devices=(SoftBounds(), Reference(reference_std=0.1)), gamma=(1.0, 0.5))
    assert TileConfig.from_toml(text).device == expected


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Vector(devices=()), "the length of Vector.devices must be >= 1 and <= 64, got 0"),
        (
            lambda: Vector(devices=(SoftBounds(), Ideal())),
            r"Vector.devices\[1\] must be a device that takes pul",
        ),
        (lambda: Vector(devices=SoftBounds()), "Vector.devices must be a row of Devices"),
        (lambda: Vector(devices=(3.0,)), r"Vector.devices\[0\] must be any Device, got 3.0"),
        (lambda: Vector(gamma=(1.0,)), "Vector.gamma must have a number for each of the 2 devices, got 1"),
        (lambda: Vector(gamma=(0.0, 0)), "Vector.gamma must not be 0 for all devices that take pulses"),
        (
            lambda: Vector(gamma=(1, 0), policy="fixed", index=1),
            "Vector.gamma must not be 0 for all devices that",
        ),
        (lambda: Vector(gamma=(1.0, np.nan)), r"Vector.gamma\[1\] must be a finite number, got nan"),
        (
            lambda: Vector(policy="every"),
            "Vector.policy must be one of 'all', 'fixed', 'sequential', 'random'",
        ),
        (lambda: Vector(index=1), 'Vector.index has no effect with the policy "all": leave it out, got 1'),
        (lambda: Vector(policy="fixed", index=2), "Vector.index must be < 2, the number of devices, got 2"),
        (lambda: Reference(device=Ideal()), "Reference.device must be a device that takes pulses, got Ideal"),
        (lambda: Reference(reference_std=-1), "Reference.reference_std must be >= 0, got -1.0"),
        (lambda: OneSided(device=Vector()), "OneSided.device must be any PulsedDevice, got Vector"),
        (lambda: OneSided(device=OneSided()), "OneSided.device must be any PulsedDevice, got OneSided"),
        (lambda: OneSided(device=Ideal()), "OneSided.device must be any PulsedDevice, got Ideal"),
        (
            lambda: OneSided(device=ConstantStep(w_max=0)),
            "OneSided.device.w_max must be > 0, or no step up is possible, got 0.0",
        ),
        (
            lambda: OneSided(device=ExpStep(A_up=1e3)),
            "OneSided.device.granularity must be given .> 0. where the mean step up at weight 0 is 0",
        ),
        (
            lambda: OneSided(refresh_upper=0.8),
            "OneSided.refresh_upper has no effect while refresh_every is 0",
        ),
        (
            lambda: OneSided(refresh_every=1, refresh_upper=0.1),
            "OneSided.refresh_lower must be <= refresh_upper = 0.1, got 0.25",
        ),
        (lambda: OneSided(refresh_every=1.5), "OneSided.refresh_every must be an integer >= 0"),
        (lambda: OneSided(gamma=0), "OneSided.gamma must be > 0, got 0.0"),
        (
            lambda: MultiSignificance(pair=SoftBounds()),
            "MultiSignificance.pair must be any OneSided, got Soft",
        ),
        (
            lambda: MultiSignificance(capacitor=Vector()),
            "MultiSignificance.capacitor must be any PulsedDevice",
        ),
        (lambda: MultiSignificance(transfer_every=0), "MultiSignificance.transfer_every must be >= 1, got 0"),
        (lambda: MultiSignificance(gain=0), "MultiSignificance.gain must be > 0, got 0.0"),
        (
            lambda: Device.from_dict({"type": "OneSided", "device": {"type": "Vector"}}),
            "OneSided.device.type must be one of 'ConstantStep'.*got 'Vector'",
        ),
        (
            lambda: Device.from_dict({"type": "Vector", "devices": [{"type": "SoftBounds", "dw_mn": 1}]}),
            r"unknown key Vector.devices\[0\].dw_mn; did you mean dw_min",
        ),
    ],
)
def test_errors_of_a_configuration(make, message: str) -> None:
    with pytest.raises(MhoError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


# ---------------------------------------------------------------------------------------------- granularity


@each_cell
def test_granularity_is_that_of_the_engine(cell: Device) -> None:
    assert Tile(3, 2, device=cell).granularity == pytest.approx(cell.weight_granularity, rel=1e-12)


def test_granularity_of_policies() -> None:
    two = (ConstantStep(dw_min=0.02), ConstantStep(dw_min=0.01))
    for policy, expected in (("all", 0.023), ("sequential", 0.0115), ("random", 0.0115)):
        assert Vector(devices=two, gamma=(1.0, -0.3), policy=policy).weight_granularity == pytest.approx(
            expected
        )
    assert Vector(devices=two, gamma=(1, -0.3), policy="fixed", index=1).weight_granularity == pytest.approx(
        0.003
    )
    # Of a one-sided pair it is the step up that counts, or the number that a device comes with.
    device = ConstantStep(dw_min=0.01, w_min=0.0, up_down=-0.4)
    assert OneSided(device=device, gamma=2.0).weight_granularity == pytest.approx(0.012)
    assert OneSided(device=device.replace(granularity=0.5)).weight_granularity == 0.5


def test_symmetry_points() -> None:
    device = SoftBounds(up_down=0.2)
    point = device.symmetry_point()
    assert point is not None
    assert Vector(devices=(device, device), gamma=(1, -0.25)).symmetry_point() == pytest.approx(0.75 * point)
    fixed = Vector(devices=(ConstantStep(), device), policy="fixed", index=1)
    assert fixed.symmetry_point() == pytest.approx(point / 2)
    assert Vector(devices=(ConstantStep(), device)).symmetry_point() is None
    assert Reference(device=device, reference_mean=point).symmetry_point() == 0
    assert Reference(device=ConstantStep()).symmetry_point() is None
    assert OneSided(device=ONE_WAY).symmetry_point() == 0
    assert OneSided(device=ONE_WAY, second_device=ExpStep()).symmetry_point() is None
    assert MultiSignificance(reference_mean=0.1).symmetry_point() == pytest.approx(-0.1)


# ------------------------------------------------------------------------------------- arrays and programming


def test_arrays_have_the_names_of_the_parts() -> None:
    tile = Tile(3, 2, device=CELLS["nested"])
    names = set(tile.devices)
    assert {"weight", "device0/weight", "device0/positive/w_max", "device1/reference/dw_min_up"} <= names
    assert "weight" not in tile.state()[0]  # it follows from the others
    assert tile.devices["device2/device1/w_min"].shape == (2, 3)
    with pytest.raises(
        MhoValueError, match="a device has no array 'positive/w_max'; it has weight, device0/wei"
    ):
        tile.devices["positive/w_max"]
    tile.update(np.ones((4, 3)), np.ones((4, 2)), 0.1)
    counters = tile.state()[1]
    fired = [sum(n) for name, n in counters.items() if name.endswith(("pulses_up", "pulses_down"))]
    assert tile.pulses.total == sum(fired) > 0
    assert counters["device0/negative/pulses_up"][0] > 0
    assert counters["device0/negative/pulses_down"] == [0]


@each_cell
def test_programming_reaches_what_can_be_reached(cell: Device) -> None:
    tile = Tile(30, 20, device=cell, forward_io=mho.IO.perfect(), seed=3)
    small = 0.05 * np.random.default_rng(0).normal(size=(20, 30))
    before = {name: tile.devices[name] for name in tile.devices}
    missed = tile.set_weight(small)
    np.testing.assert_allclose(np.sort(np.abs(tile.weight - small).ravel())[: 600 - missed], 0, atol=1e-6)
    assert missed < 20
    assert tile.set_weight(np.full((20, 30), 100.0)) == 600
    assert tile.set_weight(small) == missed
    for name, array in before.items():
        if not name.endswith("weight"):
            np.testing.assert_array_equal(tile.devices[name], array)
    y = tile.forward(np.eye(30), noise=False)
    np.testing.assert_allclose(y.T, tile.weight, rtol=1e-5, atol=1e-6)


def test_programming_fills_one_device_after_the_other() -> None:
    devices = tuple(ConstantStep(**EXACT, w_max=bound, w_min=-bound) for bound in (0.1, 0.5))
    tile = Tile(3, 1, device=Vector(devices=devices, gamma=(1.0, 1.0)))
    assert tile.set_weight([[0.1, -0.5, 0.7]]) == 1
    np.testing.assert_allclose(tile.weight, [[0.1, -0.5, 0.6]], atol=1e-6)
    np.testing.assert_allclose(tile.devices["device0/weight"], [[0.05, -0.1, 0.1]], atol=1e-6)
    tile = Tile(3, 1, device=Vector(devices=devices, gamma=(1.0, 1.0), policy="fixed", index=1))
    assert tile.set_weight([[0.1, -0.5, 0.7]]) == 1
    assert not tile.devices["device0/weight"].any()


def test_programming_a_part() -> None:
    device = SoftBounds(up_down=0.3, w_max_dtod=0.0)
    tile = Tile(3, 2, device=Reference(device=device), seed=3)
    assert tile.set_weight(np.full((2, 3), 0.1), part="reference") == 0
    np.testing.assert_allclose(tile.weight, -0.1, atol=1e-7)
    assert tile.set_weight(np.full((2, 3), 0.2)) == 0  # moves the device, and leaves the reference
    np.testing.assert_allclose(tile.devices["reference/weight"], 0.1)
    np.testing.assert_allclose(tile.devices["device/weight"], 0.3, atol=1e-6)
    many = Tile(3, 2, device=CELLS["nested"], instances=4, seed=3)
    w = np.random.default_rng(0).uniform(0.05, 0.1, size=(4, 2, 3))
    assert many.set_weight(w, part="device0/negative") == 0
    np.testing.assert_allclose(many.weight, -w / 3, atol=1e-6)
    with pytest.raises(
        MhoValueError, match=r"part must be one of a cell's \(device, reference\), got refrence"
    ):
        tile.set_weight(np.zeros((2, 3)), part="refrence")
    with pytest.raises(
        MhoValueError, match="part must be one of a cell's, and this device has none, got device"
    ):
        Tile(3, 2).set_weight(np.zeros((2, 3)), part="device")
    for part in (3, ""):
        with pytest.raises(MhoTypeError, match="part must be the name of a part of a cell, got "):
            tile.set_weight(np.zeros((2, 3)), part=part)
    with pytest.raises(MhoValueError, match="weight must have shape"):
        tile.set_weight(np.zeros((3, 3)), part="reference")


def test_a_calibrated_reference_puts_the_symmetry_point_at_0() -> None:
    device = SoftBounds(
        dw_min=0.005,
        dw_min_dtod=0,
        up_down=0.2,
        up_down_dtod=0.1,
        dw_min_ctoc=0.0,
        w_max_dtod=0,
        w_min_dtod=0,
    )
    tile = Tile(40, 30, device=Reference(device=device), seed=3)
    points = {}
    for calibrated in (False, True):
        for k in range(3000):
            tile.update(np.ones((1, 40)), np.full((1, 30), (-1.0) ** k), tile.granularity)
        points[calibrated] = tile.weight
        tile.set_weight(tile.devices["device/weight"], part="reference")
    assert np.abs(points[False]).mean() > 0.05
    assert np.abs(points[True]).max() < 0.02


@each_cell
def test_a_state_that_cannot_be_is_refused(cell: Device) -> None:
    tile = Tile(3, 2, device=cell, seed=3)
    tile.update(np.ones((12, 3)), np.ones((12, 2)), 0.1)
    arrays, counters = tile.state()
    name = next(n for n in arrays if n.endswith("/weight"))
    for changed, message in (
        (arrays | {name: np.full((2, 3), 100.0)}, "weight outside of its device's bounds"),
        ({n: a for n, a in arrays.items() if n != name}, f"needs the array {name}"),
        (arrays | {"weight": arrays[name]}, "has arrays that its devices do not have"),
    ):
        with pytest.raises(MhoValueError, match=message):
            tile.load_state(changed, counters)
    wrong = next(n for n in counters if n.endswith("pulses_up"))
    with pytest.raises(MhoValueError, match="incomplete"):
        tile.load_state(arrays, {n: v for n, v in counters.items() if n != wrong})
    after = tile.state()
    assert after[1] == counters
    for n, array in arrays.items():
        np.testing.assert_array_equal(after[0][n], array)


# ------------------------------------------------------------------------------- pulses, layers, command line


def test_pulse_response_of_cells() -> None:
    device = ConstantStep(**EXACT, dw_min=0.1)
    up = np.array([True, True, False])
    cell = Vector(devices=(device, device))
    np.testing.assert_allclose(pulse_response(cell, up).weight[:, 0], [0.1, 0.2, 0.1], atol=1e-6)
    pair = OneSided(device=ConstantStep(**EXACT, dw_min=0.1, w_min=0.0))
    np.testing.assert_allclose(pulse_response(pair, up, start=0.2).weight[:, 0], [0.3, 0.4, 0.3], atol=1e-6)
    with pytest.raises(MhoTypeError, match="device must take pulses, got Ideal"):
        pulse_response(Ideal(), up)


def test_a_layer_of_cells_learns() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 8))
    target = x @ rng.uniform(-0.3, 0.3, size=(8, 4))

    def error(cell: Device) -> float:
        layer = nn.Linear(8, 4, device=cell, forward_io=mho.IO.perfect(), seed=1)
        for _ in range(40):
            y, saved = layer.forward(x, training=True)
            layer.update((y - target) / len(x), saved, 0.5)
        return float(np.mean((layer.forward(x, training=False)[0] - target) ** 2))

    device = ONE_WAY.replace(dw_min=0.002, w_max_dtod=0.1)
    assert error(presets.capacitor2()) < 2e-3
    assert error(presets.pcm_pair(device)) < 0.02
    # Without a refresh the pairs have saturated by then.
    assert error(presets.pcm_pair(device, refresh_every=0)) > 0.04


def test_presets() -> None:
    assert {"reram_es2", "reram_es4", "capacitor2", "ecram4", "idealized4"} <= set(presets.names(cells=True))
    for name in set(presets.names(cells=True)) - set(presets.names()) - {"pcm_pair"}:
        single, count = name[:-1], int(name[-1])
        cell = presets.get(name, dw_min_ctoc=0.2)
        assert cell == getattr(presets, name)(dw_min_ctoc=0.2)
        assert isinstance(cell, Vector)
        assert cell.devices == (presets.get(single, dw_min_ctoc=0.2),) * count
        assert cell.policy == "random"
        assert presets.source(single) in presets.source(name)
    assert presets.get("pcm_pair") == OneSided(device=presets.pcm(), refresh_every=10)
    assert presets.pcm_pair(ONE_WAY, refresh_every=3) == OneSided(device=ONE_WAY, refresh_every=3)
    with pytest.raises(
        MhoTypeError, match="OneSided has no parameter refresh_evry; did you mean refresh_every"
    ):
        presets.pcm_pair(ONE_WAY, refresh_evry=3)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


def test_the_command_line_knows_cells(capsys, tmp_path: Path) -> None:
    code, out, _ = run(capsys, "devices")
    assert code == 0
    assert "reram_es4" in out
    code, out, _ = run(capsys, "devices", "--json")
    assert {entry["name"] for entry in json.loads(out)["cells"]} >= {"reram_es2", "ecram4"}
    code, out, _ = run(capsys, "devices", "ecram2")
    assert code == 0
    assert re.search(r"devices +LinearStep, LinearStep", out)
    code, out, _ = run(capsys, "devices", "ecram2", "--toml")
    assert Device.from_dict(tomllib.loads(out)) == presets.ecram2()
    code, out, _ = run(capsys, "device", "plot", "ecram2", "--out", str(tmp_path / "cell.png"))
    assert code == 0
    assert (tmp_path / "cell.png").stat().st_size > 50_000


@pytest.mark.parametrize(
    ("cell", "bounds"),
    [
        (Vector(devices=(SoftBounds(w_max=1, w_min=-0.5),) * 2, gamma=(0.5, -1.0)), (-1.25, 1.0)),
        (Vector(devices=(SoftBounds(w_max=1, w_min=-0.5),) * 2, policy="fixed", index=1), (-0.25, 0.5)),
        (Reference(device=SoftBounds(w_max=1, w_min=-0.5), reference_mean=0.2), (-0.7, 0.8)),
        (OneSided(device=ONE_WAY, gamma=0.5), (-0.5, 0.5)),
        (MultiSignificance(pair=OneSided(device=ONE_WAY), gain=3), (-4, 4)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_bounds_of_the_weight_of_a_cell(cell, bounds) -> None:
    assert bounds_of(cell) == pytest.approx(bounds)


@each_cell
def test_every_kind_of_cell_is_drawn(cell: Device, tmp_path: Path) -> None:
    device_plot(cell, tmp_path / "cell.png", devices=3, cycles=1, pulses=40)
    assert (tmp_path / "cell.png").read_bytes().startswith(b"\x89PNG")
    compare_plot({"cell": cell, "device": SoftBounds(dw_min=0.02)}, tmp_path / "both.png")
    assert (tmp_path / "both.png").read_bytes().startswith(b"\x89PNG")


def test_pulses_that_cross_a_cell() -> None:
    one = pulses_to_cross(SoftBounds(dw_min=0.01))
    devices = (SoftBounds(dw_min=0.01),) * 3
    # One in three pulses is for each device.
    assert pulses_to_cross(Vector(devices=devices, policy="random")) == 3 * one
    assert pulses_to_cross(Vector(devices=devices, policy="sequential")) == 3 * one
    assert pulses_to_cross(Vector(devices=devices)) == one
    assert pulses_to_cross(Reference(device=devices[0])) == one
    # Nine tenths of 2 at 0.01 a pulse, and a tenth more.
    pair = OneSided(device=ConstantStep(dw_min=0.01, w_min=0, w_max=2))
    assert pulses_to_cross(pair) == 198
    assert lowest_start(pair) == 0


def test_steps_of_a_cell_are_measured_on_its_response() -> None:
    """Two devices without noise or spread, of which each pulse moves one: half of a step, on the curve."""
    device = SoftBounds(dw_min=0.01, up_down=0.3, w_max=1.0, w_min=-1.0, **EXACT)
    found = swing(Vector(devices=(device, device), policy="sequential"), 32, 1, 1, 600)
    w, up, down = measured_steps(found)
    expected = device.mean_step(w)
    np.testing.assert_allclose(up, expected[0] / 2, atol=2e-4)
    # Pulses down do not lead back to the bound.
    seen = np.isfinite(down)
    assert seen[3:].all()
    np.testing.assert_allclose(down[seen], -expected[1][seen] / 2, atol=2e-4)


def test_a_response_of_cells_has_their_parts() -> None:
    """Each pulse is a sample of its own: devices take turns, and both halves of a pair grow."""
    device = ConstantStep(dw_min=0.01, w_max=1.0, w_min=-1.0, **EXACT)
    turns = Vector(devices=(device, device), gamma=(1.0, 1.0), policy="sequential")
    found = pulse_response(turns, np.array([True, True, False]), devices=2, start=0.0, every=100)
    assert list(found.parts) == ["device0", "device1"]
    np.testing.assert_allclose(found.parts["device0"][:, 0], [0.5, 1.0, 0.5], atol=1e-5)
    np.testing.assert_allclose(sum(found.parts.values()), found.weight, atol=1e-6)
    pair = OneSided(device=device.replace(w_min=0.0))
    found = pulse_response(pair, np.array([True, False]), every=20)
    np.testing.assert_allclose(found.parts["positive"][:, 0], [0.2, 0.2], atol=1e-5)
    np.testing.assert_allclose(found.parts["negative"][:, 0], [0.0, 0.2], atol=1e-5)
    np.testing.assert_allclose(found.weight[:, 0], [0.2, 0.0], atol=1e-5)
    with pytest.raises(MhoValueError, match="every must be >= 1 and <= 4096"):
        pulse_response(pair, np.array([True]), every=5000)


def test_ideal_devices_are_not_drawn(tmp_path: Path) -> None:
    with pytest.raises(MhoTypeError, match="device must take pulses, got Ideal"):
        device_plot(Ideal(), tmp_path / "x.png")  # type: ignore[arg-type]
    with pytest.raises(MhoTypeError, match="device must take pulses, got Ideal"):
        compare_plot({"a": Ideal(), "b": SoftBounds()}, tmp_path / "x.png")  # type: ignore[dict-item]
