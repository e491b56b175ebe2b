"""``mho train`` interrupted, killed and resumed: the weights are those of an uninterrupted run."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from mho.cli import main
from mho.training import History

RUN = ("--layers", "784,20,10", "--samples", "2000", "--epochs", "3", "--threads", "1")


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capsys):
    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["train", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted") / "run"
    assert main(["train", *RUN, "--out", str(folder)]) == 0
    return folder


def assert_same_result(folder: Path, expected: Path) -> None:
    for name in ("analog.safetensors", "float.safetensors"):
        found, wanted = load_file(folder / name), load_file(expected / name)
        assert found.keys() == wanted.keys()
        for key in wanted:
            if "seconds" not in key:
                assert found[key].tobytes() == wanted[key].tobytes(), key
    for name in ("history.csv", "history_float.csv"):
        records = [
            [dataclasses.replace(record, seconds=0.0) for record in History.from_csv(path / name)]
            for path in (folder, expected)
        ]
        assert records[0] == records[1]


def stop_when(folder: Path, ready: Callable[[], bool], number: signal.Signals) -> tuple[int, str]:
    """Start a training, send it a signal once something is there; return its exit code and standard error."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mho.cli", "train", *RUN, "--out", str(folder), "--json"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    )
    deadline = time.monotonic() + 60
    while not ready():
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    return process.returncode, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_saves_says_how_to_resume_and_loses_nothing(run, uninterrupted, number):
    folder = Path("run")
    code, err = stop_when(folder, (folder / "history.csv").exists, number)
    assert code == 1
    assert "Traceback" not in err
    assert "mho train --resume run" in err
    assert (folder / "analog.safetensors").exists()
    code, out, err = run("--resume", "run", "--json")
    assert code == 0, err
    assert json.loads(out)["epochs"] == 3
    assert_same_result(folder, uninterrupted)


def test_a_run_killed_outright_resumes_from_its_last_checkpoint(run, uninterrupted):
    folder = Path("run")
    code, _ = stop_when(folder, (folder / "history.csv").exists, signal.SIGKILL)
    assert code == -signal.SIGKILL
    code, _, err = run("--resume", "run", "--json")
    assert code == 0, err
    assert_same_result(folder, uninterrupted)


def test_a_run_killed_before_its_first_checkpoint_starts_again(run, uninterrupted):
    folder = Path("run")
    code, _ = stop_when(folder, (folder / "config.toml").exists, signal.SIGKILL)
    assert code == -signal.SIGKILL
    code, _, err = run("--resume", "run", "--threads", "2")
    assert code == 0, err
    assert_same_result(folder, uninterrupted)


def test_a_finished_run_says_so_and_shows_its_result_again(run, uninterrupted):
    before = {path.name: path.read_bytes() for path in uninterrupted.iterdir()}
    code, out, err = run("--resume", str(uninterrupted))
    assert code == 0
    assert "finished" in err
    assert "test error" in out
    code, out, _ = run("--resume", str(uninterrupted), "--json")
    found = json.loads(out)
    assert (code, found["epochs"], found["seed"]) == (0, 3, 1)
    assert found["pulses"] > 0
    assert {path.name: path.read_bytes() for path in uninterrupted.iterdir()} == before


def test_more_epochs_go_on_as_if_they_had_been_asked_for_at_once(run, uninterrupted):
    assert run(*RUN, "--epochs", "1", "--out", "run")[0] == 0
    code, out, err = run("--resume", "run", "--epochs", "3", "--json")
    assert code == 0, err
    assert json.loads(out)["epochs"] == 3
    assert_same_result(Path("run"), uninterrupted)
    assert "epochs = 3" in Path("run/config.toml").read_text()


def test_options_that_contradict_the_run_are_named(run, uninterrupted):
    before = {path.name: path.read_bytes() for path in uninterrupted.iterdir()}
    for arguments, words in (
        (["--lr", "0.5", "--seed", "2"], ["--lr 0.5 (the run has 0.1)", "--seed 2 (the run has 1)"]),
        (["--device", "ecram"], ["--device ecram (the run has gokmen_vlasov)"]),
        (["--layers", "784,10"], ["--layers 784,10 (the run has 784,20,10)"]),
        (["--epochs", "2"], ["--epochs 2 (the run has 3", "can only grow"]),
        (["--out", "elsewhere"], ["--out elsewhere"]),
    ):
        code, out, err = run("--resume", str(uninterrupted), *arguments)
        assert (code, out) == (2, "")
        assert err.startswith("error: ")
        for word in words:
            assert word in err
    assert run("--resume", str(uninterrupted), "--lr", "0.1", "--device", "gokmen_vlasov")[0] == 0
    assert {path.name: path.read_bytes() for path in uninterrupted.iterdir()} == before
    assert not Path("elsewhere").exists()


def test_a_damaged_checkpoint_is_named(run):
    assert run(*RUN, "--epochs", "1", "--samples", "50", "--out", "run")[0] == 0
    checkpoint = Path("run/analog.safetensors")
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    code, out, err = run("--resume", "run")
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert "analog.safetensors" in err


def test_two_processes_do_not_train_in_one_folder(run, uninterrupted):
    fcntl = pytest.importorskip("fcntl")
    descriptor = os.open(uninterrupted, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        code, _, err = run("--resume", str(uninterrupted))
    finally:
        os.close(descriptor)
    assert code == 1
    assert "another mho train is writing to" in err
