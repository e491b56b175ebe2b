"""A read: one vector through noise management, DAC, crossbar, distortions, noise, ADC and bound management.

What decides about an integer (converters, bounds, scales) is computed in single precision as the engine does;
the analog part is in double precision. Where the outcome of a comparison hangs on the last digits of it, the
engine may decide otherwise with good right: such outputs are marked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reference import philox

F = np.float32
# Relative uncertainty of an analog output.
UNCERTAIN = 3e-6


@dataclass
class Read:
    """The result of one read."""

    y: np.ndarray  # the outputs
    tolerance: (
        np.ndarray
    )  # how far the engine may be off: rounding, and a step of the ADC near its thresholds
    near: np.ndarray  # outputs that are so near to a threshold
    open: bool  # whether bound management might as well have decided otherwise
    attempts: int  # how often the vector was read


class Channel:
    """One read direction of an array: its periphery, and the devices' weights when it is read."""

    def __init__(self, io, key, forward, shape):
        self.io, self.key, self.forward, self.shape = io, key, forward, shape
        out_features, in_features = shape
        self.inputs, self.outputs = (in_features, out_features) if forward else (out_features, in_features)
        self.average = F(0)
        if io.is_perfect:
            return
        purpose = philox.LINE_CONSTRUCTION | (philox.FORWARD if forward else philox.BACKWARD)

        def fixed(draw):
            return philox.line_gaussians(key, purpose, 0, self.outputs, draw)

        bound = io.out_bound if io.out_bound > 0 else 1.0
        self.sigma = np.abs(io.out_noise * (1 + io.out_noise_std * fixed(0)))
        self.bend = np.abs(io.out_nonlinearity / bound * (1 + io.out_nonlinearity_std * fixed(1)))
        self.gain = (1 + (io.out_nonlinearity / bound + io.r_series) * io.slope_calibration * bound) ** 2
        self.offset = np.maximum(io.v_offset_std * fixed(2), 0)
        xi = philox.device_gaussians(key, philox.READ_ASYMMETRY_CONSTRUCTION, 0, shape, 0)
        self.asymmetry = 1 + io.w_read_asymmetry_dtod * xi

    def scale(self, x, noise, average):
        """What the inputs are divided by, and the running average after this vector."""
        io, a_max = self.io, np.abs(x).max()
        kind, threshold = io.noise_management, F(io.nm_thres)
        if kind == "none":
            a = F(1)
        elif kind == "constant":
            a = threshold if threshold > 0 else F(1)
        elif kind == "average_abs_max":
            average = average + F(io.nm_decay) * (a_max - average) if average > 0 else a_max
            a = average
        elif kind == "abs_max_np_sum":
            a = self.worst_case(x)
        else:
            a = a_max if kind == "abs_max" else x.max()
            a = min(a, threshold) if threshold > 0 else a
        if a <= 0 and io.inp_noise > 0 and noise:
            a = F(1)
        return a, average

    def worst_case(self, x):
        """A scale with which weights of nm_assumed_wmax cannot exceed the bound."""
        io, a_max = self.io, float(np.abs(x).max())
        positive, negative = (sum(float(v) for v in np.abs(x[side])) for side in (x > 0, x <= 0))
        worst = io.nm_assumed_wmax * max(positive, negative) / io.out_bound
        if io.inp_res > 0 and io.inp_bound > 0:
            worst = min(worst, a_max * io.max_bm_res / (2 * io.inp_res * io.inp_bound))
        return F(max(a_max, worst))

    def read(self, weight, x, step, noise=True, evaluation=False):
        """Read the vector x with the random numbers of `step`."""
        io = self.io
        x = np.asarray(x, dtype=F)
        matrix = (weight if self.forward else weight.T).astype(np.float64)
        none = np.zeros(self.outputs, dtype=bool)
        if io.is_perfect:
            y = matrix @ x
            return Read(y, UNCERTAIN * (np.abs(matrix) @ np.abs(x)), none, False, 1)
        scale, average = self.scale(x, noise, self.average)
        if not evaluation:
            self.average = average
        if scale <= 0:
            return Read(np.zeros(self.outputs), np.zeros(self.outputs), none, False, 0)

        purpose = philox.FORWARD if self.forward else philox.BACKWARD
        if evaluation:
            purpose = philox.EVALUATION_FORWARD if self.forward else philox.EVALUATION_BACKWARD
        factor, attempt, doubtful = F(1), 0, False
        while True:
            sides, unsure = self.analog(matrix, x, scale * factor, step, purpose, attempt, noise)
            y, clipped, maybe, near = self.convert(sides, unsure, step, purpose, attempt, noise)
            digital = F(io.out_scale) * scale * factor
            digitised = io.out_res > 0 and io.out_bound > 0
            # Two converters may each be a step off.
            steps = 2.0 * io.out_res * io.out_bound * (1 + (len(sides) - 1) * digitised)
            tolerance = np.where(near, steps, 0) + (0 if digitised else UNCERTAIN * (unsure + 1e-6))
            result = Read(
                y * digital, tolerance * digital + 1e-6 * np.abs(y * digital), near, doubtful, attempt + 1
            )
            if io.bound_management not in ("iterative", "iterative_worst_case"):
                return result
            worst_case = io.bound_management == "iterative_worst_case"
            dac = 2 * io.inp_res * io.inp_bound
            if worst_case:
                again = attempt == 0
            else:
                again = 2 * factor <= io.max_bm_factor and not 2 * factor * dac > io.max_bm_res
            doubtful = doubtful or (again and maybe)
            result.open = doubtful
            if not (clipped and again):
                return result
            if worst_case:
                scale, factor = self.worst_case(x), F(1)
            else:
                factor = 2 * factor
            attempt += 1

    def analog(self, matrix, x, divisor, step, purpose, attempt, noise):
        """Currents before the ADC, one vector for each pass, and how uncertain they are."""
        io, key = self.io, self.key

        # DAC, in single precision.
        x = x / divisor
        if io.inp_res > 0 and io.inp_bound > 0:
            q = F(2 * io.inp_res * io.inp_bound)
            u = F(0)
            if io.inp_sto_round and noise:
                u = philox.line_rounding(key, philox.INPUT_ROUNDING | purpose, step, len(x), attempt)
            x = q * np.rint(x / q + u)
        if io.inp_bound > 0:
            x = np.clip(x, -F(io.inp_bound), F(io.inp_bound))
        x = x.astype(np.float64)
        if io.inp_noise > 0 and noise:
            x = x + io.inp_noise * philox.line_gaussians(
                key, philox.INPUT_NOISE | purpose, step, len(x), attempt
            )
        x = np.where(x < 0, x * (1 - io.inp_asymmetry), x)

        passes = [(matrix, x)]
        if io.mv_type != "one_pass":
            asymmetry = self.asymmetry if self.forward else self.asymmetry.T
            passes = [(matrix, np.maximum(x, 0)), (matrix * asymmetry, np.minimum(x, 0))]
        currents, unsure = [], np.zeros(self.outputs)
        for number, (w, driven) in enumerate(passes):
            y, doubt = self.currents(w, driven, step, purpose, 2 * attempt + number, noise)
            currents.append(y)
            unsure = unsure + doubt
        return currents, unsure

    def currents(self, w, x, step, purpose, draw, noise):
        """The outputs of one pass."""
        io, n = self.io, self.inputs
        y = w @ x
        doubt = np.abs(w) @ np.abs(x)
        if io.ir_drop > 0:
            a = n / io.ir_drop_g_ratio * (np.abs(w) @ np.abs(x))
            c = a * (a * (0.05 * a - 0.2) + 0.5)
            drop = io.ir_drop * c
            y = y - drop * (w @ (x * (1 - (1 - np.arange(n) / n) ** 2)))
            doubt = doubt * (1 + np.abs(drop))
        if io.v_offset_std > 0 or io.r_series > 0:
            v, r = self.offset, io.r_series
            if io.v_offset_w_min == 0:
                y = (1 - v) * y / (1 + np.minimum(r * np.abs(y), io.r_series_max_total))
            else:
                reference = -io.v_offset_w_min * x.sum()
                doubt = doubt - io.v_offset_w_min * np.abs(x).sum()
                if r > 0:
                    total = y + reference
                    y = (1 - v) * total / (1 + r * np.abs(total)) - (1 + v) * reference / (
                        1 + r * abs(reference)
                    )
                else:
                    y = (1 - v) * y - 2 * v * reference
                doubt = doubt * (1 + 2 * v)
        if io.w_noise > 0 and noise:
            xi = philox.line_gaussians(self.key, philox.READ_NOISE | purpose, step, self.outputs, draw)
            if io.w_noise_type == "pcm_read":
                sigma = io.w_noise * np.sqrt(np.abs(w) @ x**2)
            else:
                sigma = io.w_noise * np.sqrt(x @ x)
            y = y + sigma * xi
            doubt = doubt + sigma * np.abs(xi)
        y = y / (1 + np.abs(self.bend * y)) * self.gain
        doubt = doubt * self.gain
        y = np.where(y < 0, y * (1 - io.out_asymmetry), y)
        if io.out_noise > 0 and noise:
            xi = philox.line_gaussians(self.key, philox.OUTPUT_NOISE | purpose, step, self.outputs, draw)
            y = y + self.sigma * xi
            doubt = doubt + self.sigma * np.abs(xi)
        return y, doubt * (1 + abs(io.out_asymmetry))

    def convert(self, sides, doubt, step, purpose, attempt, noise):
        """ADC: the digital outputs, whether one clipped or may have, and which are near to a threshold."""
        io = self.io
        if io.mv_type == "pos_neg_separate":
            sides = [sides[0] + sides[1]]
        y = np.zeros(self.outputs)
        near = np.zeros(self.outputs, dtype=bool)
        clipped = maybe = False
        for number, side in enumerate(sides):
            if io.bound_management == "shift":
                side = side - max(side.max() - io.out_bound, 0)
                doubt = doubt + doubt.max()
            u = F(0)
            if io.out_sto_round and noise:
                rounding = philox.OUTPUT_ROUNDING | purpose
                u = philox.line_rounding(self.key, rounding, step, self.outputs, 2 * attempt + number)
            ends = []
            for shift in (0, -1, 1):
                z = (side + shift * UNCERTAIN * (doubt + 1e-6)).astype(F)
                if io.out_res > 0 and io.out_bound > 0:
                    q = F(2 * io.out_res * io.out_bound)
                    z = q * np.rint(z / q + u)
                ends.append(z)
            bound = F(io.out_bound) if io.out_bound > 0 else F(np.inf)
            low = -bound if io.bm_test_negative_bound else -F(np.inf)
            clips = [bool(((z > bound) | (z < low)).any()) for z in ends]
            clipped = clipped or clips[0]
            maybe = maybe or len(set(clips)) > 1
            ends = [np.clip(z, -bound, bound) for z in ends]
            y = y + ends[0]
            if io.out_res > 0 and io.out_bound > 0:
                near = near | (ends[1] != ends[0]) | (ends[2] != ends[0])
        return y, clipped, maybe, near
