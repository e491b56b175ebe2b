"""Losses: means over the batch, with their gradients.

Each takes the outputs of a network and the targets, and returns the mean loss and its gradient with respect
to the outputs, which has the 1 / batch in it.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mho import _core
from mho._validate import choice
from mho.errors import MhoTypeError, MhoValueError
from mho.nn.layer import Array, as_float32, check_shape

__all__ = ["LOSSES", "Loss", "cross_entropy", "get", "mse"]


class Loss(Protocol):
    """A loss function."""

    def __call__(self, y: ArrayLike, target: ArrayLike, /) -> tuple[float, Array]:
        """Return the mean loss and its gradient with respect to `y`."""
        ...


def _labels(target: NDArray[Any], shape: tuple[int, ...], name: str) -> NDArray[Any]:
    """Return the labels of outputs of `shape` as one row, checked."""
    if target.dtype.kind not in "iu":
        raise MhoTypeError(f"{name}: labels must be integers, got dtype {target.dtype}")
    if target.shape != shape[:-1]:
        check_shape(f"{name}: labels", target.shape, shape[:-1])
    labels = target.reshape(-1).astype(np.int64, copy=False)
    wrong = _core.wrong_label(labels, shape[-1])
    if wrong is not None:
        raise MhoValueError(f"{name}: labels must be in 0 .. {shape[-1] - 1}, got {wrong}")
    return labels


def _outputs(y: ArrayLike, name: str) -> Array:
    array = as_float32(y, f"{name}: y")
    if array.ndim == 0 or array.size == 0:
        raise MhoValueError(f"{name}: y must have shape (..., outputs) and not be empty, got {array.shape}")
    return array


def cross_entropy(y: ArrayLike, target: ArrayLike) -> tuple[float, Array]:
    """Cross-entropy of the softmax of `y`, mean over the batch.

    Parameters
    ----------
    y : array_like of float32, shape (..., classes)
        Outputs of a network, before the softmax.
    target : array_like of int, shape (...)
        The right classes, from 0.

    Returns
    -------
    loss : float
        In nats; NaN if an output is NaN or infinite.
    d : ndarray of float32, shape (..., classes)
        Gradient of the loss with respect to `y`.

    Raises
    ------
    MhoTypeError
        The outputs are no real numbers, or the labels no integers.
    MhoValueError
        The shapes do not fit, the batch is empty, or a label is out of range.

    Examples
    --------
    >>> loss, d = cross_entropy([[0.0, 0.0]], [1])
    >>> round(loss, 4), d
    (0.6931, array([[ 0.5, -0.5]], dtype=float32))
    """
    y = _outputs(y, "cross_entropy")
    shape = y.shape
    labels = _labels(np.asarray(target), shape, "cross_entropy")
    if len(shape) != 2:
        y = y.reshape(-1, shape[-1])
    loss, d = _core.cross_entropy(y, labels)
    return loss, d if len(shape) == 2 else d.reshape(shape)


def mse(y: ArrayLike, target: ArrayLike) -> tuple[float, Array]:
    """Mean squared error, mean over the batch and over the outputs.

    Parameters
    ----------
    y : array_like of float32, shape (..., outputs)
        Outputs of a network.
    target : array_like of float32, same shape, or of int, shape (...)
        What they should be; labels stand for 1 at the right class and 0 elsewhere.

    Returns
    -------
    loss : float
    d : ndarray of float32, same shape as `y`
        Gradient of the loss with respect to `y`.

    Raises
    ------
    MhoTypeError
        The outputs or the targets are no real numbers.
    MhoValueError
        The shapes do not fit, the batch is empty, or a label is out of range.

    Examples
    --------
    >>> mse([[1.0, 2.0]], [[1.0, 0.0]])
    (2.0, array([[0., 2.]], dtype=float32))
    >>> mse([[1.0, 2.0]], [0])
    (2.0, array([[0., 2.]], dtype=float32))
    """
    y = _outputs(y, "mse")
    target = np.asarray(target)
    if target.ndim == y.ndim - 1 and target.dtype.kind in "iu":
        labels = _labels(target, y.shape, "mse")
        loss, d = _core.mean_squared_error_of_labels(y.reshape(-1, y.shape[-1]), labels)
        return loss, d.reshape(y.shape)
    target = as_float32(target, "mse: target")
    check_shape("mse: target", target.shape, y.shape)
    return _core.mean_squared_error(y, target)


LOSSES: dict[str, Loss] = {"cross_entropy": cross_entropy, "mse": mse}
"""The losses by name."""


def get(name: str) -> Loss:
    """Return a loss by its name.

    Raises
    ------
    MhoValueError
        There is none of that name.
    MhoTypeError
        `name` is no string.

    Examples
    --------
    >>> get("mse") is mse
    True
    """
    return LOSSES[choice("loss", name, LOSSES)]
