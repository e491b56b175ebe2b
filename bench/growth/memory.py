"""The memory of every device model: what a process holds more, and what the tile's arrays add up to."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import mho
from compare.peers import thread_environment

_BENCH = Path(__file__).resolve().parents[1]

# In a process of its own: memory that was used before is not given to the tile.
_CHILD = """
import json, sys
sys.path.insert(0, sys.argv[1])
import numpy as np
import mho
from compare.memory import resident_bytes

device, size = mho.devices.Device.from_dict(json.loads(sys.argv[2])), int(sys.argv[3])

def build(size):
    x = np.linspace(-1, 1, 64 * size, dtype=np.float32).reshape(64, size)
    d = np.float32(0.1) * x
    tile = mho.Tile(size, size, device=device, seed=1)
    tile.forward(x); tile.backward(d); tile.update(x, d, 0.01)
    return tile

build(64)
before = resident_bytes()
tile = build(size)
held = resident_bytes() - before
arrays, _ = tile.state()
print(json.dumps([held / size**2, sum(array.nbytes for array in arrays.values()) / size**2]))
"""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes per device of a tile that was read both ways and updated with 64 samples."""

    device: str
    measured: float
    low: float
    high: float
    arrays: float

    def to_dict(self) -> dict[str, Any]:
        """Return all as JSON values."""
        return asdict(self)


def devices() -> dict[str, mho.devices.Device]:
    """Return every device model with its defaults, and one with write noise."""
    models = {name: mho.devices.Device.from_dict({"type": name}) for name in mho.devices.Device.types()}
    return {**models, "reram_es": mho.presets.reram_es()}


def measure_memory(name: str, device: mho.devices.Device, size: int, repeats: int) -> Memory:
    """Build the same tile in some processes."""
    found = []
    for _ in range(repeats):
        done = subprocess.run(
            [sys.executable, "-c", _CHILD, str(_BENCH), json.dumps(device.to_dict()), str(size)],
            env=thread_environment(1),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"the memory of {name} could not be measured:\n{done.stderr}")
        found.append(json.loads(done.stdout))
    held = [values[0] for values in found]
    return Memory(device=name, measured=median(held), low=min(held), high=max(held), arrays=found[0][1])
