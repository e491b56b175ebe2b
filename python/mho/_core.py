"""The C++ engine, compiled for the best SIMD level that this CPU runs.

The engine is built once per x86-64 level (``v2``, ``v3``, ``v4``; ``generic`` elsewhere), each in a module of
its own. The environment variable ``MHO_SIMD_LEVEL``, read at import, forces one of them.
"""

import importlib
import os
from typing import Any

from mho import _cpu
from mho._threads import default_num_threads
from mho.errors import MhoRuntimeError, MhoValueError


def _choose_level() -> str:
    """Return the level to load: the forced one, or the highest supported."""
    supported = _cpu.supported_levels()
    if not supported:
        built = ", ".join(_cpu.built_levels())
        raise MhoRuntimeError(f"this CPU runs none of the SIMD levels that mho was built for ({built})")
    forced = os.environ.get("MHO_SIMD_LEVEL", "")
    if not forced:
        return supported[-1]
    if forced not in supported:
        raise MhoValueError(f"MHO_SIMD_LEVEL must be one of {', '.join(supported)} here, got {forced!r}")
    return forced


def _load_engine() -> Any:
    """Import the engine, with threads that sleep when they wait.

    OpenMP's default is to spin for milliseconds, which on a machine with other work to do takes the processor
    from the thread that is waited for. The runtime reads this variable when it is loaded, and only then.
    """
    name = "GOMP_SPINCOUNT"
    if name in os.environ or "OMP_WAIT_POLICY" in os.environ:
        return importlib.import_module(f"mho._engine_{_choose_level()}")
    os.environ[name] = "0"
    try:
        return importlib.import_module(f"mho._engine_{_choose_level()}")
    finally:
        del os.environ[name]


_engine = _load_engine()

Activation = _engine.Activation
Epoch = _engine.Epoch
Hardware = _engine.Hardware
Linear = _engine.Linear
Network = _engine.Network
Stage = _engine.Stage
Tile = _engine.Tile
UpdateParameters = _engine.UpdateParameters
count_errors = _engine.count_errors
cross_entropy = _engine.cross_entropy
derive_key = _engine.derive_key
device_models = _engine.device_models
engine_info = _engine.engine_info
get_num_threads = _engine.get_num_threads
mean_squared_error = _engine.mean_squared_error
mean_squared_error_of_labels = _engine.mean_squared_error_of_labels
philox = _engine.philox
random_gaussian = _engine.random_gaussian
random_words = _engine.random_words
set_num_threads = _engine.set_num_threads
wrong_label = _engine.wrong_label

set_num_threads(default_num_threads())

__all__ = [
    "Activation",
    "Epoch",
    "Hardware",
    "Linear",
    "Network",
    "Stage",
    "Tile",
    "UpdateParameters",
    "count_errors",
    "cross_entropy",
    "derive_key",
    "device_models",
    "engine_info",
    "get_num_threads",
    "mean_squared_error",
    "mean_squared_error_of_labels",
    "philox",
    "random_gaussian",
    "random_words",
    "set_num_threads",
    "wrong_label",
]
