"""Device quantities against independent computations, and presets against the published numbers."""

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

from mho import presets
from mho._parameters import declarations
from mho.devices import ConstantStep, Device, ExpStep, LinearStep, PulsedDevice, SoftBounds, Vector
from mho.errors import MhoTypeError, MhoValueError

PUBLISHED = Path(__file__).parent / "device_presets.csv"


def published() -> list[dict[str, str]]:
    with PUBLISHED.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def places(device: Device, parameter: str) -> list[Any]:
    """What a row of the table speaks of: a field, by dots that of a part, and by ``*`` that of every part."""
    found: list[Any] = [device]
    for name in parameter.split("."):
        if name == "*":
            found = [part for parts in found for part in parts]
        elif name.isdigit():
            found = [parts[int(name)] for parts in found]
        elif name == "model":
            found = [type(one).__name__ for one in found]
        elif name == "gamma" and isinstance(device, Vector):
            found = [device.gammas]
        else:
            found = [getattr(one, name) for one in found]
    return found


def parts(device: Device, place: str = "") -> dict[str, Device]:
    """A device and all that it consists of, by what the table calls them; equal ones of a row are ``*``."""
    found = {place: device}
    for name in declarations(type(device)):
        value = getattr(device, name)
        if isinstance(value, tuple) and value and isinstance(value[0], Device):
            assert set(value) == {value[0]}
            found |= parts(value[0], f"{place}{name}.*.")
        elif isinstance(value, Device):
            found |= parts(value, f"{place}{name}.")
    return found


@pytest.mark.parametrize("row", published(), ids=lambda row: f"{row['preset']}-{row['parameter']}")
def test_preset_number(row: dict[str, str]) -> None:
    found = places(presets.get(row["preset"]), row["parameter"])
    assert found
    for value in found:
        if isinstance(value, tuple):
            assert len(value) == int(row["value"])
        elif isinstance(value, bool):
            assert value == {"true": True, "false": False}[row["value"]]
        elif isinstance(value, str):
            assert value == row["value"]
        elif value is None:
            assert row["value"] == "none"
        else:
            assert value == float(row["value"])


@pytest.mark.parametrize("name", presets.names(cells=True))
def test_every_number_of_a_preset_is_in_the_table(name: str) -> None:
    device = presets.get(name)
    listed = {row["parameter"] for row in published() if row["preset"] == name}
    for place, part in parts(device).items():
        # Of what has fields of its own, one of them; of a row of numbers, each or how many there are.
        mine = {text[len(place) :].partition(".")[0] for text in listed if text.startswith(place)}
        changed = {
            field for field, item in declarations(type(part)).items() if getattr(part, field) != item.default
        }
        assert changed <= mine
        assert f"{place}model" in listed
    assert presets.source(name)
    assert getattr(presets, name)() == device


def test_preset_overrides_and_unknown_names() -> None:
    assert presets.get("ecram", dw_min_ctoc=0.1) == presets.ecram().replace(dw_min_ctoc=0.1)
    with pytest.raises(MhoTypeError, match=r"LinearStep has no parameter dw_mn; did you mean dw_min\?"):
        presets.ecram(dw_mn=1)
    for call in (presets.get, presets.source):
        with pytest.raises(
            MhoValueError, match=r"^preset must be one of .*, got 'reram_e'; did you mean reram_es\?$"
        ):
            call("reram_e")


def test_pinned_granularity_of_reram_es() -> None:
    device = presets.reram_es()
    assert device.weight_granularity == 0.0019914
    # The pinned number is the mean step down at weight 0; the mean over up and down is smaller.
    assert math.isclose(-device.mean_step(0.0)[1], 0.0019914, rel_tol=3e-5)
    assert math.isclose(device.replace(granularity=None).weight_granularity, 0.0017363, rel_tol=3e-5)
    # It follows an override of that step, does not move with others, and can be overridden or switched off.
    assert math.isclose(presets.reram_es(dw_min=0.0027).weight_granularity, 2 * 0.0019914, rel_tol=3e-5)
    assert presets.reram_es(dw_min_ctoc=0).weight_granularity == 0.0019914
    assert presets.reram_es(dw_min=0.0027, granularity=0.01).weight_granularity == 0.01
    assert presets.reram_es(granularity=None) == device.replace(granularity=None)


def test_pinned_granularity_of_pcm() -> None:
    device = presets.pcm()
    assert device.weight_granularity == 0.03235
    assert -device.mean_step(0.0)[1] == pytest.approx(0.03235)
    assert device.replace(granularity=None).weight_granularity == pytest.approx(0.15735)
    assert presets.pcm(dw_min=0.02).weight_granularity == pytest.approx(2 * 0.03235)
    assert presets.pcm(granularity=0.01).weight_granularity == 0.01


def test_stuck_devices_of_the_measured_arrays() -> None:
    for preset in (presets.reram_array_om, presets.reram_array_hfo2):
        assert preset(stuck_prob=0.1).stuck_range == 0.01
        assert preset(stuck_prob=0.1, stuck_range=0.2).stuck_range == 0.2
        # Where none is stuck, the range would have no effect.
        assert preset(stuck_prob=0.0) == preset()


