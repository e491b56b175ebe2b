"""A pair of devices of which only the steps up are used."""

from __future__ import annotations

from typing import Any

from mho._parameters import configuration, parameter
from mho.devices.cell import Cell
from mho.devices.constant_step import ConstantStep
from mho.devices.device import Device
from mho.devices.pulsed_device import KIT, PulsedDevice
from mho.errors import MhoValueError

__all__ = ["OneSided"]


@Device.register
@configuration
class OneSided(Cell):
    """A cell of two devices that are only ever pulsed up, ``W = gamma * (g+ - g-)``.

    A pulse up goes to ``g+``; a pulse down goes to ``g-``, as a pulse up. Both therefore grow until there is
    no room left. After every `refresh_every` samples each pair is looked at: where the larger is above
    `refresh_upper` and the smaller above `refresh_lower`, as fractions of the nominal ``w_max``, both are
    reset and their difference is written back on one of them. The number of pulses is the difference over the
    mean step at rest, rounded at random so that it is right in the mean; nobody looks at the result, so that
    a device whose steps shrink ends below. The parts are ``positive`` and ``negative``.

    Programming a weight sets one device and resets the other.

    References
    ----------
    G. W. Burr et al., IEEE Trans. Electron Devices 62:3498 (2015). M. Suri et al., IEDM (2011).

    Examples
    --------
    >>> pair = OneSided(device=ConstantStep(dw_min=0.01, w_min=0.0, w_max=1.0), refresh_every=100)
    >>> pair.weight_granularity
    0.01
    >>> OneSided(refresh_every=100, refresh_lower=0.9)
    Traceback (most recent call last):
        ...
    mho.errors.MhoValueError: OneSided.refresh_lower must be <= refresh_upper = 0.75, got 0.9
    """

    device: PulsedDevice = parameter(
        ConstantStep(w_min=0.0),
        kind=PulsedDevice,
        doc="The device that raises the weight; its steps down are not used.",
        source="Burr et al. 2015",
    )
    second_device: PulsedDevice | None = parameter(
        None,
        kind=PulsedDevice,
        doc="The device that lowers the weight; left out, one of the same kind.",
        source="Burr et al. 2015",
    )
    gamma: float = parameter(1.0, above=0, largest=1e6, doc="Factor of the difference in the weight.")
    refresh_every: int = parameter(
        0,
        at_least=0,
        doc="Samples from one look at the pairs to the next. 0: no refresh.",
        unit="samples",
        source=KIT,
    )
    refresh_upper: float = parameter(
        0.75,
        at_least=0,
        at_most=1,
        doc="The larger of a pair to be refreshed is above this.",
        unit="fraction of w_max",
        source=KIT,
    )
    refresh_lower: float = parameter(
        0.25,
        at_least=0,
        at_most=1,
        doc="The smaller of a pair to be refreshed is above this.",
        unit="fraction of w_max",
        source=KIT,
    )

    def _check(self) -> None:
        Cell._check(self)
        for name in ("refresh_upper", "refresh_lower"):
            self._require_effect(name, self.refresh_every > 0, "while refresh_every is 0")
        if self.refresh_lower > self.refresh_upper:
            raise MhoValueError(
                f"OneSided.refresh_lower must be <= refresh_upper = {self.refresh_upper:g}, "
                f"got {self.refresh_lower:g}"
            )
        for name, device in (("device", self.device), ("second_device", self.second_device)):
            if device is not None and device.w_max == 0:
                raise MhoValueError(f"OneSided.{name}.w_max must be > 0, or no step up is possible, got 0.0")
            if device is not None and not _step_up(device) > 0:
                raise MhoValueError(
                    f"OneSided.{name}.granularity must be given (> 0) where the mean step up at weight 0 is 0"
                )

    @property
    def steps(self) -> tuple[float, float]:
        """Mean steps up of the two devices at rest, or their `granularity` where one is given."""
        return _step_up(self.device), _step_up(self.second_device or self.device)

    @property
    def weight_granularity(self) -> float:
        """Mean change of the weight by one pulse, over up and down, with both devices at rest."""
        return self.gamma * sum(self.steps) / 2

    def symmetry_point(self) -> float | None:
        """Return 0 where both devices are alike: alternating pulses let both grow; else None."""
        return 0.0 if self.second_device in (None, self.device) else None

    def engine_dict(self) -> dict[str, Any]:
        """Return the plain dict the engine builds the cell from, with the mean steps."""
        return {**Cell.engine_dict(self), "steps": list(self.steps)}


def _step_up(device: PulsedDevice) -> float:
    return float(device.mean_step(0.0)[0]) if device.granularity is None else device.granularity
