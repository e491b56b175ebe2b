"""Steps of the same size at every weight."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mho._parameters import configuration
from mho.devices.device import Device
from mho.devices.pulsed_device import PulsedDevice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["ConstantStep"]


@Device.register
@configuration
class ConstantStep(PulsedDevice):
    """A device whose step does not depend on the weight.

    One pulse changes the weight by ``s_up * (1 + dw_min_ctoc * xi)`` or ``-s_down * (1 + dw_min_ctoc * xi)``.

    References
    ----------
    T. Gokmen and Y. Vlasov, Front. Neurosci. 10:333 (2016).

    Examples
    --------
    >>> up, down = ConstantStep(dw_min=0.01, up_down=0.2).mean_step([0.0, 0.5])
    >>> print(up, down)
    [0.01 0.01] [-0.008 -0.008]
    """

    def mean_step_of(
        self, w: ArrayLike, devices: Mapping[str, NDArray[np.float64]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean steps of given devices; see `PulsedDevice.mean_step_of`."""
        one = np.ones_like(w, dtype=np.float64)
        return devices["dw_min_up"] * one, -devices["dw_min_down"] * one

    def symmetry_point(self) -> float | None:
        """Return None: steps are equal at every weight or at none."""
        return None
