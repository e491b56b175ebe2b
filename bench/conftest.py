"""Fixtures of the benchmarks; `problems`, which they share, is on the import path."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mho

sys.path.insert(0, str(Path(__file__).parent))

from problems import DEVICES, Report


def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, Any]) -> None:
    """Keep with the numbers what they were measured with."""
    machine_info["mho"] = mho.build_info()


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Time one thread: its speed depends least on what else the machine does."""
    before = mho.get_num_threads()
    mho.set_num_threads(1)
    yield
    mho.set_num_threads(before)


@pytest.fixture(params=list(DEVICES))
def device(request: pytest.FixtureRequest) -> mho.devices.Device:
    return DEVICES[request.param]


@pytest.fixture(params=[256, 1024])
def size(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def report(benchmark: Any) -> Report:
    return Report(benchmark)
