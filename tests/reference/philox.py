"""Random numbers: Philox4x32 (Salmon et al., SC'11), the layout of its counter, uniforms and gaussians."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

MASK = 2**32 - 1

# What a random number is for. These numbers are part of the randomness contract.
DEVICE_CONSTRUCTION = 0x0001
STUCK_CONSTRUCTION = 0x0002
LINE_CONSTRUCTION = 0x0003
READ_ASYMMETRY_CONSTRUCTION = 0x0004
TRAIN_X = 0x0010
TRAIN_D = 0x0011
TRAIN_ROUNDING_X = 0x0012
TRAIN_ROUNDING_D = 0x0013
PULSE_NOISE = 0x0014
WRITE_NOISE = 0x0015
ELAPSE_NOISE = 0x0020
RESET_NOISE = 0x0021
INPUT_ROUNDING = 0x0040
INPUT_NOISE = 0x0041
READ_NOISE = 0x0042
OUTPUT_NOISE = 0x0043
OUTPUT_ROUNDING = 0x0044
SEVEN_ROUNDS = (TRAIN_X, TRAIN_D, PULSE_NOISE, WRITE_NOISE, ELAPSE_NOISE)
# Added to those of a read.
FORWARD, BACKWARD, EVALUATION_FORWARD, EVALUATION_BACKWARD = 0x0100, 0x0200, 0x0300, 0x0400


def philox(counter, key, rounds=10):
    """Four words for each counter; counter (..., 4) of uint32, key 64 bits."""
    a, b, c, d = np.moveaxis(np.asarray(counter, dtype=np.uint64), -1, 0)
    low, high = key & MASK, key >> 32
    for _ in range(rounds):
        p, q = np.uint64(0xD2511F53) * a, np.uint64(0xCD9E8D57) * c
        a, b, c, d = (
            (q >> np.uint64(32)) ^ b ^ np.uint64(low),
            q & np.uint64(MASK),
            (p >> np.uint64(32)) ^ d ^ np.uint64(high),
            p & np.uint64(MASK),
        )
        low, high = (low + 0x9E3779B9) & MASK, (high + 0xBB67AE85) & MASK
    return np.stack([a, b, c, d], axis=-1).astype(np.uint32)


def derive_key(seed, path):
    """The path is absorbed eight bytes at a time, its length last."""
    name = path.encode()
    chunks = [(int.from_bytes(name[i : i + 8], "little"), i // 8) for i in range(0, len(name), 8)]
    for chunk, place in [*chunks, (len(name), 2**64 - 1)]:
        words = philox([chunk & MASK, chunk >> 32, place & MASK, place >> 32], seed)
        seed = int(words[0]) | int(words[1]) << 32
    return seed


def words(key, purpose, step, element, draw):
    """Words (..., 4) of elements (...); the counter is draw, element, lower step, purpose and upper step.

    Numbers of trains, of each pulse, or as time passes, take seven rounds of the generator, all others ten.
    """
    element, draw = np.broadcast_arrays(element, draw)
    counter = np.empty((*element.shape, 4), dtype=np.uint64)
    counter[..., 0] = draw
    counter[..., 1] = element
    counter[..., 2] = step & MASK
    counter[..., 3] = purpose << 16 | step >> 32
    return philox(counter, key, rounds=7 if purpose in SEVEN_ROUNDS else 10)


def open_uniform(word):
    """Uniform in (0, 1) in single precision, the ends excluded."""
    u = (word >> np.uint32(1)).astype(np.float32) * np.float32(2**-31) + np.float32(2**-32)
    return np.minimum(u, np.float32(1 - 2**-24))


def gaussians(block):
    """Eight gaussians (..., 8) of four words (..., 4), two of each, by the method of Box and Muller."""
    word = block.astype(np.int64)
    radius = np.sqrt(-2 * np.log(((word & 0xFFFFF) + 0.5) * 2**-20))
    angle = (
        np.pi / 2 * ((word >> 20 & 0x3FF) + 0.5) * 2**-10
    )  # in the first quadrant; the upper bits are signs
    first = radius * np.cos(angle) * np.where(word >> 31, -1, 1)
    second = radius * np.sin(angle) * np.where(word >> 30 & 1, -1, 1)
    return np.stack([first, second], axis=-1).reshape(*block.shape[:-1], 8)


# Magnitudes of the entries that even and odd nibbles of sixteen bits choose, and the factors of the four.
MAGNITUDES = np.array([[11, 48, 91, 148, 197, 274, 344, 480], [8, 13, 21, 33, 40, 59, 69, 646]])
FACTORS = (8, 5, 6, 4)


def table_gaussians(block):
    """Eight gaussians (..., 8) of four words (..., 4), four of each two, as pulses have them.

    Each half of a word is a sum of four entries; of the sums of two words sum and difference are taken.
    """
    word = block.astype(np.int64)[..., None] >> np.array([0, 16])  # of halves, the lower one first
    sums = np.zeros(word.shape, dtype=np.int64)
    for nibble, factor in enumerate(FACTORS):
        index = word >> 4 * nibble & 15
        sums += factor * MAGNITUDES[nibble % 2, index % 8] * np.where(index < 8, 1, -1)
    a, b = sums[..., 0::2, :], sums[..., 1::2, :]
    return np.concatenate([a + b, a - b], axis=-1).reshape(*block.shape[:-1], 8) / 4096


def of_lines(values):
    """Elements (16 b + i, n) to lines: line 16 n b + 16 k + i is number k of element 16 b + i."""
    n = values.shape[-1]
    return values.reshape(-1, 16, n).transpose(0, 2, 1).ravel()


def line_words(key, purpose, step, lines, draw=0):
    """One word for each line of a vector, 64 of a block of elements."""
    elements = np.arange(-(-lines // 64) * 16)
    return of_lines(words(key, purpose, step, elements, draw))[:lines]


def line_gaussians(key, purpose, step, lines, draw=0):
    """One gaussian for each line of a vector, 128 of a block of elements."""
    elements = np.arange(-(-lines // 128) * 16)
    return of_lines(gaussians(words(key, purpose, step, elements, draw)))[:lines]


def line_rounding(key, purpose, step, lines, draw=0):
    """One number in (-1/2, 1/2) for each line of a vector: what stochastic rounding adds."""
    return open_uniform(line_words(key, purpose, step, lines, draw)) - np.float32(0.5)


def device_elements(out_features, in_features):
    """The element of each device of each four rows: columns are padded to sixteen."""
    stride = -(-in_features // 16) * 16
    return np.arange(-(-out_features // 4))[:, None] * stride + np.arange(in_features)


def of_devices(values, out_features):
    """Elements (..., quads, in, 4) to devices (..., out, in): row 4 q + r is number r of quad q."""
    *leading, quads, in_features, _ = values.shape
    return values.swapaxes(-1, -2).reshape(*leading, 4 * quads, in_features)[..., :out_features, :]


def device_words(key, purpose, step, shape, draw):
    """One word for each device of an array."""
    return of_devices(words(key, purpose, step, device_elements(*shape), draw), shape[0])


def device_gaussians(key, purpose, step, shape, draw, half=0):
    """One gaussian for each device of an array: the first or the second four of its quad's eight."""
    gaussians_of = table_gaussians if purpose in (PULSE_NOISE, WRITE_NOISE) else gaussians
    xi = gaussians_of(words(key, purpose, step, device_elements(*shape), draw))
    return of_devices(xi[..., 4 * half : 4 * half + 4], shape[0])


