"""Devices: what a crosspoint does when it receives one voltage pulse.

Weights are normalised conductances, without dimension. A pulse *up* (potentiation) raises the weight, a pulse
*down* (depression) lowers it, each by a step that depends on the model, on the weight, on the crosspoint
(device-to-device spread, suffix ``_dtod``) and on chance (cycle-to-cycle spread, suffix ``_ctoc``);
afterwards the weight is clipped to the crosspoint's own bounds.

Each crosspoint draws once, with independent standard normal numbers ``xi``:

- the scale of its steps, ``s_up = (G + up_bias + rho) * dw_min`` and ``s_down = (G + down_bias - rho) *
  dw_min``, with ``G = 1 + dw_min_dtod * xi`` (or ``exp(dw_min_dtod * xi)``) and ``rho = up_down_dtod * xi``;
  the asymmetry `up_down` is one-sided: a positive one makes ``down_bias = -up_down`` and leaves the steps up
  alone, a negative one makes ``up_bias = up_down``; of both scales the magnitude is taken;
- its bounds, ``w_max * (1 + w_max_dtod * xi)`` and ``w_min * (1 + w_min_dtod * xi)``, swapped if they cross,
  then made ``w_max >= 0`` and ``w_min <= 0``;
- with probability `stuck_prob`, that it is stuck, at a weight uniform between minus and plus `stuck_range`.

The *nominal device* is the one with all ``xi = 0``: `PulsedDevice.mean_step`, `Device.symmetry_point` and
`Device.weight_granularity` are about it.

References
----------
T. Gokmen and Y. Vlasov, Front. Neurosci. 10:333 (2016). M. J. Rasch et al., AICAS (2021), arXiv:2104.02184.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mho._parameters import Tagged, parameter
from mho.errors import MhoValueError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from mho.fitting import fit

__all__ = [
    "ConstantStep",
    "Device",
    "ExpStep",
    "Ideal",
    "LinearStep",
    "PowStep",
    "PulsedDevice",
    "SoftBounds",
    "fit",
]


def __getattr__(name: str) -> Any:
    # Fitting stands on this module, and is loaded when it is first used.
    if name != "fit":
        raise AttributeError(f"module 'mho.devices' has no attribute {name!r}")
    from mho.fitting import fit

    return fit


_RPU = "Gokmen & Vlasov 2016"
_KIT = "Rasch et al. 2021"
_MODEL = "model choice"

# Largest argument of an exponential whose result is still finite in single precision.
_MAX_EXPONENT = 80.0


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Device(Tagged, ABC):
    """Base of all devices.

    Examples
    --------
    >>> Device.types()
    ['ConstantStep', 'ExpStep', 'Ideal', 'LinearStep', 'PowStep', 'SoftBounds']
    >>> Device.from_dict({"type": "SoftBounds", "dw_min": 0.002})
    SoftBounds(dw_min=0.002)
    """

    _models: ClassVar[dict[str, type[Tagged]]] = {}

    @property
    @abstractmethod
    def weight_granularity(self) -> float:
        """Mean magnitude of the step of one pulse at weight 0, over up and down; 0 without pulses."""

    @abstractmethod
    def symmetry_point(self) -> float | None:
        """Weight at which the nominal device's mean steps up and down are equally large.

        Alternating pulses drive a device there. None if no weight between the bounds, or more than one, is
        such a point.
        """


@Device.register
@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Ideal(Device):
    """A weight that takes every update exactly, without pulses, bounds or noise: the digital reference.

    Examples
    --------
    >>> Ideal().weight_granularity
    0.0
    """

    @property
    def weight_granularity(self) -> float:
        """Return 0: an ideal weight has no smallest step."""
        return 0.0

    def symmetry_point(self) -> float | None:
        """Return None: an ideal weight has no steps."""
        return None


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class PulsedDevice(Device):
    """Base of the devices that are changed by pulses."""

    dw_min: float = parameter(
        0.001,
        largest=1e6,
        above=0,
        doc="Mean step of one pulse, before its dependence on the weight.",
        unit="weight",
        source=_RPU,
    )
    dw_min_dtod: float = parameter(
        0.3,
        largest=1e3,
        at_least=0,
        doc="Spread of dw_min from device to device.",
        unit="fraction of dw_min",
        source=_RPU,
    )
    dw_min_ctoc: float = parameter(
        0.3,
        largest=1e3,
        at_least=0,
        doc="Standard deviation of a step from pulse to pulse.",
        unit="fraction of the mean step",
        source=_RPU,
    )
    dw_min_log_normal: bool = parameter(
        False, doc="Draw the device-to-device factor of dw_min as exp(dw_min_dtod * xi).", source=_KIT
    )
    w_max: float = parameter(
        0.6, largest=1e6, at_least=0, doc="Mean upper bound of the weight.", unit="weight", source=_RPU
    )
    w_min: float = parameter(
        -0.6, largest=1e6, at_most=0, doc="Mean lower bound of the weight.", unit="weight", source=_RPU
    )
    w_max_dtod: float = parameter(
        0.3,
        largest=1e3,
        at_least=0,
        doc="Spread of the upper bound from device to device.",
        unit="fraction of w_max",
        source=_RPU,
    )
    w_min_dtod: float = parameter(
        0.3,
        largest=1e3,
        at_least=0,
        doc="Spread of the lower bound from device to device.",
        unit="fraction of w_min",
        source=_RPU,
    )
    up_down: float = parameter(
        0.0,
        above=-1,
        below=1,
        doc="Asymmetry: if positive, steps down are smaller by this fraction; if negative, steps up are.",
        unit="fraction of dw_min",
        source=_KIT,
    )
    up_down_dtod: float = parameter(
        0.01,
        largest=1e3,
        at_least=0,
        doc="Spread of the asymmetry from device to device; it enters steps up and down with opposite signs.",
        unit="fraction of dw_min",
        source=_RPU,
    )
    write_noise_std: float = parameter(
        0.0,
        largest=1e6,
        at_least=0,
        doc="Standard deviation of the weight that is read about the persistent one that pulses change; "
        "drawn anew by each pulse.",
        unit="dw_min",
        source=_KIT,
    )
    stuck_prob: float = parameter(
        0.0, at_least=0, at_most=1, doc="Probability that a device is stuck.", unit="probability", source=_KIT
    )
    stuck_range: float = parameter(
        0.1,
        largest=1e6,
        at_least=0,
        doc="A stuck device sits at a weight uniform between minus and plus this value, within its bounds.",
        unit="weight",
        source=_KIT,
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

    def _check_slope_bounds(self) -> None:
        """Refuse a bound of 0 where the slope of the step refers to the bound."""
        if self.w_max == 0 or self.w_min == 0:
            name, sign = ("w_max", ">") if self.w_max == 0 else ("w_min", "<")
            owner = type(self).__name__
            raise MhoValueError(f"{owner}.{name} must be {sign} 0, since the slope refers to it, got 0.0")

    def _scales(self) -> tuple[float, float]:
        """Return the nominal scales of a step up and a step down."""
        return (1 + min(self.up_down, 0.0)) * self.dw_min, (1 - max(self.up_down, 0.0)) * self.dw_min

    @abstractmethod
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

    @property
    def weight_granularity(self) -> float:
        """Mean magnitude of the step of one pulse at weight 0, over up and down, or `granularity` if given.

        Examples
        --------
        >>> round(ConstantStep(dw_min=0.002, up_down=0.1).weight_granularity, 6)
        0.0019
        """
        if self.granularity is not None:
            return self.granularity
        up, down = self.mean_step(0.0)
        return float(up - down) / 2


@Device.register
@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
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

    def mean_step(self, w: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean steps of the nominal device; see `PulsedDevice.mean_step`."""
        up, down = self._scales()
        one = np.ones_like(w, dtype=np.float64)
        return up * one, -down * one

    def symmetry_point(self) -> float | None:
        """Return None: steps are equal at every weight or at none."""
        return None


