"""The table of models that can be fitted: each entry is the device that it names."""

import numpy as np
import pytest

from mho.errors import MhoValueError
from mho.fitting.models import MODELS, TWINS, StepTable, by_name

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
    "rate": 0.01,
    "noise_ratio": 1.6,
} | {f"{side}_at_{k}": 1.4 - 0.1 * k for side in ("up", "down") for k in range(8)}
ALL = (*MODELS, *TWINS)
TOLD = {"a": -0.5, "b": -0.4, "p_max": 70.0, "reference_mean": 0.3}
TABLE = StepTable(
    w=np.zeros(0), step=np.zeros(0), up=np.zeros(0, dtype=bool), share=np.zeros(0), low=-1, high=1
)


@pytest.mark.parametrize("model", ALL, ids=lambda model: model.name)
@pytest.mark.parametrize("told", [{}, TOLD])
def test_an_entry_has_the_mean_step_and_the_noise_of_its_device(model, told):
    values = {name: VALUES[name] for name in model.free} | {"w_max": 1.2, "w_min": -0.9}
    fields = model.device_fields({**values, **model.chosen_conventions(told, TABLE)})
    device = model.build({**fields, "dw_min_ctoc": 0.3})
    assert type(device).__name__ == model.device
    assert device.bounds() == pytest.approx((-0.9, 1.2))
    assert device.dw_min == pytest.approx(fields["dw_min"])
    w = np.linspace(-0.85, 1.15, 41)
    arrays = {name: np.array(value) for name, value in values.items()}
    for up, expected in zip((True, False), device.mean_step(w), strict=True):
        np.testing.assert_allclose(model.step(w, arrays, up), expected, rtol=1e-9, atol=1e-12)
    for up, expected in zip((True, False), device.step_noise(w), strict=True):
        size = model.size(arrays, up) if model.additive else np.abs(model.step(w, arrays, up))
        np.testing.assert_allclose(0.3 * size * np.ones(41), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("model", TWINS, ids=lambda model: model.name)
def test_twins_have_the_curves_of_an_entry_of_the_table(model):
    other = next(one for one in MODELS if one.name == model.same)
    assert other.free == model.free
    assert other.additive == model.additive
    assert other.step is model.step


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_a_special_case_has_fewer_parameters(model):
    for name in model.contains:
        special = next(one for one in MODELS if one.name == name)
        assert len(special.free) < len(model.free)


@pytest.mark.parametrize("model", ALL, ids=lambda model: model.name)
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
        bounds=None if model.bounds_in_step else (-0.9, 1.2),
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
        name = side if side in model.free else "rate"
        assert min(abs(start[name] / VALUES[name] - 1) for start in candidates) < 0.1


def test_models_are_found_by_device_and_by_name():
    assert [model.name for model in by_name("LinearStep")] == ["LinearStep", "LinearStep, additive noise"]
    assert [model.name for model in by_name("ExpStep")] == ["ExpStep"]
    assert [model.name for model in by_name("SoftBoundsReference")] == [
        "SoftBoundsReference, additive noise",
        "SoftBoundsReference",
    ]
    assert [model.name for model in by_name("PiecewiseStep")] == [
        f"PiecewiseStep, {nodes} nodes" for nodes in (3, 5, 9)
    ]
    with pytest.raises(MhoValueError, match="did you mean SoftBounds"):
        by_name("SoftBound")
