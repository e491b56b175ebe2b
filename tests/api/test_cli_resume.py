"""``mho train`` interrupted, killed and resumed: the weights are those of an uninterrupted run."""

import json
import os
import signal
from pathlib import Path

import pytest

from cli_runs import assert_same_result, stopped
from mho.cli import main

# 60 batches an epoch: 1 to 60 are the first epoch of the analog network, 61 to 120 that of its twin ...
RUN = ("--layers", "784,20,10", "--samples", "600", "--epochs", "3", "--threads", "1")
RUN = (*RUN, "--lr-schedule", "step:every=1,factor=0.5")

pytestmark = pytest.mark.usefixtures("in_an_empty_folder")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted") / "run"
    assert main(["train", *RUN, "--out", str(folder)]) == 0
    return folder


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
def test_ctrl_c_saves_says_how_to_resume_and_loses_nothing(train, uninterrupted, number, batch, where):
    code, err = stopped(number, batch, *RUN, "--out", "a run")
    assert code == 1
    assert err.splitlines()[-1] == f"Stopped {where}; saved. To go on: mho train --resume 'a run'"
    code, out, err = train("--resume", "a run", "--json")
    assert code == 0, err
    assert json.loads(out)["epochs"] == 3
    assert_same_result(Path("a run"), uninterrupted)


def test_ctrl_c_twice_stops_at_once(train, uninterrupted):
    code, err = stopped(signal.SIGINT, 130, *RUN, "--out", "run", times=2)
    assert code == 1
    assert err.splitlines()[-1] == "Stopped. To go on from the last checkpoint: mho train --resume run"
    assert train("--resume", "run")[0] == 0
    assert_same_result(Path("run"), uninterrupted)


@pytest.mark.parametrize("batch", [150, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 100, 360))])
def test_a_run_killed_outright_resumes_from_its_last_checkpoint(train, uninterrupted, batch):
    assert stopped(signal.SIGKILL, batch, *RUN, "--out", "run")[0] == -signal.SIGKILL
    code, _, err = train("--resume", "run", "--json")
    assert code == 0, err
    assert_same_result(Path("run"), uninterrupted)


def test_a_run_killed_before_its_first_checkpoint_starts_again(train, uninterrupted):
    assert stopped(signal.SIGKILL, 1, *RUN, "--out", "run")[0] == -signal.SIGKILL
    Path("run/analog.safetensors").unlink()
    assert [path.name for path in Path("run").iterdir()] == ["config.toml"]
    code, _, err = train("--resume", "run", "--threads", "2")
    assert code == 0, err
    assert_same_result(Path("run"), uninterrupted)


@pytest.mark.slow
def test_a_run_stopped_and_killed_several_times_is_still_the_same(train, uninterrupted):
    assert stopped(signal.SIGKILL, 70, *RUN, "--out", "run")[0] == -signal.SIGKILL
    for number, batch in ((signal.SIGINT, 65), (signal.SIGKILL, 100), (signal.SIGTERM, 3)):
        assert stopped(number, batch, "--resume", "run")[0] in (1, -signal.SIGKILL)
    assert train("--resume", "run")[0] == 0
    assert_same_result(Path("run"), uninterrupted)


def test_a_finished_run_says_so_and_shows_its_result_again(train, uninterrupted):
    before = {path.name: path.read_bytes() for path in uninterrupted.iterdir()}
    code, out, err = train("--resume", str(uninterrupted))
    assert code == 0
    assert "finished" in err
    assert "test error" in out
    code, out, _ = train("--resume", str(uninterrupted), "--json")
    found = json.loads(out)
    assert (code, found["epochs"], found["seed"]) == (0, 3, 1)
    assert found["pulses"] > 0
    assert {path.name: path.read_bytes() for path in uninterrupted.iterdir()} == before


def test_more_epochs_go_on_as_if_they_had_been_asked_for_at_once(train, uninterrupted):
    assert train(*RUN, "--epochs", "1", "--out", "run")[0] == 0
    code, out, err = train("--resume", "run", "--epochs", "3", "--json")
    assert code == 0, err
    assert json.loads(out)["epochs"] == 3
    assert_same_result(Path("run"), uninterrupted)
    assert "epochs = 3" in Path("run/config.toml").read_text()


def test_options_that_contradict_the_run_are_named(train, uninterrupted):
    before = {path.name: path.read_bytes() for path in uninterrupted.iterdir()}
    for arguments, words in (
        (["--lr", "0.5", "--seed", "2"], ["--lr 0.5 (the run has 0.1)", "--seed 2 (the run has 1)"]),
        (["--device", "ecram"], ["--device ecram (the run has gokmen_vlasov)"]),
        (["--layers", "784,10"], ["--layers 784,10 (the run has 784,20,10)"]),
        (["--epochs", "2"], ["--epochs 2 (the run has 3", "can only grow"]),
        (["--out", "elsewhere"], ["--out elsewhere"]),
    ):
        code, out, err = train("--resume", str(uninterrupted), *arguments)
        assert (code, out) == (2, "")
        assert err.startswith("error: ")
        for word in words:
            assert word in err
    assert train("--resume", str(uninterrupted), "--lr", "0.1", "--device", "gokmen_vlasov")[0] == 0
    assert {path.name: path.read_bytes() for path in uninterrupted.iterdir()} == before
    assert not Path("elsewhere").exists()


def test_a_damaged_checkpoint_is_named(train):
    assert train(*RUN, "--epochs", "1", "--samples", "50", "--out", "run")[0] == 0
    checkpoint = Path("run/analog.safetensors")
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    code, out, err = train("--resume", "run")
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert "analog.safetensors" in err


def test_two_processes_do_not_train_in_one_folder(train, uninterrupted):
    fcntl = pytest.importorskip("fcntl")
    descriptor = os.open(uninterrupted, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        code, _, err = train("--resume", str(uninterrupted))
    finally:
        os.close(descriptor)
    assert code == 1
    assert "another mho train is writing to" in err
