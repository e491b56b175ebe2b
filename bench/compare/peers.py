"""The same tile for both simulators: the configuration of mho, said in the words of aihwkit."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import mho

Float32 = NDArray[np.float32]

# Variables that the libraries below read when they are loaded.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "MHO_NUM_THREADS",
)

_OPENBLAS_SETTERS = (
    "openblas_set_num_threads",
    "scipy_openblas_set_num_threads",
    "scipy_openblas_set_num_threads64_",
)
_DEVICE_FIELDS = {
    "dw_min_log_normal": "dw_min_dtod_log_normal",
    "stuck_prob": "corrupt_devices_prob",
    "stuck_range": "corrupt_devices_range",
}
# The parameters of single devices: name at mho, name at aihwkit.
DEVICE_ARRAYS = {
    "w_max": "max_bound",
    "w_min": "min_bound",
    "dw_min_up": "dwmin_up",
    "dw_min_down": "dwmin_down",
}


def set_threads(n: int) -> None:
    """Let every library that computes use n threads, and make sure that they do."""
    import torch

    torch.set_num_threads(n)
    for set_n in _openblas_setters():
        set_n(n)
    mho.set_num_threads(n)
    found = {"torch": torch.get_num_threads(), "mho": mho.get_num_threads()}
    if set(found.values()) != {n}:
        raise RuntimeError(f"could not set {n} threads everywhere: {found}")


def _openblas_setters() -> Iterator[Any]:
    """Yield the setter of every OpenBLAS in the process."""
    libraries = set()
    for line in Path("/proc/self/maps").read_text().splitlines():
        path = line.split()[-1]
        if "openblas" in path and path.startswith("/"):
            libraries.add(path)
    for path in sorted(libraries):
        library = ctypes.CDLL(path)
        for name in _OPENBLAS_SETTERS:
            setter = getattr(library, name, None)
            if setter is not None:
                yield setter
                break


def thread_environment(n: int) -> dict[str, str]:
    """Return the environment of a process whose libraries use n threads from the start."""
    return {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(n))}


def _values(part: Any) -> dict[str, Any]:
    return {f.name: getattr(part, f.name) for f in fields(part)}


def aihwkit_device(device: mho.devices.Device) -> Any:
    """Translate a device: classes and fields have the same names, or those of the table above.

    Fields of a part of the device, as of its retention, are fields of the device at aihwkit.
    """
    from aihwkit.simulator.configs import devices

    name = f"{type(device).__name__}Device"
    if not hasattr(devices, name):
        raise ValueError(f"aihwkit has no {name}")
    result = getattr(devices, name)()
    _translate(device, result)
    return result


def _translate(part: Any, result: Any) -> None:
    """Set the fields of a device of aihwkit to those of a device of mho, or of a part of it."""
    defaults = {f.name: f.default for f in fields(part)}
    for name, value in _values(part).items():
        # Both compute their granularity; the update check sees a difference.
        if name == "granularity" or value is None:
            continue
        if is_dataclass(value):
            _translate(value, result)
            continue
        target = _DEVICE_FIELDS.get(name, name.replace("_ctoc", "_std"))
        if hasattr(result, target):
            setattr(result, target, value)
        elif value != defaults[name]:
            raise ValueError(f"aihwkit's {type(result).__name__} has no {target}, which is {value} here")


def aihwkit_io(io: mho.IO) -> Any:
    """Translate the settings of a read."""
    from aihwkit.simulator.parameters.enums import (
        AnalogMVType,
        BoundManagementType,
        NoiseManagementType,
        WeightNoiseType,
    )
    from aihwkit.simulator.parameters.io import IOParameters

    kinds = {
        "mv_type": AnalogMVType,
        "noise_management": NoiseManagementType,
        "bound_management": BoundManagementType,
        "w_noise_type": WeightNoiseType,
    }
    result = IOParameters()
    for name, value in _values(io).items():
        if name in kinds:
            setattr(result, name, kinds[name][value.upper()])
        elif hasattr(result, name):
            setattr(result, name, value)
        elif value != getattr(mho.IO(), name):
            raise ValueError(f"aihwkit's IOParameters has no {name}, which is {value} here")
    return result


def aihwkit_update(update: mho.Update) -> Any:
    """Translate the settings of an update."""
    from aihwkit.simulator.parameters.enums import PulseType
    from aihwkit.simulator.parameters.training import UpdateParameters

    kinds = {
        "stochastic": PulseType.STOCHASTIC_COMPRESSED,
        "mean_count": PulseType.MEAN_COUNT,
        "deterministic_implicit": PulseType.DETERMINISTIC_IMPLICIT,
    }
    result = UpdateParameters()
    for name, value in _values(update).items():
        if name == "pulse_type":
            result.pulse_type = kinds[value]
        elif name == "bl":
            result.desired_bl = value
        elif name != "pulse_by_pulse":
            setattr(result, name, value)
    return result


def aihwkit_config(config: mho.TileConfig) -> Any:
    """Translate a configuration."""
    from aihwkit.simulator.configs import SingleRPUConfig

    result = SingleRPUConfig(
        device=aihwkit_device(config.device),
        forward=aihwkit_io(config.forward_io),
        backward=aihwkit_io(config.backward_io),
        update=aihwkit_update(config.update),
    )
    # One tile of any size, as at mho.
    result.mapping.max_input_size = 0
    result.mapping.max_output_size = 0
    return result


def aihwkit_tile(in_features: int, out_features: int, config: mho.TileConfig, device: Any = None) -> Any:
    """Build aihwkit's lowest-level tile: the C++ class itself, without its Python layers.

    A `device` of aihwkit takes the place of that of the configuration.
    """
    translated = aihwkit_config(config)
    if device is not None:
        translated.device = device
    values = translated.device.as_bindings(translated.runtime.data_type)
    return translated.as_bindings().create_array(in_features, out_features, values)


def device_parameters(tile: Any) -> dict[str, Float32]:
    """Return the parameters of the devices of a tile of aihwkit by aihwkit's names."""
    return dict(zip(tile.get_hidden_parameter_names(), tile.get_hidden_parameters().numpy(), strict=True))


class Pair:
    """One tile of each simulator, with the same devices and settings."""

    def __init__(self, in_features: int, out_features: int, config: mho.TileConfig, seed: int = 1) -> None:
        self.mho = mho.Tile(in_features, out_features, config=config, seed=seed)
        self.aihwkit = aihwkit_tile(in_features, out_features, config)
        self._parameters = self._mho_devices()
        self.aihwkit.set_hidden_parameters(self._parameters)

    def _mho_devices(self) -> Any:
        """Return the devices of mho's tile as aihwkit wants them."""
        import torch

        values = device_parameters(self.aihwkit)
        for ours, theirs in DEVICE_ARRAYS.items():
            values[theirs] = self.mho.devices[ours]
        if "slope_up" in values:  # soft bounds: the step reaches 0 at the device's own bound
            values["slope_up"] = -values["dwmin_up"] / values["max_bound"]
            values["slope_down"] = -values["dwmin_down"] / values["min_bound"]
        return torch.from_numpy(np.stack(list(values.values())))

    def another_aihwkit(self) -> Any:
        """Return a tile of aihwkit with the same devices and other noise.

        A tile of aihwkit draws the noise of all its life from a list of 32768 normal numbers, whose mean is
        off by 0.0055 and whose variance by 0.8 % (standard deviations): only tiles with lists of their own
        are independent.
        """
        tile = aihwkit_tile(self.mho.in_features, self.mho.out_features, self.mho.config)
        tile.set_hidden_parameters(self._parameters)
        return tile
