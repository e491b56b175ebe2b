"""What a fit hands out: fields, file, JSON, figure; and a real device."""

import json
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import mho
from fitting_cases import CASES, curves
from mho.devices import Device
from mho.errors import MhoError, MhoFileError, MhoRuntimeError, MhoTypeError, MhoValueError
from mho.fitting import Curves, WeightScale, fit
from mho.fitting.estimation import estimate
from mho.fitting.models import by_name
from mho.fitting.pipeline import paths_of

ROOT = Path(__file__).resolve().parents[2]
GONG = ROOT.parent / "shared" / "data" / "devices" / "gong_2018.csv"


@pytest.fixture(scope="module")
def measured() -> Curves:
    return curves(CASES["LinearStep"], 1)[0]


@pytest.fixture(scope="module")
def result(measured):
    return fit(measured, models=["LinearStep", "ConstantStep"])


def test_it_is_known_by_two_names():
    assert mho.devices.fit is fit
    with pytest.raises(AttributeError, match="no attribute 'fitt'"):
        mho.devices.fitt  # noqa: B018


def test_the_device_file_is_the_device(result, tmp_path):
    path = tmp_path / "device.toml"
    result.save(path)
    text = path.read_text(encoding="utf-8")
    loaded = Device.from_dict(tomllib.loads(text))
    for name, value in result.device.to_dict().items():
        assert loaded.to_dict()[name] == (pytest.approx(value) if isinstance(value, float) else value)
    # The comments tell the scale, the guesses and the intervals.
    assert "# Scale: weight = value" in text
    assert "(95 %:" in text
    assert "one device cannot tell" in text
    from mho.cli.run_config import load_device

    assert load_device(str(path)) == loaded


def test_json_has_everything(result):
    found = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert found["device"]["type"] == type(result.device).__name__
    assert {"value", "low", "high"} <= set(found["fields"]["dw_min"])
    assert [one["name"] for one in found["ranking"]] == [one.name for one in result.ranking]
    assert found["goodness"]["verdict"] == "no misfit seen"
    assert found["readings"] == 600


def test_the_figure_is_drawn(result, tmp_path):
    result.plot(tmp_path / "fit.png")
    assert (tmp_path / "fit.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(MhoValueError, match="cannot draw"):
        result.plot(tmp_path / "fit.xyz")
    with pytest.raises(MhoFileError, match="cannot write"):
        result.plot(tmp_path / "none" / "fit.png")


def test_fields_agree_with_the_device(result):
    for name, one in result.fields.items():
        assert getattr(result.device, name) == one.value
        if one.low is not None:
            assert one.low <= one.value <= one.high
    assert result.symmetry_point.value == pytest.approx(result.device.symmetry_point())
    assert result.states == pytest.approx((result.device.w_max - result.device.w_min) / result.device.dw_min)


def test_conventions_can_be_told(measured):
    told = fit(measured, models=["LinearStep"], fixed={"w_max": 1.0, "w_min": -1.0})
    assert (told.device.w_max, told.device.w_min) == (1.0, -1.0)
    assert told.fields["w_max"].note == "told"


def test_a_and_b_of_exponential_steps_are_conventions():
    """They make up for each other: other ones give another set of fields, and the same steps."""
    measured = curves(CASES["ExpStep"], 1)[0].thinned(200)
    paths = paths_of(measured, WeightScale.choose(measured, None, None))
    found = estimate(paths, by_name("ExpStep")[0], errors=False)
    values = {name: float(value[0]) for name, value in found.values.items()}
    one, two = (
        Device.from_dict({"type": "ExpStep", **found.model.device_fields({**values, **chosen})})
        for chosen in ({"a": 0.5, "b": 0.0}, {"a": -0.5, "b": -0.5})
    )
    w = np.linspace(-0.7, 0.7, 11)
    np.testing.assert_allclose(one.mean_step(w), two.mean_step(w), rtol=1e-6)
    assert one.A_up != pytest.approx(two.A_up, rel=0.1)


def test_conductances_are_scaled_and_the_file_says_how(measured):
    raw = 20 + 15 * measured.values
    up = measured.up
    result = fit(Curves.of(raw[up], raw[~up]), models=["ConstantStep"])
    assert result.curves.unit == "uS"
    low, high = result.scale.conductance(-1), result.scale.conductance(1)
    assert low < high
    assert f"weight -1 is {low:.6g} uS" in result.to_toml()
    told = fit(Curves.of(raw[up], raw[~up]), models=["ConstantStep"], g_min=5, g_max=35)
    values = Curves.of(measured.values[up], measured.values[~up], unit="weight")
    direct = fit(values, models=["ConstantStep"])
    # 5 and 35 are what -1 and 1 were made into.
    assert told.device.dw_min == pytest.approx(direct.device.dw_min, rel=1e-3)


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ({"models": ["SoftBound"]}, "did you mean SoftBounds"),
        ({"models": []}, "must name at least one"),
        ({"fixed": {"gamma_up": 1}}, "fixed must be one of"),
        ({"fixed": {"w_max": -1}}, "w_max must be > 0"),
        ({"fixed": {"a": 0}}, "a must not be 0"),
        ({"dtod": -1}, "dtod must be >= 0"),
        ({"max_readings": 3}, "max_readings must be >= 100"),
        ({"g_min": 3, "g_max": 1}, "g_max must be > g_min"),
        ({"delimiter": ","}, "delimiter has no effect where curves are given"),
        ({"unit": "S"}, "unit has no effect where curves are given"),
    ],
)
def test_wrong_arguments_are_answered(measured, options, answer):
    with pytest.raises(MhoError, match=answer):
        fit(measured, **options)


def test_something_else_is_no_curve():
    with pytest.raises(MhoTypeError, match="curves must be a file or Curves"):
        fit(np.zeros(3))


def test_swapped_directions_are_seen(measured):
    up = measured.up
    with pytest.raises(MhoValueError, match="swapped"):
        fit(Curves.of(measured.values[~up], measured.values[up]))


def test_without_scipy_the_extra_is_named(measured, monkeypatch):
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "scipy" else found(name))
    with pytest.raises(MhoRuntimeError, match=r"pip install 'mho\[fit\]'"):
        fit(measured)


def test_reading_and_labels_need_no_scipy(monkeypatch):
    """Only fitting does."""
    import subprocess

    code = (
        "import sys; sys.modules['scipy'] = None\n"
        "from mho.fitting import Curves, device_from_labels\n"
        "from mho.fitting.reading import read_curves\n"
        "device_from_labels(2.4, -4.88, states=97)\n"
        "import mho.cli.app"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not GONG.exists(), reason="needs the measured curves of Gong et al. (2018)")
def test_a_real_device():
    """A ReRAM device: the noise of its reads lasts, and its steps down fall off towards a soft bound."""
    result = fit(GONG, models=["LinearStep, additive noise"])
    assert result.curves.unit == "weight"
    assert len(result.curves.values) == 2000
    assert result.goodness.fits
    assert any(note.startswith("noise of reads lasts") for note in result.notes)
    device = result.device
    assert device.dw_min == pytest.approx(0.0029, rel=0.1)
    assert device.dw_min * device.write_noise_std == pytest.approx(0.178, rel=0.1)
    # Steps down: 1 at weight 0, and gone about weight -1.15, the soft bound.
    assert device.w_min / device.gamma_down == pytest.approx(-1.13, abs=0.05)
    assert result.symmetry_point.low < -0.33 < result.symmetry_point.high
