"""Steps that come when a hidden counter is full."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mho._parameters import configuration, parameter
from mho.devices.device import Device
from mho.devices.pulsed_device import KIT, PulsedDevice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["HiddenStep"]


@Device.register
@configuration
class HiddenStep(PulsedDevice):
    """A device whose weight stands still until a hidden counter is full.

    A pulse up raises the counter by ``h_up``, one down lowers it by ``h_down``. Where that takes it to
    `hidden_states` or beyond, the weight makes one step, ``hidden_states * s_up * (1 + dw_min_ctoc * xi)``;
    at minus `hidden_states` or below, ``-hidden_states * s_down * (1 + dw_min_ctoc * xi)``; and the counter
    begins anew at 0. The nominal counter moves by 1, so that `dw_min` is the mean change per pulse of many
    pulses in the same direction.

    Each crosspoint draws ``h_up = |G + up_bias + rho|`` and ``h_down = |G + down_bias - rho|`` as its steps
    are drawn: with ``G = 1 + hidden_dtod * xi``, ``rho = hidden_up_down_dtod * xi`` and the one-sided
    asymmetry `hidden_up_down`. The counter has no noise of its own: each pulse in one direction moves it by
    the same amount. It is the array ``hidden_count`` of a tile, and saved with it. Setting the weight sets it
    to 0.

    Notes
    -----
    A counter is full to within 1e-5, as sums of floats are not exact. With spreads, a step still takes a
    whole number of pulses, and what the last one adds beyond the full counter is lost: on average a pulse
    then moves the weight by less than `dw_min`.

    In aihwkit 1.2, whose C++ sources alone have this device, a counter of steps ``1 / hidden_states`` must
    pass 1, so that without spreads a step takes one pulse more than there are states; here it takes as many.
    The noise of its counter from pulse to pulse, off by default there, does not exist here.

    References
    ----------
    M. J. Rasch et al., AICAS (2021), arXiv:2104.02184.

    Examples
    --------
    >>> import mho
    >>> flat = dict.fromkeys(["dw_min_dtod", "dw_min_ctoc", "up_down_dtod", "hidden_dtod"], 0.0)
    >>> device = HiddenStep(dw_min=0.01, hidden_states=3, hidden_up_down_dtod=0.0, **flat)
    >>> response = mho.response.pulse_response(device, np.array([True] * 7), start=0.0)
    >>> print(response.weight[:, 0].round(3))
    [0.   0.   0.03 0.03 0.03 0.06 0.06]
    """

    hidden_states: int = parameter(
        2,
        at_least=1,
        largest=1e6,
        doc="Pulses in one direction for one step of the weight; 1 is ConstantStep, if hidden_dtod is 0.",
        unit="pulses",
        source=KIT,
    )
    hidden_dtod: float = parameter(
        0.3,
        at_least=0,
        largest=1e3,
        doc="Spread of what a pulse moves the counter by, from device to device.",
        unit="fraction",
        source=KIT,
    )
    hidden_up_down: float = parameter(
        0.0,
        above=-1,
        below=1,
        doc="Asymmetry of the counter: if positive, it moves less down by this fraction; if negative, up.",
        unit="fraction",
        source=KIT,
    )
    hidden_up_down_dtod: float = parameter(
        0.01,
        at_least=0,
        largest=1e3,
        doc="Spread of that asymmetry from device to device.",
        unit="fraction",
        source=KIT,
    )

    def nominal_device(self) -> dict[str, NDArray[np.float64]]:
        """Return the per-device arrays of the nominal device; see `PulsedDevice.nominal_device`."""
        asymmetry = self.hidden_up_down
        own = {"hidden_up": 1 + min(asymmetry, 0.0), "hidden_down": 1 - max(asymmetry, 0.0)}
        return PulsedDevice.nominal_device(self) | {name: np.asarray(value) for name, value in own.items()}

    def mean_step_of(
        self, w: ArrayLike, devices: Mapping[str, NDArray[np.float64]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean change per pulse, of many in one direction; see `PulsedDevice.mean_step_of`."""
        full = self.hidden_states * (1 - 1e-5)
        one = np.ones_like(w, dtype=np.float64)
        # A device that is stuck has no counter.
        counters = devices["hidden_up"], devices["hidden_down"]
        up, down = (np.where(counter > 0, counter, np.inf) for counter in counters)
        share_up, share_down = (self.hidden_states / np.maximum(np.ceil(full / n), 1) for n in (up, down))
        return devices["dw_min_up"] * share_up * one, -devices["dw_min_down"] * share_down * one

    def symmetry_point(self) -> float | None:
        """Return None: steps are equal at every weight or at none."""
        return None
