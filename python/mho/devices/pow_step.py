"""Steps that are a power of the distance to the bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mho._parameters import configuration, parameter
from mho.devices.device import Device
from mho.devices.pulsed_device import MODEL, PulsedDevice, bisected_symmetry_point

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["PowStep"]


@Device.register
@configuration
class PowStep(PulsedDevice):
    """A device whose step is a power of the distance to the bound.

    With ``R = w_max - w_min``, of each crosspoint's own bounds, one pulse up changes the weight by
    ``s_up * ((w_max - w) / R)**gamma_up * (1 + dw_min_ctoc * xi)``, one down by
    ``-s_down * ((w - w_min) / R)**gamma_down * (1 + dw_min_ctoc * xi)``. Each crosspoint has its own
    exponents, ``pow_gamma * |1 + pow_gamma_dtod * xi + b|`` up and
    ``pow_gamma * |1 + pow_gamma_dtod * xi - b|`` down, with ``b = pow_up_down + pow_up_down_dtod * xi``.

    References
    ----------
    S. Fusi and L. F. Abbott, Nat. Neurosci. 10:485 (2007). Z. Wu et al., arXiv:2406.12774 (2024).

    Examples
    --------
    >>> device = PowStep(pow_gamma=2.0, dw_min=0.01, w_max=1.0, w_min=-1.0)
    >>> device.weight_granularity
    0.0025
    >>> device.symmetry_point()
    0.0
    """

    pow_gamma: float = parameter(1.0, above=0, largest=1e3, doc="Mean exponent.", source=MODEL)
    pow_gamma_dtod: float = parameter(
        0.1, at_least=0, largest=1e3, doc="Device-to-device spread of the exponents.", source=MODEL
    )
    pow_up_down: float = parameter(
        0.0,
        above=-1,
        below=1,
        doc="Relative asymmetry of the exponents: up larger, down smaller by it.",
        source=MODEL,
    )
    pow_up_down_dtod: float = parameter(
        0.0, at_least=0, largest=1e3, doc="Device-to-device spread of that asymmetry.", source=MODEL
    )

    def nominal_device(self) -> dict[str, NDArray[np.float64]]:
        """Return the per-device arrays of the nominal device; see `PulsedDevice.nominal_device`."""
        devices = PulsedDevice.nominal_device(self)
        devices["gamma_up"] = np.asarray(self.pow_gamma * (1 + self.pow_up_down))
        devices["gamma_down"] = np.asarray(self.pow_gamma * (1 - self.pow_up_down))
        return devices

    def mean_step_of(
        self, w: ArrayLike, devices: Mapping[str, NDArray[np.float64]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean steps of given devices; see `PulsedDevice.mean_step_of`."""
        weights = np.asarray(w, dtype=np.float64)
        # A range of 0 is that of a device that is stuck; there is no distance beyond a bound.
        width = np.maximum(devices["w_max"] - devices["w_min"], 1e-30)
        above = np.maximum(devices["w_max"] - weights, 0.0) / width
        below = np.maximum(weights - devices["w_min"], 0.0) / width
        return (
            devices["dw_min_up"] * above ** devices["gamma_up"],
            -devices["dw_min_down"] * below ** devices["gamma_down"],
        )

    def symmetry_point(self) -> float | None:
        """Weight at which the nominal device's mean steps are equally large; see `Device.symmetry_point`.

        Found by bisection, to 1e-12 of the range.
        """
        return bisected_symmetry_point(self.mean_step, *self.bounds())
