"""A cell whose parts have different significance: non-volatile devices and a volatile capacitor."""

from __future__ import annotations

from mho._parameters import configuration, parameter
from mho.devices.cell import Cell
from mho.devices.device import Device
from mho.devices.linear_step import LinearStep
from mho.devices.one_sided import OneSided
from mho.devices.pulsed_device import PulsedDevice

__all__ = ["MultiSignificance"]

_SOURCE = "Ambrogio et al. 2018"


@Device.register
@configuration
class MultiSignificance(Cell):
    """A cell of a one-sided pair, a capacitor and a reference, ``W = F (G+ - G-) + P (g - g_ref)``.

    The capacitor ``g`` takes all pulses. After every `transfer_every` samples what it stands for is added to
    the pair, in one-sided pulses: their number is ``|g - g_ref| / F`` over the mean step of the pair at rest,
    rounded at random so that it is right in the mean. Then the capacitor goes back to its rest, and the
    polarity ``P`` changes from 1 to -1 or back. With each polarity the same capacitor, with the same flaws,
    raises or lowers the weight, so that what they add to the pair at one transfer they subtract at the next.

    The reference is programmed to ``reference_mean + reference_std * xi`` and takes no pulses. The parts are
    ``pair`` (``pair/positive``, ``pair/negative``), ``capacitor`` and ``reference``. Programming a weight
    sets the pair, with the capacitor at rest, and the capacitor where the pair does not reach.

    References
    ----------
    S. Ambrogio et al., Nature 558:60 (2018): ``F = 3`` and, for MNIST, a transfer every 8,000 images.

    Examples
    --------
    >>> cell = MultiSignificance()
    >>> cell.gain, cell.transfer_every
    (3.0, 8000)
    >>> cell.weight_granularity == cell.capacitor.weight_granularity
    True
    """

    pair: OneSided = parameter(
        OneSided(), kind=OneSided, doc="The non-volatile pair with the significant part.", source=_SOURCE
    )
    capacitor: PulsedDevice = parameter(
        LinearStep(dw_min=0.005, w_max=1.0, w_min=-1.0, gamma_up=0.05, gamma_down=0.05, mult_noise=False),
        kind=PulsedDevice,
        doc="The device that takes the pulses, and the kind of the reference.",
        source=_SOURCE,
    )
    gain: float = parameter(
        3.0, above=0, largest=1e6, doc="Factor F of the pair in the weight.", source=_SOURCE
    )
    transfer_every: int = parameter(
        8000,
        at_least=1,
        doc="Samples from one transfer to the next.",
        unit="samples",
        source=_SOURCE,
    )
    polarity_inversion: bool = parameter(
        True, doc="Change the sign of the capacitor's part at each transfer.", source=_SOURCE
    )
    reference_mean: float = parameter(
        0.0, largest=1e6, doc="Mean weight of the reference.", unit="weight", source=_SOURCE
    )
    reference_std: float = parameter(
        0.0,
        at_least=0,
        largest=1e6,
        doc="Spread of the reference's weight from crosspoint to crosspoint.",
        unit="weight",
        source=_SOURCE,
    )

    @property
    def weight_granularity(self) -> float:
        """That of the capacitor."""
        return self.capacitor.weight_granularity

    def symmetry_point(self) -> float | None:
        """Weight at which alternating pulses leave the cell, with the pair at rest.

        See `Device.symmetry_point`.
        """
        point = self.capacitor.symmetry_point()
        return None if point is None else point - self.reference_mean