@pytest.mark.parametrize("device", [ConstantStep, LinearStep, SoftBounds])
@pytest.mark.parametrize("up_down", [-0.4, 0.0, 0.25])
def test_asymmetry_is_one_sided(device: type[PulsedDevice], up_down: float) -> None:
    up, down = device(dw_min=0.01, up_down=up_down).mean_step(0.0)
    assert up == pytest.approx(0.01 * (1 + min(up_down, 0)))
    assert down == pytest.approx(-0.01 * (1 - max(up_down, 0)))
    granularity = device(dw_min=0.01, up_down=up_down).weight_granularity
    assert granularity == pytest.approx(0.01 * (1 - abs(up_down) / 2))


def test_mean_step_keeps_the_shape() -> None:
    for device in (ConstantStep(), LinearStep(), SoftBounds(), ExpStep()):
        for w in (0.0, [0.1, 0.2], np.zeros((2, 3, 4), dtype=np.float32)):
            up, down = device.mean_step(w)
            assert up.shape == down.shape == np.shape(w)
            assert up.dtype == down.dtype == np.float64


def test_steps_at_the_bounds() -> None:
    soft = SoftBounds(w_max=0.8, w_min=-0.5, dw_min=0.01)
    assert soft.mean_step(0.8)[0] == pytest.approx(0, abs=1e-15)
    assert soft.mean_step(-0.5)[1] == pytest.approx(0, abs=1e-15)
    linear = LinearStep(w_max=0.8, w_min=-0.5, dw_min=0.01, gamma_up=0.1, gamma_down=0.3)
    assert linear.mean_step(0.8)[0] == pytest.approx(0.009)
    assert linear.mean_step(-0.5)[1] == pytest.approx(-0.007)


@pytest.mark.parametrize("up_down", [-0.9, -0.2, 0.0, 0.1, 0.7])
@pytest.mark.parametrize("bounds", [(1.0, -1.0), (1.25, -0.75), (0.2, -3.0)])
def test_symmetry_point_of_soft_bounds(up_down: float, bounds: tuple[float, float]) -> None:
    w_max, w_min = bounds
    device = SoftBounds(up_down=up_down, w_max=w_max, w_min=w_min, dw_min=0.005)
    s_up, s_down = 1 + min(up_down, 0), 1 - max(up_down, 0)
    point = device.symmetry_point()
    assert point == pytest.approx((s_up - s_down) / (s_up / w_max - s_down / w_min))
    # Alternating pulses settle there, between the fixed points of up-down and of down-up.
    w = 0.0
    for _ in range(2000):
        w += float(device.mean_step(w)[0])
        w += float(device.mean_step(w)[1])
    assert abs(w - point) <= 0.005


def shape(device: ExpStep, w: float) -> tuple[float, float]:
    """Return the mean steps of an ExpStep, written out once more."""
    z = 2 * device.a * w / (device.w_max - device.w_min) + device.b
    s_up = device.dw_min * (1 + device.up_down if device.up_down < 0 else 1)
    s_down = device.dw_min * (1 - device.up_down if device.up_down > 0 else 1)
    return (
        s_up * max(1 - device.A_up * math.exp(device.gamma_up * z), 0),
        s_down * max(1 - device.A_down * math.exp(-device.gamma_down * z), 0),
    )


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"up_down": 0.3},
        {"up_down": -0.2},
        {"A_up": -1.18445, "A_down": -0.081404, "gamma_up": 5, "gamma_down": 5, "a": -0.5, "b": -0.5},
        {"A_up": 0.1, "A_down": 0.1, "gamma_up": 2, "gamma_down": 2, "a": 1, "b": 0, "w_max": 2, "w_min": -1},
    ],
)
def test_symmetry_point_of_exp_step(values: dict[str, Any]) -> None:
    device = ExpStep(**values)
    for w in np.linspace(device.w_min, device.w_max, 11):
        up, down = shape(device, w)
        assert (float(device.mean_step(w)[0]), -float(device.mean_step(w)[1])) == pytest.approx((up, down))
    expected = brentq(
        lambda w: shape(device, w)[0] - shape(device, w)[1], device.w_min, device.w_max, xtol=1e-13
    )
    assert device.symmetry_point() == pytest.approx(expected, abs=1e-11)


@pytest.mark.parametrize(
    "device",
    [
        ConstantStep(),
        ConstantStep(up_down=0.5),
        LinearStep(),
        LinearStep(up_down=0.5),
        LinearStep(up_down=0.9, gamma_up=0.1, gamma_down=0.1),  # steps would be equal beyond w_max
        ExpStep(A_up=0, A_down=0),  # equal everywhere
        ExpStep(A_up=0, A_down=0, up_down=0.5),  # equal nowhere
        ExpStep(A_up=2, A_down=2, gamma_up=2, gamma_down=2, a=1, b=0, granularity=1),  # 0 around 0
    ],
    ids=repr,
)
def test_no_symmetry_point(device: PulsedDevice) -> None:
    assert device.symmetry_point() is None


def test_symmetry_point_of_linear_step() -> None:
    device = LinearStep(gamma_up=0.5, gamma_down=0.25, up_down=0.1, w_max=2, w_min=-1)
    point = device.symmetry_point()
    assert point is not None
    up, down = device.mean_step(point)
    assert up == pytest.approx(-down)
    assert presets.ecram().symmetry_point() == 0
