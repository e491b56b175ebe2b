"""mho: a simulator of analog in-memory computing.

Neural networks whose weights are the conductances of resistive crossbar arrays, trained by stochastic voltage
pulses and read through converters, device by device, reproducible to the bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mho._lazy import lazy

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

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            **dict.fromkeys(("Mapping", "TileConfig"), "mho.config"),
            **dict.fromkeys(
                ("MhoError", "MhoFileError", "MhoRuntimeError", "MhoTypeError", "MhoValueError"), "mho.errors"
            ),
            **dict.fromkeys(("IO", "Update"), "mho.periphery"),
            **dict.fromkeys(
                ("__version__", "build_info", "get_num_threads", "set_num_threads"), "mho.runtime"
            ),
            "PulseCount": "mho.tile",
            "Seed": "mho.seeds",
        },
    )
