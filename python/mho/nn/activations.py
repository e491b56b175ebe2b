"""Elementwise functions, computed digitally."""

from __future__ import annotations

import numpy as np

from mho.nn.layer import Array, Layer, as_float32

__all__ = ["ReLU", "Sigmoid", "Tanh"]

# Arrays, since numpy takes longer to convert a number than to work on the few outputs of a layer.
_HALF = np.array(0.5, np.float32)
_ONE = np.array(1, np.float32)
_ZERO = np.array(0, np.float32)


class Sigmoid(Layer):
    """Logistic function, 1 / (1 + exp(-x)).

    Examples
    --------
    >>> from mho import nn
    >>> layer = nn.Sigmoid()
    >>> y, saved = layer.forward(np.zeros((1, 2), np.float32))
    >>> y
    array([[0.5, 0.5]], dtype=float32)
    >>> layer.backward(np.ones((1, 2), np.float32), saved)
    array([[0.25, 0.25]], dtype=float32)
    """

    def forward(self, x: Array, *, training: bool = True, noise: bool = True) -> tuple[Array, Array]:
        """See `Layer.forward`; of any shape."""
        # (1 + tanh(x / 2)) / 2 cannot overflow.
        y = as_float32(x, "Sigmoid: x") * _HALF
        np.tanh(y, out=y)
        y *= _HALF
        y += _HALF
        return y, y

    def backward(self, d: Array, saved: Array) -> Array:
        """See `Layer.backward`."""
        slope = saved * saved
        np.subtract(saved, slope, out=slope)
        slope *= d
        return slope


class Tanh(Layer):
    """Hyperbolic tangent.

    Examples
    --------
    >>> from mho import nn
    >>> y, saved = nn.Tanh().forward(np.zeros((1, 2), np.float32))
    >>> nn.Tanh().backward(np.ones((1, 2), np.float32), saved)
    array([[1., 1.]], dtype=float32)
    """

    def forward(self, x: Array, *, training: bool = True, noise: bool = True) -> tuple[Array, Array]:
        """See `Layer.forward`; of any shape."""
        y: Array = np.tanh(as_float32(x, "Tanh: x"))
        return y, y

    def backward(self, d: Array, saved: Array) -> Array:
        """See `Layer.backward`."""
        slope = saved * saved
        np.subtract(_ONE, slope, out=slope)
        slope *= d
        return slope


class ReLU(Layer):
    """Rectifier, max(x, 0); its slope at 0 is 0.

    Examples
    --------
    >>> from mho import nn
    >>> y, saved = nn.ReLU().forward(np.array([-1.0, 2.0], np.float32))
    >>> y, nn.ReLU().backward(np.array([3.0, 3.0], np.float32), saved)
    (array([0., 2.], dtype=float32), array([0., 3.], dtype=float32))
    """

    def forward(self, x: Array, *, training: bool = True, noise: bool = True) -> tuple[Array, Array]:
        """See `Layer.forward`; of any shape."""
        y: Array = np.maximum(as_float32(x, "ReLU: x"), _ZERO)
        return y, y

    def backward(self, d: Array, saved: Array) -> Array:
        """See `Layer.backward`."""
        return np.asarray(d * (saved > 0), dtype=np.float32)
