"""The table of speeds per commit, from small files such as pytest-benchmark writes."""

from __future__ import annotations

import doctest
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "bench" / "history.py"


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_history", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


history = _load()


def content(
    commit: str | None,
    day: int,
    benchmarks: dict[str, tuple[float, dict[str, Any]]],
    *,
    cpu: str = "A CPU",
    dirty: bool = False,
) -> dict[str, Any]:
    """What a file holds that matters here; benchmarks are name -> (median, extra_info)."""
    return {
        "machine_info": {"node": "host", "cpu": {"brand_raw": cpu}, "mho": {"simd_level": "v4"}},
        "commit_info": {
            "id": commit,
            "time": None if commit is None else f"2025-03-{day:02}T10:00:00+01:00",
            "dirty": dirty,
        },
        "datetime": f"2025-03-{day:02}T12:00:00.123456+00:00",
        "benchmarks": [
            {"name": f"test_{name}", "stats": {"median": median, "data": [median]}, "extra_info": extra}
            for name, (median, extra) in benchmarks.items()
        ],
    }


def save(folder: Path, name: str, *args: Any, **kwargs: Any) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(content(*args, **kwargs)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two commits, the later one measured twice; their files in another order than their times."""
    runs = tmp_path / "runs"
    late, early = "b" * 40, "a" * 40
    save(runs, "1.json", late, 20, {"update[x]": (0.5, {"devices/s": 2e9, "pulses/s": 3e6, "size": 256})})
    save(runs, "2.json", late, 20, {"update[x]": (0.4, {"devices/s": 2.5e9, "pulses/s": 4e6})})
    save(runs, "3.json", early, 10, {"update[x]": (1.0, {"devices/s": 1e9}), "gone": (0.25, {})})
    return runs


def run(*args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_commits_in_the_order_of_time_with_their_best_run(folder: Path) -> None:
    table = history.History.of(history.read_runs(folder))
    assert table.commits == ["a" * 10, "b" * 10]
    assert table.values == {"gone": [4.0, None], "update[x]": [1e9, 2.5e9]}
    assert table.units == {"update[x]": "devices/s", "gone": "calls/s"}


def test_other_rates(folder: Path) -> None:
    runs = history.read_runs(folder)
    assert history.History.of(runs, "pulses/s").values == {"update[x]": [None, 4e6]}
    assert history.History.of(runs, "calls/s").values == {"update[x]": [1.0, 2.5], "gone": [4.0, None]}
    assert history.History.of(runs, "no/s").values == {}


def test_some_benchmarks_and_some_commits(folder: Path) -> None:
    table = history.History.of(history.read_runs(folder), only="update").last(1)
    assert table.commits == ["b" * 10]
    assert table.values == {"update[x]": [2.5e9]}


def test_uncommitted_changes_are_a_column_of_their_own(folder: Path) -> None:
    save(folder, "4.json", "b" * 40, 20, {"update[x]": (0.1, {"devices/s": 9e9})}, dirty=True)
    table = history.History.of(history.read_runs(folder))
    assert table.commits[-1] == "b" * 10 + "+"
    assert table.values["update[x]"] == [1e9, 2.5e9, 9e9]


def test_a_run_outside_of_a_repository(tmp_path: Path) -> None:
    save(tmp_path / "runs", "1.json", None, 5, {"update": (2.0, {})})
    (run_,) = history.read_runs(tmp_path / "runs")
    assert run_.commit == "unknown"
    assert run_.time.day == 5
    assert run_.machine == "A CPU (v4)"


def test_notable_changes_are_marked() -> None:
    assert history.cells([1e6, None, 1.05e6, 2.1e6, 1e6]) == [
        ("1.00 M", None),
        ("", None),
        ("1.05 M", None),
        ("2.10 M (+100%)", pytest.approx(1.0)),
        ("1.00 M (-52%)", pytest.approx(1 / 2.1 - 1)),
    ]


def test_numbers_have_three_digits() -> None:
    assert doctest.testmod(history).failed == 0
    assert [history.human(v) for v in (999.4, 999.6, 99.96, 9.996, 1e15, 0.0123)] == [
        "999",
        "1.00 k",
        "100",
        "10.0",
        "1000 T",
        "0.012",
    ]


def test_machines_are_not_mixed(folder: Path) -> None:
    save(folder, "4.json", "c" * 40, 21, {"update[x]": (0.1, {})}, cpu="Another")
    with pytest.raises(history.HistoryError, match=r"several machines.*A CPU \(v4\), Another \(v4\)"):
        history.read_runs(folder)
    assert [r.commit for r in history.read_runs(folder, "Another")] == ["c" * 10]
    with pytest.raises(history.HistoryError, match=r"named 'Third'; there are A CPU"):
        history.read_runs(folder, "Third")


def test_files_of_another_kind(folder: Path) -> None:
    for text in ("{}", "[]", "not JSON", '{"commit_info": {}, "machine_info": {}, "benchmarks": [{}]}'):
        (folder / "bad.json").write_text(text)
        with pytest.raises(history.HistoryError, match=r"bad\.json is no file of pytest-benchmark"):
            history.read_runs(folder)


def test_the_command(folder: Path, tmp_path: Path) -> None:
    plain = run(folder, "--plain")
    assert plain.returncode == 0, plain.stderr
    assert plain.stdout.splitlines() == [
        f"benchmark\tunit\t{'a' * 10}\t{'b' * 10}",
        "update[x]\tdevices/s\t1e+09\t2.5e+09",
        "gone\tcalls/s\t4\t",
    ]
    drawn = run(folder)
    assert drawn.returncode == 0, drawn.stderr
    assert "update[x]" in drawn.stdout
    assert "2.50 G (+150%)" in drawn.stdout
    (tmp_path / "empty").mkdir()
    for arguments, message in [
        ((tmp_path / "empty",), "holds no JSON file"),
        ((folder, "--rate", "no/s"), "has the rate 'no/s'"),
        ((folder, "--only", "nothing"), "no benchmark with 'nothing'"),
    ]:
        failed = run(*arguments)
        assert failed.returncode == 1
        assert message in failed.stderr
        assert "Traceback" not in failed.stderr
    assert run(tmp_path / "absent").returncode == 2
