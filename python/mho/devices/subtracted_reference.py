"""What devices share whose weight is their conductance less that of a reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mho._parameters import parameter
from mho.devices.pulsed_device import KIT
from mho.errors import MhoValueError

if TYPE_CHECKING:
    from mho.devices.pulsed_device import PulsedDevice

__all__ = ["check_reference", "reference_mean", "reference_std", "subtract_symmetry_point"]


def reference_mean() -> float:
    """Declare the mean reference."""
    return parameter(0.0, largest=1e6, doc="Mean of the reference.", unit="weight", source=KIT)


def reference_std() -> float:
    """Declare the spread of the references."""
    return parameter(
        0.0,
        largest=1e6,
        at_least=0,
        doc="Standard deviation of the reference from device to device; absolute, not a fraction.",
        unit="weight",
        source=KIT,
    )


def subtract_symmetry_point() -> bool:
    """Declare whether symmetry points are subtracted, too."""
    return parameter(
        False,
        doc="Add each device's own symmetry point to its reference, so that the weight is 0 there.",
        source=KIT,
    )


def check_reference(device: PulsedDevice, reference: float) -> None:
    """Refuse a nominal reference at which weight 0 is beyond the bounds."""
    if not device.w_min <= reference <= device.w_max:
        owner = type(device).__name__
        raise MhoValueError(
            f"{owner}.reference_mean must leave weight 0 within the bounds: with the symmetry point, where "
            f"that is subtracted, >= {device.w_min:g} and <= {device.w_max:g}, got {reference:g}"
        )