def pulse_gaussians(key, step, shape, pulse, numbers=None):
    """One gaussian for each device, of its pulse number `pulse` in the sample `step`.

    The first pulses of two samples share a draw, as four rows do; later ones of a row, eight by eight. Where
    few rows pulse, which have `numbers` then, eight of them share the draw of their first pulses.
    """
    if pulse == 0 and numbers is not None:
        stride = -(-shape[1] // 16) * 16
        elements = 2**31 + step % 2 * 2**30 + numbers[:, None] // 8 * stride + np.arange(shape[1])
        eight = table_gaussians(words(key, PULSE_NOISE, step // 2, elements, 0))
        return np.take_along_axis(eight, numbers[:, None, None] % 8, axis=2)[..., 0]
    if pulse == 0:
        return device_gaussians(key, PULSE_NOISE, step // 2, shape, 0, half=step % 2)
    block, number = divmod(pulse - 1, 8)
    return of_devices(_later_gaussians(key, step, shape, block)[..., number], shape[0])


@lru_cache(maxsize=16)  # the pulses of a block follow one another
def _later_gaussians(key, step, shape, block):
    """Eight gaussians (quads, in, rows, 8) of each device, of its pulses from 1 + 8 * block on."""
    draws = 1 + np.arange(4) + 4 * block
    return table_gaussians(words(key, PULSE_NOISE, step, device_elements(*shape)[..., None], draws))
