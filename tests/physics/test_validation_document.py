"""docs/validation.md: its tool runs, and it covers every device model that there is."""

import importlib.util
import sys
from pathlib import Path

import device_measurements
import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_document_covers_every_model() -> None:
    document = (ROOT / "docs" / "validation.md").read_text(encoding="utf-8")
    missing = [model for model in device_measurements.MODELS if f"| {model} |" not in document]
    assert not missing, "run python tools/make_validation.py"


@pytest.mark.slow
def test_tool_writes_the_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("make_validation", ROOT / "tools" / "make_validation.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, tool)
    spec.loader.exec_module(tool)
    target = tmp_path / "validation.md"
    tool.main(target)
    made, kept = (path.read_text(encoding="utf-8") for path in (target, tool.TARGET))
    # Measured digits depend on the SIMD level; what is measured does not.
    headings = [[line for line in text.splitlines() if line.startswith("#")] for text in (made, kept)]
    assert headings[0] == headings[1]
    figures = {path.name for path in (tmp_path / "img").iterdir()}
    assert figures == {path.name for path in (tool.TARGET.parent / "img").glob("validation_*.png")}
    assert all(f"img/{name}" in made for name in figures)
