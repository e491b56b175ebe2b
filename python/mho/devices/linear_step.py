"""Steps that change linearly with the weight."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mho._parameters import configuration, parameter
from mho.devices.device import Device
from mho.devices.pulsed_device import KIT, PulsedDevice, additive_noise, linear_symmetry_point
from mho.errors import MhoValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["LinearStep"]


@Device.register
@configuration
class LinearStep(PulsedDevice):
    """A device whose step changes linearly with the weight.

    One pulse up changes the weight by ``(k_up * w + s_up) * (1 + dw_min_ctoc * xi)``, one down by
    ``-(k_down * w + s_down) * (1 + dw_min_ctoc * xi)``, with the slopes, drawn once per crosspoint,
    ``k_up = -|gamma_up + gamma_up_dtod * xi| * s_up / w_max`` and
    ``k_down = -|gamma_down + gamma_down_dtod * xi| * s_down / w_min``. With ``mult_noise=False`` the noise
    does not depend on the weight: ``k_up * w + s_up * (1 + dw_min_ctoc * xi)``, and likewise down.

    A reversed direction has steps that grow the way its pulses lead: its slope refers to the bound behind,
    moved outwards by `reverse_offset`. With `reverse_up` it is ``w_min - reverse_offset`` that stands in the
    place of ``w_max`` in ``k_up``, with `reverse_down` ``w_max + reverse_offset`` in that of ``w_min``.

    Notes
    -----
    With both gammas 1, spreads of gamma of 0 and ``mean_bound_reference=False``, this is `SoftBounds`, which
    can so be reversed, too. aihwkit refuses a reversed direction with additive noise; here it is allowed.

    A gamma of 0.1 makes the step at the bound a tenth smaller than at weight 0; a gamma of 1 makes it vanish
    there. Where gamma is greater than 1 the step changes sign at the weight ``w_max / gamma``, which acts as
    the bound.

    References
    ----------
    M. J. Rasch et al., AICAS (2021), arXiv:2104.02184.

    Examples
    --------
    >>> device = LinearStep(dw_min=0.01, gamma_up=0.5, gamma_down=0.5, w_max=1, w_min=-1)
    >>> print(device.mean_step([0.0, 1.0]))
    (array([0.01 , 0.005]), array([-0.01 , -0.015]))
    >>> device.symmetry_point()
    0.0
    """

    gamma_up: float = parameter(
        0.0,
        largest=1e3,
        doc="Relative decrease of the step up from weight 0 to w_max.",
        unit="fraction of the step at 0",
        source=KIT,
    )
    gamma_down: float = parameter(
        0.0,
        largest=1e3,
        doc="Relative decrease of the step down from weight 0 to w_min.",
        unit="fraction of the step at 0",
        source=KIT,
    )
    gamma_up_dtod: float = parameter(
        0.05,
        largest=1e3,
        at_least=0,
        doc="Spread of gamma_up from device to device.",
        unit="absolute, as gamma_up",
        source=KIT,
    )
    gamma_down_dtod: float = parameter(
        0.05,
        largest=1e3,
        at_least=0,
        doc="Spread of gamma_down from device to device.",
        unit="absolute, as gamma_down",
        source=KIT,
    )
    mult_noise: bool = parameter(
        True,
        doc="Cycle-to-cycle noise relative to the step at the present weight; if false, at weight 0.",
        source=KIT,
    )
    mean_bound_reference: bool = parameter(
        True,
        doc="Refer the slopes to w_max and w_min; if false, to the bounds of each crosspoint.",
        source=KIT,
    )
    allow_increasing: bool = parameter(
        False, doc="Allow a negative gamma, drawn or given: steps that grow towards the bound.", source=KIT
    )
    reverse_up: bool = parameter(
        False, doc="Refer the slope of a step up to w_min: steps that grow with the weight.", source=KIT
    )
    reverse_down: bool = parameter(
        False,
        doc="Refer the slope of a step down to w_max: steps that grow as the weight decreases.",
        source=KIT,
    )
    reverse_offset: float = parameter(
        0.01,
        largest=1e6,
        at_least=0,
        doc="How far beyond that bound a reversed step would vanish, with a gamma of 1.",
        unit="weight",
        source=KIT,
    )

    def _check(self) -> None:
        PulsedDevice._check(self)
        for reverse, ahead, behind in (
            (self.reverse_up, "w_max", "w_min"),
            (self.reverse_down, "w_min", "w_max"),
        ):
            if not reverse:
                self.check_slope_bounds(ahead)
            elif self.reverse_offset == 0:
                self.check_slope_bounds(behind)
        if not self.allow_increasing:
            for name in ("gamma_up", "gamma_down"):
                if getattr(self, name) < 0:
                    raise MhoValueError(
                        f"LinearStep.{name} must be >= 0 unless allow_increasing is true, "
                        f"got {getattr(self, name)}"
                    )
        slopes = self.gamma_up, self.gamma_down, self.gamma_up_dtod, self.gamma_down_dtod
        flat = "while all gammas and their spreads are 0"
        self._require_effect("mult_noise", self.dw_min_ctoc > 0, "while dw_min_ctoc is 0")
        self._require_effect("mult_noise", any(slopes), flat)
        self._require_effect("mean_bound_reference", any(slopes), flat)
        self._require_effect(
            "mean_bound_reference",
            self.w_max_dtod > 0 or self.w_min_dtod > 0,
            "while w_max_dtod and w_min_dtod are 0",
        )
        self._require_effect(
            "allow_increasing",
            min(self.gamma_up, self.gamma_down) < 0 or self.gamma_up_dtod > 0 or self.gamma_down_dtod > 0,
            "while no gamma is negative and their spreads are 0",
        )
        for side in ("up", "down"):
            flat = f"while gamma_{side} and its spread are 0"
            slope = getattr(self, f"gamma_{side}") != 0 or getattr(self, f"gamma_{side}_dtod") > 0
            self._require_effect(f"reverse_{side}", slope, flat)
        reversed_ = self.reverse_up or self.reverse_down
        self._require_effect("reverse_offset", reversed_, "while neither direction is reversed")

    def _slopes(self) -> tuple[float, float]:
        """Return the slopes of the nominal device's steps."""
        up, down = self.scales()
        upper = self.w_min - self.reverse_offset if self.reverse_up else self.w_max
        lower = self.w_max + self.reverse_offset if self.reverse_down else self.w_min
        return -self.gamma_up * up / upper, self.gamma_down * down / lower

    def nominal_device(self) -> dict[str, NDArray[np.float64]]:
        """Return the per-device arrays of the nominal device; see `PulsedDevice.nominal_device`."""
        devices = PulsedDevice.nominal_device(self)
        devices["slope_up"], devices["slope_down"] = map(np.asarray, self._slopes())
        return devices

    def mean_step_of(
        self, w: ArrayLike, devices: Mapping[str, NDArray[np.float64]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean steps of given devices; see `PulsedDevice.mean_step_of`."""
        weights = np.asarray(w, dtype=np.float64)
        return (
            devices["dw_min_up"] + devices["slope_up"] * weights,
            devices["slope_down"] * weights - devices["dw_min_down"],
        )

    def step_noise(self, w: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Spread of the nominal device's steps; see `PulsedDevice.step_noise`."""
        return PulsedDevice.step_noise(self, w) if self.mult_noise else additive_noise(self, w)

    def symmetry_point(self) -> float | None:
        """Weight at which the nominal device's mean steps are equally large; see `Device.symmetry_point`."""
        return linear_symmetry_point(self, *self._slopes())
