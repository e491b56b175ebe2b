"""docs/parameters.md is what the declarations make."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_parameter_docs_are_current() -> None:
    tool = ROOT / "tools" / "make_parameter_docs.py"
    if not tool.exists():
        pytest.skip("runs in a checkout only: the tools are not installed")
    spec = importlib.util.spec_from_file_location("make_parameter_docs", tool)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = module.TARGET.read_text(encoding="utf-8")
    assert written == module.document(), "run python tools/make_parameter_docs.py"
