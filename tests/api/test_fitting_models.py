"""The table of models that can be fitted: each entry is the device that it names."""

import numpy as np
import pytest

from mho.devices import Device, PulsedDevice
from mho.errors import MhoValueError
from mho.fitting.models import MODELS, StepTable, by_name

# Parameters of each kind of name, somewhere in the middle.
VALUES = {
    "up": 0.02,
    "down": 0.014,
    "slope_up": 0.4,
    "slope_down": 0.7,
    "w_max": 1.2,
    "w_min": -0.9,
    "rest_up": 0.6,
    "rest_down": 1.1,
    "wave_up": -1.5,
    "wave_down": -0.8,
    "gamma_up": 1.7,
    "gamma_down": 0.8,
}


def device_of(model, values) -> PulsedDevice:
    fields = model.device_fields({**values, **model.conventions})
    if "mult_noise" in fields:
        fields["dw_min_ctoc"] = 0.3
    device = Device.from_dict({"type": model.device, **fields})
    assert isinstance(device, PulsedDevice)
    return device


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
@pytest.mark.parametrize("conventions", [{}, {"a": -0.5, "b": -0.4}])
def test_an_entry_has_the_mean_step_of_its_device(model, conventions):
    values = {name: VALUES[name] for name in model.free} | {"w_max": 1.2, "w_min": -0.9}
    chosen = {name: value for name, value in conventions.items() if name in model.conventions}
    fields = model.device_fields({**values, **model.conventions, **chosen})
    if "mult_noise" in fields:
        fields["dw_min_ctoc"] = 0.3
    device = Device.from_dict({"type": model.device, **fields})
    w = np.linspace(-0.85, 1.15, 41)
    arrays = {name: np.array(value) for name, value in values.items()}
    for up, expected in zip((True, False), device.mean_step(w), strict=True):
        np.testing.assert_allclose(model.step(w, arrays, up), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_starts_come_from_the_curves(model):
    """Mean steps of a device that the model can be give a start near its parameters."""
    values = {name: VALUES[name] for name in model.free} | {"w_max": 1.2, "w_min": -0.9}
    arrays = {name: np.array(value) for name, value in values.items()}
    w = np.linspace(-0.7, 0.9, 30)
    table = StepTable(
        w=np.concatenate([w, w]),
        step=np.concatenate([model.step(w, arrays, True), -model.step(w, arrays, False)]),
        up=np.repeat([True, False], 30),
        share=np.full(60, 1 / 60),
        low=-0.7,
        high=0.9,
    )
    for up, side in ((True, "up"), (False, "down")):
        candidates = model.start(table, up)
        assert candidates
        for start in candidates:
            for name, value in start.items():
                low, high = model.free[name].limits(table.width)
                if model.free[name].scale != "linear":
                    value = abs(value)
                assert low <= value <= high, name
        assert min(abs(start[side] / VALUES[side] - 1) for start in candidates) < 0.1


def test_models_are_found_by_device_and_by_name():
    assert [model.name for model in by_name("LinearStep")] == ["LinearStep", "LinearStep, additive noise"]
    assert [model.name for model in by_name("ExpStep")] == ["ExpStep"]
    with pytest.raises(MhoValueError, match="did you mean SoftBounds"):
        by_name("SoftBound")
