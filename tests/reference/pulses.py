"""Pulse trains: how a sample becomes probabilities, trains, and coincidences."""

from __future__ import annotations

import math

import numpy as np

from reference import philox


def plan(update, x_max, d_max, lr, granularity):
    """Length of the trains, and the factors that make probabilities of x and of d: (bl, B, A)."""
    if x_max == 0 or d_max == 0 or lr == 0:
        return 0, 0.0, 0.0
    d_hat = update.um_grad_scale * d_max
    k = lr * x_max * d_hat / granularity
    bl, gain = update.bl, None
    if update.update_bl_management:
        bl = min(math.ceil(k), update.bl)
    elif not update.fixed_bl and granularity * update.bl < lr:
        bl, gain = math.ceil(lr / granularity), 1.0
    if bl == 0:
        return 0, 0.0, 0.0
    if gain is None:
        gain = math.sqrt(lr / (granularity * bl))
    x_gain = d_gain = gain
    if update.update_management or update.update_bl_management:
        if k > update.bl:
            d_hat *= update.bl / k
        d_gain *= math.sqrt(x_max / d_hat)
        x_gain /= math.sqrt(x_max / d_hat)
    return bl, x_gain, d_gain


def probabilities(values, gain, res, sto_round, rounding):
    """|values| * gain, rounded to multiples of `res` where that is > 0, at most 1; in single precision."""
    p = np.abs(values) * np.float32(gain)
    if res > 0:
        steps = p / np.float32(res)
        if sto_round:
            steps = steps + rounding
        p = np.maximum(np.rint(steps), np.float32(0)) * np.float32(res)
    return np.minimum(p, np.float32(1))


def train(p, bl, key, purpose, step):
    """Whether each line pulses in each slot, (lines, bl): where the slot's own uniform number is below p.

    The number has 32 bits. Of up to eight slots it is a word; with one or two slots, four or two times
    sixteen lines share the four words of a draw. Of more slots it has one bit in each of 32 words: bit s of
    word m is binary digit m + 1 of slot s. A second set of words serves the slots from 32 on.
    """
    lines = np.arange(len(p))
    threshold = np.rint(p.astype(np.float64) * 2**32)  # 2**32 for p = 1: always
    if bl <= 8:
        together = max(1, 4 // bl)
        place = lines // 16 % together
        words = philox.words(key, purpose, step, (lines - 16 * place)[:, None], np.arange(2))
        words = words.reshape(len(p), 8)
        return words[lines[:, None], place[:, None] * bl + np.arange(bl)] < threshold[:, None]
    worth = 2 ** np.arange(31, -1, -1, dtype=np.uint64)
    fired = np.zeros((len(p), bl), dtype=bool)
    for first in range(0, bl, 32):
        draws = np.arange(first // 4, first // 4 + 8)
        words = philox.words(key, purpose, step, lines[:, None], draws).reshape(len(p), 32)
        for slot in range(first, min(first + 32, bl)):
            digits = words >> np.uint32(slot - first) & np.uint32(1)
            fired[:, slot] = digits @ worth < threshold
    return fired


class Sample:
    """What one sample does to an array: `counts` (out, in) pulses, in the direction `up`.

    Where no more than a quarter of the rows pulse, `numbers` counts them: how many come before each row.
    """

    def __init__(self, update, x, d, lr, granularity, key, step):
        x, d = np.asarray(x, dtype=np.float32), np.asarray(d, dtype=np.float32)
        x_max, d_max = float(np.abs(x).max()), float(np.abs(d).max())
        self.bl, x_gain, d_gain = plan(update, x_max, d_max, lr, granularity)
        # Gradient descent: where x and d have the same sign the weight goes down.
        self.up = np.signbit(d)[:, None] != np.signbit(x)[None, :]
        self.counts = np.zeros((len(d), len(x)), dtype=np.int64)
        self.numbers = None
        if self.bl == 0:
            return
        implicit = update.pulse_type == "deterministic_implicit"
        x_rounding, d_rounding = (
            philox.open_uniform(philox.words(key, purpose, step, np.arange(len(v)), 0)[:, 0])
            - np.float32(0.5)
            for purpose, v in ((philox.TRAIN_ROUNDING_X, x), (philox.TRAIN_ROUNDING_D, d))
        )
        x_res = update.x_res_implicit if implicit else update.res
        d_res = update.d_res_implicit if implicit else update.res
        self.p = probabilities(x, x_gain, x_res, update.sto_round, x_rounding)
        self.q = probabilities(d, d_gain, d_res, update.sto_round, d_rounding)
        length = np.float32(self.bl)
        if update.pulse_type == "stochastic":
            columns = train(self.p, self.bl, key, philox.TRAIN_X, step)
            rows = train(self.q, self.bl, key, philox.TRAIN_D, step)
            self.counts = (rows[:, None, :] & columns[None, :, :]).sum(axis=2)
            pulsing = rows.any(axis=1)
            if 4 * pulsing.sum() <= len(d):
                self.numbers = np.cumsum(pulsing) - pulsing
        elif update.pulse_type == "mean_count":
            product = np.rint(self.q * length)[:, None] * np.rint(self.p * length)[None, :]
            self.counts = np.rint(product / length).astype(np.int64)
        else:
            self.counts = np.rint((self.q * length)[:, None] * self.p[None, :]).astype(np.int64)


def samples(update, x, d, lr, granularity, key, first_step=0):
    """Every sample of a batch."""
    return [Sample(update, x[s], d[s], lr, granularity, key, first_step + s) for s in range(len(x))]