@Device.register
@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class LinearStep(PulsedDevice):
    """A device whose step changes linearly with the weight.

    One pulse up changes the weight by ``(k_up * w + s_up) * (1 + dw_min_ctoc * xi)``, one down by
    ``-(k_down * w + s_down) * (1 + dw_min_ctoc * xi)``, with the slopes, drawn once per crosspoint,
    ``k_up = -|gamma_up + gamma_up_dtod * xi| * s_up / w_max`` and
    ``k_down = -|gamma_down + gamma_down_dtod * xi| * s_down / w_min``. With ``mult_noise=False`` the noise
    does not depend on the weight: ``k_up * w + s_up * (1 + dw_min_ctoc * xi)``, and likewise down.

    Notes
    -----
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
        source=_KIT,
    )
    gamma_down: float = parameter(
        0.0,
        largest=1e3,
        doc="Relative decrease of the step down from weight 0 to w_min.",
        unit="fraction of the step at 0",
        source=_KIT,
    )
    gamma_up_dtod: float = parameter(
        0.05,
        largest=1e3,
        at_least=0,
        doc="Spread of gamma_up from device to device.",
        unit="absolute, as gamma_up",
        source=_KIT,
    )
    gamma_down_dtod: float = parameter(
        0.05,
        largest=1e3,
        at_least=0,
        doc="Spread of gamma_down from device to device.",
        unit="absolute, as gamma_down",
        source=_KIT,
    )
    mult_noise: bool = parameter(
        True,
        doc="Cycle-to-cycle noise relative to the step at the present weight; if false, at weight 0.",
        source=_KIT,
    )
    mean_bound_reference: bool = parameter(
        True,
        doc="Refer the slopes to w_max and w_min; if false, to the bounds of each crosspoint.",
        source=_KIT,
    )
    allow_increasing: bool = parameter(
        False, doc="Allow a negative gamma, drawn or given: steps that grow towards the bound.", source=_KIT
    )

    def _check(self) -> None:
        PulsedDevice._check(self)
        self._check_slope_bounds()
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

    def mean_step(self, w: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean steps of the nominal device; see `PulsedDevice.mean_step`."""
        up, down = self._scales()
        weights = np.asarray(w, dtype=np.float64)
        return (
            up * (1 - self.gamma_up * weights / self.w_max),
            -down * (1 - self.gamma_down * weights / self.w_min),
        )

    def symmetry_point(self) -> float | None:
        """Weight at which the nominal device's mean steps are equally large; see `Device.symmetry_point`."""
        return _linear_symmetry_point(self, self.gamma_up, self.gamma_down)


