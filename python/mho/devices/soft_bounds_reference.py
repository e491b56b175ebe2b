"""Soft bounds with a reference subtracted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mho._parameters import configuration, parameter
from mho.devices import subtracted_reference as reference
from mho.devices.device import Device
from mho.devices.pulsed_device import KIT
from mho.devices.soft_bounds import SoftBounds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["SoftBoundsReference"]


@Device.register
@configuration
class SoftBoundsReference(SoftBounds):
    """A device with soft bounds whose weight is its conductance less that of a reference.

    Pulses change the conductance ``v = w + reference`` as they change the weight of `SoftBounds`: up by
    ``s_up * (1 - v / b_max + dw_min_ctoc * xi)``, down by ``-s_down * (1 - v / b_min + dw_min_ctoc * xi)``;
    with `mult_noise` the noise is relative to the step. `w_max`, `w_min` and their spreads are about the
    bounds of the conductance. The bounds of the weight, which the arrays ``w_max`` and ``w_min`` of a tile
    hold, are ``b_max - reference`` and ``b_min - reference``.

    Each crosspoint draws, beside the common parameters,

    - spreads of its slopes: its bounds are divided by ``|1 + slope_up_dtod * xi|`` and
      ``|1 + slope_down_dtod * xi|``, so that the steps at conductance 0 stay what they are;
    - its reference, ``reference_mean + reference_std * xi``, and with `subtract_symmetry_point` its own
      symmetry point ``(s_up - s_down) / (s_up / b_max - s_down / b_min)`` on top of that: a perfect zero
      shifting, if `reference_std` is 0.

    A stuck device has a stuck conductance, from which its reference without a symmetry point is subtracted.

    Notes
    -----
    A slope is at least a thousandth of its mean, which keeps the bounds finite. In aihwkit 1.2, weights that
    are set are clipped to the bounds of the conductance; here to those of the weight.

    References
    ----------
    N. Gong, M. J. Rasch et al., IEDM (2022). H. Kim et al., arXiv:1907.10228 (2019), for zero shifting.

    Examples
    --------
    >>> device = SoftBoundsReference(up_down=0.5, w_max=1, w_min=-1, subtract_symmetry_point=True)
    >>> device.symmetry_point()
    0.0
    >>> print([round(bound, 4) for bound in device.bounds()])
    [-1.3333, 0.6667]
    """

    mult_noise: bool = parameter(
        False,
        doc="Cycle-to-cycle noise relative to the step at the present weight; if false, at conductance 0.",
        source=KIT,
    )
    slope_up_dtod: float = parameter(
        0.0,
        largest=1e3,
        at_least=0,
        doc="Spread of the slope of steps up from device to device.",
        unit="fraction of the slope",
        source=KIT,
    )
    slope_down_dtod: float = parameter(
        0.0,
        largest=1e3,
        at_least=0,
        doc="Spread of the slope of steps down from device to device.",
        unit="fraction of the slope",
        source=KIT,
    )
    reference_mean: float = reference.reference_mean()
    reference_std: float = reference.reference_std()
    subtract_symmetry_point: bool = reference.subtract_symmetry_point()

    def _check(self) -> None:
        SoftBounds._check(self)
        self._require_effect(
            "subtract_symmetry_point",
            self.up_down != 0 or self.up_down_dtod > 0,
            "while up_down and up_down_dtod are 0, which puts every symmetry point at 0",
        )
        reference.check_reference(self, self._reference())

    def _reference(self) -> float:
        """Return the reference of the nominal device."""
        point = SoftBounds.symmetry_point(self) if self.subtract_symmetry_point else None
        return self.reference_mean + (point or 0.0)

    def bounds(self) -> tuple[float, float]:
        """Return the nominal bounds of the weight, the lower one first."""
        return self.w_min - self._reference(), self.w_max - self._reference()

    def nominal_device(self) -> dict[str, NDArray[np.float64]]:
        """Return the per-device arrays of the nominal device; see `PulsedDevice.nominal_device`."""
        devices = SoftBounds.nominal_device(self)
        lower, upper = self.bounds()
        own = {"w_max": upper, "w_min": lower, "reference": self._reference()}
        return devices | {name: np.asarray(value) for name, value in own.items()}

    def mean_step_of(
        self, w: ArrayLike, devices: Mapping[str, NDArray[np.float64]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean steps of given devices; see `PulsedDevice.mean_step_of`."""
        reference = devices["reference"]
        bounds = {name: devices[name] + reference for name in ("w_max", "w_min")}
        conductance = np.asarray(w, dtype=np.float64) + reference
        return SoftBounds.mean_step_of(self, conductance, {**devices, **bounds})

    def symmetry_point(self) -> float | None:
        """Weight at which the nominal device's mean steps are equally large; it always exists."""
        point = SoftBounds.symmetry_point(self)
        return None if point is None else point - self._reference()
