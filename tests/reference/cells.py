"""Cells: which of their devices take a pulse, what they show, refreshes and transfers. Pulse by pulse."""

from __future__ import annotations

import numpy as np

from reference import devices, philox

CELL_CHOICE, CELL_ROUNDING, CELL_REFERENCE = 0x0030, 0x0031, 0x0032


def build(device, arrays, key):
    """The crosspoints of a device or a cell, from the arrays of a tile and their key."""
    cells = {
        "Vector": Vector,
        "Reference": Reference,
        "OneSided": OneSided,
        "MultiSignificance": MultiSignificance,
    }
    return cells.get(type(device).__name__, devices.Crosspoints)(device, arrays, key)


def pass_sample(crosspoints, counts, up, step, numbers):
    """One sample: its pulses, and what happens after it."""
    crosspoints.pulse(counts, up, step, numbers)
    if isinstance(crosspoints, Cell):
        crosspoints.after(step + 1)


def reference_weight(cell, key, shape):
    """Where a reference is programmed when it is built, but for its bounds."""
    return cell.reference_mean + cell.reference_std * philox.device_gaussians(
        key, CELL_REFERENCE, 0, shape, 0
    )


class Cell:
    """Named parts with keys of their own; the weight is their sum with factors."""

    def __init__(self, cell, arrays, key, parts):
        self.cell, self.key = cell, key
        self.parts = {}
        for name, device in parts.items():
            own = {n.removeprefix(f"{name}/"): a for n, a in arrays.items() if n.startswith(f"{name}/")}
            self.parts[name] = build(device, own, philox.derive_key(key, name))
        self.shape = next(iter(arrays.values())).shape

    def gammas(self):
        raise NotImplementedError

    @property
    def visible(self):
        return sum(g * part.visible for g, part in zip(self.gammas(), self.parts.values(), strict=True))

    def after(self, step):
        """What happens when so many samples have gone by."""
        for part in self.parts.values():
            if isinstance(part, Cell):
                part.after(step)


class Vector(Cell):
    def __init__(self, cell, arrays, key):
        super().__init__(cell, arrays, key, {f"device{k}": d for k, d in enumerate(cell.devices)})

    def gammas(self):
        return self.cell.gammas

    def chosen(self, step):
        n = len(self.parts)
        if self.cell.policy == "all":
            return range(n)
        if self.cell.policy == "fixed":
            return [self.cell.index]
        if self.cell.policy == "sequential":
            return [step % n]
        return [int(philox.words(self.key, CELL_CHOICE, step, 0, 0)[0]) * n >> 32]

    def pulse(self, counts, up, step, numbers):
        for k, part in enumerate(self.parts.values()):
            if k in self.chosen(step):
                part.pulse(counts, up ^ (self.gammas()[k] < 0), step, numbers)


class Reference(Cell):
    def __init__(self, cell, arrays, key):
        super().__init__(
            cell, arrays, key, {"device": cell.device, "reference": cell.reference_device or cell.device}
        )

    def gammas(self):
        return 1, -1

    def pulse(self, counts, up, step, numbers):
        self.parts["device"].pulse(counts, up, step, numbers)


class OneSided(Cell):
    def __init__(self, cell, arrays, key):
        second = cell.second_device or cell.device
        super().__init__(cell, arrays, key, {"positive": cell.device, "negative": second})
        self.limits = [
            (cell.refresh_upper * d.w_max, cell.refresh_lower * d.w_max) for d in (cell.device, second)
        ]
        self.refreshed = 0

    def gammas(self):
        return self.cell.gamma, -self.cell.gamma

    def pulse(self, counts, up, step, numbers):
        always = np.ones(self.shape, dtype=bool)
        self.parts["positive"].pulse(np.where(up, counts, 0), always, step, numbers)
        self.parts["negative"].pulse(np.where(up, 0, counts), always, step, numbers)

    def after(self, step):
        every = self.cell.refresh_every
        if every == 0 or step % every:
            return
        plus, minus = (part.visible for part in self.parts.values())
        (upper_plus, lower_plus), (upper_minus, lower_minus) = self.limits
        saturating = np.where(
            plus > minus,
            (plus > upper_plus) & (minus > lower_minus),
            (minus > upper_minus) & (plus > lower_plus),
        )
        change = np.where(saturating, self.cell.gamma * (plus - minus), 0)
        key = philox.derive_key(self.key, f"refresh/{step // every}")
        for part, name in zip(self.parts.values(), ("reset+", "reset-"), strict=True):
            reset(part, saturating, philox.derive_key(key, name))
        self.refreshed += int(saturating.sum())
        self.write(change, key)

    def write(self, change, key):
        """Pulses for a change of the weight, rounded at random to a whole number."""
        u = philox.open_uniform(philox.device_words(key, CELL_ROUNDING, 0, self.shape, 0)).astype(np.float64)
        for sign, step, (name, part) in zip((1, -1), self.cell.steps, self.parts.items(), strict=True):
            wanted = np.maximum(sign * change, 0) / (self.cell.gamma * step)
            counts = np.where(wanted > 0, np.maximum(np.rint(wanted + u - 0.5), 0), 0).astype(np.int64)
            own, part.key = part.key, philox.derive_key(key, name)
            part.pulse(counts, np.ones(self.shape, dtype=bool), 0)
            part.key = own


class MultiSignificance(Cell):
    def __init__(self, cell, arrays, key):
        parts = {"pair": cell.pair, "capacitor": cell.capacitor, "reference": cell.capacitor}
        super().__init__(cell, arrays, key, parts)
        self.transfers = 0

    def gammas(self):
        polarity = -1 if self.cell.polarity_inversion and self.transfers % 2 else 1
        return self.cell.gain, polarity, -polarity

    def pulse(self, counts, up, step, numbers):
        self.parts["capacitor"].pulse(counts, up ^ (self.gammas()[1] < 0), step, numbers)

    def after(self, step):
        super().after(step)
        every = self.cell.transfer_every
        if step % every:
            return
        capacitor, reference = self.parts["capacitor"], self.parts["reference"]
        change = self.gammas()[1] * (capacitor.visible - reference.visible) / self.cell.gain
        key = philox.derive_key(self.key, f"transfer/{step // every}")
        self.parts["pair"].write(change, key)
        reset(capacitor, np.ones(self.shape, dtype=bool), philox.derive_key(key, "reset"))
        self.transfers += 1


def reset(part, where, key):
    """Back to the reset value of each device, with its spread."""
    xi = philox.device_gaussians(key, philox.RESET_NOISE, 0, part.weight.shape, 0)
    value = part.arrays.get("reset_value", part.device.reset) + part.device.reset_std * xi
    rest = np.clip(value, part.arrays["w_min"], part.arrays["w_max"])
    part.weight = np.where(where, rest, part.weight)
    part.visible = np.where(where, rest, part.visible)
