"""Presets: devices and rules with the numbers of publications.

Each preset is a function that returns a device; keyword arguments override single numbers. The parameter sets
are those of the IBM Analog Hardware Acceleration Kit (aihwkit 1.2), under which they circulate in the
literature; some fields have other names here, with the same meaning. Cells of two or four equal devices have
the device's name with the number behind it.

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
>>> set(presets.names(cells=True)) - set(presets.names()) >= {"ecram2", "ecram4"}
True
"""

from __future__ import annotations

from typing import Any

from mho._validate import choice
from mho.devices import Device
from mho.presets import cells as _cells
from mho.presets import devices as _devices
from mho.presets.cells import (
    capacitor2,
    capacitor4,
    ecram2,
    ecram4,
    ecram_mo2,
    ecram_mo4,
    idealized2,
    idealized4,
    pcm_pair,
    reram_es2,
    reram_es4,
    reram_sb2,
    reram_sb4,
)
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
from mho.presets.rules import rule, rule_names

__all__ = [
    "capacitor",
    "capacitor2",
    "capacitor4",
    "ecram",
    "ecram2",
    "ecram4",
    "ecram_mo",
    "ecram_mo2",
    "ecram_mo4",
    "get",
    "gokmen_vlasov",
    "idealized",
    "idealized2",
    "idealized4",
    "names",
    "pcm",
    "pcm_pair",
    "reram_array_hfo2",
    "reram_array_om",
    "reram_es",
    "reram_es2",
    "reram_es4",
    "reram_sb",
    "reram_sb2",
    "reram_sb4",
    "rule",
    "rule_names",
    "source",
]


def names(*, cells: bool = False) -> list[str]:
    """Return the names of the presets of single devices, sorted; with `cells`, of cells as well."""
    return sorted(_devices.SOURCES | _cells.SOURCES if cells else _devices.SOURCES)


def get(name: str, **overrides: Any) -> Device:
    """Return a preset by its name.

    Parameters
    ----------
    name : str
        One of `names`, with `cells`.
    **overrides : Any
        Fields of the device, or of each device of a cell, to set otherwise.

    Raises
    ------
    MhoError
        If there is no such preset (the message names the nearest), or a field is unknown or not valid.

    Examples
    --------
    >>> get("idealised")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    mho.errors.MhoValueError: preset must be one of 'capacitor', ..., got 'idealised'; did you mean idealized?
    """
    choice("preset", name, names(cells=True))
    device: Device = getattr(_devices if name in _devices.SOURCES else _cells, name)(**overrides)
    return device


def source(name: str) -> str:
    """Return the publication behind a preset.

    Parameters
    ----------
    name : str
        One of `names`, with `cells`.

    Raises
    ------
    MhoError
        If there is no such preset; the message names the nearest.
    """
    return (_devices.SOURCES | _cells.SOURCES)[choice("preset", name, names(cells=True))]
