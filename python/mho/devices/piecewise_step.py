"""Steps that are interpolated between the nodes of a table."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from mho._parameters import configuration, parameter
from mho._validate import Range
from mho.devices.device import Device
from mho.devices.pulsed_device import KIT, PulsedDevice
from mho.errors import MhoValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["NODES", "InterpolatedStep", "PiecewiseStep"]

# How many nodes a table may have, and how large they may be.
NODES = Range(at_least=2, at_most=1024)
LARGEST_NODE = 1e6


@configuration
class InterpolatedStep(PulsedDevice):
    """Base of devices whose mean step is linear between nodes at even distances from bound to bound."""

    @abstractmethod
    def mean_nodes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean steps up and down at the nodes, from the lower bound to the upper, in units of the scale."""

    def mean_step_of(
        self, w: ArrayLike, devices: Mapping[str, NDArray[np.float64]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean steps of given devices; see `PulsedDevice.mean_step_of`."""
        # A range of 0 is that of a device that is stuck.
        width = np.maximum(devices["w_max"] - devices["w_min"], 1e-30)
        place = (np.asarray(w, dtype=np.float64) - devices["w_min"]) / width
        up, down = (np.interp(place, np.linspace(0, 1, len(nodes)), nodes) for nodes in self.mean_nodes())
        return devices["dw_min_up"] * up, -devices["dw_min_down"] * down

    def symmetry_grid(self) -> NDArray[np.float64]:
        """Return the nodes of both directions, between which the mean steps are straight lines."""
        return np.unique(np.concatenate([np.linspace(0, 1, len(nodes)) for nodes in self.mean_nodes()]))

    def symmetry_point(self) -> float | None:
        """Weight at which the nominal device's mean steps are equally large; see `Device.symmetry_point`."""
        grid = self.w_min + self.symmetry_grid() * (self.w_max - self.w_min)
        up, down = self.mean_step(grid)
        surplus = up + down
        zeros = np.flatnonzero(surplus == 0)
        changes = np.flatnonzero(np.sign(surplus[1:]) * np.sign(surplus[:-1]) < 0)
        if len(zeros) + len(changes) != 1:
            return None
        if len(zeros):
            return float(grid[zeros[0]])
        (low, high), (first, last) = (values[changes[0] : changes[0] + 2] for values in (grid, surplus))
        return float(low + (high - low) * first / (first - last))

    def check_granularity(self) -> None:
        """Refuse a device whose pulses would be counted by a step that is not positive."""
        if self.granularity is None and not self.weight_granularity > 0:
            raise MhoValueError(
                f"{type(self).__name__}.granularity must be given (> 0) where the mean step at weight 0 over "
                f"up and down, is not positive ({self.weight_granularity:g}), got None"
            )


@Device.register
@configuration
class PiecewiseStep(InterpolatedStep):
    """A device whose step is interpolated between the nodes of a table.

    One pulse up changes the weight by ``s_up * q_up(w) * (1 + dw_min_ctoc * xi)``, one down by ``-s_down *
    q_down(w) * (1 + dw_min_ctoc * xi)``. The nodes lie at even distances over each crosspoint's own range,
    the first at its lower bound, the last at its upper one, and the functions are linear between them.

    Notes
    -----
    The nodes have no unit: they are multiplied by the crosspoint's scale ``s``, whose mean is `dw_min`. A
    negative node makes a step that goes the other way. `Response` takes functions, and tables at uneven
    distances.

    References
    ----------
    M. J. Rasch et al., AICAS (2021), arXiv:2104.02184.

    Examples
    --------
    >>> device = PiecewiseStep(nodes_up=(2, 1, 0.5), nodes_down=(0.5, 1, 2), dw_min=0.01, w_max=1, w_min=-1)
    >>> print(device.mean_step([-1.0, -0.5, 0.0, 1.0])[0])
    [0.02  0.015 0.01  0.005]
    >>> device.symmetry_point()
    0.0
    """

    nodes_up: tuple[float, ...] = parameter(
        (1.0, 1.0),
        item=float,
        items=NODES,
        largest=LARGEST_NODE,
        doc="Step up at even distances from w_min to w_max.",
        unit="scale of the step",
        source=KIT,
    )
    nodes_down: tuple[float, ...] = parameter(
        (1.0, 1.0),
        item=float,
        items=NODES,
        largest=LARGEST_NODE,
        doc="Size of the step down at even distances from w_min to w_max.",
        unit="scale of the step",
        source=KIT,
    )

    def _check(self) -> None:
        PulsedDevice._check(self)
        self.check_granularity()

    def mean_nodes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean steps at the nodes; see `InterpolatedStep.mean_nodes`."""
        return np.array(self.nodes_up), np.array(self.nodes_down)
