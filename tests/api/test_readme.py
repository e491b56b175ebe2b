"""The README's Python example does what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import mho

README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_example_runs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    blocks = re.findall(
        r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    assert len(blocks) == 1
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(blocks[0], str(README), "exec"), names)

    # The shapes in its comments, and a network that has learned.
    assert [names[name].shape for name in "xydg"] == [(4, 784), (4, 10), (4, 10), (4, 784)]
    assert names["tile"].pulses.total > 0
    history = names["history"]
    assert isinstance(history, mho.training.History)
    assert history[-1].test_error < 0.25
    assert "test error" in capsys.readouterr().out
