"""``mho train`` interrupted, killed and resumed: the weights are those of an uninterrupted run."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from mho.cli import main
from mho.training import History

# 60 batches an epoch: 1 to 60 are the first epoch of the analog network, 61 to 120 that of its twin ...
RUN = ("--layers", "784,20,10", "--samples", "600", "--epochs", "3", "--threads", "1")

# Runs a command, and sends a signal to its own process while it trains a given batch.
DRIVER = """
import os, sys
from mho import nn
from mho.cli import main

number, times, batch = map(int, sys.argv[1:4])
forward, done = nn.Sequential.forward, 0

def counting(self, x, *, training=True, noise=True):
    global done
    done += training
    if training and done == batch:
        for _ in range(times):
            os.kill(os.getpid(), number)
    return forward(self, x, training=training, noise=noise)

nn.Sequential.forward = counting
sys.exit(main(sys.argv[4:]))
"""


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


def stopped(number: signal.Signals, batch: int, *arguments: str, times: int = 1) -> tuple[int, str]:
    """Train, with a signal during a batch; return the exit code and standard error."""
    result = subprocess.run(
        [sys.executable, "-c", DRIVER, str(int(number)), str(times), str(batch), "train", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.returncode, result.stderr


@pytest.mark.parametrize(
    ("number", "batch", "where"),
    [
        (signal.SIGINT, 20, "in epoch 1 of 3, 20 of 60 batches done"),
        pytest.param(signal.SIGINT, 60, "after epoch 1 of 3", marks=pytest.mark.slow),
        (signal.SIGINT, 61 + 60, "in epoch 2 of 3, 1 of 60 batches done"),
        (signal.SIGTERM, 61 + 180, "in epoch 3 of 3, 1 of 60 batches done"),
        pytest.param(signal.SIGINT, 359, "in epoch 3 of 3, 59 of 60 batches done", marks=pytest.mark.slow),
    ],
)
def test_ctrl_c_saves_says_how_to_resume_and_loses_nothing(run, uninterrupted, number, batch, where):
    code, err = stopped(number, batch, *RUN, "--out", "a run")
    assert code == 1
    assert err.splitlines()[-1] == f"Stopped {where}; saved. To go on: mho train --resume 'a run'"
    code, out, err = run("--resume", "a run", "--json")
    assert code == 0, err
    assert json.loads(out)["epochs"] == 3
    assert_same_result(Path("a run"), uninterrupted)


def test_ctrl_c_twice_stops_at_once(run, uninterrupted):
    code, err = stopped(signal.SIGINT, 130, *RUN, "--out", "run", times=2)
    assert code == 1
    assert err.splitlines()[-1] == "Stopped. To go on from the last checkpoint: mho train --resume run"
    assert run("--resume", "run")[0] == 0
    assert_same_result(Path("run"), uninterrupted)


@pytest.mark.parametrize("batch", [150, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 100, 360))])
def test_a_run_killed_outright_resumes_from_its_last_checkpoint(run, uninterrupted, batch):
    assert stopped(signal.SIGKILL, batch, *RUN, "--out", "run")[0] == -signal.SIGKILL
    code, _, err = run("--resume", "run", "--json")
    assert code == 0, err
    assert_same_result(Path("run"), uninterrupted)


def test_a_run_killed_before_its_first_checkpoint_starts_again(run, uninterrupted):
    assert stopped(signal.SIGKILL, 1, *RUN, "--out", "run")[0] == -signal.SIGKILL
    Path("run/analog.safetensors").unlink()
    assert [path.name for path in Path("run").iterdir()] == ["config.toml"]
    code, _, err = run("--resume", "run", "--threads", "2")
    assert code == 0, err
    assert_same_result(Path("run"), uninterrupted)


@pytest.mark.slow
def test_a_run_stopped_and_killed_several_times_is_still_the_same(run, uninterrupted):
    assert stopped(signal.SIGKILL, 70, *RUN, "--out", "run")[0] == -signal.SIGKILL
    for number, batch in ((signal.SIGINT, 65), (signal.SIGKILL, 100), (signal.SIGTERM, 3)):
        assert stopped(number, batch, "--resume", "run")[0] in (1, -signal.SIGKILL)
    assert run("--resume", "run")[0] == 0
    assert_same_result(Path("run"), uninterrupted)


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
