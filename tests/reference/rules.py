"""Update rules, one sample at a time, on devices that take their pulses one after the other."""

from __future__ import annotations

import math

import numpy as np

import mho
from mho import _core
from reference import devices, philox, pulses

CHOPPER, OUTPUT_CHOPPER, LINE_CHOICE, LINE_RESET = 0x0016, 0x0017, 0x001A, 0x001B


class Array:
    """Devices with the trains that reach them; what is read of them is exact."""

    def __init__(self, device, arrays, key, update):
        self.device, self.key, self.update = device, key, update
        self.crosspoints = devices.Crosspoints(device, arrays, key)
        self.granularity = devices.granularity(device)
        self.step = 0

    @property
    def weight(self):
        return self.crosspoints.visible

    def pulse(self, x, d, lr):
        sample = pulses.Sample(self.update, x, d, lr, self.granularity, self.key, self.step)
        self.crosspoints.pulse(sample.counts, sample.up, self.step, sample.numbers)
        self.step += 1


class Transfer:
    """The fast array takes the gradient, and a line of it is read now and then."""

    def __init__(self, tile):
        arrays, _ = tile.state()
        self.rule, config = tile.config.rule, tile.config
        prefix = "main/" if self.rule.gamma else ""
        key = tile.seed.key

        def made(device, prefix, key, update):
            own = {
                name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)
            }
            return Array(device, own, key, update)

        name = type(self.rule).__name__
        plain = name in ("TikiTaka", "StochasticHamiltonian", "ResidualLearning", "RIDER", "ERIDER")
        single = mho.Update(bl=1, update_management=False, update_bl_management=False)
        if getattr(self.rule, "buffer_granularity", 0):
            plain = False
        writing = self.rule.transfer_update or (config.update if plain else single)
        fast = self.rule.fast_device or config.device
        count = getattr(self.rule, "arrays", 2) - 1
        names = ["fast"] if count == 1 else [f"fast{k}" for k in range(count)]
        self.arrays = [
            made(fast, f"{name}/", _core.derive_key(key, name), writing if k else config.update)
            for k, name in enumerate(names)
        ]
        self.arrays.append(made(config.device, prefix, key, writing))
        self.most = writing.bl
        self.shape = self.arrays[-1].weight.shape
        self.lines = self.shape[1] if self.rule.transfer_columns else self.shape[0]
        self.across = self.shape[0] if self.rule.transfer_columns else self.shape[1]
        self.samples, self.reads, self.resets = [0] * count, [0] * count, [0] * count
        self.line_reads = np.zeros(self.lines, dtype=int)
        self.buffer = [np.zeros(self.shape) for _ in range(count)]
        self.in_chopper, self.out_chopper = np.ones(self.lines), np.ones(self.across)
        self.mean, self.reference = np.zeros(self.shape), np.zeros(self.shape)
        self.changed = np.zeros(self.lines, dtype=bool)
        self.maxima = [0.0, 0.0]

    def line(self, matrix, t):
        """A view of line t."""
        return matrix[:, t] if self.rule.transfer_columns else matrix[t, :]

    def rate(self, lr, x, d):
        rate = self.rule.fast_lr * (lr if self.rule.scale_fast_lr else 1)
        if not getattr(self.rule, "auto_scale", False):
            return rate
        share = (1 - self.rule.auto_momentum) / self.rule.batch_size
        for k, now in enumerate((np.abs(x).max(), np.abs(d).max())):
            if self.maxima[k] == 0:
                self.maxima[k] = now
            elif now > 0:
                self.maxima[k] = (1 - share) * self.maxima[k] + share * now
        full = rate * self.arrays[0].update.bl * self.arrays[0].granularity
        return full / self.maxima[0] / self.maxima[1] if min(self.maxima) > 0 else full

    def update(self, x, d, lr):
        rate = self.rate(lr, x, d)
        signs = (
            (self.in_chopper, self.out_chopper)
            if self.rule.transfer_columns
            else (self.out_chopper, self.in_chopper)
        )
        self.take(0, x * signs[0], d * signs[1], rate, lr)

    def take(self, level, x, d, rate, lr):
        """A sample for one of the arrays, and what it makes of the next."""
        array = self.arrays[level]
        array.pulse(x, d, rate)
        if level == len(self.arrays) - 1:
            return
        every = self.rule.transfer_every * self.rule.batch_size
        if level > 0:
            every = self.rule.transfer_every_growth or self.lines
        self.samples[level] += 1
        if self.samples[level] % every:
            return
        number = self.reads[level]
        self.reads[level] += 1
        t = number % self.lines
        if self.rule.transfer_order == "random":
            t = int(self.chance(level, LINE_CHOICE, number)[0] * self.lines)
        before = int(self.line_reads[t])
        if level == 0:
            self.line_reads[t] += 1
        write, write_rate = self.digest(level, t, before, self.line(array.weight, t).copy(), lr, rate)
        if level == 0:
            self.chop(t, number, before)
        if self.chance(level, LINE_RESET, number)[0] < self.rule.reset_prob:
            self.resets[level] += 1
            mask = np.zeros(self.shape, dtype=bool)
            self.line(mask, t)[:] = True
            array.crosspoints.resets = number
            array.crosspoints.reset(mask)
        one_hot = np.eye(self.lines)[t]
        if self.rule.transfer_columns:
            self.take(level + 1, one_hot, -write, write_rate, lr)
        else:
            self.take(level + 1, write, -one_hot, write_rate, lr)

    def digest(self, level, t, before, read, lr, rate):
        """What is written for a line that was read, and read `before` times before; and at which rate."""
        rule, name = self.rule, type(self.rule).__name__
        transfer = rule.transfer_lr * (lr if rule.scale_transfer_lr else 1)
        transfer *= getattr(rule, "transfer_lr_growth", 1) ** level
        target = self.arrays[level + 1].granularity
        buffer = self.line(self.buffer[level], t)
        if name in ("TikiTaka", "StochasticHamiltonian"):
            return read, transfer
        if name == "ResidualLearning":
            buffer[:] = (1 - rule.filter) * buffer + rule.filter * read
            return np.where(np.abs(buffer) >= rule.write_threshold * target / transfer, buffer, 0), transfer
        if name in ("RIDER", "ERIDER"):
            mean, reference = self.line(self.mean, t), self.line(self.reference, t)
            write = self.in_chopper[t] * (read - reference)
            mean += rule.filter * (read - mean)
            if name == "RIDER":
                reference[:] = mean
            if not rule.buffer_granularity:
                return write, transfer
            buffer += write * transfer / self.unit()
            return self.steps(buffer), rule.step * target
        if name == "TikiTaka2":
            buffer += read * transfer / (rule.threshold_scale * target)
            return self.steps(buffer), rule.step * target
        unit = self.unit()
        if rule.correct_gradient_magnitudes:
            unit *= rate * target / self.arrays[0].granularity
        sign = self.in_chopper[t] * self.out_chopper
        if name == "ChoppedTikiTaka2":
            buffer += sign * read * transfer / unit
            return self.steps(buffer), rule.step * target
        period = max(math.ceil(1 / rule.in_chop_prob), 2)
        reference, mean = self.line(self.reference, t), self.line(self.mean, t)
        if self.changed[t]:
            reference[:] = mean
        buffer += sign * (read - reference) * transfer / unit
        steps = self.steps(buffer)
        if rule.buffer_cap:
            np.clip(buffer, -rule.buffer_cap * self.most, rule.buffer_cap * self.most, out=buffer)
        mean += (read - mean) * min(rule.tail_weightening / period, 1)
        return steps * (before > period), rule.step * target

    def unit(self):
        """What a step of the buffer counts of the fast array."""
        unit = self.rule.buffer_granularity * self.arrays[0].granularity
        if self.rule.auto_granularity:
            unit *= self.rule.auto_granularity / (
                self.lines * self.rule.transfer_every * self.rule.batch_size
            )
        return unit

    def steps(self, buffer):
        steps = np.clip(np.trunc(buffer), -self.most, self.most)
        left = (
            self.rule.momentum * buffer
            if self.rule.forget_buffer
            else buffer - (1 - self.rule.momentum) * steps
        )
        buffer[:] = np.where(np.abs(buffer) >= 1, left, buffer)
        return steps

    def chance(self, level, purpose, step, elements=1):
        """Numbers in [0, 1) of the first elements, by the key of an array."""
        return philox.words(self.arrays[level].key, purpose, step, np.arange(elements), 0)[..., 0] * 2.0**-32

    def chop(self, t, number, before):
        if not hasattr(self.rule, "in_chop_prob"):
            return
        self.changed[t] = False
        if self.rule.in_chop_prob > 0:
            period = max(math.ceil(1 / self.rule.in_chop_prob), 2)
            if getattr(self.rule, "in_chop_random", True):
                self.changed[t] = self.chance(0, CHOPPER, number)[0] < self.rule.in_chop_prob
            else:
                self.changed[t] = before % period == period - 1
        if self.changed[t]:
            self.in_chopper[t] *= -1
            if type(self.rule).__name__ == "ERIDER":
                self.line(self.reference, t)[:] = self.line(self.mean, t)
        if getattr(self.rule, "out_chop_prob", 0) > 0 and number % self.lines == self.lines - 1:
            flips = (
                self.chance(0, OUTPUT_CHOPPER, number // self.lines, self.across) < self.rule.out_chop_prob
            )
            self.out_chopper[flips] *= -1


def orthonormal(columns):
    """Columns made orthonormal one after the other, none of them turned round."""
    q, r = np.linalg.qr(columns)
    return q * np.where(np.diag(r) < 0, -1, 1)


class Batch:
    """A rule that reduces a batch; the array takes what is left of it, one sample after the other."""

    def __init__(self, tile, update):
        arrays, _ = tile.state()
        self.rule = tile.config.rule
        self.array = Array(tile.config.device, arrays, tile.seed.key, update)


class StreamingBatch(Batch):
    """Orthogonal pairs, as Hoskins et al. have them, or by power iteration."""

    def __init__(self, tile):
        super().__init__(tile, tile.config.update)
        self.rank = min(self.rule.rank, *tile.weight.shape)
        self.d_unit = None

    def update(self, x, d, lr):
        pairs = self.streamed(x, d) if self.rule.method == "streaming" else self.iterated(x, d)
        for x_unit, d_unit, strength in zip(*pairs, strict=True):
            most = math.sqrt(abs(strength) * np.abs(x_unit).max() * np.abs(d_unit).max())
            trains = self.rule.trains_per_component or self.fewest(most, lr)
            # Both have the same largest entry, and their product is the pair.
            left = (most / np.abs(x_unit).max() * x_unit).astype(np.float32)
            right = (math.copysign(most, strength) / np.abs(d_unit).max() * d_unit).astype(np.float32)
            for _ in range(trains):
                self.array.pulse(left, right, lr / trains)

    def fewest(self, most, lr):
        """Trains among which none needs more than its slots at the largest product."""
        needed = lr * most**2 / self.array.granularity
        return next(n for n in range(1, 101) if needed <= n * self.array.update.bl or n == 100)

    def streamed(self, x, d):
        x_mean, d_mean, strength = np.zeros((x.shape[1], self.rank)), np.zeros((d.shape[1], self.rank)), 0
        for first in range(0, len(x), self.rule.block_size):
            own = slice(first, first + self.rule.block_size)
            xs, ds = x[own].astype(np.float64), d[own].astype(np.float64)
            if first == 0:
                old = np.zeros_like(d_mean) if self.d_unit is None else self.d_unit
                for i in range(self.rank):
                    if not (ds @ old[:, i]).any():
                        old[:, i] = ds[i % len(ds)]
                d_unit = orthonormal(old)
            n = first + len(xs)
            x_mean += ((xs.T @ (ds @ d_unit)) - len(xs) * x_mean) / n
            x_unit = orthonormal(x_mean)
            d_mean += ((ds.T @ (xs @ x_unit)) - len(xs) * d_mean) / n
            d_unit = orthonormal(d_mean)
            strength += (np.sum((ds @ d_unit) * (xs @ x_unit), axis=0) - len(xs) * strength) / n
        self.d_unit = d_unit.astype(np.float32).astype(np.float64)
        return x_unit.T, d_unit.T, len(x) * strength

    def iterated(self, x, d):
        x, d = x.astype(np.float64), d.astype(np.float64)
        weight = np.linalg.norm(x, axis=1) * np.linalg.norm(d, axis=1)
        right = x[np.argsort(-weight, kind="stable")[: self.rank]].T
        for _ in range(self.rule.iterations):
            d_unit = orthonormal(d.T @ (x @ orthonormal(right)))
            right = x.T @ (d @ d_unit)
        strength = np.linalg.norm(right, axis=0)
        return (right / strength).T, d_unit.T, strength


class SignUpdate(Batch):
    """One pulse for each device, against the sign of the sum."""

    def __init__(self, tile):
        one = mho.Update(bl=1, pulse_type="mean_count", update_management=False, update_bl_management=False)
        super().__init__(tile, one)

    def update(self, x, d, lr):
        gradient = d.T.astype(np.float64) @ x.astype(np.float64)
        signs = np.sign(gradient) * (np.abs(gradient) >= self.rule.threshold * np.abs(gradient).max())
        for i, row in enumerate(signs.astype(np.float32)):
            line = np.zeros(len(signs), dtype=np.float32)
            line[i] = 1
            self.array.pulse(row, line, self.array.granularity)
