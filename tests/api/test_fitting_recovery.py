"""Fits give known devices back: curves come from the engine itself."""

import tomllib

import numpy as np
import pytest

from fitting_cases import ALIKE, BOUNDS, CASES, coverage, curves, fitted
from mho.devices import ConstantStep, Device, PiecewiseStep, PulsedDevice, SoftBounds, SoftBoundsReference
from mho.errors import MhoValueError
from mho.fitting import Curves, fit
from mho.fitting.models import TWINS
from mho.response import pulse_response


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("ConstantStep", 12),
        ("SoftBounds", 8),
        ("LinearStep", 8),
        ("PowStep", 2),
        ("SoftBoundsPmax", 8),
        ("SoftBoundsReference, additive noise", 8),
        ("PiecewiseStep", 8),
    ],
)
def test_some_curves_of_a_known_device_give_it_back(name, number):
    """A fast part of what the next test does: no estimate is far off, few intervals miss."""
    found = coverage(CASES[name], number)
    common = ("dw_min", "up_down", "dw_min_ctoc", "write_noise_std")
    assert {one.field for one in found} >= set(CASES[name].fields or common)
    for one in found:
        if number > 2:
            # 12 intervals that hold with 95 % miss five or more once in 5,000 times, 8 more seldom.
            assert one.covered >= number - 4, one
            assert abs(one.mean - one.truth) < 5 * one.spread / np.sqrt(number), one
    assert sum(one.covered for one in found) >= 0.8 * sum(one.cases for one in found)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CASES if "clipped" not in name])
def test_intervals_cover_and_are_no_wider_than_they_must_be(name):
    """Of 100 intervals 90 to 100 hold the truth, and they are as wide as estimates scatter."""
    for one in coverage(CASES[name], 100):
        assert one.cases >= 95, one
        assert 0.9 * one.cases <= one.covered, one
        assert 0.6 < one.width <= 1.5, one
        assert abs(one.mean - one.truth) < 0.5 * one.spread, one


def test_exponential_steps_come_back():
    case = CASES["ExpStep"]
    found = fitted(case, curves(case, 1, seed=6)[0])
    truth = case.device.to_dict()
    for name in ("A_up", "A_down", "gamma_up", "gamma_down", "dw_min", "dw_min_ctoc"):
        one = found[name]
        assert one.low is not None
        assert one.high is not None
        # 2.5 times as far as a 95 % interval reaches: about 5 sigma.
        reach = 2.5 * (one.high - one.low) / 2
        assert abs(one.value - truth[name]) < reach, name


def test_bounds_that_are_met_are_found():
    case = CASES["ConstantStep, bounds met"]
    found = fitted(case, curves(case, 1)[0])
    for name, truth in (("w_max", 1.0), ("w_min", -1.0)):
        one = found[name]
        assert one.low is not None
        assert one.high is not None
        assert abs(one.value - truth) < 2.5 * (one.high - one.low) / 2
        assert one.high - one.low < 0.05


def test_bounds_that_are_not_met_are_not_made_up():
    case = CASES["ConstantStep"]
    measured = curves(case, 1)[0]
    result = fit(measured, models=["ConstantStep"])
    assert not result.ranking[0].bounded
    assert result.fields["w_max"].low is None
    assert "range that the curves cover" in result.fields["w_max"].note
    assert any("do not show where the weight stops" in note for note in result.notes)


def test_without_noise_of_reads_none_is_seen():
    device = SoftBounds(dw_min=0.01, dw_min_ctoc=0.4, **BOUNDS, **ALIKE)
    up = np.repeat([True, False], 200)
    found = pulse_response(device, up, seed=3, start=-0.7).weight[:, 0]
    result = fit(Curves.of(found[up], found[~up], unit="weight"), models=["SoftBounds"])
    reads = result.fields["write_noise_std"]
    assert reads.low == 0
    assert reads.value < 0.1
    assert reads.high is not None
    assert reads.high < 0.3
    ctoc = result.fields["dw_min_ctoc"]
    assert ctoc.low < 0.4 < ctoc.high


