"""Steps that change exponentially with the weight."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mho._parameters import configuration, parameter
from mho.devices.device import Device
from mho.devices.pulsed_device import KIT, MODEL, PulsedDevice, bisected_symmetry_point
from mho.errors import MhoValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["ExpStep"]

# Largest argument of an exponential whose result is still finite in single precision.
_MAX_EXPONENT = 80.0


@Device.register
@configuration
class ExpStep(PulsedDevice):
    """A device whose step depends exponentially on the weight.

    With ``z = 2 * a * w / (w_max - w_min) + b``, of each crosspoint's own bounds, one pulse up changes the
    weight by ``s_up * max(1 - A_up * exp(gamma_up * z), 0) * (1 + dw_min_ctoc * xi)``, one down by
    ``-s_down * max(1 - A_down * exp(-gamma_down * z), 0) * (1 + dw_min_ctoc * xi)``.

    With `dw_min_ctoc_add` or `dw_min_ctoc_slope`, the noise of a step is not relative to the step alone: one
    pulse changes the weight by ``dw + dw_min_ctoc * size * xi`` with ``size = |dw| + dw_min_ctoc_add +
    dw_min_ctoc_slope * |w|``, where ``dw`` is the mean step at the weight ``w``. Such pulses are taken one at
    a time.

    References
    ----------
    M. J. Rasch et al., AICAS (2021), arXiv:2104.02184. S. R. Nandakumar et al., Front. Neurosci. 14:406
    (2020), for the noise that depends on the weight.

    Examples
    --------
    >>> device = ExpStep(A_up=-0.1, A_down=-0.1, gamma_up=2, gamma_down=2, a=-1, b=0, dw_min=0.01)
    >>> device.symmetry_point()
    0.0
    >>> round(device.weight_granularity, 6)
    0.011
    """

    A_up: float = parameter(0.00081, largest=1e6, doc="Factor of the exponential of a step up.", source=MODEL)
    A_down: float = parameter(
        0.36833, largest=1e6, doc="Factor of the exponential of a step down.", source=MODEL
    )
    gamma_up: float = parameter(12.44625, largest=1e3, doc="Exponent of a step up.", source=MODEL)
    gamma_down: float = parameter(12.78785, largest=1e3, doc="Exponent of a step down.", source=MODEL)
    a: float = parameter(
        0.244, largest=1e3, doc="Slope of z with the weight relative to its range.", source=MODEL
    )
    b: float = parameter(0.2425, largest=1e3, doc="Value of z at weight 0.", source=MODEL)
    dw_min_ctoc_add: float = parameter(
        0.0,
        largest=1e6,
        at_least=0,
        doc="Noise of a step that is the same at every weight, before its factor dw_min_ctoc.",
        unit="weight",
        source=KIT,
    )
    dw_min_ctoc_slope: float = parameter(
        0.0,
        largest=1e6,
        at_least=0,
        doc="Noise of a step that grows with the magnitude of the weight, before its factor dw_min_ctoc.",
        unit="weight per weight",
        source=KIT,
    )

    def _check(self) -> None:
        PulsedDevice._check(self)
        for name in ("dw_min_ctoc_add", "dw_min_ctoc_slope"):
            self._require_effect(name, self.dw_min_ctoc > 0, "while dw_min_ctoc is 0")
        # Every crosspoint has w_min <= 0 <= w_max, hence |z| <= 2|a| + |b| between its bounds, whatever they
        # are.
        z = 2 * abs(self.a) + abs(self.b)
        for side in ("up", "down"):
            factor, gamma = getattr(self, f"A_{side}"), getattr(self, f"gamma_{side}")
            exponent = abs(gamma) * z + math.log(max(abs(factor), 1.0)) + math.log(max(self.dw_min, 1.0))
            if exponent > _MAX_EXPONENT:
                raise MhoValueError(
                    f"ExpStep.gamma_{side} must have a magnitude <= "
                    f"{(_MAX_EXPONENT - exponent) / z + abs(gamma):.4g} with these A_{side}, a and b, "
                    f"or a step overflows single precision, got {gamma}"
                )
        if self.granularity is None and not self.weight_granularity > 0:
            raise MhoValueError(
                f"ExpStep.granularity must be given (> 0) where the mean steps at weight 0 are 0, as with "
                f"A_up={self.A_up} and A_down={self.A_down}, got None"
            )

    def mean_step_of(
        self, w: ArrayLike, devices: Mapping[str, NDArray[np.float64]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean steps of given devices; see `PulsedDevice.mean_step_of`."""
        # A range of 0 is that of a device that is stuck.
        width = np.maximum(devices["w_max"] - devices["w_min"], 1e-30)
        z = 2 * self.a * np.asarray(w, dtype=np.float64) / width + self.b
        z = np.where(devices["w_max"] > devices["w_min"], z, self.b)
        return (
            devices["dw_min_up"] * np.maximum(1 - self.A_up * np.exp(self.gamma_up * z), 0.0),
            -devices["dw_min_down"] * np.maximum(1 - self.A_down * np.exp(-self.gamma_down * z), 0.0),
        )

    def step_noise(self, w: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Spread of the nominal device's steps; see `PulsedDevice.step_noise`."""
        of_weight = self.dw_min_ctoc_add + self.dw_min_ctoc_slope * np.abs(np.asarray(w, dtype=np.float64))
        up, down = PulsedDevice.step_noise(self, w)
        return up + self.dw_min_ctoc * of_weight, down + self.dw_min_ctoc * of_weight

    def symmetry_point(self) -> float | None:
        """Weight at which the nominal device's mean steps are equally large; see `Device.symmetry_point`.

        Found by bisection, to 1e-12 of the range.
        """
        return bisected_symmetry_point(self.mean_step, *self.bounds())
