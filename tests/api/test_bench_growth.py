"""How cost grows: places, what is left out, the worst point, tables and figures, from made-up times."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

import mho
from mho.benchmark.timing import Schedule

pytestmark = pytest.mark.usefixtures("bench_on_the_path")

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "bench" / "cost_growth.py"
MEMORY, GAUSSIANS, PRODUCT = "memory bandwidth", "gaussian numbers", "GEMM arithmetic"


def point(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "axis": "size",
        "work": "update",
        "device": "ConstantStep",
        "size": 64,
        "batch": 64,
        "pulses": 1.15,
        "median": 2.0,
        "low": 1.9,
        "high": 2.1,
        "limits": {MEMORY: 0.01, GAUSSIANS: 0.5},
    }
    return {**values, **changes}


def place(axis: str, scale: float, **changes: Any) -> list[dict[str, Any]]:
    """All curves at one place."""
    found = [
        point(
            axis=axis, device=device, median=k * scale, low=0.9 * k * scale, high=1.1 * k * scale, **changes
        )
        for k, device in enumerate(("ConstantStep", "SoftBounds", "reram_es"), start=1)
    ]
    if axis != "pulses":
        limits = {MEMORY: 0.02, GAUSSIANS: 0.001, PRODUCT: 0.025}
        times = {"median": 0.05, "low": 0.04, "high": 0.06}
        found.append(
            point(axis=axis, work="forward", **{**changes, **times, "pulses": 0.0, "limits": limits})
        )
        found.append(point(axis=axis, work="product", **{**changes, **times, "pulses": 0.0, "limits": {}}))
    return found


@pytest.fixture
def report() -> dict[str, Any]:
    """Two places on each axis; the worst update is that of reram_es in the larger batch."""
    points = [
        *place("size", 1.0, size=64),
        *place("size", 1.0, size=128),
        *place("pulses", 1.0, size=128, pulses=0.0098),
        *place("pulses", 1.5, size=128, pulses=1.01),
        *place("batch", 1.0, size=128, batch=1),
        *place("batch", 5.0, size=128, batch=1024),
    ]
    update = next(
        p for p in points if p["axis"] == "batch" and p["device"] == "reram_es" and p["batch"] == 1024
    )
    forward = next(p for p in points if p["work"] == "forward")
    return {
        "environment": {
            "date": "2025-03-01T12:00:00+00:00",
            "versions": {"mho": "1.2.3"},
            "build": {"compiler": "a compiler", "simd_level": "v3"},
            "cpu": "A CPU",
            "cores": 4,
            "load_average": [0.25, 0.0, 0.0],
            "git": {"revision": "a" * 40, "changed": False},
        },
        "settings": {
            "quick": False,
            "threads": 1,
            "clock": "wall",
            "reference_size": 128,
            "reference_batch": 64,
            "dense": 1.15,
        },
        "points": points,
        "skipped": ["size 8192 needs too much"],
        "worst": [
            {
                "point": update,
                "shares": {GAUSSIANS: 0.1, "pulses one at a time": 0.7},
                "verdict": "pulses one at a time (70 %)",
            },
            {"point": forward, "shares": {PRODUCT: 0.5}, "verdict": "GEMM arithmetic (50 %)"},
        ],
        "memory": [{"device": "SoftBounds", "measured": 20.96, "low": 20.9, "high": 21.0, "arrays": 20.0}],
    }


def test_the_places_of_a_plan() -> None:
    from growth.measure import DENSE, Plan, Setting

    plan = Plan(
        sizes=(64, 128),
        pulses=(0.01,),
        batches=(1, 2),
        reference_size=256,
        reference_batch=16,
        schedule=Schedule(3, 0.0, "wall"),
    )
    assert list(plan.settings()) == [
        Setting(axis="size", size=64, pulses=DENSE, batch=16),
        Setting(axis="size", size=128, pulses=DENSE, batch=16),
        Setting(axis="pulses", size=256, pulses=0.01, batch=16),
        Setting(axis="batch", size=256, pulses=DENSE, batch=1),
        Setting(axis="batch", size=256, pulses=DENSE, batch=2),
    ]


def test_what_does_not_fit_is_left_out_with_a_reason() -> None:
    from growth.measure import missing_memory

    assert missing_memory(8192, None) is None
    assert missing_memory(8192, 32 * 2**30) is None
    reason = missing_memory(8192, 2 * 2**30)
    assert reason is not None
    assert reason.startswith("size 8192 needs about 6.9 GiB")
    assert "2.0 GiB that are free" in reason


def test_checks_take_enough_pulses_and_not_too_many() -> None:
    from growth.measure import Setting, checked_samples

    def samples(size: int, pulses: float, batch: int) -> int:
        return checked_samples(Setting(axis="size", size=size, pulses=pulses, batch=batch))

    assert samples(64, 1.0, 64) == 40
    assert samples(1024, 1.0, 64) == 16
    assert samples(8192, 1.0, 64) == 1
    assert samples(1024, 10.0, 64) == 4
    assert samples(1024, 0.001, 64) == 64
    assert samples(1024, 1.0, 1) == 1


def test_the_worst_point_is_the_farthest_from_its_largest_limit(report: dict[str, Any]) -> None:
    from growth.measure import Point, worst
    from growth.report import points_of

    points = points_of(report)
    found = worst(points, "update")
    assert (found.axis, found.device, found.batch) == ("batch", "reram_es", 1024)
    assert found.limit == GAUSSIANS
    assert found.ratio == pytest.approx(15 / 0.5)
    # A slower point with a larger limit is nearer to it.
    slow = Point(**point(median=100.0, limits={MEMORY: 50.0, GAUSSIANS: 0.5}))
    assert worst([*points, slow], "update") == found
    assert worst(points, "forward").ratio == pytest.approx(2.0)


def test_a_point_gives_its_place(report: dict[str, Any]) -> None:
    from growth.report import points_of

    points = points_of(report)
    assert {p.value for p in points if p.axis == "pulses"} == {0.0098, 1.01}
    assert {p.value for p in points if p.axis == "batch"} == {1.0, 1024.0}
    assert json.loads(json.dumps([p.to_dict() for p in points])) == report["points"]


def test_the_text(report: dict[str, Any]) -> None:
    from growth.report import markdown

    text = markdown(report)
    assert text.startswith(
        "mho 1.2.3 (aaaaaaaaaaaa, a compiler, SIMD level v3) on 1 thread of 4 cores of A CPU"
    )
    assert "load 0.2 before the run, 2025-03-01." in text
    assert (
        "**The worst update** is the update of reram_es devices on 128 x 128 devices with batch 1024, "
        "1.1 pulses per device and sample: 15 ns per device and sample, 30 times what its limit, "
        "gaussian numbers, allows. What takes its time: pulses one at a time (70 %)."
    ) in text
    assert "pulses one at a time 70 %, gaussian numbers 10 %." in text
    assert "**The worst read** is the forward read on 64 x 64 devices with batch 64: 0.05 ns" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    sizes = [row for row in rows if row.startswith(("| 64 x 64", "| 128 x 128"))]
    assert sizes[0] == (
        "| 64 x 64 | 1 ±10% (2×) | 2 ±10% (4×) | 3 ±10% (6×) | 0.01 | 0.5 "
        "| 0.05 ±20% (2×) | 0.05 | 0.02 | 0.025 |"
    )
    assert len(sizes) == 2
    assert "| 0.0098 | 1 ±10% (2×) | 2 ±10% (4×) | 3 ±10% (6×) | 0.01 | 0.5 |" in rows
    assert any(row.startswith("| 1024 | 5 ±10% (10×)") for row in rows)
    assert "Left out: size 8192 needs too much." in text
    assert "| SoftBounds | 21.0 | 20 |" in rows
    # Every table is a whole one.
    for k, row in enumerate(rows):
        if row.startswith("|--"):
            assert row.count("|") == rows[k - 1].count("|") == rows[k + 1].count("|")


def test_the_figures_are_drawn(report: dict[str, Any], tmp_path: Path) -> None:
    from matplotlib.image import imread

    from growth.figures import draw_reads, draw_updates
    from growth.report import points_of, subtitle

    points = points_of(report)
    for name, draw, panels in (("update", draw_updates, 3), ("forward", draw_reads, 2)):
        path = tmp_path / f"{name}.png"
        draw(points, path, subtitle(report, name))
        height, width = imread(path).shape[:2]
        assert width / height == pytest.approx((4.1 * panels + 0.8) / 5.0, rel=0.01)


def test_a_place_is_measured_and_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    from growth.measure import Plan, Probes, Setting, explain, measure, worst

    before = mho.get_num_threads()
    mho.set_num_threads(1)
    plan = Plan(
        sizes=(64,),
        pulses=(),
        batches=(),
        reference_size=64,
        reference_batch=64,
        schedule=Schedule(3, 0.0, "wall"),
    )
    setting, probes = next(plan.settings()), Probes(1)
    try:
        points = measure(setting, plan, probes)
        assert [(p.work, p.device) for p in points] == [
            ("update", "ConstantStep"),
            ("update", "SoftBounds"),
            ("update", "reram_es"),
            ("forward", "ConstantStep"),
            ("product", "ConstantStep"),
        ]
        for p in points[:3]:
            # Trains are shared by the 64 devices of a line: 5 sigma of 128 lines in 64 samples.
            assert p.pulses == pytest.approx(1.15, rel=5 / np.sqrt(64 * 64))
            assert p.limits.keys() == {MEMORY, GAUSSIANS}
        assert points[3].limits.keys() == {MEMORY, GAUSSIANS, PRODUCT}
        assert all(0 < p.low <= p.median <= p.high for p in points)
        told = explain(worst(points, "update"), plan, probes)
        assert {"pulses one at a time", "pulse trains and the call"} < told["shares"].keys()
        assert "converters and noise" in explain(points[3], plan, probes)["shares"]

        right = mho.Tile.update
        monkeypatch.setattr(mho.Tile, "update", lambda tile, x, d, lr: right(tile, x, d, lr / 2))
        with pytest.raises(AssertionError):
            measure(Setting(axis="size", size=64, pulses=1.0, batch=64), plan, probes)
    finally:
        mho.set_num_threads(before)


def test_memory_of_a_tile_is_measured() -> None:
    from growth.memory import devices, measure_memory

    models = devices()
    assert set(mho.devices.Device.types()) < models.keys()
    found = measure_memory("ConstantStep", models["ConstantStep"], 512, 1)
    assert found.arrays == 20
    # Four arrays of parameters and the weights; what else a call keeps is small.
    assert 15 < found.measured < 40


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_draws_an_earlier_run(report: dict[str, Any], tmp_path: Path) -> None:
    saved, document = tmp_path / "run.json", tmp_path / "document.md"
    saved.write_text(json.dumps(report))
    document.write_text("before\n<!-- cost_growth: begin -->\nold\n<!-- cost_growth: end -->\nafter\n")
    done = run("--from", saved, "--docs", document)
    assert done.returncode == 0, done.stderr
    text = document.read_text()
    assert text.startswith("before\n<!-- cost_growth: begin -->\nmho 1.2.3")
    assert text.endswith("|\n<!-- cost_growth: end -->\nafter\n")
    assert "old" not in text
    assert {p.name for p in (tmp_path / "img").iterdir()} == {
        "cost_growth_update.png",
        "cost_growth_read.png",
    }


def test_the_command_refuses_what_it_cannot_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from cost_growth import ClockChoice, main

    empty = tmp_path / "empty.md"
    empty.write_text("no markers")
    wrong = tmp_path / "wrong.json"
    wrong.write_text("{}")
    refused: list[tuple[dict[str, Any], str]] = [
        ({"docs": tmp_path / "absent.md"}, "there is no document"),
        ({"docs": empty}, "must have the lines"),
        ({"source": wrong}, "is no report of this command"),
        ({"clock": ClockChoice.CPU, "threads": 2}, "use it with --threads 1"),
        ({"json_path": tmp_path / "no" / "file.json"}, "there is no folder"),
    ]
    for arguments, message in refused:
        with pytest.raises(typer.Exit) as failed:
            main(**arguments)
        assert failed.value.exit_code == 2
        assert message in capsys.readouterr().err
    # As a program it ends without a traceback.
    done = run("--docs", empty)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_the_document_has_the_markers() -> None:
    from growth.report import BEGIN, END

    text = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert text.count(BEGIN) == text.count(END) == 1
