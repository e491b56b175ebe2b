"""What all devices share that are changed by pulses: step, bounds and their spreads."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from mho._parameters import configuration, parameter
from mho.devices.device import Device
from mho.devices.retention import Retention
from mho.errors import MhoValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import ArrayLike, NDArray

    from mho.devices.response_functions import ResponseFunctions

    MeanStep = Callable[[ArrayLike], tuple[NDArray[np.float64], NDArray[np.float64]]]

__all__ = [
    "KIT",
    "MODEL",
    "RPU",
    "PulsedDevice",
    "additive_noise",
    "bisected_symmetry_point",
    "linear_symmetry_point",
]

# Sources of parameters.
RPU = "Gokmen & Vlasov 2016"
KIT = "Rasch et al. 2021"
MODEL = "model choice"

# Up to here numbers in single precision count without a gap.
_LARGEST_COUNT = 2**24


@configuration
class PulsedDevice(Device):
    """Base of the devices that are changed by pulses."""

    dw_min: float = parameter(
        0.001,
        largest=1e6,
        above=0,
        doc="Mean step of one pulse, before its dependence on the weight.",
        unit="weight",
        source=RPU,
    )
    dw_min_dtod: float = parameter(
        0.3,
        largest=1e3,
        at_least=0,
        doc="Spread of dw_min from device to device.",
        unit="fraction of dw_min",
        source=RPU,
    )
    dw_min_ctoc: float = parameter(
        0.3,
        largest=1e3,
        at_least=0,
        doc="Standard deviation of a step from pulse to pulse.",
        unit="fraction of the mean step",
        source=RPU,
    )
    dw_min_log_normal: bool = parameter(
        False, doc="Draw the device-to-device factor of dw_min as exp(dw_min_dtod * xi).", source=KIT
    )
    w_max: float = parameter(
        0.6, largest=1e6, at_least=0, doc="Mean upper bound of the weight.", unit="weight", source=RPU
    )
    w_min: float = parameter(
        -0.6, largest=1e6, at_most=0, doc="Mean lower bound of the weight.", unit="weight", source=RPU
    )
    w_max_dtod: float = parameter(
        0.3,
        largest=1e3,
        at_least=0,
        doc="Spread of the upper bound from device to device.",
        unit="fraction of w_max",
        source=RPU,
    )
    w_min_dtod: float = parameter(
        0.3,
        largest=1e3,
        at_least=0,
        doc="Spread of the lower bound from device to device.",
        unit="fraction of w_min",
        source=RPU,
    )
    up_down: float = parameter(
        0.0,
        above=-1,
        below=1,
        doc="Asymmetry: if positive, steps down are smaller by this fraction; if negative, steps up are.",
        unit="fraction of dw_min",
        source=KIT,
    )
    up_down_dtod: float = parameter(
        0.01,
        largest=1e3,
        at_least=0,
        doc="Spread of the asymmetry from device to device; it enters steps up and down with opposite signs.",
        unit="fraction of dw_min",
        source=RPU,
    )
    write_noise_std: float = parameter(
        0.0,
        largest=1e6,
        at_least=0,
        doc="Standard deviation of the weight that is read about the persistent one that pulses change; "
        "drawn anew by each pulse.",
        unit="dw_min",
        source=KIT,
    )
    stuck_prob: float = parameter(
        0.0, at_least=0, at_most=1, doc="Probability that a device is stuck.", unit="probability", source=KIT
    )
    stuck_range: float = parameter(
        0.1,
        largest=1e6,
        at_least=0,
        doc="A stuck device sits at a weight uniform between minus and plus this value, within its bounds.",
        unit="weight",
        source=KIT,
    )
    states: int | None = parameter(
        None,
        kind=int,
        at_least=2,
        at_most=_LARGEST_COUNT,
        doc="Number of weights that a read can see, evenly spaced between the device's own bounds; pulses "
        "move the persistent weight in between.",
        source=MODEL,
    )
    endurance: float | None = parameter(
        None,
        kind=float,
        at_least=1,
        at_most=_LARGEST_COUNT,
        doc="Mean number of pulses after which a device is stuck where it is.",
        unit="pulses",
        source=MODEL,
    )
    endurance_dtod: float = parameter(
        0.0,
        largest=1e3,
        at_least=0,
        doc="Spread of the endurance from device to device; each is rounded, and kept within 0 and 16777216.",
        unit="fraction of endurance",
        source=MODEL,
    )
    reset: float = parameter(
        0.0,
        largest=1e6,
        doc="Mean weight to which a reset leads, and decay and drift tend; within the device's own bounds.",
        unit="weight",
        source=KIT,
    )
    reset_dtod: float = parameter(
        0.0,
        largest=1e6,
        at_least=0,
        doc="Spread of the reset value from device to device; absolute.",
        unit="weight",
        source=KIT,
    )
    reset_std: float = parameter(
        0.01,
        largest=1e6,
        at_least=0,
        doc="Standard deviation about the device's reset value from reset to reset.",
        unit="weight",
        source=KIT,
    )
    retention: Retention | None = parameter(
        None, kind=Retention, doc="What time does to the weight; off: nothing.", source=KIT
    )
    granularity: float | None = parameter(
        None,
        largest=1e6,
        kind=float,
        above=0,
        doc="Step that pulse counts are computed with, in place of the true mean step at weight 0.",
        unit="weight",
        source="for parity with published parameter sets",
    )

    def _check(self) -> None:
        owner = type(self).__name__
        if self.w_max == self.w_min:
            raise MhoValueError(f"{owner}.w_max must be > 0 where w_min is 0, got {self.w_max}")
        self._require_effect("dw_min_log_normal", self.dw_min_dtod > 0, "while dw_min_dtod is 0")
        self._require_effect("w_max_dtod", self.w_max > 0, "while w_max is 0", neutral=0.0)
        self._require_effect("w_min_dtod", self.w_min < 0, "while w_min is 0", neutral=0.0)
        self._require_effect("stuck_range", self.stuck_prob > 0, "while stuck_prob is 0")
        self._require_effect("endurance_dtod", self.endurance is not None, "without an endurance")

    @property
    def ages(self) -> bool:
        """Whether time changes the weight."""
        return self.retention is not None

    def check_slope_bounds(self, *names: str) -> None:
        """Refuse a bound of 0 where the slope of the step refers to the bound: one of these, or either."""
        for name in names or ("w_max", "w_min"):
            if getattr(self, name) == 0:
                sign = ">" if name == "w_max" else "<"
                owner = type(self).__name__
                raise MhoValueError(f"{owner}.{name} must be {sign} 0, since the slope refers to it, got 0.0")

    def bounds(self) -> tuple[float, float]:
        """Return the nominal bounds of the weight, the lower one first."""
        return self.w_min, self.w_max

    def scales(self) -> tuple[float, float]:
        """Return the nominal scales of a step up and a step down."""
        return (1 + min(self.up_down, 0.0)) * self.dw_min, (1 - max(self.up_down, 0.0)) * self.dw_min

    @abstractmethod
    def mean_step_of(
        self, w: ArrayLike, devices: Mapping[str, NDArray[np.float64]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean steps of given devices at given weights, before clipping to the bounds.

        Parameters
        ----------
        w : array_like
            Weights, of a shape that broadcasts with that of the devices.
        devices : mapping
            The per-device arrays of the model by name: ``dw_min_up``, ``dw_min_down``, ``w_max``, ``w_min``
            and those of its own; see `mho.Tile.devices`.

        Returns
        -------
        up, down : ndarray of float64
            The mean change of the weight by one pulse up (positive) and one down (negative).
        """

    def nominal_device(self) -> dict[str, NDArray[np.float64]]:
        """Return the per-device arrays of the nominal device, each of shape ``()``."""
        up, down = self.scales()
        values = {"dw_min_up": up, "dw_min_down": down, "w_max": self.w_max, "w_min": self.w_min}
        return {name: np.asarray(value, dtype=np.float64) for name, value in values.items()}

    def mean_step(self, w: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean steps of the nominal device at given weights, before clipping to the bounds.

        Parameters
        ----------
        w : array_like
            Weights, of any shape.

        Returns
        -------
        up, down : ndarray of float64
            The mean change of the weight by one pulse up (positive) and one down (negative); shaped as `w`.
        """
        return self.mean_step_of(w, self.nominal_device())

    def response(self, w: ArrayLike) -> ResponseFunctions:
        """Response functions of the nominal device; `mho.Tile.response` has those of each device.

        Parameters
        ----------
        w : array_like
            Weights between `w_min` and `w_max`, of any shape.

        Returns
        -------
        ResponseFunctions
            Arrays shaped as `w`; the symmetry point has the shape ``()``.

        Raises
        ------
        MhoError
            If a weight is not a number, or outside of the bounds.

        Examples
        --------
        >>> from mho.devices import SoftBounds
        >>> response = SoftBounds(w_max=1, w_min=-1, up_down=0.2).response([-0.5, 0.0, 0.5])
        >>> print(response.q_up, response.q_down)
        [1.5 1.  0.5] [0.4 0.8 1.2]
        >>> print(response.symmetry_point.round(3))
        0.111
        """
        from mho.devices.response_functions import response_functions, weights_within

        low, high = self.bounds()
        weights = weights_within(w, low, high)
        if np.isnan(weights).any():
            raise MhoValueError(
                f"w must be >= {low:g} and <= {high:g}, the bounds of the device, "
                f"got {float(np.asarray(w, dtype=np.float64)[np.isnan(weights)].flat[0]):g}"
            )
        point = self.symmetry_point()
        return response_functions(*self.mean_step(weights), self.dw_min, np.nan if point is None else point)

    def symmetry_grid(self) -> NDArray[np.float64]:
        """Return the places between the bounds, from 0 to 1, between which a symmetry point is looked for."""
        return np.linspace(0.0, 1.0, 129)

    def step_noise(self, w: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the standard deviations of the nominal device's single steps at given weights.

        Parameters
        ----------
        w : array_like
            Weights, of any shape.

        Returns
        -------
        up, down : ndarray of float64
            Those of one pulse up and of one down, both >= 0; shaped as `w`.
        """
        up, down = self.mean_step(w)
        return self.dw_min_ctoc * np.abs(up), self.dw_min_ctoc * np.abs(down)

    @property
    def weight_granularity(self) -> float:
        """Mean magnitude of the step of one pulse at weight 0, over up and down, or `granularity` if given.

        Examples
        --------
        >>> from mho.devices import ConstantStep
        >>> round(ConstantStep(dw_min=0.002, up_down=0.1).weight_granularity, 6)
        0.0019
        """
        if self.granularity is not None:
            return self.granularity
        up, down = self.mean_step(0.0)
        return float(up - down) / 2


def bisected_symmetry_point(mean_step: MeanStep, lower: float, upper: float) -> float | None:
    """Find the one w between two bounds where the mean steps are equally large, by bisection."""

    def imbalance(w: ArrayLike) -> NDArray[np.float64]:
        """Return how much larger the mean step up is than the one down, at given weights."""
        up, down = mean_step(w)
        return up + down

    grid = np.linspace(lower, upper, 2049)
    sign = np.sign(imbalance(grid))
    zeros = np.flatnonzero(sign == 0)
    changes = np.flatnonzero(sign[1:] * sign[:-1] < 0)
    if len(zeros) + len(changes) != 1:
        return None
    if len(zeros):
        return float(grid[zeros[0]])
    low, high = float(grid[changes[0]]), float(grid[changes[0] + 1])
    low_sign = sign[changes[0]]
    while high - low > 1e-12 * (upper - lower):
        middle = (low + high) / 2
        if np.sign(imbalance(middle)) == low_sign:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def linear_symmetry_point(device: PulsedDevice, slope_up: float, slope_down: float) -> float | None:
    """Find the w between w_min and w_max where two steps that are linear in it are equally large.

    The slopes are those of the steps' changes of the weight, which both decrease it in most devices.
    """
    up, down = device.scales()
    slope = -slope_up - slope_down
    if slope == 0:
        return None
    w = (up - down) / slope
    return w if device.w_min <= w <= device.w_max else None


def additive_noise(device: PulsedDevice, w: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return deviations of steps that are the same at every weight; see `PulsedDevice.step_noise`."""
    one = np.ones_like(w, dtype=np.float64)
    up, down = device.scales()
    return device.dw_min_ctoc * up * one, device.dw_min_ctoc * down * one
