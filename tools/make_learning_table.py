"""Write docs/learning.md: full MNIST learned by simulated devices, beside the same network in floating point.

Usage: python tools/make_learning_table.py [--data-dir DIR]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SEEDS = (1, 2, 3)
TARGET = Path(__file__).parents[1] / "docs" / "learning.md"

HEAD = """\
# Learning on full MNIST

A 784-256-128-10 sigmoid network, mean cross-entropy, plain SGD with batches of 10 and learning rate
0.1, five epochs of the 60,000 training images; test errors on the 10,000 test images. The analog
network has `gokmen_vlasov` devices (Gokmen and Vlasov, Front. Neurosci. 10:333, 2016) and the
default periphery: 7-bit DAC, 9-bit ADC, output noise, noise management and iterative bound
management. Its floating-point twin starts from the same weights and sees the same batches.
The table is written by

```bash
python tools/make_learning_table.py
```

which runs `mho train --data mnist --epochs 5 --seed N` for each seed.

| seed | analog | floating point | difference | pulses |
|---|---|---|---|---|
"""


def run(seed: int, data_dir: str | None, folder: str) -> dict[str, float]:
    command = [sys.executable, "-m", "mho", "train", "--data", "mnist", "--epochs", "5", "--seed", str(seed)]
    command += ["--json", "--out", f"{folder}/seed{seed}"]
    if data_dir is not None:
        command += ["--data-dir", data_dir]
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(result.stdout))


def percent(fraction: float, sign: str = "") -> str:
    return f"{100 * fraction:{sign}.2f} %"


def table(results: list[dict[str, float]]) -> str:
    analog = [result["test_error"] for result in results]
    exact = [result["test_error_float"] for result in results]
    rows = [
        f"| {result['seed']} | {percent(a)} | {percent(b)} | {percent(a - b, '+')} | {result['pulses']:,} |"
        for result, a, b in zip(results, analog, exact, strict=True)
    ]
    mean = statistics.mean(analog), statistics.mean(exact)
    rows.append(f"| mean | {percent(mean[0])} | {percent(mean[1])} | {percent(mean[0] - mean[1], '+')} | |")
    return HEAD + "\n".join(rows) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", help="folder with the four IDX files of MNIST")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = [run(seed, options.data_dir, folder) for seed in SEEDS]
    TARGET.write_text(table(results))


if __name__ == "__main__":
    main()
