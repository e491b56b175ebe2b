"""The scripts that reproduce publications: each runs, and their frame resumes, adds up and complains."""

from __future__ import annotations

import csv
import importlib
import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

FOLDER = Path(__file__).parents[2] / "examples" / "papers"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*_[12][0-9][0-9][0-9]*.py"))
HALF_WIDTH = "half of the 95 % interval"


@pytest.fixture(scope="module", autouse=True)
def frame() -> Any:
    """The scripts import each other from their folder."""
    sys.path.insert(0, str(FOLDER))
    yield importlib.import_module("reproduction")
    sys.path.remove(str(FOLDER))


def run(frame: Any, reproduction: Any, *arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        frame.main(reproduction, ["--processes", "1", *map(str, arguments)])
    return int(stop.value.code or 0)


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_runs(frame, name, tmp_path, capsys):
    reproduction = importlib.import_module(name).REPRODUCTION
    assert reproduction.name == name
    assert run(frame, reproduction, "--quick", "--output", tmp_path) == 0
    out = capsys.readouterr().out
    with (tmp_path / "table.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == len(reproduction.cells)
    assert all(math.isfinite(float(line["obtained"])) for line in lines)
    assert (tmp_path / f"{name}.png").stat().st_size > 10_000
    assert "published" in out


class Toy:
    """A result with three cells, two of them in one group, that counts its runs."""

    def __init__(self, frame: Any, **changes: Any) -> None:
        self.jobs: list[Any] = []
        cell = frame.Cell
        self.reproduction = frame.Reproduction(
            **{
                "name": "toy",
                "title": "Toy",
                "paper": "A. Nonymous (2020)",
                "quantity": "error (%)",
                "cells": (
                    cell(row="a", column="x", published=1, params={"base": 1}),
                    cell(row="a", column="y", params={"base": 2}, group="lockstep"),
                    cell(row="b", column="x", params={"base": 3}, group="lockstep"),
                ),
                "run": self.run,
                "draw": lambda figure, table: figure.subplots(),
                "claims": lambda table: [frame.Claim(text="a is less", measured="1 to 3", holds=True)],
                "epochs": 4,
                "data": "digits",
                **changes,
            }
        )
        self.outcome = frame.Outcome

    def run(self, job: Any) -> list[Any]:
        self.jobs.append(job)
        return [
            self.outcome(cell=cell.name, seed=seed, value=cell.params["base"] + seed / 10)
            for cell in job.cells
            for seed in job.seeds
        ]


def test_an_interrupted_run_goes_on(frame, tmp_path):
    toy, kept = Toy(frame), tmp_path / "results.jsonl"
    assert run(frame, toy.reproduction, "--output", tmp_path) == 0
    assert [len(job.cells) * len(job.seeds) for job in toy.jobs] == [6, 1, 1, 1]
    lines = kept.read_text().splitlines()
    assert len(lines) == 9

    toy.jobs.clear()
    assert run(frame, toy.reproduction, "--output", tmp_path) == 0
    assert toy.jobs == []

    kept.write_text("\n".join(lines[:-1]) + "\n" + lines[-1][:20])  # killed while it wrote
    assert run(frame, toy.reproduction, "--output", tmp_path) == 0
    assert [(job.cell.name, job.seed) for job in toy.jobs] == [("a, x", 3)]

    toy.jobs.clear()
    assert run(frame, toy.reproduction, "--output", tmp_path, "--epochs", 2) == 0
    assert [job.epochs for job in toy.jobs] == [2, 2, 2, 2]


def test_the_table_has_means_and_intervals(frame, tmp_path, capsys):
    document = tmp_path / "results.md"
    document.write_text("before\n<!-- toy: begin -->\nformer\n<!-- toy: end -->\nafter\n")
    assert run(frame, Toy(frame).reproduction, "--output", tmp_path / "out", "--docs", document) == 0
    assert "holds: a is less: 1 to 3" in capsys.readouterr().out
    # three values at a distance of 0.1: t(2) * 0.1 / sqrt(3)
    half_width = 4.3027 * 0.1 / math.sqrt(3)
    with (tmp_path / "out" / "table.csv").open(newline="") as file:
        first = next(csv.DictReader(file))
    assert float(first["published"]) == 1
    assert float(first["obtained"]) == pytest.approx(1.2)
    assert float(first[HALF_WIDTH]) == pytest.approx(half_width, rel=1e-3)
    text = document.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "former" not in text
    assert "3 seeds, 4 epochs, embedded digits, not MNIST" in text
    assert "| a | 1.00 → 1.20 ± 0.25 | – → 2.20 ± 0.25 |" in text
    assert "| b | – → 3.20 ± 0.25 |  |" in text
    assert (tmp_path / "img" / "toy.png").is_file()


def test_quantiles_are_those_of_student(frame):
    for degrees in (1, 2, 5, 10, 11, 30, 1000):
        assert frame.student_t(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=1e-3)


@pytest.mark.parametrize(
    ("changes", "arguments", "message"),
    [
        ({"epochs": None}, ["--epochs", "3"], "--epochs has no effect: toy has none"),
        ({"data": None}, ["--data-dir", "."], "--data-dir has no effect: toy takes no images"),
        ({"data": "mnist"}, [], "toy needs full MNIST: give its folder with --data-dir"),
        ({}, ["--only", "zebra"], "--only must be part of the name of a cell, got 'zebra'"),
        ({}, ["--docs", "nowhere.md"], "--docs must be a document with the lines <!-- toy: begin -->"),
        ({}, ["--docs", "nowhere.md", "--only", "a"], "--docs needs all cells: leave --only out"),
    ],
)
def test_wrong_usage_is_one_line(frame, changes, arguments, message, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("MHO_DATA_DIR", raising=False)
    toy = Toy(frame, **changes)
    assert run(frame, toy.reproduction, "--output", tmp_path, *arguments) == 2
    captured = capsys.readouterr().err.splitlines()[-1]
    assert captured.startswith(f"error: {message}")
    assert toy.jobs == []


def test_results_are_plain_json(frame, tmp_path):
    assert run(frame, Toy(frame).reproduction, "--output", tmp_path, "--seeds", 1) == 0
    records = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert {record["cell"] for record in records} == {"a, x", "a, y", "b, x"}
    assert all(
        set(record) == {"cell", "seed", "value", "details", "seconds", "settings"} for record in records
    )
