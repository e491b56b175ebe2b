"""A device against a reference device."""

from __future__ import annotations

from mho._parameters import configuration, parameter
from mho.devices.cell import Cell
from mho.devices.device import Device
from mho.devices.pulsed_device import KIT
from mho.devices.soft_bounds import SoftBounds

__all__ = ["Reference"]


@Device.register
@configuration
class Reference(Cell):
    """A cell of a device and a fixed reference, ``W = w - w_ref``.

    Only the device takes pulses. The reference is programmed to ``reference_mean + reference_std * xi``,
    within its own bounds, and again by whoever calibrates it: ``tile.set_weight(w, part="reference")``.
    Programming a weight moves the device and leaves the reference. The parts are ``device`` and
    ``reference``.

    References
    ----------
    H. Kim et al., arXiv:1907.10228 (2019): the reference is set to the symmetry point of each device.

    Examples
    --------
    >>> cell = Reference(device=SoftBounds(up_down=0.2), reference_mean=-0.05)
    >>> round(cell.symmetry_point() - SoftBounds(up_down=0.2).symmetry_point(), 9)
    0.05
    """

    device: Device = parameter(
        SoftBounds(), kind=Device, doc="The device that takes the pulses.", source="Kim et al. 2019"
    )
    reference_device: Device | None = parameter(
        None, kind=Device, doc="The reference; left out, a device of the same kind.", source="Kim et al. 2019"
    )
    reference_mean: float = parameter(
        0.0, largest=1e6, doc="Mean weight of the reference.", unit="weight", source=KIT
    )
    reference_std: float = parameter(
        0.0,
        at_least=0,
        largest=1e6,
        doc="Spread of the reference's weight from crosspoint to crosspoint.",
        unit="weight",
        source=KIT,
    )

    @property
    def weight_granularity(self) -> float:
        """That of the device."""
        return self.device.weight_granularity

    def symmetry_point(self) -> float | None:
        """Return the device's symmetry point less the mean reference; see `Device.symmetry_point`."""
        point = self.device.symmetry_point()
        return None if point is None else point - self.reference_mean
