"""Presets: devices with the numbers of publications.

Each preset is a function that returns a device; keyword arguments override single numbers. The parameter sets
are those of the IBM Analog Hardware Acceleration Kit (aihwkit 1.2), under which they circulate in the
literature; some fields have other names here, with the same meaning.

Examples
--------
>>> from mho import presets
>>> presets.names()
['capacitor', 'ecram', 'ecram_mo', 'gokmen_vlasov', 'idealized', 'pcm', 'reram_array_hfo2', \
'reram_array_om', 'reram_es', 'reram_sb']
>>> presets.ecram(dw_min_dtod=0).w_max
1.1724
>>> print(presets.source("ecram"))
Tang et al., IEDM (2018)
"""

from __future__ import annotations

from typing import Any

from mho._validate import choice
from mho.devices import PulsedDevice
from mho.presets import devices as _devices
from mho.presets.devices import (
    capacitor,
    ecram,
    ecram_mo,
    gokmen_vlasov,
    idealized,
    pcm,
    reram_array_hfo2,
    reram_array_om,
    reram_es,
    reram_sb,
)

__all__ = [
    "capacitor",
    "ecram",
    "ecram_mo",
    "get",
    "gokmen_vlasov",
    "idealized",
    "names",
    "pcm",
    "reram_array_hfo2",
    "reram_array_om",
    "reram_es",
    "reram_sb",
    "source",
]


def names() -> list[str]:
    """Return the names of all presets, sorted."""
    return sorted(_devices.SOURCES)


def get(name: str, **overrides: Any) -> PulsedDevice:
    """Return a preset by its name.

    Parameters
    ----------
    name : str
        One of `names`.
    **overrides : Any
        Fields of the device to set otherwise.

    Raises
    ------
    MhoError
        If there is no such preset (the message names the nearest), or a field is unknown or not valid.

    Examples
    --------
    >>> get("idealised")
    Traceback (most recent call last):
        ...
    mho.errors.MhoValueError: preset must be one of 'capacitor', 'ecram', 'ecram_mo', 'gokmen_vlasov', \
'idealized', 'pcm', 'reram_array_hfo2', 'reram_array_om', 'reram_es', 'reram_sb', got 'idealised'; \
did you mean idealized?
    """
    device: PulsedDevice = getattr(_devices, choice("preset", name, names()))(**overrides)
    return device


def source(name: str) -> str:
    """Return the publication behind a preset.

    Parameters
    ----------
    name : str
        One of `names`.

    Raises
    ------
    MhoError
        If there is no such preset; the message names the nearest.
    """
    return _devices.SOURCES[choice("preset", name, names())]
