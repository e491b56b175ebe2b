"""The digits that come with mho: 10,000 images of MNIST, so that examples and tests need no download."""

from __future__ import annotations

import lzma
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mho.data.dataset import Dataset
from mho.data.idx import parse_idx
from mho.errors import MhoFileError

__all__ = ["DIGITS_FILE", "TEST_PER_CLASS", "TRAIN_PER_CLASS", "digits", "from_pixels"]

CLASSES = 10
TRAIN_PER_CLASS = 800
TEST_PER_CLASS = 200
DIGITS_FILE = Path(__file__).with_name("digits.idx.xz")


def digits() -> tuple[Dataset, Dataset]:
    """Load the embedded digits: 8,000 training and 2,000 test images of MNIST, equally many of each class.

    The training images come from MNIST's training file and the test images from its test file, spread evenly
    over each file. Labels run 0, 1, ..., 9, 0, 1, ..., so that the first n samples are balanced too (exactly
    if n is a multiple of ten). ``README.md`` next to this module tells the source, the licence and how the
    file is built.

    Returns
    -------
    train, test : Dataset
        x : (8000, 784) and (2000, 784), grey levels 0 (background) .. 1, the image row by row;
        y : the digit, 0 .. 9.

    Raises
    ------
    MhoFileError
        If the file is missing from the installation or damaged.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
    Proc. IEEE 86, 2278-2324 (1998), doi:10.1109/5.726791.

    Examples
    --------
    >>> train, test = digits()
    >>> train
    Dataset('digits/train', n=8000, features=784, classes=10)
    >>> test
    Dataset('digits/test', n=2000, features=784, classes=10)
    >>> train.y[:12].tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    """
    try:
        content = lzma.decompress(DIGITS_FILE.read_bytes(), format=lzma.FORMAT_XZ)
    except FileNotFoundError:
        raise MhoFileError(f"{DIGITS_FILE}: no such file, expected the digits that come with mho") from None
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise MhoFileError(f"{DIGITS_FILE}: expected the digits that come with mho, found: {error}") from None
    # (class, sample, row, column): sorted by class it compresses best, and the labels need no room
    images = parse_idx(content, str(DIGITS_FILE), ndim=4)
    expected = (CLASSES, TRAIN_PER_CLASS + TEST_PER_CLASS, 28, 28)
    if images.shape != expected:
        raise MhoFileError(f"{DIGITS_FILE}: expected shape {expected}, found {images.shape}")
    return (
        _interleaved(images[:, :TRAIN_PER_CLASS], "digits/train"),
        _interleaved(images[:, TRAIN_PER_CLASS:], "digits/test"),
    )


def from_pixels(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Scale grey levels 0 .. 255 to 0 .. 1 and flatten each image.

    Parameters
    ----------
    images : (n, rows, columns) ndarray of uint8

    Returns
    -------
    (n, rows * columns) ndarray of float32
        Read-only, so that a `Dataset` takes it without a copy.
    """
    x = images.reshape(len(images), -1).astype(np.float32)
    x /= np.float32(255)
    x.flags.writeable = False
    return x


def _interleaved(images: NDArray[np.uint8], name: str) -> Dataset:
    classes, per_class, rows, columns = images.shape
    ordered = images.transpose(1, 0, 2, 3).reshape(-1, rows, columns)
    return Dataset(from_pixels(ordered), np.tile(np.arange(classes), per_class), name=name, classes=classes)
