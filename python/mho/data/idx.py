"""Strict reader of IDX files, the format of MNIST.

An IDX file is two zero bytes, one byte for the type of the elements, one for the number of dimensions, the
dimensions as big-endian 32-bit integers, and the elements in C order ("The IDX file format" at
http://yann.lecun.com/exdb/mnist).
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mho.errors import MhoFileError

__all__ = ["parse_idx", "read_idx", "unpack"]

_TYPES = {
    0x08: "unsigned byte",
    0x09: "signed byte",
    0x0B: "int16",
    0x0C: "int32",
    0x0D: "float32",
    0x0E: "float64",
}


def read_idx(path: str | os.PathLike[str], *, ndim: int) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, plain or (name ending in ``.gz``) compressed with gzip.

    Parameters
    ----------
    path : str or path-like
        The file.
    ndim : int
        Number of dimensions the file must have: 3 for images, 1 for labels.

    Returns
    -------
    ndarray of uint8
        Read-only, of the shape that the file states.

    Raises
    ------
    MhoFileError
        If the file cannot be read, is no complete gzip file although its name says so, is no IDX file, holds
        another type or number of dimensions, or is shorter or longer than its header says.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     labels = Path(folder, "labels-idx1-ubyte")
    ...     _ = labels.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    ...     read_idx(labels, ndim=1)
    array([7, 2, 1], dtype=uint8)
    """
    return parse_idx(unpack(path), os.fspath(path), ndim=ndim)


def unpack(path: str | os.PathLike[str], source: str | None = None) -> bytes:
    """Read a whole file, decompressed where its name ends in ``.gz``.

    Parameters
    ----------
    path : str or path-like
        The file.
    source : str, optional
        What errors call the file; by default its path.

    Returns
    -------
    bytes
        The contents, decompressed.

    Raises
    ------
    MhoFileError
        If the file cannot be read, or is no complete gzip file although its name says so.
    """
    source = os.fspath(path) if source is None else source
    try:
        raw = Path(path).read_bytes()
    except FileNotFoundError:
        raise MhoFileError(f"{source}: no such file") from None
    except OSError as error:
        raise MhoFileError(f"{source}: cannot be read: {error.strerror or error}") from None
    if Path(path).suffix != ".gz":
        return raw
    if raw[:2] != b"\x1f\x8b":
        raise MhoFileError(
            f"{source}: expected a gzip file (first bytes 1f 8b), as its name says, found {_first(raw)}"
        )
    try:
        return gzip.decompress(raw)
    except EOFError:
        raise MhoFileError(
            f"{source}: expected a complete gzip file, found it truncated after {len(raw)} bytes"
        ) from None
    except (OSError, zlib.error) as error:
        raise MhoFileError(f"{source}: expected an intact gzip file, found it damaged: {error}") from None


def parse_idx(content: bytes, source: str, *, ndim: int) -> NDArray[np.uint8]:
    """Interpret the bytes of an IDX file of unsigned bytes.

    Parameters
    ----------
    content : bytes
        The whole file, decompressed.
    source : str
        What errors call the file.
    ndim : int
        Number of dimensions the file must have.

    Returns
    -------
    ndarray of uint8
        Read-only, of the shape that the header states.

    Raises
    ------
    MhoFileError
        If `content` is anything else.
    """
    expected = f"an IDX file of unsigned bytes in {ndim} dimension{'s' if ndim != 1 else ''}"
    # zeros, type and dimensions each have a message of their own, since they tell different mistakes apart
    if content[:2] != b"\0\0" or len(content) < 4 or content[2] not in _TYPES:
        raise MhoFileError(
            f"{source}: expected {expected} (first bytes 00 00 08 {ndim:02x}), found {_first(content)}"
        )
    if content[2] != 0x08:
        raise MhoFileError(f"{source}: expected {expected}, found elements of type {_TYPES[content[2]]}")
    if content[3] != ndim:
        raise MhoFileError(f"{source}: expected {expected}, found {content[3]} dimensions")
    start = 4 + 4 * ndim
    if len(content) < start:
        raise MhoFileError(
            f"{source}: expected a header of {start} bytes, found a file of {len(content)} bytes"
        )
    shape = struct.unpack_from(f">{ndim}I", content, 4)
    size = start + math.prod(shape)
    if len(content) != size:
        how = "truncated" if len(content) < size else "with trailing bytes"
        raise MhoFileError(
            f"{source}: expected {size} bytes for shape {shape}, found the file {how}: {len(content)} bytes"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _first(raw: bytes) -> str:
    return f"{raw[:4].hex(' ')}" if raw else "an empty file"
