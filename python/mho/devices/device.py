"""What every device is, and the device without a flaw."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from mho._parameters import Tagged, configuration

__all__ = ["Device", "Ideal"]


@configuration
class Device(Tagged, ABC):
    """Base of all devices.

    Examples
    --------
    >>> "SoftBounds" in Device.types(), "Vector" in Device.types()
    (True, True)
    >>> Device.from_dict({"type": "SoftBounds", "dw_min": 0.002})
    SoftBounds(dw_min=0.002)
    """

    _models: ClassVar[dict[str, type[Tagged]]] = {}
    _home: ClassVar[str] = "mho.devices"

    @property
    @abstractmethod
    def weight_granularity(self) -> float:
        """Mean magnitude of the step of one pulse at weight 0, over up and down; 0 without pulses."""

    @abstractmethod
    def symmetry_point(self) -> float | None:
        """Weight at which the nominal device's mean steps up and down are equally large.

        Alternating pulses drive a device there. None if no weight between the bounds, or more than one, is
        such a point.
        """

    @property
    def ages(self) -> bool:
        """Whether time changes the weight; see `Retention`."""
        return False

    def engine_dict(self) -> dict[str, Any]:
        """Return the plain dict the engine builds the device from, with a model that the engine has."""
        return self.to_dict()


@Device.register
@configuration
class Ideal(Device):
    """A weight that takes every update exactly, without pulses, bounds or noise: the digital reference.

    Examples
    --------
    >>> Ideal().weight_granularity
    0.0
    """

    @property
    def weight_granularity(self) -> float:
        """Return 0: an ideal weight has no smallest step."""
        return 0.0

    def symmetry_point(self) -> float | None:
        """Return None: an ideal weight has no steps."""
        return None
