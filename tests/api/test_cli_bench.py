"""`mho bench`: its options, its table, its checks, and the rule behind its verdicts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mho
from mho import benchmark
from mho.benchmark import job, limits, suite
from mho.benchmark.machine import Probe
from mho.benchmark.timing import Contender, Schedule, Spread
from mho.cli import main

SHORT = ("bench", "--quick", "--seconds", "0.01", "--threads", "1")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_table_and_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    code, out, err = run(
        capsys, *SHORT, "--only", "forward, update-sparse", "--only=build", "--json", str(file)
    )
    assert (code, err) == (0, "")
    level = mho.build_info()["simd_level"]
    assert out.startswith(f"mho {mho.__version__} at SIMD level {level} on ")
    assert all(word in out for word in ("sparse update", "forward read", "building", "MVMs/s", "limited by"))
    assert "dense" not in out
    report = json.loads(file.read_text(encoding="utf-8"))
    assert report["complete"]
    assert (report["mho"], report["threads"]) == (mho.__version__, 1)
    # In the order of the suite, whatever was asked for first.
    assert [row["name"] for row in report["rows"]] == ["update-sparse", "forward", "build"]
    sparse, forward, build = report["rows"]
    seconds = sparse["seconds"]["median"]
    assert sparse["rates"]["devices/s"] == pytest.approx(1024 * 1024 * 64 / seconds)
    # lr 1e-4, steps of 1e-3, mean |x| of 1/2 and mean |d| of 0.3 sqrt(2 / pi).
    pulses = sparse["rates"]["pulses/s"] / sparse["rates"]["devices/s"]
    # About 110 of 1024 lines pulse in a sample: 9 % in each of 64 samples, of columns and of rows; 5 sigma.
    assert pulses == pytest.approx(0.1 * 0.5 * 0.3 * np.sqrt(2 / np.pi), rel=5 * 0.09 * np.sqrt(2 / 64))
    assert forward["rates"]["MVMs/s"] == pytest.approx(64 / forward["seconds"]["median"])
    assert build["rates"].keys() == {"devices/s"}
    for row in report["rows"]:
        assert row["threads"] == 1
        assert row["checks"]
        assert all(share >= 0 for share in row["shares"].values())
        assert row["verdict"] == limits.verdict(row["shares"])
        assert 0 < row["seconds"]["best"] <= row["seconds"]["low"] <= row["seconds"]["high"]
    assert {"memory bandwidth", "gaussian numbers", "pulses one at a time"} < sparse["shares"].keys()
    assert {"GEMM arithmetic", "converters and noise"} < forward["shares"].keys()


def test_json_on_standard_output_and_two_threads(capsys: pytest.CaptureFixture[str]) -> None:
    if not mho.build_info()["openmp"]:
        pytest.skip("a build without threads")
    before = mho.get_num_threads()
    code, out, _ = run(capsys, *SHORT, "--threads", "2", "--only", "backward", "--json", "-")
    assert code == 0
    report = json.loads(out)
    assert [row["threads"] for row in report["rows"]] == [1, 2]
    one, two = report["rows"]
    lost = 1 - one["seconds"]["best"] / 2 / two["seconds"]["best"]
    assert two["shares"]["threads"] == pytest.approx(max(0.0, lost))
    assert "threads" not in one["shares"]
    assert mho.get_num_threads() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "forwrd"], "--only must be one of .*, got 'forwrd'; did you mean forward?"),
        (["--only", ""], "--only must be one of"),
        (["--threads", "0"], "--threads must be >= 1 and <= 1024, got 0"),
        (["--threads", "2.5"], "--threads"),
        (["--seconds", "0"], "--seconds must be >= 0.01 and <= 600, got 0.0"),
        (["--seconds", "nan"], "--seconds must be a finite number"),
        (["--json", "no/such/file.json"], "--json no/such/file.json: there is no folder no/such"),
        (["--json", "."], r"--json \.: it cannot be written"),
        (["now"], "now"),
    ],
)
def test_bad_usage_is_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    code, out, err = run(capsys, "bench", *arguments)
    assert (code, out) == (2, "")
    assert re.fullmatch(r"error: [^\n]+\n", err)
    assert re.search(message, err)


def test_an_interrupt_shows_what_is_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = benchmark.run

    def interrupted(settings: benchmark.Settings) -> Iterator[benchmark.Result]:
        results = whole(settings)
        yield next(results)
        results.close()  # type: ignore[attr-defined]
        raise KeyboardInterrupt

    monkeypatch.setattr(benchmark, "run", interrupted)
    before = mho.get_num_threads()
    file = tmp_path / "part.json"
    code, out, err = run(capsys, *SHORT, "--only", "forward,build", "--json", str(file))
    assert code == 1
    assert "forward read" in out
    assert "building a tile" not in out
    assert err == "interrupted: 1 of 2 measurements are done\n"
    report = json.loads(file.read_text(encoding="utf-8"))
    assert not report["complete"]
    assert len(report["rows"]) == 1
    assert mho.get_num_threads() == before


@pytest.mark.parametrize(
    ("name", "method", "row"),
    [("forward", "forward", "forward read"), ("update-sparse", "update", "sparse update, ConstantStep")],
)
def test_a_wrong_result_is_not_timed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, method: str, row: str
) -> None:
    """A read that is 5 % too large, an update with half of the learning rate."""
    right = getattr(mho.Tile, method)
    if method == "forward":
        monkeypatch.setattr(mho.Tile, method, lambda tile, x: 1.05 * right(tile, x))
    else:
        monkeypatch.setattr(mho.Tile, method, lambda tile, x, d, lr: right(tile, x, d, lr / 2))
    code, out, err = run(capsys, *SHORT, "--only", name)
    assert code == 1
    assert row not in out
    assert re.fullmatch(rf"error: {row}: the result is wrong, so it is not timed: [^\n]+\n", err)


@pytest.mark.parametrize("name", benchmark.NAMES)
def test_every_row_is_right(name: str) -> None:
    for check in suite.check(name, 256):
        assert check.passed, check


def test_a_check_that_could_not_fail_does_not_pass() -> None:
    assert suite.Check.of("mean", [0.9, 1.0, 1.1, 1.0], 1.0).error > 0.03
    assert not suite.Check.of("mean", [0.9, 1.0, 1.1, 1.0], 1.0).passed
    assert suite.Check.of("mean", [0.99, 1.0, 1.01, 1.0], 1.0).passed
    assert not suite.Check.of("mean", [0.99, 1.0, 1.01, 1.0], 1.03).passed
    assert suite.Check.of("mean", [0.99, 1.0, 1.01, 1.0], 1.03, bias=0.02).passed


class GivenTimes(Schedule):
    """A schedule that measures nothing: every contender returns its own seconds."""

    def alternate(self, contenders: Mapping[str, Contender], *, once: bool = False) -> dict[str, Spread]:
        return {name: Spread.of([contender.work()] * 3) for name, contender in contenders.items()}  # type: ignore[list-item]


def seconds(value: float) -> Contender:
    return Contender(lambda: value)


def test_shares_follow_from_the_times() -> None:
    shared = Probe(contender=seconds(0.1), amount=1e9, unit="B")  # 10 GB/s
    work = job.Job(
        work=seconds(2.0),
        devices=1.0,
        needs={
            "memory bandwidth": job.Need(probe=shared, amount=12e9),  # 1.2 s
            "gaussian numbers": job.Need(
                probe=Probe(contender=seconds(0.5), amount=1.0, unit="gaussians"), amount=1.0
            ),
        },
        without={"pulses one at a time": seconds(1.5), "nothing": seconds(2.1)},
    )
    other = job.Job(
        work=seconds(4.0), devices=1.0, needs={"memory bandwidth": job.Need(probe=shared, amount=1e9)}
    )
    timed = job.time_jobs({"a": work, "b": other}, GivenTimes(3, 0.0, "wall"))
    assert timed["a"].shares == pytest.approx(
        {"memory bandwidth": 0.6, "gaussian numbers": 0.25, "pulses one at a time": 0.25, "nothing": 0.0}
    )
    assert timed["a"].bound == pytest.approx(1.2)
    assert limits.verdict(timed["a"].shares) == "memory bandwidth (60 %)"
    assert timed["b"].shares == pytest.approx({"memory bandwidth": 0.025})
    assert limits.verdict(timed["b"].shares) == "own arithmetic (memory bandwidth 2 %)"
    assert limits.verdict({}) == "own arithmetic"


def test_what_an_update_moves_is_counted() -> None:
    """Pulses on one device: one of each four samples, in one line of the cache."""
    tile = mho.Tile(40, 12, device=mho.devices.ConstantStep(dw_min=0.001), seed=3)
    x, d = np.zeros((8, 40), np.float32), np.zeros((8, 12), np.float32)
    x[:, 17], d[:, 5] = 1.0, 0.5
    moved = job.count_moved(tile, x, d, 0.01, np.zeros((12, 40), np.float32))
    # 5 pulses of each sample in the mean, and hardly ever none.
    assert 20 <= moved.pulses <= 60
    assert moved.gaussians == 8 * 4
    assert moved.bytes == 16 * 4 * (5 + 1)
    noisy = mho.Tile(40, 12, device=mho.presets.reram_es(), seed=3)
    assert job.count_moved(noisy, x, d, 0.01, np.zeros((12, 40), np.float32)).bytes == 16 * 4 * (6 + 2)
    ideal = mho.Tile(40, 12, device=mho.devices.Ideal(), seed=3)
    counted = job.count_moved(ideal, x, d, 0.01, np.zeros((12, 40), np.float32))
    assert (counted.pulses, counted.gaussians, counted.bytes) == (0, 0, 16 * 4 * 2)


def test_the_update_without_single_pulses_has_the_same_pulses() -> None:
    for device in (mho.devices.SoftBounds(), mho.presets.reram_es()):
        tile = mho.Tile(64, 64, device=device, seed=1)
        x, d = np.ones((4, 64), np.float32), np.full((4, 64), 0.3, np.float32)
        made = job.update_job(tile, x, d, 0.01, np.zeros((64, 64), np.float32))
        fine = mho.Tile(64, 64, device=job.finer(device), seed=1)
        before = tile.pulses.total
        made.work.timed(lambda: 0.0)
        fine.update(x, d, 0.01 * job.FINE)
        # The first update of `fine` and the one that `count_moved` began with have the same trains.
        again = mho.Tile(64, 64, device=device, seed=1)
        again.update(x, d, 0.01)
        assert fine.pulses == again.pulses
        assert tile.pulses.total > before
        assert set(made.without) == {job.ONE_AT_A_TIME}


def test_settings_are_checked() -> None:
    values: dict[str, Any] = {"names": ["forward"], "threads": 1}
    for wrong in ({"names": ["nothing"]}, {"threads": 0}, {"seconds": -1.0}):
        with pytest.raises(mho.MhoError, match=f"Settings.{next(iter(wrong))}"):
            benchmark.Settings(**{**values, **wrong})
