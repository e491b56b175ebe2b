"""A chain of layers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mho import _core, files
from mho._validate import number
from mho.config import TileConfig
from mho.errors import MhoError, MhoFileError, MhoTypeError, MhoValueError
from mho.nn import losses
from mho.nn.layer import Array, Layer, as_float32, load_all
from mho.seeds import Seed
from mho.tile import SECONDS, Costs, PulseCount, Tile, learning_rate

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

__all__ = ["BatchResult", "Sequential"]

_KIND = "network"


class _Tape:
    """What one forward pass leaves, and the gradients once a backward pass has found them."""

    __slots__ = ("d", "gradients", "saved")

    def __init__(self, saved: list[Any]) -> None:
        self.saved = saved
        self.d: Array | None = None
        self.gradients: list[Array | None] = []


class BatchResult(NamedTuple):
    """What a network made of a batch before it was trained with it.

    Parameters
    ----------
    loss : float
        Mean loss.
    errors : int
        Samples that were classified wrongly.
    """

    loss: float
    errors: int


class Sequential:
    """Layers one after the other.

    Layer i, if it is not built yet, is built with ``seed.child("net/{i}")``. A layer may appear more than
    once: it is the same layer then, with one set of weights.

    Parameters
    ----------
    *layers : Layer
        At least one.
    config : TileConfig, optional
        For the layers that have none of their own.
    seed : int or Seed, optional
        Source of all random numbers; by default 64 bits from the operating system, kept in `seed`.

    Raises
    ------
    MhoTypeError, MhoValueError
        No layers, something that is no layer, or neighbours that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from mho import nn
    >>> net = nn.Sequential(nn.Linear(4, 3), nn.Sigmoid(), nn.Linear(3, 2), seed=7)
    >>> y, saved = net.forward(np.ones((5, 4), np.float32))
    >>> loss, d = nn.losses.cross_entropy(y, [0, 1, 0, 1, 0])
    >>> net.update(d, saved, lr=0.1)
    >>> net([[1.0, 0.0, 0.0, 0.0]]).shape
    (1, 2)
    """

    def __init__(
        self, *layers: Layer, config: TileConfig | None = None, seed: int | Seed | None = None
    ) -> None:
        if not layers:
            raise MhoValueError("Sequential must have at least one layer")
        for i, layer in enumerate(cast("tuple[object, ...]", layers)):
            if not isinstance(layer, Layer):
                hint = (
                    " (to join networks, pass their layers: *net.layers)"
                    if isinstance(layer, Sequential)
                    else ""
                )
                raise MhoTypeError(f"layer {i} of Sequential must be a Layer, got {layer!r}{hint}")
        if config is not None and not isinstance(config, TileConfig):
            raise MhoTypeError(f"Sequential.config must be a TileConfig, got {config!r}")
        width = None
        for i, layer in enumerate(layers):
            wanted = getattr(layer, "in_features", None)
            if width is not None and wanted is not None and wanted != width:
                raise MhoValueError(f"layer {i} of Sequential takes {wanted} inputs but gets {width}")
            width = getattr(layer, "out_features", width)
        self._layers = layers
        self._seed = seed if isinstance(seed, Seed) else Seed(seed)
        # Every layer once, by the place where it appears first.
        places: dict[int, int] = {}
        self._first = [places.setdefault(id(layer), i) for i, layer in enumerate(layers)]
        self._own = {i: layers[i] for i in sorted(set(self._first))}
        unbuilt = {i: layer for i, layer in self._own.items() if not layer.built}
        before = [dict(vars(layer)) for layer in unbuilt.values()]
        try:
            for i, layer in unbuilt.items():
                layer.build(self._seed.child(f"net/{i}"), config)
        except BaseException:
            # A layer that went in unbuilt comes out unbuilt, free for another network.
            for layer, attributes in zip(unbuilt.values(), before, strict=True):
                vars(layer).clear()
                vars(layer).update(attributes)
            raise
        trained = [i for i, layer in enumerate(layers) if layer.trainable]
        self._lowest_trained = min(trained, default=len(layers))
        stages = [layer.stage for layer in layers]
        known = [stage for stage in stages if stage is not None]
        self._engine = _core.Network(known) if len(known) == len(layers) else None

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, in order."""
        return self._layers

    @property
    def seed(self) -> Seed:
        """Source of all random numbers of the network."""
        return self._seed

    @property
    def in_features(self) -> int | None:
        """Number of inputs; None if no layer tells."""
        return next((n for layer in self._layers if (n := getattr(layer, "in_features", None))), None)

    @property
    def out_features(self) -> int | None:
        """Number of outputs; None if no layer tells."""
        return next(
            (n for layer in reversed(self._layers) if (n := getattr(layer, "out_features", None))), None
        )

    def __len__(self) -> int:
        return len(self._layers)

    def __getitem__(self, index: int) -> Layer:
        return self._layers[index]

    def __iter__(self) -> Iterator[Layer]:
        return iter(self._layers)

    @property
    def tiles(self) -> tuple[Tile, ...]:
        """All tiles, layer by layer."""
        return tuple(tile for layer in self._own.values() for tile in layer.tiles)

    @property
    def pulses(self) -> PulseCount:
        """Pulses fired by all tiles since they were made."""
        return sum((tile.pulses for tile in self.tiles), PulseCount(0, 0))

    @property
    def costs(self) -> Costs:
        """What all tiles have spent since they were built."""
        return sum((tile.costs for tile in self.tiles), Costs())

    # -- passes

    def forward(self, x: Array, *, training: bool = True, noise: bool = True) -> tuple[Array, _Tape]:
        """Compute the output for `x`.

        Parameters
        ----------
        x : ndarray of float32, shape (..., in)
            Must not be modified before the last use of `saved`.
        training : bool
            False reads with the random numbers of an evaluation, which change no bit of a training.
        noise : bool
            False reads without noise.

        Returns
        -------
        y : ndarray of float32, shape (..., out)
        saved : object
            For `backward` and `update`.
        """
        saved = []
        for layer in self._layers:
            x, one = layer.forward(x, training=training, noise=noise)
            saved.append(one)
        return x, _Tape(saved)

    def _gradients(self, d: Array, tape: _Tape, lowest: int) -> list[Array | None]:
        """Return the gradient with respect to the output of every layer from `lowest` on."""
        layers, saved = self._layers, tape.saved
        gradients: list[Array | None] = [None] * len(layers)
        for i in range(len(layers) - 1, lowest, -1):
            gradients[i] = d
            d = layers[i].backward(d, saved[i])
        gradients[lowest] = d
        return gradients

    def backward(self, d: Array, saved: _Tape) -> Array:
        """Compute the gradient with respect to the input of the network.

        The gradients in between are kept in `saved` for `update`.

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
        gradients = self._gradients(d, saved, 0)
        first = gradients[0]
        assert first is not None
        saved.d, saved.gradients = d, gradients
        return self._layers[0].backward(first, saved.saved[0])

    def update(self, d: Array, saved: _Tape, lr: float) -> None:
        """Take one step of gradient descent in all layers.

        All gradients are found before the first weight moves. If `backward` was not called with the same `d`
        before, they are found here, without reading the first trained layer, whose input gradient nobody
        needs.

        Parameters
        ----------
        d : ndarray of float32, shape (..., out)
            Gradient of the loss with respect to the output.
        saved : object
            From `forward`.
        lr : float
            Learning rate.
        """
        lowest = self._lowest_trained
        if lowest == len(self._layers):
            return
        gradients = saved.gradients if saved.d is d else self._gradients(d, saved, lowest)
        # What is wrong with d or lr is found before any weight has moved.
        trained = []
        for i in range(lowest, len(self._layers)):
            gradient = gradients[i]
            assert gradient is not None
            trained.append((self._layers[i], gradient, saved.saved[i]))
        for layer, gradient, own in trained:
            layer.check_update(gradient, own, lr)
        for layer, gradient, own in trained:
            layer.update(gradient, own, lr)

    def train_batch(
        self, x: ArrayLike, target: ArrayLike, lr: float, *, loss: str = "cross_entropy"
    ) -> BatchResult:
        """Take one step of gradient descent with a batch: `forward`, the loss, and `update`.

        Where the engine knows all layers it does all of this in one call, with the same bits.

        Parameters
        ----------
        x : array_like of float32, shape (..., in)
            Samples.
        target : array_like of int, shape (...)
            Their classes; for ``"mse"`` also what the outputs should be, of shape (..., out).
        lr : float
            Learning rate, from 0 to 1e12.
        loss : {"cross_entropy", "mse"}

        Returns
        -------
        BatchResult
            Mean loss and number of errors before the update. Without classes there are no errors.

        Raises
        ------
        MhoTypeError, MhoValueError
            An argument is not valid, or the loss or a gradient is not finite. No weight has moved then.

        Examples
        --------
        >>> import numpy as np
        >>> from mho import nn
        >>> net = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2), seed=7)
        >>> x = np.eye(4, dtype=np.float32)
        >>> losses = [net.train_batch(x, [0, 0, 1, 1], lr=0.1).loss for _ in range(20)]
        >>> losses[-1] < losses[0]
        True
        """
        function = losses.get(loss)
        lr = learning_rate(lr)
        x = as_float32(x, "Sequential: x")
        target = np.asarray(target)
        classes = target.ndim == x.ndim - 1 and target.dtype.kind in "iu"
        if self._engine is not None and classes and x.ndim == 2:
            return BatchResult(*self._engine.train(x, target, loss, lr))
        output, saved = self.forward(x)
        value, d = function(output, target)
        if not math.isfinite(value):
            raise MhoValueError(f"the loss is {value}")
        self.update(d, saved, lr)
        if not classes:
            return BatchResult(value, 0)
        flat = output.reshape(-1, output.shape[-1])
        return BatchResult(value, _core.count_errors(flat, target.reshape(-1)))

    @property
    def engine(self) -> _core.Network | None:
        """What trains all layers in one call of the engine; None where it does not know one of them."""
        return self._engine

    @property
    def ages(self) -> bool:
        """Whether time changes anything: whether a device of the network has a `mho.devices.Retention`."""
        return any(tile.ages for tile in self.tiles)

    def elapse(self, seconds: float) -> None:
        """Let time pass for all layers; see `mho.Tile.elapse`.

        Parameters
        ----------
        seconds : float
            The time, from 0 to 1e12.

        Raises
        ------
        MhoTypeError, MhoValueError
            It is not such a number. The network is unchanged then.

        Examples
        --------
        >>> from mho import nn, presets
        >>> net = nn.Sequential(nn.Linear(4, 2, device=presets.capacitor()), seed=7)
        >>> before = abs(net[0].weight).sum()
        >>> net.elapse(1e6)
        >>> bool(abs(net[0].weight).sum() < before)
        True
        """
        seconds = number("seconds", seconds, SECONDS)
        for layer in self._own.values():
            layer.elapse(seconds)

    def __call__(self, x: ArrayLike, *, noise: bool = True) -> Array:
        """Evaluate the network: outputs for `x`, which change no bit of a training.

        Parameters
        ----------
        x : array_like of float32, shape (..., in)
        noise : bool
            False reads without noise.

        Returns
        -------
        ndarray of float32, shape (..., out)
        """
        return self.forward(as_float32(x, "Sequential: x"), training=False, noise=noise)[0]

    # -- files

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return everything that changes while the network is used: arrays, and the rest as JSON values."""
        arrays: dict[str, NDArray[Any]] = {}
        metas: dict[str, Any] = {}
        for i, layer in self._own.items():
            values, meta = layer.state()
            arrays |= {f"{i}/{name}": value for name, value in values.items()}
            metas[str(i)] = meta
        return arrays, {"layers": metas}

    def load_state(self, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:
        """Take over a state of a network built alike; if it does not fit, nothing changes.

        Parameters
        ----------
        arrays, meta
            From `state`.

        Raises
        ------
        MhoFileError
            The state is of another network.
        """
        groups: dict[str, dict[str, NDArray[Any]]] = {str(i): {} for i in self._own}
        for name, value in arrays.items():
            head, _, rest = name.partition("/")
            if head not in groups:
                raise MhoFileError(f"a network of layers {', '.join(groups)} has no array {name!r}")
            groups[head][rest] = value
        metas = meta.get("layers")
        if not isinstance(metas, dict) or metas.keys() != groups.keys():
            raise MhoFileError(f"state of a network must have the layers {', '.join(groups)}")
        load_all(list(self._own.values()), [(groups[i], metas[i]) for i in groups])

    def spec(self) -> dict[str, Any]:
        """Return what it takes to build the network again, representable as JSON."""
        layers = [
            layer.spec() if first == i else {"same_as": first}
            for i, (layer, first) in enumerate(zip(self._layers, self._first, strict=True))
        ]
        return {"seed": {"value": self._seed.value, "path": self._seed.path}, "layers": layers}

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Self:
        """Build a network from its `spec`, with its initial weights.

        Raises
        ------
        MhoFileError
            The description is incomplete or names an unknown type of layer.
        """
        try:
            layers: list[Layer] = []
            for one in spec["layers"]:
                layers.append(layers[one["same_as"]] if "same_as" in one else Layer.of_spec(one))
            return cls(*layers, seed=Seed(spec["seed"]["value"], spec["seed"]["path"]))
        except (KeyError, IndexError, TypeError) as error:
            if isinstance(error, MhoError):
                raise
            raise MhoFileError(f"description of a network is incomplete: {error}") from error

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network, configuration and state, to one safetensors file.

        Parameters
        ----------
        path : path-like
            Replaced in one step if it exists.

        Examples
        --------
        >>> import tempfile
        >>> from mho import nn
        >>> net = nn.Sequential(nn.Linear(4, 2), nn.Tanh(), seed=7)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     net.save(Path(folder) / "net.safetensors")
        ...     again = nn.Sequential.load(Path(folder) / "net.safetensors")
        >>> bool((again[0].weight == net[0].weight).all())
        True
        """
        arrays, meta = self.state()
        files.save_state(Path(path), arrays, {"network": self.spec(), "state": meta}, _KIND)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a network that `save` wrote.

        Raises
        ------
        MhoFileError
            The file is missing, truncated, of another kind, or newer than this version of mho.
        """
        arrays, meta = files.load_state(Path(path), _KIND)
        try:
            net = cls.from_spec(meta["network"])
            net.load_state(arrays, meta["state"])
        except (KeyError, TypeError, ValueError) as error:
            raise MhoFileError(f"cannot read {path}: it holds no valid network ({error})") from error
        return net

    def floating_point(self) -> Self:
        """Return the same network computed with exact numbers: ideal devices read perfectly.

        Returns
        -------
        Sequential
            With the same seed, and the present effective weights as its initial ones.

        Examples
        --------
        >>> from mho import nn
        >>> net = nn.Sequential(nn.Linear(4, 2), nn.Tanh(), seed=7)
        >>> net.floating_point()[0].config.device
        Ideal()
        """
        twins = {i: layer.floating_point() for i, layer in self._own.items()}
        return type(self)(*(twins[first] for first in self._first), seed=self._seed)

    # -- description

    def summary(self) -> str:
        """Describe the network as a plain text table.

        Tiles are given as inputs x outputs; utilisation is the share of used crosspoints, of a tile of the
        exact size if ``mapping.max_tile_size`` is 0 and of a square of that size otherwise. The last line is
        what the tiles have spent since they were built, `costs`.

        Returns
        -------
        str
        """
        header = ("", "layer", "shape", "parameters", "tiles", "device", "rule", "utilisation", "scale")
        rows = [header]
        total = 0
        for i, (layer, first) in enumerate(zip(self._layers, self._first, strict=True)):
            s = layer.summarise()
            if first == i:
                total += s.parameters
                counted = f"{s.parameters:,}" if s.parameters else ""
                rows.append(
                    (str(i), s.name, s.shape, counted, s.tiles, s.device, s.rule, s.utilisation, s.scale)
                )
            else:
                rows.append((str(i), s.name, s.shape, f"same as {first}", "", "", "", "", ""))
        right = {0, 3, 7}
        widths = [max(len(row[c]) for row in rows) for c in range(len(header))]

        def line(row: tuple[str, ...]) -> str:
            cells = (f"{cell:{'>' if c in right else '<'}{widths[c]}}" for c, cell in enumerate(row))
            return "  ".join(cells).rstrip()

        rule = "-" * max(len(line(row)) for row in rows)
        count = len(self.tiles)
        end = f"{total:,} parameters on {count} tile{'' if count == 1 else 's'}, seed {self._seed.value}"
        if self._seed.path:
            end += f" ({self._seed.path})"
        return "\n".join([line(rows[0]), rule, *map(line, rows[1:]), rule, end, str(self.costs)])

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(repr, self._layers))}, seed={self._seed.value})"
