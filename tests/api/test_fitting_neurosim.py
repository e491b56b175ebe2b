"""The nonlinearity label of the NeuroSim papers, and the device that it means."""

import math

import numpy as np
import pytest

from mho.devices import ConstantStep, LinearStep
from mho.errors import MhoError, MhoValueError
from mho.fitting import device_from_labels, label_from_a, normalised_a
from mho.response import pulse_response

# Some lines of the table that comes with MLP+NeuroSim V3.0, label and normalised A, over its whole range.
PUBLISHED = {
    0.01: 126.268958,
    0.06: 21.044185,
    0.5: 2.519877,
    1.51: 0.819477,
    3.01: 0.385310,
    4.51: 0.226626,
    6.01: 0.135117,
    7.51: 0.070151,
    9.0: 0.022810,
}


@pytest.mark.parametrize(("label", "a"), PUBLISHED.items())
def test_the_published_table_is_met(label, a):
    assert normalised_a(label) == pytest.approx(a, rel=2e-5)
    assert normalised_a(-label) == pytest.approx(-a, rel=2e-5)
    assert label_from_a(a) == pytest.approx(label, abs=6e-4 if label > 8 else 1e-4)


@pytest.mark.parametrize("label", [1e-3, 0.3, 2.4, 4.88, 8.9])
def test_labels_come_back(label):
    for sign in (1, -1):
        assert label_from_a(normalised_a(sign * label)) == pytest.approx(sign * label, rel=1e-6)


def conductance(label: float, pulses: int, x: np.ndarray) -> np.ndarray:
    """G of the papers at position x, from 0 to 1."""
    a = normalised_a(label) * pulses
    if math.isinf(a):
        return x / pulses
    return (1 - np.exp(-x / a)) / (1 - np.exp(-pulses / a))


@pytest.mark.parametrize(("up", "down"), [(2.4, -4.88), (1.75, 1.46), (-0.5, -3.0), (0.0, -2.0), (5.0, 0.0)])
@pytest.mark.parametrize("states", [(97, 97), (50, 100)])
def test_the_device_runs_along_the_curves_of_the_papers(up, down, states):
    device = device_from_labels(up, down, states=states[0], states_down=states[1])
    run = np.repeat([True, False], states)
    found = pulse_response(device, run, start=-1.0).weight[:, 0]
    rise = 2 * conductance(up, states[0], np.arange(1, states[0] + 1)) - 1
    # Depression goes back along its own curve, from its end.
    fall = 2 * conductance(down, states[1], states[1] - np.arange(1, states[1] + 1)) - 1
    np.testing.assert_allclose(found, np.concatenate([rise, fall]), atol=3e-5)


def test_straight_lines_are_constant_steps():
    device = device_from_labels(0, 0, states=100)
    assert isinstance(device, ConstantStep)
    assert device.dw_min == pytest.approx(0.02)


def test_noise_is_a_fraction_of_the_range():
    device = device_from_labels(2.4, -2.4, states=100, ctoc=0.01)
    assert isinstance(device, LinearStep)
    assert not device.mult_noise
    run = np.ones(1, dtype=bool)
    found = pulse_response(device, run, devices=20_000, start=-0.5)
    spread = (found.weight[0] - found.start).std()
    assert spread == pytest.approx(0.02, rel=5 / np.sqrt(2 * 20_000))
    assert device_from_labels(2.4, -2.4, states=100, dtod=0.1).dw_min_dtod == 0.1


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        ({"potentiation": 9.1}, "nonlinearity label must be >= -9 and <= 9"),
        ({"depression": math.nan}, "nonlinearity label must be a finite number"),
        ({"states": 1}, "states must be >= 2"),
        ({"states_down": 0}, "states_down must be >= 2"),
        ({"ctoc": -0.1}, "ctoc must be >= 0"),
        ({"dtod": -1}, "dtod must be >= 0"),
    ],
)
def test_what_is_no_label_is_answered(arguments, answer):
    values = {"potentiation": 2.4, "depression": -4.88, "states": 97, **arguments}
    with pytest.raises(MhoError, match=answer):
        device_from_labels(**values)


def test_no_a_is_zero():
    with pytest.raises(MhoValueError, match="a must not be 0"):
        label_from_a(0)
