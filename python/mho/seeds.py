"""Seeds: where every random number of a network, a tile or a shuffle comes from.

A random number is a pure function of who draws it and when. *Who* is a seed and a path, such as
``net/0/tile1``; both are hashed to a 64-bit key of the counter-based generator Philox4x32.
*When* is the step.

References
----------
J. K. Salmon et al., SC'11 (2011).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mho import _validate
from mho._validate import Range
from mho.errors import MhoTypeError, MhoValueError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Seed"]

# The purpose of draws on the host's side, apart from those of the engine under the same key.
_HOST = 0x7F00

_VALUES = Range(at_least=0, below=2**64)
_STEPS = Range(at_least=0, below=2**48)


@dataclass(frozen=True, slots=True, init=False)
class Seed:
    """A number and a path, which together name a stream of random numbers.

    Two seeds that are equal give the same numbers, on every machine; two that differ, in the number or in the
    path, give unrelated ones. A call with the same `step` repeats its numbers, and `words`, `uniform` and
    `permutation` read the same ones: take another step, or a child, for others.

    Parameters
    ----------
    value : int, optional
        The number, ``0 <= value < 2**64``. By default 64 bits are taken from the operating system, once.
    path : str, default ""
        Names joined by ``/``.

    Raises
    ------
    MhoError
        If the value or the path is not valid.

    Examples
    --------
    >>> Seed(7).child("net").child("0")
    Seed(value=7, path='net/0')
    >>> Seed(7).child("net/0") == Seed(7, "net/0")
    True
    >>> Seed(-1)
    Traceback (most recent call last):
        ...
    mho.errors.MhoValueError: Seed.value must be >= 0 and < 18446744073709551616, got -1
    """

    value: int
    path: str

    def __init__(self, value: int | None = None, path: str = "") -> None:
        """Check and keep the value and the path; see the class."""
        if value is None:
            value = int.from_bytes(os.urandom(8), "little")
        object.__setattr__(self, "value", _validate.integer("Seed.value", value, _VALUES))
        object.__setattr__(self, "path", _checked_path("Seed.path", path) if path != "" else "")

    def child(self, name: str) -> Seed:
        """Return the seed of a part.

        Parameters
        ----------
        name : str
            The name of the part, or several joined by ``/``.

        Raises
        ------
        MhoError
            If `name` is not a str, or has an empty part.
        """
        name = _checked_path("name", name)
        return Seed(self.value, f"{self.path}/{name}" if self.path else name)

    @property
    def key(self) -> int:
        """The 64-bit key of the generator."""
        from mho import _core  # the engine is loaded when it is first needed

        return _core.derive_key(self.value, self.path)

    def words(self, n: int, step: int = 0) -> NDArray[np.uint32]:
        """Draw 32-bit words, uniformly distributed.

        Parameters
        ----------
        n : int
            How many.
        step : int, default 0
            When, ``0 <= step < 2**48``.

        Returns
        -------
        ndarray of uint32, shape (n,)
        """
        from mho import _core  # the engine is loaded when it is first needed

        n = _validate.integer("n", n, Range(at_least=0, below=2**32))
        step = _validate.integer("step", step, _STEPS)
        return _core.random_words(self.key, _HOST, step, n)

    def uniform(
        self, shape: int | tuple[int, ...], low: float = 0.0, high: float = 1.0, step: int = 0
    ) -> NDArray[np.float32]:
        """Draw numbers uniformly distributed between `low` and `high`.

        Parameters
        ----------
        shape : int or tuple of int
            The shape of the result.
        low, high : float
            The limits, ``low <= high``; neither is reached but by rounding to float32.
        step : int, default 0
            When, ``0 <= step < 2**48``.

        Returns
        -------
        ndarray of float32, of the given shape
        """
        sizes = shape if isinstance(shape, tuple) else (shape,)
        sizes = tuple(_validate.integer("shape", size, Range(at_least=0)) for size in sizes)
        low = _validate.number("low", low)
        high = _validate.number("high", high, Range(at_least=low))
        count = 1
        for size in sizes:
            count *= size
        # The middles of 2**24 intervals: exact in float64, so that the result does not depend on the machine.
        unit = ((self.words(count, step) >> np.uint32(8)).astype(np.float64) + 0.5) * 2.0**-24
        return (low + (high - low) * unit).astype(np.float32).reshape(sizes)

    def permutation(self, n: int, step: int = 0) -> NDArray[np.int64]:
        """Draw a random order of the numbers 0 to n - 1.

        Parameters
        ----------
        n : int
            How many.
        step : int, default 0
            When, ``0 <= step < 2**48``.

        Returns
        -------
        ndarray of int64, shape (n,)
        """
        n = _validate.integer("n", n, Range(at_least=0, below=2**31))
        words = self.words(2 * n, step).astype(np.uint64)
        keys = words[0::2] | (words[1::2] << np.uint64(32))
        return np.argsort(keys, kind="stable").astype(np.int64)


def _checked_path(name: str, path: object) -> str:
    if not isinstance(path, str):
        raise MhoTypeError(f"{name} must be a str, got {path!r} ({type(path).__name__})")
    if "" in path.split("/"):
        raise MhoValueError(f"{name} must be names joined by single slashes, got {path!r}")
    return path
