"""Rebuild python/mho/data/digits.idx.xz, the digits that come with mho, from MNIST's four official files.

    python tools/make_digits.py --mnist-dir ~/mnist

writes the file anew; with --check it only compares, and fails where the images differ. How the images are
chosen is told in python/mho/data/README.md. The unpacked content is the same everywhere, the packed bytes
wherever liblzma compresses alike.
"""

from __future__ import annotations

import argparse
import lzma
import struct
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mho.data.embedded import CLASSES, DIGITS_FILE, TEST_PER_CLASS, TRAIN_PER_CLASS
from mho.data.mnist_files import read_mnist
from mho.errors import MhoError


def choose(images: NDArray[np.uint8], labels: NDArray[np.uint8], per_class: int) -> NDArray[np.uint8]:
    """Return (CLASSES, per_class, 28, 28): number i of a class of m images is its floor(i m / per_class)-th.

    Spread over the whole file, since MNIST is not uniform: the first half of its test file is the easier one.
    """
    chosen = []
    for label in range(CLASSES):
        of_class = np.flatnonzero(labels == label)
        chosen.append(images[of_class[np.arange(per_class) * len(of_class) // per_class]])
    return np.stack(chosen)


def content(mnist_dir: Path) -> bytes:
    """Return the unpacked file: IDX, unsigned bytes, (class, sample, row, column), training samples first."""
    train, test = read_mnist(mnist_dir)
    images = np.concatenate([choose(*train, TRAIN_PER_CLASS), choose(*test, TEST_PER_CLASS)], axis=1)
    return struct.pack(">HBB4I", 0, 0x08, images.ndim, *images.shape) + images.tobytes()


def pack(unpacked: bytes) -> bytes:
    # Every setting is spelled out, since defaults may change. Measured on these images: literal context lc =
    # 4 and no alignment is best, sorting by class beats interleaving, and both beat going pixel by pixel.
    lzma2 = {
        "id": lzma.FILTER_LZMA2,
        "dict_size": 1 << 23,
        "lc": 4,
        "lp": 0,
        "pb": 0,
        "mode": lzma.MODE_NORMAL,
        "nice_len": 273,
        "mf": lzma.MF_BT4,
        "depth": 512,
    }
    return lzma.compress(unpacked, format=lzma.FORMAT_XZ, check=lzma.CHECK_SHA256, filters=[lzma2])


def main() -> int:
    parser = argparse.ArgumentParser(description="Rebuild the digits that come with mho.")
    parser.add_argument("--mnist-dir", type=Path, required=True, help="folder with the four files of MNIST")
    parser.add_argument(
        "--output", type=Path, default=DIGITS_FILE, help="file to write, by default the package's"
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing, compare with the file that is there"
    )
    arguments = parser.parse_args()
    try:
        unpacked = content(arguments.mnist_dir)
    except MhoError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if arguments.check:
        same = lzma.decompress(arguments.output.read_bytes()) == unpacked
        print(f"{arguments.output}: {'the same images' if same else 'other images'}")
        return 0 if same else 1
    packed = pack(unpacked)
    arguments.output.write_bytes(packed)
    print(f"{arguments.output}: {len(packed)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
