"""Elementwise functions, computed digitally."""

from __future__ import annotations

from typing import ClassVar

from mho import _core
from mho.nn.layer import Array, Layer, as_float32

__all__ = ["ReLU", "Sigmoid", "Tanh"]


class _Activation(Layer):
    """A function of each number by itself, whose slope follows from its value."""

    _engine: ClassVar[_core.Activation]

    def forward(self, x: Array, *, training: bool = True, noise: bool = True) -> tuple[Array, Array]:
        """See `Layer.forward`; of any shape."""
        y = self._engine.forward(as_float32(x, f"{type(self).__name__}: x"))
        return y, y

    def backward(self, d: Array, saved: Array) -> Array:
        """See `Layer.backward`."""
        return self._engine.backward(d, saved)

    @property
    def stage(self) -> _core.Stage | None:
        """See `Layer.stage`."""
        return self._engine if type(self) in (Sigmoid, Tanh, ReLU) else None


class Sigmoid(_Activation):
    """Logistic function, 1 / (1 + exp(-x)).

    Examples
    --------
    >>> import numpy as np
    >>> from mho import nn
    >>> layer = nn.Sigmoid()
    >>> y, saved = layer.forward(np.zeros((1, 2), np.float32))
    >>> y
    array([[0.5, 0.5]], dtype=float32)
    >>> layer.backward(np.ones((1, 2), np.float32), saved)
    array([[0.25, 0.25]], dtype=float32)
    """

    _engine = _core.Activation("sigmoid")


class Tanh(_Activation):
    """Hyperbolic tangent.

    Examples
    --------
    >>> import numpy as np
    >>> from mho import nn
    >>> y, saved = nn.Tanh().forward(np.zeros((1, 2), np.float32))
    >>> nn.Tanh().backward(np.ones((1, 2), np.float32), saved)
    array([[1., 1.]], dtype=float32)
    """

    _engine = _core.Activation("tanh")


class ReLU(_Activation):
    """Rectifier, max(x, 0); its slope at 0 is 0.

    Examples
    --------
    >>> import numpy as np
    >>> from mho import nn
    >>> y, saved = nn.ReLU().forward(np.array([-1.0, 2.0], np.float32))
    >>> y, nn.ReLU().backward(np.array([3.0, 3.0], np.float32), saved)
    (array([0., 2.], dtype=float32), array([0., 3.], dtype=float32))
    """

    _engine = _core.Activation("relu")
