"""Runs of ``mho train`` that are stopped in the middle, and what two run folders have in common."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from signal import Signals

from safetensors.numpy import load_file

from mho.training import History

# Runs a command, and sends a signal to its own process while it trains a given batch, counted over all
# networks.
DRIVER = """
import os, sys
from mho import nn
from mho.cli import main

number, times, batch = map(int, sys.argv[1:4])
train, done = nn.Epoch.train, 0

def counting(self, lr, **limits):
    global done
    done += 1
    if done == batch:
        for _ in range(times):
            os.kill(os.getpid(), number)
    return train(self, lr, batches=1)

nn.Epoch.train = counting
sys.exit(main(sys.argv[4:]))
"""


def stopped(number: Signals, batch: int, *arguments: str, times: int = 1) -> tuple[int, str]:
    """Train, with a signal during a batch; return the exit code and standard error."""
    result = subprocess.run(
        [sys.executable, "-c", DRIVER, str(int(number)), str(times), str(batch), "train", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.stdout == "", result.stdout
    assert "Traceback" not in result.stderr, result.stderr
    return result.returncode, result.stderr


def results_of(folder: Path) -> dict[str, Path]:
    """Checkpoints and histories of a run, or of all runs of a comparison, by their place in the folder."""
    return {
        str(path.relative_to(folder)): path
        for pattern in ("*.safetensors", "history*.csv")
        for path in folder.rglob(pattern)
    }


def assert_same_result(folder: Path, expected: Path) -> None:
    """Compare everything but the times of two run folders."""
    found, wanted = results_of(folder), results_of(expected)
    assert found.keys() == wanted.keys()
    for name, path in found.items():
        if path.suffix == ".csv":
            records = [
                [dataclasses.replace(record, seconds=0.0) for record in History.from_csv(one)]
                for one in (path, wanted[name])
            ]
            assert records[0] == records[1], name
        else:
            arrays, others = load_file(path), load_file(wanted[name])
            assert arrays.keys() == others.keys()
            for key, value in arrays.items():
                assert value.tobytes() == others[key].tobytes(), (name, key)