def test_without_noise_of_pulses_none_is_seen():
    device = SoftBounds(dw_min=0.01, dw_min_ctoc=0, write_noise_std=3, **BOUNDS, **ALIKE)
    up = np.repeat([True, False], 200)
    found = pulse_response(device, up, seed=3, start=-0.7).weight[:, 0]
    result = fit(Curves.of(found[up], found[~up], unit="weight"), models=["SoftBounds"])
    assert result.fields["dw_min_ctoc"].low == pytest.approx(0, abs=0.05)
    reads = result.fields["write_noise_std"]
    # 2.5 times as far as a 95 % interval reaches: about 5 sigma.
    assert abs(reads.value - 3) < 2.5 * (reads.high - reads.low) / 2


def test_noise_of_reads_that_lasts_is_not_taken_for_noise_of_pulses():
    device = ConstantStep(dw_min=0.004, dw_min_ctoc=0, **BOUNDS, **ALIKE)
    up = np.repeat([True, False], 400)
    clean = pulse_response(device, up, start=-0.8).weight[:, 0]
    rng = np.random.default_rng(2)
    lasting = np.zeros(800)
    for k in range(1, 800):
        lasting[k] = 0.85 * lasting[k - 1] + 0.04 * np.sqrt(1 - 0.85**2) * rng.standard_normal()
    seen = clean + lasting + 0.03 * rng.standard_normal(800)
    result = fit(Curves.of(seen[up], seen[~up], unit="weight"), models=["ConstantStep"])
    assert any(note.startswith("noise of reads lasts") for note in result.notes)
    total = result.fields["write_noise_std"].value * result.fields["dw_min"].value
    assert total == pytest.approx(0.05, rel=0.2)
    # Without it, 0.022 a pulse that fades in six pulses would count as 4 steps each that stay.
    assert result.fields["dw_min_ctoc"].low == pytest.approx(0, abs=0.3)
    assert result.fields["dw_min_ctoc"].value < 2


def test_spread_between_devices_is_told_from_noise():
    truth = {
        "dw_min": 0.012,
        "dw_min_dtod": 0.25,
        "dw_min_ctoc": 0.3,
        "w_max": 1.0,
        "w_min": -1.0,
        "w_max_dtod": 0.1,
        "w_min_dtod": 0.1,
        "up_down": 0.1,
        "up_down_dtod": 0.05,
        "write_noise_std": 1.0,
    }
    up = np.repeat([True, False], 100)
    found = pulse_response(SoftBounds(**truth), up, devices=10, start=-0.6, seed=8).weight
    result = fit(Curves.of(found[up].T, found[~up].T, unit="weight"), models=["SoftBounds"])
    for name, value in truth.items():
        one = result.fields[name]
        if name == "up_down_dtod" and one.low is None:
            # Ten devices may happen to differ by no more than their own estimates do.
            assert "do not tell" in one.note
            continue
        assert one.low is not None, name
        assert one.high is not None
        middle, half = (one.low + one.high) / 2, (one.high - one.low) / 2
        assert abs(middle - value) < 2.5 * half, name
    # What pulses add up to is not taken for noise of reads that lasts.
    assert not any(note.startswith("noise of reads lasts") for note in result.notes)
    # The spread is not put into the noise of pulses, nor the other way round.
    assert 0.2 < result.fields["dw_min_ctoc"].value < 0.4
    assert 0.12 < result.fields["dw_min_dtod"].value < 0.5
    assert result.device.dw_min_dtod == result.fields["dw_min_dtod"].value
    assert any("estimated from 10 devices" in note for note in result.notes)


def test_devices_that_are_alike_have_no_spread():
    device = SoftBounds(dw_min=0.012, dw_min_ctoc=0.3, write_noise_std=1, **BOUNDS, **ALIKE)
    up = np.repeat([True, False], 120)
    found = pulse_response(device, up, devices=5, start=-0.6, seed=8).weight
    result = fit(Curves.of(found[up].T, found[~up].T, unit="weight"), models=["SoftBounds"])
    for name in ("dw_min_dtod", "w_max_dtod", "w_min_dtod", "up_down_dtod"):
        assert result.fields[name].low == pytest.approx(0, abs=0.01), name
        assert result.fields[name].value < 0.05, name


