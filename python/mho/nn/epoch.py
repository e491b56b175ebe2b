"""A pass through samples, batch by batch."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np

from mho import _core
from mho._validate import Range, integer, number
from mho.errors import MhoTypeError, MhoValueError
from mho.nn import losses
from mho.nn.layer import as_float32
from mho.nn.sequential import BatchResult, Sequential
from mho.tile import learning_rate

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Epoch"]


class Epoch:
    """One pass of a network through samples: `Sequential.train_batch` with one batch after the other.

    Many batches are trained in one call, so that short ones lose no time between them. How many, and how many
    threads, changes no bit.

    Parameters
    ----------
    net : Sequential
        Trained in place.
    x : array_like of float32, shape (n, in)
        All samples. An array is not copied, and must not be modified before the pass is done.
    y : array_like of int, shape (n,)
        Their classes.
    batch_size : int, default 10
        Samples in a batch; the last one is smaller where this does not divide them.
    order : array_like of int, optional
        Which samples, and in which order; by default all of them as they are stored.
    loss : {"cross_entropy", "mse"}

    Attributes
    ----------
    net : Sequential
    done : int
        Batches so far.

    Raises
    ------
    MhoTypeError, MhoValueError
        An argument has the wrong type or shape, or is out of range.

    Examples
    --------
    >>> from mho import nn
    >>> net = nn.Sequential(nn.Linear(4, 2), seed=7)
    >>> epoch = nn.Epoch(net, np.eye(4), [0, 0, 1, 1], batch_size=2, order=[3, 1, 0, 2])
    >>> len(epoch.train(lr=0.1, batches=1)), epoch.done, len(epoch)
    (1, 1, 2)
    >>> len(epoch.train(lr=0.1)), epoch.done, len(epoch)
    (1, 2, 2)
    """

    def __init__(
        self,
        net: Sequential,
        x: ArrayLike,
        y: ArrayLike,
        *,
        batch_size: int = 10,
        order: ArrayLike | None = None,
        loss: str = "cross_entropy",
    ) -> None:
        if not isinstance(net, Sequential):
            raise MhoTypeError(f"Epoch.net must be a Sequential, got {net!r}")
        losses.get(loss)  # raises where there is none
        self.net = net
        self._x = as_float32(x, "Epoch.x")
        self._y = _whole_numbers(y, "Epoch.y")
        if self._x.ndim != 2 or not len(self._x):
            raise MhoValueError(f"Epoch.x must have shape (n, in) with n >= 1, got {self._x.shape}")
        if self._y.shape != self._x.shape[:1]:
            raise MhoValueError(f"Epoch.y must have shape ({len(self._x)},), got {self._y.shape}")
        # A copy: later changes would get past the checks.
        self._order = (
            np.arange(len(self._x)) if order is None else _whole_numbers(order, "Epoch.order").copy()
        )
        if self._order.ndim != 1 or not len(self._order):
            raise MhoValueError(f"Epoch.order must have shape (m,) with m >= 1, got {self._order.shape}")
        for extreme in (self._order.min(), self._order.max()):
            if not 0 <= extreme < len(self._x):
                raise MhoValueError(f"Epoch.order must be in 0 .. {len(self._x) - 1}, got {extreme}")
        self._batch_size = integer("Epoch.batch_size", batch_size, Range(at_least=1))
        self._loss = loss
        self._done = 0
        engine = net.engine
        self._engine = (
            None
            if engine is None
            else _core.Epoch(engine, self._x, self._y, self._order, self._batch_size, loss)
        )

    @property
    def done(self) -> int:
        """Batches so far."""
        return self._done

    def __len__(self) -> int:
        return -(-len(self._order) // self._batch_size)

    def train(
        self, lr: float, *, batches: int | None = None, seconds: float | None = None
    ) -> list[BatchResult]:
        """Go on with the pass.

        Parameters
        ----------
        lr : float
            Learning rate, from 0 to 1e12.
        batches : int, optional
            How many at most, from 1 on; by default all that are left.
        seconds : float, optional
            For how long, from 0 on: no batch is begun later. The first one always is.

        Returns
        -------
        list of BatchResult
            Of the batches of this call; none if the pass was done before.

        Raises
        ------
        MhoTypeError, MhoValueError
            An argument is not valid, a class is unknown to the network, or a loss or a gradient is not
            finite. The batches before that one are done then, which `done` tells, and it has moved no weight.
        """
        lr = learning_rate(lr)
        left = len(self) - self._done
        many = left if batches is None else min(left, integer("batches", batches, Range(at_least=1)))
        limit = math.inf if seconds is None else number("seconds", seconds, Range(at_least=0))
        if not many:
            return []
        if self._engine is not None:
            try:
                return [BatchResult(*one) for one in self._engine.train(lr, many, limit)]
            finally:
                self._done = self._engine.done
        results = []
        end = time.perf_counter() + limit
        for _ in range(many):
            first = self._done * self._batch_size
            chosen = self._order[first : first + self._batch_size]
            x, y = self._x.take(chosen, axis=0), self._y[chosen]
            results.append(self.net.train_batch(x, y, lr, loss=self._loss))
            self._done += 1
            if time.perf_counter() >= end:
                break
        return results


def _whole_numbers(values: ArrayLike, name: str) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.dtype.kind not in "iu" and array.size:
        raise MhoTypeError(f"{name} must hold integers, got {array.dtype}")
    return array.astype(np.int64, copy=False)
