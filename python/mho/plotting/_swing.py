"""What figures of devices measure: how many pulses cross a range, responses to pulses, and steps in them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mho.devices import Cell, Device, MultiSignificance, OneSided, PulsedDevice, Reference, Vector
from mho.errors import MhoTypeError
from mho.response import PulseResponse, pulse_response

__all__ = ["bounds_of", "check_drawable", "lowest_start", "measured_steps", "pulses_to_cross", "swing"]

Array = NDArray[np.float64]

READINGS = 300
# Pulses that a figure follows in one direction.
_MOST = 64 * READINGS


def check_drawable(device: object) -> PulsedDevice | Cell:
    """Return a device that takes pulses.

    Raises
    ------
    MhoTypeError
        It is none, or a cell that is not known here.
    """
    if isinstance(device, (PulsedDevice, Vector, Reference, OneSided, MultiSignificance)):
        return device
    raise MhoTypeError(f"device must take pulses, got {type(device).__name__}")


def bounds_of(device: Device) -> tuple[float, float]:
    """Return the nominal bounds of the weight of a device or a cell, the lower one first."""
    if isinstance(device, Vector):
        fixed = device.policy == "fixed"
        parts = [
            sorted(gamma * bound for bound in bounds_of(part))
            for k, (gamma, part) in enumerate(zip(device.gammas, device.devices, strict=True))
            if not fixed or k == device.index
        ]
        return sum(low for low, _ in parts), sum(high for _, high in parts)
    if isinstance(device, Reference):
        low, high = bounds_of(device.device)
        return low - device.reference_mean, high - device.reference_mean
    if isinstance(device, OneSided):
        second = device.second_device or device.device
        return -device.gamma * second.bounds()[1], device.gamma * device.device.bounds()[1]
    if isinstance(device, MultiSignificance):
        low, high = (device.gain * bound for bound in bounds_of(device.pair))
        reach = [bound - device.reference_mean for bound in device.capacitor.bounds()]
        return low + reach[0], high + reach[1]
    return check_drawable(device).bounds()  # type: ignore[union-attr]


def lowest_start(device: Device) -> float:
    """Return where a figure begins: at the lower bound, but pairs, which only grow, at rest."""
    if isinstance(device, (OneSided, MultiSignificance)):
        return 0.0
    if isinstance(device, Vector) and any(lowest_start(part) == 0 for part in device.devices):
        return 0.0
    if isinstance(device, Reference) and isinstance(device.device, Cell) and lowest_start(device.device) == 0:
        return 0.0
    return bounds_of(device)[0]


def pulses_to_cross(device: Device) -> int:
    """Return about how many pulses take the nominal device over nine tenths of its range, 20 to 19,200.

    Of a cell, so many that its slowest part gets there.
    """
    if isinstance(device, Vector):
        counts = [pulses_to_cross(part) for part in device.devices]
        if device.policy == "fixed":
            return counts[device.index]
        return max(counts) * (1 if device.policy == "all" else len(counts))
    if isinstance(device, Reference):
        return pulses_to_cross(device.device)
    if isinstance(device, OneSided):
        return max(_crossing(part, up_only=True) for part in (device.device, device.second_device) if part)
    if isinstance(device, MultiSignificance):
        capacitor = _crossing(device.capacitor)
        # Two transfers, where they do not come so seldom that the capacitor would only wait for them.
        return max(capacitor, 2 * device.transfer_every if device.transfer_every <= 20 * capacitor else 0)
    single = check_drawable(device)
    assert isinstance(single, PulsedDevice)
    return _crossing(single)


def _crossing(device: PulsedDevice, *, up_only: bool = False) -> int:
    lower, upper = device.bounds()
    lower = max(lower, 0.0) if up_only else lower
    span = upper - lower
    w = np.linspace(lower + 0.05 * span, upper - 0.05 * span, 200)
    steps = [np.maximum(np.abs(step), 1e-3 * device.dw_min) for step in device.mean_step(w)]
    slowest = max(float(0.9 * span * np.mean(1 / step)) for step in steps[: 1 if up_only else 2])
    return int(np.clip(1.1 * slowest, 20, _MOST))


def swing(device: Device, devices: int, cycles: int, seed: int, pulses: int | None) -> PulseResponse:
    """Pulse devices up and down again, from the lower bound; pairs that only grow, from rest."""
    count = pulses or pulses_to_cross(device)
    every = max(1, -(-count // READINGS))
    run = np.repeat([True, False], max(count // every, 2))
    return pulse_response(
        device,
        np.tile(run, cycles),
        devices=devices,
        start=lowest_start(device),
        every=every,
        seed=seed,
    )


def measured_steps(response: PulseResponse, bins: int = 24) -> tuple[Array, Array, Array]:
    """Return weights, and the mean magnitude of the change by a pulse up and by one down about them.

    Means over devices and readings; NaN where there are too few.
    """
    weights = np.concatenate([response.start[None], response.weight])
    pulses = np.diff(response.pulses, prepend=0)[:, None]
    change = np.diff(weights, axis=0) / pulses
    # The middle of a step: readings with noise lie on either side of it alike.
    middle = (weights[1:] + weights[:-1]) / 2
    low, high = np.percentile(middle, [0.5, 99.5])
    edges = np.linspace(low, high, bins + 1)
    place = np.clip(np.searchsorted(edges, middle, side="right") - 1, 0, bins - 1)
    inside = (middle >= low) & (middle <= high)
    sides = []
    for up in (True, False):
        chosen = inside & (response.up == up)[:, None]
        count = np.bincount(place[chosen], minlength=bins)
        total = np.bincount(place[chosen], weights=change[chosen], minlength=bins)
        mean = np.where(count >= 20, total / np.maximum(count, 1), np.nan)
        sides.append(mean if up else -mean)
    return (edges[1:] + edges[:-1]) / 2, sides[0], sides[1]
