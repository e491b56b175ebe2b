"""What the tests of the command line, and of the scripts in bench, share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mho.cli import main


@pytest.fixture(scope="module")
def bench_on_the_path() -> Iterator[None]:
    """The scripts in bench import each other from there."""
    folder = str(Path(__file__).parents[2] / "bench")
    sys.path.insert(0, folder)
    yield
    sys.path.remove(folder)


@pytest.fixture
def in_an_empty_folder(tmp_path, monkeypatch):
    """Run the test in a folder of its own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def train(capsys) -> Callable[..., tuple[int, str, str]]:
    """``mho train``: takes its arguments, returns the exit code, standard output and standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["train", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
