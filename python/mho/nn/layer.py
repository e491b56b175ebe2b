"""What every layer of a network has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mho.errors import MhoFileError, MhoTypeError, MhoValueError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mho import _core
    from mho.config import TileConfig
    from mho.seeds import Seed
    from mho.tile import Tile

__all__ = ["Array", "Layer", "LayerSummary"]

Array: TypeAlias = NDArray[np.float32]


def as_float32(value: ArrayLike, name: str) -> Array:
    """Return `value` as a float32 array, itself where it is one already.

    Parameters
    ----------
    value : array_like
        Real numbers.
    name : str
        What the error calls it.

    Returns
    -------
    ndarray of float32

    Raises
    ------
    MhoTypeError
        `value` is not made of real numbers.

    Examples
    --------
    >>> as_float32([1, 2], "x").dtype
    dtype('float32')
    """
    if isinstance(value, np.ndarray) and value.dtype == np.float32:
        return value
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise MhoTypeError(f"{name} must be an array of real numbers: {error}") from error
    if array.dtype.kind not in "fiub":
        raise MhoTypeError(f"{name} must be an array of real numbers, got dtype {array.dtype}")
    return array.astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class LayerSummary:
    """One line of ``net.summary()``, as text.

    Parameters
    ----------
    name : str
        Type of the layer.
    shape : str
        Number of inputs and outputs.
    parameters : int
        Number of trained values.
    tiles : str
        Number and size of the tiles.
    device : str
        Device of the main array.
    utilisation : str
        Used crosspoints over the allocated ones.
    scale : str
        What a normalised conductance of 1 stands for.
    rule : str
        Update rule, with `lr_scale` where there is one.
    """

    name: str
    shape: str = ""
    parameters: int = 0
    tiles: str = ""
    device: str = ""
    utilisation: str = ""
    scale: str = ""
    rule: str = ""


class Layer(ABC):
    """A step of a network, without memory of what went through it.

    A layer keeps no activations: `forward` hands out everything that `backward` and `update` need, so that
    the same layer may be used many times in one step (recurrence, shared weights). Arrays that went in must
    not be modified before the last use of `saved`.

    A subclass is known to files by the name of its class, from its definition on. A layer without parameters
    needs only `forward` and `backward`; if its constructor takes arguments, `spec` and `from_spec` too.

    Examples
    --------
    >>> class Half(Layer):
    ...     def forward(self, x, *, training=True, noise=True):
    ...         return x * np.float32(0.5), None
    ...     def backward(self, d, saved):
    ...         return d * np.float32(0.5)
    >>> type(Layer.of_spec(Half().spec())).__name__
    'Half'
    """

    trainable: ClassVar[bool] = False
    """Whether `update` does anything."""

    _types: ClassVar[dict[str, type[Layer]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        name = cls.__name__
        known = Layer._types.get(name)
        # A class that is defined again (a cell of a notebook that runs twice) takes its own place.
        if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise MhoTypeError(f"a layer type named {name} exists already, in {known.__module__}")
        Layer._types[name] = cls

    @abstractmethod
    def forward(self, x: Array, *, training: bool = True, noise: bool = True) -> tuple[Array, Any]:
        """Compute the output for `x`.

        Parameters
        ----------
        x : ndarray of float32, shape (..., in)
            Inputs; leading dimensions are samples.
        training : bool
            True reads with the random numbers of the training, False with those of an evaluation, which
            change no bit of a training.
        noise : bool
            False reads without noise.

        Returns
        -------
        y : ndarray of float32, shape (..., out)
        saved : object
            What `backward` and `update` need.
        """

    @abstractmethod
    def backward(self, d: Array, saved: Any) -> Array:
        """Compute the gradient with respect to the input.

        Parameters
        ----------
        d : ndarray of float32, shape (..., out)
            Gradient of the loss with respect to the output.
        saved : object
            From `forward`.

        Returns
        -------
        ndarray of float32, shape (..., in)
        """

    def update(self, d: Array, saved: Any, lr: float) -> None:  # noqa: B027 (most layers have nothing to do)
        """Take one step of gradient descent; a layer without parameters does nothing.

        Parameters
        ----------
        d : ndarray of float32, shape (..., out)
            Gradient of the loss with respect to the output.
        saved : object
            From `forward`.
        lr : float
            Learning rate.
        """

    def check_update(self, d: Array, saved: Any, lr: float) -> None:  # noqa: B027 (likewise)
        """Raise what `update` would raise for the same arguments, and change nothing.

        A network checks all of its layers before it updates the first one. A layer of your own that refuses
        some gradients or learning rates says so here.

        Parameters
        ----------
        d, saved, lr
            See `update`.
        """

    @property
    def built(self) -> bool:
        """Whether the parameters exist."""
        return True

    def build(self, seed: Seed, config: TileConfig | None = None) -> None:  # noqa: B027 (likewise)
        """Make the parameters; called once by the network before use.

        Parameters
        ----------
        seed : Seed
            Source of all random numbers of the layer.
        config : TileConfig, optional
            Used where the layer was given none itself.
        """

    @property
    def tiles(self) -> tuple[Tile, ...]:
        """The tiles of the layer."""
        return ()

    @property
    def stage(self) -> _core.Stage | None:
        """What computes the layer in the engine; None if its own methods alone do.

        A network whose layers all have one is trained batch by batch without a call of their methods, with
        the same bits (`Sequential.train_batch`).
        """
        return None

    def elapse(self, seconds: float) -> None:
        """Let time pass for the tiles of the layer; see `mho.Tile.elapse`.

        Parameters
        ----------
        seconds : float
            The time, from 0 to 1e12.
        """
        for tile in self.tiles:
            tile.elapse(seconds)

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return everything that changes while the network is used.

        Returns
        -------
        arrays : dict of str to ndarray
        meta : dict
            Representable as JSON.
        """
        return {}, {}

    def load_state(self, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:
        """Take over a state of a layer built alike; if it does not fit, nothing changes.

        Parameters
        ----------
        arrays, meta
            From `state`.

        Raises
        ------
        MhoFileError
            The state is of another kind of layer, or of another shape.
        """
        if arrays or meta:
            raise MhoFileError(f"{type(self).__name__} has no state, got {sorted({*arrays, *meta})}")

    def spec(self) -> dict[str, Any]:
        """Return what it takes to build the layer again, as JSON values; ``type`` names its class."""
        return {"type": type(self).__name__}

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Self:
        """Build a layer of this class from its `spec`."""
        return cls()

    @staticmethod
    def of_spec(spec: Mapping[str, Any]) -> Layer:
        """Build a layer of any known class from its `spec`.

        Raises
        ------
        MhoFileError
            There is no layer type of that name.

        Examples
        --------
        >>> from mho import nn
        >>> nn.Layer.of_spec({"type": "Tanh"})
        Tanh()
        """
        try:
            name = spec["type"]
            kind = Layer._types[name]
        except KeyError as error:
            known = ", ".join(sorted(Layer._types))
            raise MhoFileError(f"unknown layer type {spec.get('type')!r}; known: {known}") from error
        return kind.from_spec(spec)

    def floating_point(self) -> Layer:
        """Return a layer that computes the same with exact numbers, from the present weights on."""
        return Layer.of_spec(self.spec())

    def summarise(self) -> LayerSummary:
        """Return the layer's line of ``net.summary()``."""
        return LayerSummary(name=type(self).__name__)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def check_shape(name: str, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """Raise unless `shape` is the expected one."""
    if shape != expected:
        raise MhoValueError(f"{name} must have shape {expected}, got {shape}")


class Stateful(Protocol):
    """Something with a state."""

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return the state."""
        ...

    def load_state(self, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any], /) -> None:
        """Take over a state."""
        ...


def load_all(
    parts: Sequence[Stateful], states: Sequence[tuple[Mapping[str, NDArray[Any]], Mapping[str, Any]]]
) -> None:
    """Load a state into each of `parts`; if one does not fit, those before it get their old state back."""
    before = []
    try:
        for part, (arrays, meta) in zip(parts, states, strict=True):
            old = part.state()
            part.load_state(arrays, meta)
            before.append((part, old))
    except BaseException:
        for part, (arrays, meta) in before:
            part.load_state(arrays, meta)
        raise
