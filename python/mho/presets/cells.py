"""Cell presets, one function each; `SOURCES` holds the publication behind every one.

Two or four equal devices make one weight, the mean of theirs, and one of them at random takes the pulses of a
sample: what differs between devices, and what each pulse adds by chance, is averaged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mho.devices import OneSided, PulsedDevice, Vector
from mho.presets import devices

_VECTOR = "Boybat et al., Nat. Commun. 9:2514 (2018)"
SOURCES = {
    f"{single}{count}": f"{devices.SOURCES[single]}; several a weight: {_VECTOR}"
    for single in ("capacitor", "ecram", "ecram_mo", "idealized", "reram_es", "reram_sb")
    for count in (2, 4)
} | {"pcm_pair": devices.SOURCES["pcm"]}


def _several(single: Callable[..., PulsedDevice], count: int, overrides: dict[str, Any]) -> Vector:
    return Vector(devices=(single(**overrides),) * count, policy="random")


def reram_es2(**overrides: Any) -> Vector:
    """Two `reram_es` for a weight; overrides are fields of each.

    Examples
    --------
    >>> cell = reram_es2(dw_min_ctoc=1.0)
    >>> len(cell.devices), cell.policy, cell.devices[0].dw_min_ctoc
    (2, 'random', 1.0)
    """
    return _several(devices.reram_es, 2, overrides)


def reram_es4(**overrides: Any) -> Vector:
    """Four `reram_es` for a weight; overrides are fields of each."""
    return _several(devices.reram_es, 4, overrides)


def capacitor2(**overrides: Any) -> Vector:
    """Two `capacitor` for a weight; overrides are fields of each."""
    return _several(devices.capacitor, 2, overrides)


def capacitor4(**overrides: Any) -> Vector:
    """Four `capacitor` for a weight; overrides are fields of each."""
    return _several(devices.capacitor, 4, overrides)


def ecram2(**overrides: Any) -> Vector:
    """Two `ecram` for a weight; overrides are fields of each."""
    return _several(devices.ecram, 2, overrides)


def ecram4(**overrides: Any) -> Vector:
    """Four `ecram` for a weight; overrides are fields of each."""
    return _several(devices.ecram, 4, overrides)


def idealized2(**overrides: Any) -> Vector:
    """Two `idealized` for a weight; overrides are fields of each."""
    return _several(devices.idealized, 2, overrides)


def idealized4(**overrides: Any) -> Vector:
    """Four `idealized` for a weight; overrides are fields of each."""
    return _several(devices.idealized, 4, overrides)


def ecram_mo2(**overrides: Any) -> Vector:
    """Two `ecram_mo` for a weight; overrides are fields of each."""
    return _several(devices.ecram_mo, 2, overrides)


def ecram_mo4(**overrides: Any) -> Vector:
    """Four `ecram_mo` for a weight; overrides are fields of each."""
    return _several(devices.ecram_mo, 4, overrides)


def reram_sb2(**overrides: Any) -> Vector:
    """Two `reram_sb` for a weight; overrides are fields of each."""
    return _several(devices.reram_sb, 2, overrides)


def reram_sb4(**overrides: Any) -> Vector:
    """Four `reram_sb` for a weight; overrides are fields of each."""
    return _several(devices.reram_sb, 4, overrides)


def pcm_pair(device: PulsedDevice | None = None, **overrides: Any) -> OneSided:
    """Make a pair of one-sided devices with a refresh, as phase-change memory needs it.

    Parameters
    ----------
    device : PulsedDevice, optional
        Either device of the pair; `pcm` by default.
    **overrides : Any
        Fields of `OneSided` to set otherwise; the pairs are looked at every 10 samples.

    Raises
    ------
    MhoError
        If a field is unknown or not valid.

    References
    ----------
    G. W. Burr et al., IEEE Trans. Electron Devices 62:3498 (2015).

    Examples
    --------
    >>> from mho.devices import ConstantStep
    >>> pcm_pair(ConstantStep(dw_min=0.01, w_min=0.0, w_max=2.0)).refresh_every
    10
    """
    values: dict[str, Any] = {"device": devices.pcm() if device is None else device, "refresh_every": 10}
    return OneSided(**(values | overrides))
