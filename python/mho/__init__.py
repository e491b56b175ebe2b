"""mho: a simulator of analog in-memory computing.

Neural networks whose weights are the conductances of resistive crossbar arrays, trained by stochastic voltage
pulses and read through converters, device by device, reproducible to the bit.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mho import data, devices, nn, plotting, presets, rules, schedules, training
    from mho.config import Mapping, TileConfig
    from mho.errors import MhoError, MhoFileError, MhoRuntimeError, MhoTypeError, MhoValueError
    from mho.periphery import IO, Update
    from mho.runtime import build_info, get_num_threads, set_num_threads
    from mho.seeds import Seed
    from mho.tile import PulseCount, Tile

    __version__: str

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
    "__version__",
    "build_info",
    "data",
    "devices",
    "get_num_threads",
    "nn",
    "plotting",
    "presets",
    "rules",
    "schedules",
    "set_num_threads",
    "training",
]

# Where each name lives; None for a module of that name. They are loaded when first used: the command line
# answers at once, and a program pays for what it needs.
_HOMES: dict[str, str | None] = {
    **dict.fromkeys(("data", "devices", "nn", "plotting", "presets", "rules", "schedules", "training")),
    **dict.fromkeys(("Mapping", "TileConfig"), "config"),
    **dict.fromkeys(
        ("MhoError", "MhoFileError", "MhoRuntimeError", "MhoTypeError", "MhoValueError"), "errors"
    ),
    **dict.fromkeys(("IO", "Update"), "periphery"),
    **dict.fromkeys(("build_info", "get_num_threads", "set_num_threads", "__version__"), "runtime"),
    "Seed": "seeds",
    **dict.fromkeys(("PulseCount", "Tile"), "tile"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'mho' has no attribute {name!r}")
    home = _HOMES[name]
    value = (
        importlib.import_module(f"mho.{name}")
        if home is None
        else getattr(importlib.import_module(f"mho.{home}"), name)
    )
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
