"""Steps that vanish linearly at the bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mho._parameters import configuration, parameter
from mho.devices.device import Device
from mho.devices.pulsed_device import KIT, PulsedDevice, additive_noise, linear_symmetry_point

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["SoftBounds"]


@Device.register
@configuration
class SoftBounds(PulsedDevice):
    """A device whose step decreases linearly with the weight and vanishes at the bound.

    One pulse up changes the weight by ``s_up * (1 - w / w_max) * (1 + dw_min_ctoc * xi)``, one down by
    ``-s_down * (1 - w / w_min) * (1 + dw_min_ctoc * xi)``, with each crosspoint's own bounds. With
    ``mult_noise=False`` the noise does not depend on the weight: ``s_up * (1 - w / w_max + dw_min_ctoc *
    xi)``, and likewise down.

    References
    ----------
    S. Fusi and L. F. Abbott, Nat. Neurosci. 10:485 (2007). M. J. Rasch et al., AICAS (2021),
    arXiv:2104.02184.

    Examples
    --------
    >>> device = SoftBounds(dw_min=0.01, w_max=1, w_min=-1, up_down=0.5)
    >>> round(device.symmetry_point(), 6)
    0.333333
    >>> SoftBounds(dw_min=-0.1)
    Traceback (most recent call last):
        ...
    mho.errors.MhoValueError: SoftBounds.dw_min must be > 0, got -0.1
    """

    mult_noise: bool = parameter(
        True,
        doc="Cycle-to-cycle noise relative to the step at the present weight; if false, at weight 0.",
        source=KIT,
    )

    def _check(self) -> None:
        PulsedDevice._check(self)
        self.check_slope_bounds()
        self._require_effect("mult_noise", self.dw_min_ctoc > 0, "while dw_min_ctoc is 0")

    def mean_step_of(
        self, w: ArrayLike, devices: Mapping[str, NDArray[np.float64]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean steps of given devices; see `PulsedDevice.mean_step_of`."""
        weights = np.asarray(w, dtype=np.float64)
        # A bound at 0 is that of a device that is stuck there: its steps are 0.
        w_max, w_min = (np.where(devices[name] == 0, 1.0, devices[name]) for name in ("w_max", "w_min"))
        return devices["dw_min_up"] * (1 - weights / w_max), -devices["dw_min_down"] * (1 - weights / w_min)

    def step_noise(self, w: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Spread of the nominal device's steps; see `PulsedDevice.step_noise`."""
        return PulsedDevice.step_noise(self, w) if self.mult_noise else additive_noise(self, w)

    def symmetry_point(self) -> float | None:
        """Weight at which the nominal device's mean steps are equally large; it always exists."""
        up, down = self.scales()
        return linear_symmetry_point(self, -up / self.w_max, down / self.w_min)
