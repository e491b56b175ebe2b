"""Soft bounds in the terms of a pulse response: where it begins, where it ends, and how bent it is."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from mho._parameters import configuration, parameter
from mho.devices.device import Device
from mho.devices.pulsed_device import KIT
from mho.devices.soft_bounds import SoftBounds
from mho.errors import MhoValueError

__all__ = ["SoftBoundsPmax"]

# Largest bound of a device.
_LARGEST = 1e6


@Device.register
@configuration
class SoftBoundsPmax(SoftBounds):
    """`SoftBounds`, given by a measured pulse response.

    `p_max` pulses take the nominal device from `range_min` to `range_max`, and as many take it back:

    - pulses up from `range_min`: ``w(p) = range_min + B * (1 - exp(-alpha * p))``;
    - pulses down from `range_max`: ``w(p) = range_max - B * (1 - exp(-alpha * p))``;
    - with ``B = (range_max - range_min) / (1 - exp(-alpha * p_max))``.

    Without noise the weight is exactly there after p pulses. Four fields of `SoftBounds` follow, and can be
    read but not be given: the bounds that the responses bend towards, ``w_max = range_min + B`` and
    ``w_min = range_max - B``; and from the steps at weight 0, ``(1 - exp(-alpha)) * w_max`` up and
    ``(1 - exp(-alpha)) * |w_min|`` down, `dw_min`, the larger of them, and `up_down`, the asymmetry. All
    other fields are those of `SoftBounds`, and mean the same: spreads are relative to these bounds and steps.

    Notes
    -----
    aihwkit 1.2 has the same parameters and gives the same response in its documentation. Its code takes
    ``w_min = range_min``, ``dw_min = alpha * B`` and ``up_down = 1 + 2 * range_min / B``, which is that
    response for neither direction under its meaning of `up_down`: pulses down decay twice as fast as alpha,
    towards `range_min`. For its devices, take a `SoftBounds` with those numbers.

    References
    ----------
    M. J. Rasch et al., AICAS (2021), arXiv:2104.02184.

    Examples
    --------
    >>> device = SoftBoundsPmax(p_max=100, alpha=0.01, range_min=-0.5, range_max=1.0)
    >>> print([round(value, 4) for value in (device.w_min, device.w_max, device.dw_min, device.up_down)])
    [-1.373, 1.873, 0.0186, 0.267]
    >>> device.engine_dict()["type"]
    'SoftBounds'
    >>> SoftBoundsPmax(w_max=1.0)
    Traceback (most recent call last):
        ...
    mho.errors.MhoValueError: SoftBoundsPmax.w_max follows from p_max, alpha, range_min and range_max: leave \
it out
    """

    # What follows from the fields, in place of the base class's fields of these names.
    w_max: ClassVar[Any] = property(lambda self: self.range_min + self._reach)  # type: ignore[misc]
    w_min: ClassVar[Any] = property(lambda self: self.range_max - self._reach)  # type: ignore[misc]
    dw_min: ClassVar[Any] = property(  # type: ignore[misc]
        lambda self: -math.expm1(-self.alpha) * max(self.w_max, -self.w_min)
    )
    up_down: ClassVar[Any] = property(  # type: ignore[misc]
        lambda self: (
            1 + self.w_min / self.w_max if self.w_max >= -self.w_min else -self.w_max / self.w_min - 1
        )
    )
    _derived: ClassVar[tuple[tuple[str, ...], str]] = (
        ("dw_min", "w_max", "w_min", "up_down"),
        "p_max, alpha, range_min and range_max",
    )

    p_max: int = parameter(
        1000,
        at_least=1,
        largest=1e9,
        doc="Pulses that take the device from range_min to range_max, or back.",
        unit="pulses",
        source=KIT,
    )
    alpha: float = parameter(
        0.0005,
        above=0,
        largest=10,
        doc="Rate at which the response approaches its bound.",
        unit="1/pulse",
        source=KIT,
    )
    range_min: float = parameter(
        -1.0, largest=1e6, doc="Weight before p_max pulses up.", unit="weight", source=KIT
    )
    range_max: float = parameter(
        1.0, largest=1e6, doc="Weight after p_max pulses up.", unit="weight", source=KIT
    )

    @property
    def _reach(self) -> float:
        """How far the response would lead in the end: B."""
        return (self.range_max - self.range_min) / -math.expm1(-self.alpha * self.p_max)

    def _check(self) -> None:
        if not self.range_min < self.range_max:
            raise MhoValueError(
                f"SoftBoundsPmax.range_max must be > range_min, {self.range_min:g}, got {self.range_max:g}"
            )
        if not (self.w_min < 0 < self.w_max):
            raise MhoValueError(
                f"SoftBoundsPmax.range_min and range_max must lead to bounds on either side of 0: with "
                f"{self.range_min:g} and {self.range_max:g} they are {self.w_min:g} and {self.w_max:g}"
            )
        if max(self.w_max, -self.w_min) > _LARGEST:
            raise MhoValueError(
                f"SoftBoundsPmax.alpha must be larger, or p_max be: with {self.alpha:g} and {self.p_max} the "
                f"bounds are {self.w_min:g} and {self.w_max:g}, beyond {_LARGEST:g}"
            )
        SoftBounds._check(self)

    def engine_dict(self) -> dict[str, Any]:
        """Return the plain dict of the `SoftBounds` that this is."""
        own = {"type", "p_max", "alpha", "range_min", "range_max"}
        data = {name: value for name, value in self.to_dict().items() if name not in own}
        derived = {name: getattr(self, name) for name in self._derived[0]}
        return {"type": "SoftBounds", **data, **derived}