def test_one_device_tells_no_spread_and_says_so():
    measured = curves(CASES["ConstantStep"], 1)[0]
    result = fit(measured, models=["ConstantStep"])
    assert result.device.dw_min_dtod == result.device.w_max_dtod == 0
    assert any("one device cannot tell" in note for note in result.notes)
    told = fit(measured, models=["ConstantStep"], dtod=0.3)
    assert told.device.dw_min_dtod == told.device.w_max_dtod == told.device.w_min_dtod == 0.3


def test_the_right_model_comes_first():
    case = CASES["LinearStep"]
    result = fit(curves(case, 1, seed=1)[0])
    names = [one.name for one in result.ranking]
    assert len(names) == 10
    # One of the tables, and no twin.
    assert sum(name.startswith("PiecewiseStep") for name in names) == 1
    assert type(result.device).__name__ != "PiecewiseStep"
    assert not {model.name for model in TWINS} & set(names)
    assert any(
        note.startswith("SoftBoundsReference has the same curves as SoftBounds") for note in result.notes
    )
    assert names.index("LinearStep") < names.index("ConstantStep")
    first = result.ranking[0]
    assert first.behind == 0
    assert all(one.behind >= 0 for one in result.ranking)
    right = next(one for one in result.ranking if one.name == "LinearStep")
    assert right.behind < 2 * max(right.behind_error, 0.5)
    assert result.goodness.verdict() == "no misfit seen"
    assert result.goodness.std == pytest.approx(1, abs=5 / np.sqrt(2 * 600))


def test_the_wrong_model_is_seen_to_be_wrong():
    device = SoftBounds(dw_min=0.02, dw_min_ctoc=0.1, write_noise_std=0.3, **BOUNDS, **ALIKE)
    up = np.repeat([True, False], 150)
    found = pulse_response(device, up, start=-0.9).weight[:, 0]
    result = fit(Curves.of(found[up], found[~up], unit="weight"), models=["ConstantStep"])
    assert "mean step" in result.goodness.verdict()


def measured(device: PulsedDevice, pulses: int, start: float, devices: int = 1) -> Curves:
    up = np.repeat([True, False], pulses)
    found = pulse_response(device, up, start=start, devices=devices, seed=4).weight
    return Curves.of(found[up].T, found[~up].T, unit="weight")


SOFT = SoftBounds(dw_min=0.02, up_down=0.2, dw_min_ctoc=0.3, write_noise_std=0.5, **BOUNDS, **ALIKE)


@pytest.mark.parametrize(
    ("plain", "twin"), [("SoftBounds", "SoftBoundsReference"), ("PowStep", "PowStepReference")]
)
def test_a_twin_is_the_same_device_in_other_fields(plain, twin):
    """Its reference is a convention, as no curve tells it."""
    data = measured(SOFT, 120, -0.8)
    one = fit(data, models=[plain])
    models = [twin] if plain == "PowStep" else [twin, f"{plain}, additive noise"]
    for reference in (None, 0.2):
        two = fit(data, models=models, fixed={} if reference is None else {"reference_mean": reference})
        assert type(two.device).__name__ == twin
        assert two.device.reference_mean == (reference or 0.0)
        assert two.fields["reference_mean"].note.startswith("convention")
        assert two.device.bounds() == pytest.approx(one.device.bounds(), rel=1e-3)
        w = np.linspace(-0.8, 0.8, 9)
        np.testing.assert_allclose(two.device.mean_step(w), one.device.mean_step(w), rtol=2e-3, atol=1e-6)
        np.testing.assert_allclose(two.device.step_noise(w), one.device.step_noise(w), rtol=2e-2, atol=1e-6)


