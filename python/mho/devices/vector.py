"""Several devices for one weight."""

from __future__ import annotations

from typing import Any

from mho._parameters import configuration, parameter
from mho._validate import Range
from mho.devices.cell import Cell
from mho.devices.constant_step import ConstantStep
from mho.devices.device import Device
from mho.errors import MhoValueError

__all__ = ["Vector"]


@Device.register
@configuration
class Vector(Cell):
    """A cell of several devices, ``W = sum of gamma[k] * w[k]``.

    A policy says which of them take the pulses of a sample: ``"all"``; the ``"fixed"`` one with number
    `index`; one after the other, ``"sequential"``, by the number of the sample; or one at ``"random"``. A
    device with a negative gamma takes pulses up as pulses down, and the other way round. The parts are
    ``device0``, ``device1``, ...

    Programming a weight gives each device its share, ``w[k] = W * gamma[k] / sum of gamma**2``, and what is
    beyond the bounds of one to the others; with the policy ``"fixed"`` that one device takes the whole
    change.

    References
    ----------
    I. Boybat et al., Nat. Commun. 9:2514 (2018).

    Examples
    --------
    >>> from mho.devices import SoftBounds
    >>> cell = Vector(devices=(SoftBounds(dw_min=0.002), SoftBounds(dw_min=0.002)), policy="random")
    >>> cell.gammas, cell.weight_granularity
    ((0.5, 0.5), 0.001)
    >>> cell.replace(gamma=(1.0, 1.0), policy="all").weight_granularity
    0.004
    """

    devices: tuple[Device, ...] = parameter(
        (ConstantStep(), ConstantStep()),
        kind=tuple,
        item=Device,
        items=Range(at_least=1, at_most=64),
        doc="The devices of one weight.",
        source="Boybat et al. 2018",
    )
    gamma: tuple[float, ...] | None = parameter(
        None,
        kind=tuple,
        item=float,
        largest=1e6,
        items=Range(at_least=1, at_most=64),
        doc="Factor of each device in the weight; left out, 1 over their number.",
    )
    policy: str = parameter(
        "all",
        choices=("all", "fixed", "sequential", "random"),
        doc="Which devices take the pulses of a sample.",
        source="Boybat et al. 2018",
    )
    index: int = parameter(
        0, at_least=0, at_most=63, doc='Number of the device that takes all pulses, with the policy "fixed".'
    )

    def _check(self) -> None:
        Cell._check(self)
        count = len(self.devices)
        if self.gamma is not None and len(self.gamma) != count:
            raise MhoValueError(
                f"Vector.gamma must have a number for each of the {count} devices, got {len(self.gamma)}"
            )
        self._require_effect("index", self.policy == "fixed", f'with the policy "{self.policy}"')
        if self.index >= count:
            raise MhoValueError(f"Vector.index must be < {count}, the number of devices, got {self.index}")
        if not self.weight_granularity > 0:
            raise MhoValueError(
                f"Vector.gamma must not be 0 for all devices that take pulses, got {self.gammas}"
            )

    @property
    def gammas(self) -> tuple[float, ...]:
        """The factors, those that are left out included."""
        return (1 / len(self.devices),) * len(self.devices) if self.gamma is None else self.gamma

    @property
    def weight_granularity(self) -> float:
        """Mean change of the weight by a coincidence, at rest: of all devices together, or of a chosen one.

        It is what makes an update move the weight by ``-lr * d.T @ x`` in expectation. (aihwkit takes the
        mean over the devices, whatever their gamma and the policy.)
        """
        steps = [abs(g) * d.weight_granularity for g, d in zip(self.gammas, self.devices, strict=True)]
        if self.policy == "all":
            return sum(steps)
        return steps[self.index] if self.policy == "fixed" else sum(steps) / len(steps)

    def symmetry_point(self) -> float | None:
        """Weight at which alternating pulses leave the cell; see `Device.symmetry_point`.

        Each device that takes pulses is at its own symmetry point then, the others at rest.
        """
        points = [device.symmetry_point() for device in self.devices]
        if self.policy == "fixed":
            points = [point if k == self.index else 0.0 for k, point in enumerate(points)]
        total = 0.0
        for gamma, point in zip(self.gammas, points, strict=True):
            if point is None:
                return None
            total += gamma * point
        return total

    def engine_dict(self) -> dict[str, Any]:
        """Return the plain dict the engine builds the cell from, with every gamma."""
        return {**Cell.engine_dict(self), "gamma": list(self.gammas)}
