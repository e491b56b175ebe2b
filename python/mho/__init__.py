"""mho: a simulator of analog in-memory computing.

Neural networks whose weights are the conductances of resistive crossbar arrays, trained by stochastic voltage pulses and
read through converters, device by device, reproducible to the bit.
"""

from __future__ import annotations

import importlib
from importlib.metadata import version as _version
from typing import TYPE_CHECKING, Any

from mho import devices, presets, rules
from mho.config import Mapping, TileConfig
from mho.errors import MhoError, MhoFileError, MhoRuntimeError, MhoTypeError, MhoValueError
from mho.periphery import IO, Update
from mho.runtime import build_info, get_num_threads, set_num_threads
from mho.seeds import Seed
from mho.tile import PulseCount, Tile

if TYPE_CHECKING:
    from mho import data, nn, plotting, training

__version__ = _version("mho")

__all__ = [
    "IO",
    "Mapping",
    "MhoError",
    "MhoFileError",
    "MhoRuntimeError",
    "MhoTypeError",
    "MhoValueError",
    "PulseCount",
    "Seed",
    "Tile",
    "TileConfig",
    "Update",
    "build_info",
    "data",
    "devices",
    "get_num_threads",
    "nn",
    "plotting",
    "presets",
    "rules",
    "set_num_threads",
    "training",
]

# Loaded when first used, so that `import mho` stays quick.
_LAZY = ("data", "nn", "plotting", "training")


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return importlib.import_module(f"mho.{name}")
    raise AttributeError(f"module 'mho' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
