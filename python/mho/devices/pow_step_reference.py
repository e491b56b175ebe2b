"""Steps that are a power of the distance to the bound, with a reference subtracted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mho._parameters import configuration
from mho.devices import subtracted_reference as reference
from mho.devices.device import Device
from mho.devices.pow_step import PowStep
from mho.devices.pulsed_device import bisected_symmetry_point

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["PowStepReference"]


@Device.register
@configuration
class PowStepReference(PowStep):
    """A device like `PowStep` whose weight is its conductance less that of a reference.

    Pulses change the conductance ``v = w + reference`` as they change the weight of `PowStep`. `w_max`,
    `w_min` and their spreads are about the bounds of the conductance; the bounds of the weight, which the
    arrays ``w_max`` and ``w_min`` of a tile hold, are lower by the reference.

    Each crosspoint draws its reference, ``reference_mean + reference_std * xi``, and with
    `subtract_symmetry_point` adds its own symmetry point, the conductance where its mean steps are equally
    large. A stuck device has a stuck conductance, from which its reference without a symmetry point is
    subtracted.

    Notes
    -----
    The symmetry point is bisected, to 6e-8 of the range. aihwkit 1.2 follows the mean steps of alternating
    pulses instead, for at most 10,000 pairs, which ends at the same point if it ends. It has one spread of
    the exponents that is common to both directions, and a one-sided `pow_up_down`; here both are those of
    `PowStep`. Write noise, which it does not have for this device, is possible here.

    References
    ----------
    S. Fusi and L. F. Abbott, Nat. Neurosci. 10:485 (2007). H. Kim et al., arXiv:1907.10228 (2019), for zero
    shifting.

    Examples
    --------
    >>> device = PowStepReference(pow_gamma=2, up_down=0.19, w_max=1, w_min=-1, subtract_symmetry_point=True)
    >>> device.symmetry_point()
    0.0
    >>> print([round(bound, 4) for bound in device.bounds()])
    [-1.0526, 0.9474]
    """

    reference_mean: float = reference.reference_mean()
    reference_std: float = reference.reference_std()
    subtract_symmetry_point: bool = reference.subtract_symmetry_point()

    def _check(self) -> None:
        PowStep._check(self)
        reference.check_reference(self, self._reference())

    def _conductance_point(self) -> float:
        """Return the conductance where the nominal device's mean steps are equally large."""
        devices = PowStep.nominal_device(self)

        def of_conductance(v: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
            return PowStep.mean_step_of(self, v, devices)

        # Steps up fall with the conductance and steps down grow: there is one.
        point = bisected_symmetry_point(of_conductance, self.w_min, self.w_max)
        assert point is not None
        return point

    def _reference(self) -> float:
        """Return the reference of the nominal device."""
        return self.reference_mean + (self._conductance_point() if self.subtract_symmetry_point else 0.0)

    def bounds(self) -> tuple[float, float]:
        """Return the nominal bounds of the weight, the lower one first."""
        reference = self._reference()
        return self.w_min - reference, self.w_max - reference

    def nominal_device(self) -> dict[str, NDArray[np.float64]]:
        """Return the per-device arrays of the nominal device; see `PulsedDevice.nominal_device`."""
        lower, upper = self.bounds()
        own = {"w_max": upper, "w_min": lower, "reference": self._reference()}
        return PowStep.nominal_device(self) | {name: np.asarray(value) for name, value in own.items()}

    def symmetry_point(self) -> float | None:
        """Weight at which the nominal device's mean steps are equally large; see `Device.symmetry_point`."""
        return self._conductance_point() - self._reference()
