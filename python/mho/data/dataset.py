"""A labelled data set: what trainers, the command line and the readers of this package hand around."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mho._validate import Range, integer
from mho.errors import MhoTypeError, MhoValueError

__all__ = ["Dataset"]


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Dataset:
    """Samples with class labels, checked once when built and immutable from then on.

    Parameters
    ----------
    x : (n, features) array_like of real numbers
        Samples, one a row, finite. Kept as float32, C-contiguous and read-only; copied, unless it already is
        all of that.
    y : (n,) array_like of int
        Labels, 0 .. `classes` - 1. Kept as int64, read-only, copied by the same rule.
    name : str
        What messages and plots call the data set.
    classes : int
        Number of classes, at least 1; 0 takes the largest label plus one.

    Attributes
    ----------
    x : (n, features) ndarray of float32
    y : (n,) ndarray of int64
    name : str
    classes : int
        At least 1.

    Raises
    ------
    MhoValueError
        If a shape does not fit, there is no sample or no feature, an element of `x` is NaN or no finite
        float32, a label is out of range, `classes` is negative or `name` is empty.
    MhoTypeError
        If `x` does not hold real numbers, `y` or `classes` no integers, or `name` is no string.

    Examples
    --------
    >>> toy = Dataset([[0.0, 1.0], [1.0, 0.5], [0.25, 0.0]], [1, 0, 1], name="toy")
    >>> toy
    Dataset('toy', n=3, features=2, classes=2)
    >>> toy.x.dtype, toy.y.dtype, toy.x.flags.writeable
    (dtype('float32'), dtype('int64'), False)
    """

    x: NDArray[np.float32]
    y: NDArray[np.int64]
    name: str
    classes: int

    # not the generated one: it takes more types than the fields have
    def __init__(self, x: ArrayLike, y: ArrayLike, name: str = "dataset", classes: int = 0) -> None:
        if not isinstance(name, str):
            raise MhoTypeError(f"Dataset.name must be a str, got {type(name).__name__}")
        if not name:
            raise MhoValueError("Dataset.name must not be empty")
        classes = integer("Dataset.classes", classes, Range(at_least=0))
        samples = _samples(x)
        labels = _labels(y, len(samples), classes)
        # object.__setattr__ is how a frozen dataclass sets its own fields
        object.__setattr__(self, "x", samples)
        object.__setattr__(self, "y", labels)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "classes", classes or int(labels.max()) + 1)

    def __len__(self) -> int:
        return len(self.y)

    def __repr__(self) -> str:
        return f"Dataset({self.name!r}, n={len(self)}, features={self.features}, classes={self.classes})"

    @property
    def features(self) -> int:
        """Length of one sample."""
        return int(self.x.shape[1])

    def subset(self, n: int) -> Dataset:
        """Return the first `n` samples, without copying them.

        Parameters
        ----------
        n : int
            Number of samples, 1 .. ``len(self)``.

        Returns
        -------
        Dataset
            Of the same name and number of classes.

        Raises
        ------
        MhoValueError
            If `n` is out of range.
        MhoTypeError
            If `n` is no integer.

        Examples
        --------
        >>> Dataset([[0.0], [1.0], [2.0]], [0, 1, 2]).subset(2)
        Dataset('dataset', n=2, features=1, classes=3)
        """
        n = integer("Dataset.subset: n", n, Range(at_least=1, at_most=len(self)))
        return replace(self, x=self.x[:n], y=self.y[:n])

    def take(self, indices: ArrayLike) -> Dataset:
        """Return the samples at `indices`, in that order, as a copy.

        Parameters
        ----------
        indices : (m,) array_like of int
            Each 0 .. ``len(self) - 1``, m at least 1; an index may come more than once.

        Returns
        -------
        Dataset
            Of the same name and number of classes.

        Raises
        ------
        MhoValueError
            If `indices` is empty, not one-dimensional, or out of range.
        MhoTypeError
            If `indices` does not hold integers.

        Examples
        --------
        >>> Dataset([[0.0], [1.0], [2.0]], [0, 1, 2]).take([2, 0]).y
        array([2, 0])
        """
        chosen = _indices("Dataset.take: indices", indices, len(self))
        return replace(self, x=_frozen(self.x[chosen]), y=_frozen(self.y[chosen]))

    def batches(
        self, batch_size: int, order: ArrayLike | None = None
    ) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """Iterate over mini-batches; the last one is shorter where `batch_size` does not divide the samples.

        Parameters
        ----------
        batch_size : int
            Samples in a batch, at least 1.
        order : (m,) array_like of int, optional
            Which samples, and in which order, as for `take`; by default all of them as they are stored.

        Returns
        -------
        iterator of (x, y)
            x : (batch, features) ndarray of float32, y : (batch,) ndarray of int64.

        Raises
        ------
        MhoValueError, MhoTypeError
            If `batch_size` is no integer of at least 1, or `order` is not what `take` accepts; raised by the
            call itself, not by the first step of the iteration.

        Examples
        --------
        >>> toy = Dataset([[0.0], [1.0], [2.0]], [0, 1, 2])
        >>> [y.tolist() for x, y in toy.batches(2, order=[2, 1, 0])]
        [[2, 1], [0]]
        """
        size = integer("Dataset.batches: batch_size", batch_size, Range(at_least=1))
        if order is None:
            return ((self.x[i : i + size], self.y[i : i + size]) for i in range(0, len(self), size))
        chosen = _indices("Dataset.batches: order", order, len(self))
        parts = (chosen[i : i + size] for i in range(0, len(chosen), size))
        return ((self.x[part], self.y[part]) for part in parts)


def _array(field: str, values: ArrayLike, kinds: str, what: str) -> NDArray[Any]:
    try:
        array = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise MhoValueError(f"{field} must be an array of {what}: {error}") from None
    # an empty list is float64 to numpy; that it is empty is what the caller's shape check will say
    if array.size and array.dtype.kind not in kinds:
        raise MhoTypeError(f"{field} must hold {what}, got dtype {array.dtype}")
    return array


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array


def _owned(array: NDArray[Any], dtype: type[np.generic]) -> NDArray[Any]:
    """Return `array` as a read-only C-contiguous array of `dtype`: itself where it is one, else a copy."""
    if array.dtype == dtype and array.flags.c_contiguous and not array.flags.writeable:
        return array
    with np.errstate(over="ignore"):  # the check for infinities says which element it was
        return _frozen(np.array(array, dtype=dtype, order="C"))


def _samples(values: ArrayLike) -> NDArray[np.float32]:
    array = _array("Dataset.x", values, "fiu", "real numbers")
    if array.ndim != 2 or array.size == 0:
        raise MhoValueError(
            f"Dataset.x must have shape (n, features) with n >= 1 and features >= 1, got {array.shape}"
        )
    x: NDArray[np.float32] = _owned(array, np.float32)
    # two reductions see every NaN and infinity without a mask as large as the data
    if not (np.isfinite(x.min()) and np.isfinite(x.max())):
        row, column = np.argwhere(~np.isfinite(x))[0].tolist()
        raise MhoValueError(
            f"Dataset.x must be finite in float32, got {array[row, column]} at [{row}, {column}]"
        )
    return x


def _labels(values: ArrayLike, n: int, classes: int) -> NDArray[np.int64]:
    array = _array("Dataset.y", values, "iu", "integers")
    if array.shape != (n,):
        raise MhoValueError(
            f"Dataset.y must have shape (n,) = ({n},), one label per row of x, got {array.shape}"
        )
    # before the conversion: a large uint64 would turn into a negative int64
    limit = classes or np.iinfo(np.int64).max
    wrong = np.flatnonzero((array < 0) | (array >= limit))
    if len(wrong):
        allowed = f"0 .. classes - 1 = {classes - 1}" if classes else f"0 .. {limit - 1}"
        raise MhoValueError(f"Dataset.y must lie in {allowed}, got {array[wrong[0]]} at [{wrong[0]}]")
    return _owned(array, np.int64)


def _indices(field: str, values: ArrayLike, n: int) -> NDArray[np.intp]:
    array = _array(field, values, "iu", "integers")
    if array.ndim != 1 or array.size == 0:
        raise MhoValueError(f"{field} must have shape (m,) with m >= 1, got {array.shape}")
    wrong = np.flatnonzero((array < 0) | (array >= n))
    if len(wrong):
        raise MhoValueError(f"{field} must lie in 0 .. {n - 1}, got {array[wrong[0]]} at [{wrong[0]}]")
    return array.astype(np.intp)
