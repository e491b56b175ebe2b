"""The speeds of the device models: every model has a line, and a slow one needs a reason."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner

from mho.benchmark.timing import Schedule
from mho.devices import PulsedDevice

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script() -> Any:
    """The script, which finds its neighbours in bench."""
    sys.path.insert(0, str(ROOT / "bench"))
    import device_models

    yield device_models
    sys.path.remove(str(ROOT / "bench"))


@pytest.fixture
def small(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script on small tiles."""
    monkeypatch.setattr(script, "SIZE", 64)
    monkeypatch.setattr(script, "CHECKED", 128)
    return script


def made_up(script: ModuleType, model: str, ratio: float) -> Any:
    return script.Line(model=model, median=ratio, low=0.9 * ratio, high=1.1 * ratio, ratio=ratio, pulses=1.15)


def test_every_model_is_checked_and_timed(small: ModuleType) -> None:
    lines = small.measure(list(small.MODELS), Schedule(3, 0.0, "cpu"))
    assert set(PulsedDevice.types()) <= {line.model for line in lines} == set(small.MODELS)
    assert next(line.ratio for line in lines if line.model == small.BASELINE) == 1
    assert all(line.median > 0 and line.pulses > 0 for line in lines)


def test_a_wrong_result_is_not_timed(small: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = small.MODELS["SoftBounds"].replace(w_max=2.0)
    monkeypatch.setattr(type(wrong), "mean_step", lambda self, w: (0 * w + 1.1 * self.dw_min, -self.dw_min))
    monkeypatch.setitem(small.MODELS, "SoftBounds", wrong)
    with pytest.raises(AssertionError):
        small.measure([small.BASELINE, "SoftBounds"], Schedule(3, 0.0, "cpu"))


def test_a_slow_model_needs_a_reason(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    document = tmp_path / "performance.md"
    document.write_text(f"before\n{script.BEGIN}\nold\n{script.END}\nafter\n", encoding="utf-8")
    lines = [made_up(script, script.BASELINE, 1.0), made_up(script, "SoftBounds", 3.5)]
    monkeypatch.setattr(script, "measure", lambda models, schedule: lines)
    arguments = ["--quick", "--docs", str(document), "--json", str(tmp_path / "out.json")]
    refused = CliRunner().invoke(script.app, arguments)
    assert refused.exit_code == 1
    assert "without a reason: SoftBounds" in refused.output
    assert "old" in document.read_text(encoding="utf-8")
    monkeypatch.setitem(script.REASONS, "SoftBounds", "for an example")
    assert CliRunner().invoke(script.app, arguments).exit_code == 0
    text = document.read_text(encoding="utf-8")
    assert "| `SoftBounds` | 3.5 ±10% | 3.50× | 1.15 | for an example |" in text
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert json.loads((tmp_path / "out.json").read_text())["lines"][1]["ratio"] == 3.5


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["SoftBound"], "there is no model SoftBound"),
        (["--docs", "nowhere.md"], "there is no document nowhere.md"),
    ],
)
def test_bad_arguments(script: ModuleType, arguments: list[str], told: str) -> None:
    result = CliRunner().invoke(script.app, arguments)
    assert result.exit_code == 2
    assert told in result.output


def test_reasons_are_of_models_that_there_are(script: ModuleType) -> None:
    assert script.REASONS.keys() <= set(script.MODELS)
    document = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert script.BEGIN in document
