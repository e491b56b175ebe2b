"""What the tests of the command line share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mho.cli import main


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