def test_twins_are_not_ranked_beside_each_other():
    result = fit(measured(SOFT, 60, -0.8), models=["SoftBoundsReference", "SoftBounds"])
    assert sorted(one.name for one in result.ranking) == [
        "SoftBounds",
        "SoftBounds, additive noise",
        "SoftBoundsReference, additive noise",
    ]
    assert {one.name: one.same for one in result.ranking}["SoftBounds"] == ("SoftBoundsReference",)


def test_a_special_case_stands_for_what_is_no_better():
    """Soft bounds that both directions approach at one rate are told by one parameter less."""
    device = SOFT.replace(up_down=0.0)
    result = fit(measured(device, 120, -0.8), models=["SoftBoundsPmax", "SoftBounds"])
    by_name = {one.name: one for one in result.ranking}
    assert by_name["SoftBoundsPmax"].parameters == by_name["SoftBounds"].parameters - 1
    assert type(result.device).__name__ == "SoftBoundsPmax"
    assert result.device.p_max == 120
    assert result.fields["w_max"].low < 1 < result.fields["w_max"].high
    # Unequal rates are not.
    told = fit(measured(SOFT.replace(up_down=0.5), 120, -0.8), models=["SoftBoundsPmax", "SoftBounds"])
    assert type(told.device).__name__ == "SoftBounds"


def test_one_rate_is_no_model_of_several_devices():
    data = measured(SOFT, 60, -0.8, devices=2)
    result = fit(data, models=["SoftBoundsPmax", "SoftBounds"])
    assert all(one.name != "SoftBoundsPmax" for one in result.ranking)
    assert any(note.startswith("SoftBoundsPmax is left out: with 2 devices") for note in result.notes)
    with pytest.raises(MhoValueError, match="SoftBoundsPmax is left out"):
        fit(data, models=["SoftBoundsPmax"])
    with pytest.raises(MhoValueError, match=r"p_max must be a whole number, got 1\.5"):
        fit(data, models=["SoftBoundsPmax"], fixed={"p_max": 1.5})


def test_steps_of_no_closed_form_are_a_table():
    device = PiecewiseStep(
        nodes_up=(0.3, 1.0, 2.2, 1.0, 0.3),
        nodes_down=(1.0, 1.0, 0.4, 1.0, 1.0),
        dw_min=0.01,
        dw_min_ctoc=0.2,
        write_noise_std=0.5,
        **BOUNDS,
        **ALIKE,
    )
    result = fit(
        measured(device, 250, -0.95), models=["LinearStep", "ExpStep", "PiecewiseStep"], fixed=BOUNDS
    )
    assert result.ranking[0].name in ("PiecewiseStep, 5 nodes", "PiecewiseStep, 9 nodes")
    assert result.ranking[1].behind > 10
    assert isinstance(result.device, PiecewiseStep)
    w = np.linspace(-0.7, 0.7, 8)
    np.testing.assert_allclose(result.device.mean_step(w), device.mean_step(w), rtol=0.25)
    loaded = Device.from_dict(tomllib.loads(result.to_toml()))
    np.testing.assert_allclose(loaded.nodes_up, result.device.nodes_up, rtol=1e-8)
    assert "# (95 %:" in result.to_toml().partition("nodes_up")[2].partition("]")[0]
    assert result.fields["nodes_up[1]"].low < result.device.nodes_up[1] < result.fields["nodes_up[1]"].high


@pytest.mark.slow
def test_references_scatter_from_device_to_device():
    """Noise that does not depend on the weight tells the reference, and several devices its spread."""
    device = SoftBoundsReference(
        dw_min=0.03,
        reference_mean=0.2,
        reference_std=0.2,
        dw_min_ctoc=1.0,
        write_noise_std=0.1,
        **BOUNDS,
        **ALIKE,
    )
    result = fit(measured(device, 300, -0.5, devices=6), models=["SoftBoundsReference, additive noise"])
    for name, truth in (("reference_mean", 0.2), ("reference_std", 0.2), ("dw_min", 0.03)):
        one = result.fields[name]
        middle, half = (one.low + one.high) / 2, (one.high - one.low) / 2
        assert abs(middle - truth) < 2.5 * half, name
    assert result.device.reference_std == result.fields["reference_std"].value > 0
