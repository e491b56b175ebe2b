"""The nonlinearity label of MLP+NeuroSim, such as 2.4 / -4.88, and the device that it means.

There N pulses take the conductance along ``G(P) = B (1 - exp(-P / A)) + G_min`` from its smallest to its
largest value, with ``B = (G_max - G_min) / (1 - exp(-N / A))``; depression runs down a curve of the same kind
with an A of its own. The label stands for ``a = A / N`` and says how far the curve bends: it is proportional
to the largest distance of the normalised curve from the straight line,

    label = 10.10153 * max over x in 0 .. 1 of (1 - exp(-x / a)) / (1 - exp(-1 / a)) - x

This reproduces the table of labels 0.01 to 9 that comes with MLP+NeuroSim V3.0 to all its digits. The label
has the sign of A. Potentiation with a positive label and depression with a negative one slow down on their
way, as most devices do.

A curve that is exponential in the number of pulses has a step that is linear in the weight: the device is a
`LinearStep`, exactly.

References
----------
P.-Y. Chen, X. Peng and S. Yu, IEEE Trans. CAD 37:3067 (2018). P.-Y. Chen, X. Peng and S. Yu, IEDM (2017).
Y. Luo, X. Peng and S. Yu, ICONS (2019): MLP+NeuroSim V3.0.
"""

from __future__ import annotations

import math
from typing import Any

from mho._validate import Range, integer, number
from mho.devices import ConstantStep, LinearStep, PulsedDevice
from mho.errors import MhoValueError

__all__ = ["device_from_labels", "label_from_a", "normalised_a"]

# Found from the published table: the ratio of label and distance is the same in every line.
_PER_DISTANCE = 10.101526
_LARGEST_LABEL = 9.0


def _distance(a: float) -> float:
    """Return the largest distance from the straight line of the normalised curve with positive `a`."""
    total = -math.expm1(-1 / a)
    # Where the slope is 1: exp(-x / a) = a * total.
    return (1 - a * total) / total + a * math.log(a * total)


def label_from_a(a: float) -> float:
    """Return the nonlinearity label of a normalised A, the A of the curve over its number of pulses.

    Parameters
    ----------
    a : float
        Not 0; negative for a curve that bends the other way.

    Examples
    --------
    >>> round(label_from_a(0.38531), 3), round(label_from_a(-0.38531), 3)
    (3.01, -3.01)
    """
    a = number("a", a)
    if a == 0:
        raise MhoValueError("a must not be 0")
    if abs(a) > 1e5:  # straight: the distance is 1 / (8 a), which its formula would lose to rounding
        return _PER_DISTANCE / (8 * a)
    return math.copysign(_PER_DISTANCE * _distance(abs(a)), a)


def normalised_a(label: float) -> float:
    """Return the normalised A of a nonlinearity label; infinite for the label 0, a straight line.

    Parameters
    ----------
    label : float
        From -9 to 9.

    Raises
    ------
    MhoError
        The label is out of range.

    Examples
    --------
    >>> round(normalised_a(3.01), 5), round(normalised_a(-9), 5)
    (0.38531, -0.02281)
    """
    label = number("nonlinearity label", label, Range(at_least=-_LARGEST_LABEL, at_most=_LARGEST_LABEL))
    if abs(label) < 1e-4:
        return math.inf
    low, high = math.log(1e-3), math.log(1e5)
    # The label falls as a grows.
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if label_from_a(math.exp(middle)) > abs(label) else (low, middle)
    return math.copysign(math.exp((low + high) / 2), label)


def device_from_labels(
    potentiation: float,
    depression: float,
    *,
    states: int,
    states_down: int | None = None,
    ctoc: float = 0.0,
    dtod: float = 0.0,
) -> PulsedDevice:
    """Return the device that nonlinearity labels mean.

    Parameters
    ----------
    potentiation, depression : float
        Labels from -9 to 9, with the signs of the NeuroSim papers, such as 2.4 and -4.88.
    states : int
        Pulses from the lowest to the highest conductance ("number of conductance states" of the papers).
    states_down : int, optional
        Pulses from the highest to the lowest one; as many by default.
    ctoc : float, default 0
        Cycle-to-cycle variation: standard deviation of one pulse as a fraction of the range of conductance.
    dtod : float, default 0
        Spread of `dw_min` from device to device.

    Returns
    -------
    LinearStep or ConstantStep
        Weights from -1 (lowest conductance) to 1 (highest); ConstantStep where both labels are 0.

    Raises
    ------
    MhoError
        A value is out of range.

    Notes
    -----
    NeuroSim varies the label itself from device to device, which has no counterpart here. Its noise is the
    same in both directions; that of the device is relative to the step of each direction at weight 0, so that
    the root mean square of both is matched.

    Examples
    --------
    >>> device = device_from_labels(2.4, -4.88, states=97)
    >>> w = -1.0
    >>> for _ in range(97):
    ...     w += float(device.mean_step(w)[0])
    >>> round(w, 9)
    1.0
    """
    up = _branch(potentiation, integer("states", states, Range(at_least=2, at_most=10**7)))
    count = states if states_down is None else states_down
    # A positive label of depression bends as potentiation does: it is fast near the lowest conductance.
    down = _branch(-depression, integer("states_down", count, Range(at_least=2, at_most=10**7)))
    spread = number("ctoc", ctoc, Range(at_least=0, at_most=1))
    fields: dict[str, Any] = {
        "dw_min": max(up[0], down[0]),
        "up_down": 1 - down[0] / up[0] if up[0] >= down[0] else up[0] / down[0] - 1,
        "w_max": 1.0,
        "w_min": -1.0,
        "dw_min_ctoc": 2 * spread / math.sqrt((up[0] ** 2 + down[0] ** 2) / 2),
        "dw_min_dtod": number("dtod", dtod, Range(at_least=0, at_most=10)),
        "up_down_dtod": 0.0,
        "w_max_dtod": 0.0,
        "w_min_dtod": 0.0,
    }
    if up[1] == down[1] == 0:
        return ConstantStep(**fields)
    if spread > 0:
        fields["mult_noise"] = False
    return LinearStep(
        **fields,
        gamma_up=up[1],
        gamma_down=down[1],
        gamma_up_dtod=0.0,
        gamma_down_dtod=0.0,
        allow_increasing=min(up[1], down[1]) < 0,
    )


def _branch(label: float, pulses: int) -> tuple[float, float]:
    """Return the step at weight 0 and gamma of a branch from -1 to 1 (or, mirrored, from 1 to -1)."""
    a = normalised_a(label)
    if math.isinf(a):
        return 2 / pulses, 0.0
    # The curve heads for `end` and covers the same part of the way with each pulse.
    end = 2 / -math.expm1(-1 / a) - 1
    part = -math.expm1(-1 / (a * pulses))
    return part * end, 1 / end
