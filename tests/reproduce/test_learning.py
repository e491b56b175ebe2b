"""Full MNIST: simulated devices learn as well as floating point."""

from __future__ import annotations

import importlib.util
import os
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOL = importlib.util.spec_from_file_location(
    "make_learning_table", ROOT / "tools" / "make_learning_table.py"
)
FOLDERS = [Path(os.environ[name]) for name in ("MHO_DATA_DIR",) if name in os.environ]
FOLDERS.append(ROOT.parent / "shared" / "data" / "mnist")


@pytest.mark.slow
def test_full_mnist_is_learned_as_in_floating_point(tmp_path):
    folder = next((f for f in FOLDERS if f.is_dir()), None)
    if folder is None:
        pytest.skip("needs the files of full MNIST, in the folder MHO_DATA_DIR")
    assert TOOL is not None
    assert TOOL.loader is not None
    tool = importlib.util.module_from_spec(TOOL)
    TOOL.loader.exec_module(tool)
    results = [tool.run(seed, str(folder), str(tmp_path)) for seed in tool.SEEDS]
    analog = statistics.mean(result["test_error"] for result in results)
    exact = statistics.mean(result["test_error_float"] for result in results)
    assert exact < 0.045
    assert abs(analog - exact) <= 0.004