@Device.register
@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class SoftBounds(PulsedDevice):
    """A device whose step decreases linearly with the weight and vanishes at the bound.

    One pulse up changes the weight by ``s_up * (1 - w / w_max) * (1 + dw_min_ctoc * xi)``, one down by
    ``-s_down * (1 - w / w_min) * (1 + dw_min_ctoc * xi)``, with each crosspoint's own bounds. With
    ``mult_noise=False`` the noise does not depend on the weight: ``s_up * (1 - w / w_max + dw_min_ctoc *
    xi)``, and likewise down.

    References
    ----------
    S. Fusi and L. F. Abbott, Nat. Neurosci. 10:485 (2007). M. J. Rasch et al., AICAS (2021),
    arXiv:2104.02184.

    Examples
    --------
    >>> device = SoftBounds(dw_min=0.01, w_max=1, w_min=-1, up_down=0.5)
    >>> round(device.symmetry_point(), 6)
    0.333333
    >>> SoftBounds(dw_min=-0.1)
    Traceback (most recent call last):
        ...
    mho.errors.MhoValueError: SoftBounds.dw_min must be > 0, got -0.1
    """

    mult_noise: bool = parameter(
        True,
        doc="Cycle-to-cycle noise relative to the step at the present weight; if false, at weight 0.",
        source=_KIT,
    )

    def _check(self) -> None:
        PulsedDevice._check(self)
        self._check_slope_bounds()
        self._require_effect("mult_noise", self.dw_min_ctoc > 0, "while dw_min_ctoc is 0")

    def mean_step(self, w: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean steps of the nominal device; see `PulsedDevice.mean_step`."""
        up, down = self._scales()
        weights = np.asarray(w, dtype=np.float64)
        return up * (1 - weights / self.w_max), -down * (1 - weights / self.w_min)

    def symmetry_point(self) -> float | None:
        """Weight at which the nominal device's mean steps are equally large; it always exists."""
        return _linear_symmetry_point(self, 1.0, 1.0)


@Device.register
@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class ExpStep(PulsedDevice):
    """A device whose step depends exponentially on the weight.

    With ``z = 2 * a * w / (w_max - w_min) + b``, of each crosspoint's own bounds, one pulse up changes the
    weight by ``s_up * max(1 - A_up * exp(gamma_up * z), 0) * (1 + dw_min_ctoc * xi)``, one down by
    ``-s_down * max(1 - A_down * exp(-gamma_down * z), 0) * (1 + dw_min_ctoc * xi)``.

    References
    ----------
    M. J. Rasch et al., AICAS (2021), arXiv:2104.02184.

    Examples
    --------
    >>> device = ExpStep(A_up=-0.1, A_down=-0.1, gamma_up=2, gamma_down=2, a=-1, b=0, dw_min=0.01)
    >>> device.symmetry_point()
    0.0
    >>> round(device.weight_granularity, 6)
    0.011
    """

    A_up: float = parameter(
        0.00081, largest=1e6, doc="Factor of the exponential of a step up.", source=_MODEL
    )
    A_down: float = parameter(
        0.36833, largest=1e6, doc="Factor of the exponential of a step down.", source=_MODEL
    )
    gamma_up: float = parameter(12.44625, largest=1e3, doc="Exponent of a step up.", source=_MODEL)
    gamma_down: float = parameter(12.78785, largest=1e3, doc="Exponent of a step down.", source=_MODEL)
    a: float = parameter(
        0.244, largest=1e3, doc="Slope of z with the weight relative to its range.", source=_MODEL
    )
    b: float = parameter(0.2425, largest=1e3, doc="Value of z at weight 0.", source=_MODEL)

    def _check(self) -> None:
        PulsedDevice._check(self)
        # Every crosspoint has w_min <= 0 <= w_max, hence |z| <= 2|a| + |b| between its bounds, whatever they
        # are.
        z = 2 * abs(self.a) + abs(self.b)
        for side in ("up", "down"):
            factor, gamma = getattr(self, f"A_{side}"), getattr(self, f"gamma_{side}")
            exponent = abs(gamma) * z + math.log(max(abs(factor), 1.0)) + math.log(max(self.dw_min, 1.0))
            if exponent > _MAX_EXPONENT:
                raise MhoValueError(
                    f"ExpStep.gamma_{side} must have a magnitude <= "
                    f"{(_MAX_EXPONENT - exponent) / z + abs(gamma):.4g} with these A_{side}, a and b, "
                    f"or a step overflows single precision, got {gamma}"
                )
        if self.granularity is None and not self.weight_granularity > 0:
            raise MhoValueError(
                f"ExpStep.granularity must be given (> 0) where the mean steps at weight 0 are 0, as with "
                f"A_up={self.A_up} and A_down={self.A_down}, got None"
            )

    def mean_step(self, w: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean steps of the nominal device; see `PulsedDevice.mean_step`."""
        up, down = self._scales()
        z = 2 * self.a * np.asarray(w, dtype=np.float64) / (self.w_max - self.w_min) + self.b
        return (
            up * np.maximum(1 - self.A_up * np.exp(self.gamma_up * z), 0.0),
            -down * np.maximum(1 - self.A_down * np.exp(-self.gamma_down * z), 0.0),
        )

    def symmetry_point(self) -> float | None:
        """Weight at which the nominal device's mean steps are equally large; see `Device.symmetry_point`.

        Found by bisection, to 1e-12 of the range.
        """
        return _bisected_symmetry_point(self)


@Device.register
@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class PowStep(PulsedDevice):
    """A device whose step is a power of the distance to the bound.

    With ``R = w_max - w_min``, of each crosspoint's own bounds, one pulse up changes the weight by
    ``s_up * ((w_max - w) / R)**gamma_up * (1 + dw_min_ctoc * xi)``, one down by
    ``-s_down * ((w - w_min) / R)**gamma_down * (1 + dw_min_ctoc * xi)``. Each crosspoint has its own
    exponents, ``pow_gamma * |1 + pow_gamma_dtod * xi + b|`` up and
    ``pow_gamma * |1 + pow_gamma_dtod * xi - b|`` down, with ``b = pow_up_down + pow_up_down_dtod * xi``.

    References
    ----------
    S. Fusi and L. F. Abbott, Nat. Neurosci. 10:485 (2007). Z. Wu et al., arXiv:2406.12774 (2024).

    Examples
    --------
    >>> device = PowStep(pow_gamma=2.0, dw_min=0.01, w_max=1.0, w_min=-1.0)
    >>> device.weight_granularity
    0.0025
    >>> device.symmetry_point()
    0.0
    """

    pow_gamma: float = parameter(1.0, above=0, largest=1e3, doc="Mean exponent.", source=_MODEL)
    pow_gamma_dtod: float = parameter(
        0.1, at_least=0, largest=1e3, doc="Device-to-device spread of the exponents.", source=_MODEL
    )
    pow_up_down: float = parameter(
        0.0,
        above=-1,
        below=1,
        doc="Relative asymmetry of the exponents: up larger, down smaller by it.",
        source=_MODEL,
    )
    pow_up_down_dtod: float = parameter(
        0.0, at_least=0, largest=1e3, doc="Device-to-device spread of that asymmetry.", source=_MODEL
    )

    def mean_step(self, w: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean steps of the nominal device; see `PulsedDevice.mean_step`."""
        up, down = self._scales()
        weights = np.asarray(w, dtype=np.float64)
        width = self.w_max - self.w_min
        return (
            up * ((self.w_max - weights) / width) ** (self.pow_gamma * (1 + self.pow_up_down)),
            -down * ((weights - self.w_min) / width) ** (self.pow_gamma * (1 - self.pow_up_down)),
        )

    def symmetry_point(self) -> float | None:
        """Weight at which the nominal device's mean steps are equally large; see `Device.symmetry_point`.

        Found by bisection, to 1e-12 of the range.
        """
        return _bisected_symmetry_point(self)


def _imbalance(device: PulsedDevice, w: ArrayLike) -> NDArray[np.float64]:
    """Return how much larger the mean step up is than the one down, at given weights."""
    up, down = device.mean_step(w)
    return up + down


def _bisected_symmetry_point(device: PulsedDevice) -> float | None:
    """Find the one w between the bounds where the mean steps are equally large, by bisection."""
    grid = np.linspace(device.w_min, device.w_max, 2049)
    sign = np.sign(_imbalance(device, grid))
    zeros = np.flatnonzero(sign == 0)
    changes = np.flatnonzero(sign[1:] * sign[:-1] < 0)
    if len(zeros) + len(changes) != 1:
        return None
    if len(zeros):
        return float(grid[zeros[0]])
    low, high = float(grid[changes[0]]), float(grid[changes[0] + 1])
    low_sign = sign[changes[0]]
    while high - low > 1e-12 * (device.w_max - device.w_min):
        middle = (low + high) / 2
        if np.sign(_imbalance(device, middle)) == low_sign:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _linear_symmetry_point(device: PulsedDevice, gamma_up: float, gamma_down: float) -> float | None:
    """Find the w between the bounds where two steps that decrease linearly with it are equally large."""
    up, down = device._scales()
    slope = up * gamma_up / device.w_max - down * gamma_down / device.w_min
    if slope == 0:
        return None
    w = (up - down) / slope
    return w if device.w_min <= w <= device.w_max else None
