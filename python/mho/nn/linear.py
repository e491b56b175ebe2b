"""Fully connected layer on one or more analog tiles."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mho import _core, _validate
from mho._validate import Range
from mho.config import Mapping, TileConfig
from mho.devices import Device, Ideal
from mho.errors import MhoError, MhoFileError, MhoRuntimeError, MhoTypeError, MhoValueError
from mho.nn.layer import Array, Layer, LayerSummary, as_float32, check_shape, load_all
from mho.periphery import IO, Update
from mho.rules import Rule
from mho.schedules import RATES
from mho.seeds import Seed
from mho.tile import Tile, configuration, learning_rate

if TYPE_CHECKING:
    from collections import abc

__all__ = ["Linear"]


# The kinds of bias, by what the engine calls them.
_BIASES = {True: "digital", False: "none", "analog": "analog"}


class _Saved(NamedTuple):
    """What one forward pass leaves for the backward pass and the update."""

    x: Array  # (samples, in_features)
    shape: tuple[int, ...]  # of the input
    y_shape: tuple[int, ...]
    training: bool
    noise: bool


def _split(size: int, limit: int) -> tuple[slice, ...]:
    """Cut 0 .. size into the fewest parts of at most `limit`, as even as possible; limit 0 is no limit."""
    count = -(-size // limit) if limit else 1
    edges = [size * k // count for k in range(count + 1)]
    return tuple(slice(a, b) for a, b in pairwise(edges))


def _edges(parts: tuple[slice, ...]) -> list[int]:
    """Return where parts of a whole begin and end."""
    return [0, *(part.stop for part in parts)]


def _scale(block: Array, mapping: Mapping) -> Array:
    """Return s of W = s * w for the weights of one tile, shape (1,) or (rows,)."""
    rows = len(block) if mapping.per_output else 1
    if not mapping.weight_scaling_omega:
        return np.ones(rows, np.float32)
    peak = np.abs(block).reshape(rows, -1).max(axis=1)
    scale = peak / np.float32(mapping.weight_scaling_omega)
    # Weights of zero, or all but zero, need no scale.
    return np.where(scale >= np.finfo(np.float32).tiny, scale, np.float32(1))


class Linear(Layer):
    """y = W x + b, the matrix being held by analog tiles.

    The weights W are represented by normalised conductances w as W = s * w, the scale s being one number per
    tile or one per output (`mapping`). The tiles are used as y = s * forward(x), dx = backward(s * d) and
    update(x, d / s), so that W moves by ``-lr * d.T @ x`` in expectation whatever the scale. A matrix larger
    than ``mapping.max_tile_size`` in either dimension is split evenly over a grid of tiles, counted row by
    row of the matrix, and their outputs are added digitally.

    W and b start uniformly distributed in +-1 / sqrt(in_features), drawn from the layer's seed, and W is
    programmed to the tiles: where a device cannot reach its weight, it starts at its own bound.

    Parameters
    ----------
    in_features, out_features : int
        Number of inputs and outputs.
    bias : bool or "analog", default True
        True: a digital vector, trained with the learning rate as it is. "analog": one more input line of the
        crossbar, at a constant 1. False: none.
    lr_scale : float, default 1
        What the learning rate of every update is multiplied by, that of the bias too. 0 keeps the layer as it
        is, whatever its rule.
    device, rule, update, forward_io, backward_io, mapping : optional
        Fields of the tile's configuration, in place of those of `config`.
    config : TileConfig, optional
        Configuration of the tiles; by default that of the network, or the defaults.
    seed : int or Seed, optional
        Builds the layer at once. Without one the network builds it.

    Raises
    ------
    MhoTypeError, MhoValueError
        A parameter has the wrong type or is out of range.

    Examples
    --------
    >>> from mho import nn
    >>> layer = nn.Linear(3, 2, seed=7)
    >>> y, saved = layer.forward(np.ones((5, 4, 3), np.float32))
    >>> y.shape, layer.weight.shape, layer.bias.shape
    ((5, 4, 2), (2, 3), (2,))
    >>> layer.backward(y, saved).shape
    (5, 4, 3)
    >>> layer.update(y, saved, lr=0.1)
    """

    trainable: ClassVar[bool] = True

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        bias: bool | Literal["analog"] = True,
        lr_scale: float = 1.0,
        device: Device | None = None,
        rule: Rule | None = None,
        update: Update | None = None,
        forward_io: IO | None = None,
        backward_io: IO | None = None,
        mapping: Mapping | None = None,
        config: TileConfig | None = None,
        seed: int | Seed | None = None,
    ) -> None:
        self.in_features = _validate.integer("Linear.in_features", in_features, Range(at_least=1))
        self.out_features = _validate.integer("Linear.out_features", out_features, Range(at_least=1))
        if not (isinstance(bias, bool) or bias == "analog"):
            raise MhoValueError(f'Linear.bias must be True, False or "analog", got {bias!r}')
        self._lr_scale = _validate.number("Linear.lr_scale", lr_scale, RATES)
        if config is not None and not isinstance(config, TileConfig):
            raise MhoTypeError(f"Linear.config must be a TileConfig, got {config!r}")
        self._fields: dict[str, Any] = {
            "device": device,
            "rule": rule,
            "update": update,
            "forward_io": forward_io,
            "backward_io": backward_io,
            "mapping": mapping,
        }
        self._bias_kind = bias
        self._given = config
        self._config: TileConfig | None = None
        self._seed: Seed | None = None
        self._tiles: tuple[Tile, ...] = ()
        self._scales: tuple[Array, ...] = ()
        self._engine: _core.Linear | None = None
        if seed is not None:
            self.build(seed if isinstance(seed, Seed) else Seed(seed))

    # -- construction

    @property
    def built(self) -> bool:
        """Whether the tiles exist."""
        return bool(self._tiles)

    def build(self, seed: Seed, config: TileConfig | None = None) -> None:
        """Make the tiles and draw the initial weights.

        Parameters
        ----------
        seed : Seed
            Tile k takes ``seed.child("tile{k}")``, the initial weights ``seed.child("init")``.
        config : TileConfig, optional
            Used if the layer was given none.

        Raises
        ------
        MhoRuntimeError
            The layer is built already.
        """
        if self.built:
            raise MhoRuntimeError(f"{self!r} is built already")
        resolved = configuration(self._given or config, **self._fields)
        limit = resolved.mapping.max_tile_size
        lines = self.in_features + (self._bias_kind == "analog")
        rows, columns = _split(self.out_features, limit), _split(lines, limit)
        # The scales of the mapping are the layer's; a tile has none.
        bare = resolved.replace(mapping=Mapping())
        tiles = tuple(
            Tile(c.stop - c.start, r.stop - r.start, config=bare, seed=seed.child(f"tile{k}"))
            for k, (r, c) in enumerate((r, c) for r in rows for c in columns)
        )
        self._config, self._seed, self._tiles = resolved, seed, tiles
        self._rows, self._columns = rows, columns
        self._engine = _core.Linear(
            [tile._engine for tile in tiles], _edges(rows), _edges(columns), _BIASES[self._bias_kind]
        )
        self._engine.set_rate_scale(self._lr_scale)
        bound = 1 / self.in_features**0.5
        draws = seed.child("init")
        weight = draws.uniform((self.out_features, self.in_features), -bound, bound)
        bias = draws.uniform((self.out_features,), -bound, bound, step=1) if self._bias_kind else None
        self.set_weight(weight, bias)

    def _missing(self) -> MhoRuntimeError:
        return MhoRuntimeError(f"{self!r} is not built: give it a seed, or put it in a Sequential")

    def _built(self) -> _core.Linear:
        if self._engine is None:
            raise self._missing()
        return self._engine

    @property
    def stage(self) -> _core.Stage | None:
        """See `Layer.stage`."""
        return self._engine if type(self) is Linear else None

    @property
    def config(self) -> TileConfig:
        """Configuration of the tiles."""
        if self._config is None:
            raise self._missing()
        return self._config

    @property
    def seed(self) -> Seed:
        """Source of all random numbers of the layer."""
        if self._seed is None:
            raise self._missing()
        return self._seed

    @property
    def tiles(self) -> tuple[Tile, ...]:
        """The tiles, row by row of the grid."""
        return self._tiles

    @property
    def grid(self) -> tuple[int, int]:
        """Number of tiles along the outputs and along the inputs."""
        if not self._tiles:
            raise self._missing()
        return len(self._rows), len(self._columns)

    # -- weights

    @property
    def scales(self) -> tuple[Array, ...]:
        """What a normalised conductance of 1 stands for: one of shape (1,) or (outputs,) per tile."""
        return tuple(scale.copy() for scale in self._scales)

    @property
    def weight(self) -> Array:
        """Effective weights s * w, (out_features, in_features), a copy; assignment is `set_weight`."""
        return self._read()[:, : self.in_features].copy()

    @weight.setter
    def weight(self, value: ArrayLike) -> None:
        self.set_weight(value)

    @property
    def bias(self) -> Array | None:
        """Effective bias, shape (out_features,), a copy; None if the layer has none."""
        if not self._tiles:
            raise self._missing()
        if self._bias_kind == "analog":
            return self._read()[:, self.in_features].copy()
        return self._digital_bias()

    @bias.setter
    def bias(self, value: ArrayLike) -> None:
        if self._bias_kind == "analog":
            self.set_weight(self.weight, value)
        else:
            self._built().set_bias(self._check_bias(value))

    def _digital_bias(self) -> Array | None:
        return self._built().bias() if self._bias_kind is True else None

    @property
    def lr_scale(self) -> float:
        """What the learning rate of every update is multiplied by; may be assigned."""
        return self._lr_scale

    @lr_scale.setter
    def lr_scale(self, value: float) -> None:
        scale = _validate.number("Linear.lr_scale", value, RATES)
        if self._engine is not None:
            self._engine.set_rate_scale(scale)
        self._lr_scale = scale

    def _read(self) -> Array:
        """Return s * w of all tiles, with the column of an analog bias."""
        if not self._tiles:
            raise self._missing()
        whole = np.empty((self.out_features, self._columns[-1].stop), np.float32)
        for (row, column), tile, scale in zip(self._blocks(), self._tiles, self._scales, strict=True):
            whole[row, column] = scale[:, None] * tile.weight
        return whole

    def _blocks(self) -> list[tuple[slice, slice]]:
        return [(row, column) for row in self._rows for column in self._columns]

    def _check_bias(self, value: ArrayLike) -> Array:
        if not self._bias_kind:
            raise MhoValueError("Linear.bias must not be set in a layer without bias")
        bias = as_float32(value, "Linear.bias").copy()
        check_shape("Linear.bias", bias.shape, (self.out_features,))
        if not np.isfinite(bias).all():
            raise MhoValueError("Linear.bias must be finite")
        return bias

    def set_weight(self, weight: ArrayLike, bias: ArrayLike | None = None) -> int:
        """Choose the scales for new weights and program them to the tiles, without noise.

        Parameters
        ----------
        weight : array_like of float32, shape (out_features, in_features)
            Effective weights W.
        bias : array_like of float32, shape (out_features,), optional
            Effective bias; by default it stays.

        Returns
        -------
        int
            Number of crosspoints that could not reach their weight (out of bounds, or stuck).

        Raises
        ------
        MhoTypeError, MhoValueError
            An array has the wrong type or shape, or is not finite.

        Examples
        --------
        >>> from mho import devices, nn
        >>> layer = nn.Linear(2, 1, device=devices.Ideal(), seed=7)
        >>> layer.set_weight([[0.5, 2.0]], bias=[1.0])
        0
        >>> layer.weight
        array([[0.5, 2. ]], dtype=float32)
        """
        if self._config is None:
            raise self._missing()
        whole = as_float32(weight, "Linear.weight")
        check_shape("Linear.weight", whole.shape, (self.out_features, self.in_features))
        if not np.isfinite(whole).all():
            raise MhoValueError("Linear.weight must be finite")
        new_bias = self.bias if bias is None and self._scales else bias
        if new_bias is not None:
            new_bias = self._check_bias(new_bias)
            if self._bias_kind == "analog":
                whole = np.concatenate([whole, new_bias[:, None]], axis=1)
        scales = []
        missed = 0
        for (row, column), tile in zip(self._blocks(), self._tiles, strict=True):
            block = whole[row, column]
            scale = _scale(block, self._config.mapping)
            missed += tile.set_weight(block / scale[:, None])
            scales.append(scale)
        self._set_digital(tuple(scales), new_bias if self._bias_kind is True else None)
        return missed

    def _set_digital(self, scales: tuple[Array, ...], bias: Array | None) -> None:
        engine = self._built()
        engine.set_scales(scales)
        if bias is not None:
            engine.set_bias(bias)
        self._scales = scales

    # -- the three passes

    def forward(self, x: Array, *, training: bool = True, noise: bool = True) -> tuple[Array, _Saved]:
        """Compute W x + b; see `Layer.forward`.

        Parameters
        ----------
        x : ndarray of float32, shape (..., in_features)
            Samples, counted in C order.
        training, noise : bool
            See `Layer.forward`.

        Returns
        -------
        y : ndarray of float32, shape (..., out_features)
        saved : object
            For `backward` and `update`, which read with the same `training` and `noise`.
        """
        engine = self._engine
        if engine is None:
            raise self._missing()
        x = as_float32(x, "Linear: x")
        shape = x.shape
        if not shape or shape[-1] != self.in_features:
            raise MhoValueError(f"Linear: x must have shape (..., {self.in_features}), got {shape}")
        if len(shape) != 2:
            x = x.reshape(-1, self.in_features)
        y = engine.forward(x, noise, not training)
        if len(shape) != 2:
            y = y.reshape((*shape[:-1], self.out_features))
        return y, _Saved(x, shape, y.shape, training, noise)

    def _flat(self, d: Array, saved: _Saved) -> Array:
        """Return `d` as (samples, out_features)."""
        d = as_float32(d, "Linear: d")
        check_shape("Linear: d", d.shape, saved.y_shape)
        return d if d.ndim == 2 else d.reshape(-1, self.out_features)

    def backward(self, d: Array, saved: _Saved) -> Array:
        """Compute W^T d by reading the same tiles the other way; see `Layer.backward`.

        Parameters
        ----------
        d : ndarray of float32, shape (..., out_features)
            Gradient of the loss with respect to the output.
        saved : object
            From `forward`.

        Returns
        -------
        ndarray of float32, shape (..., in_features)
        """
        dx = self._built().backward(self._flat(d, saved), saved.noise, not saved.training)
        return dx if len(saved.shape) == 2 else dx.reshape(saved.shape)

    def check_update(self, d: Array, saved: _Saved, lr: float) -> None:
        """Raise what `update` would raise for the same arguments; see `Layer.check_update`.

        Parameters
        ----------
        d, saved, lr
            See `update`.
        """
        self._built().check_update(saved.x, self._flat(d, saved), learning_rate(lr))

    def update(self, d: Array, saved: _Saved, lr: float) -> None:
        """Move W by ``-lr * d.T @ x`` (in expectation) and b by ``-lr * d.sum(0)``; see `Layer.update`.

        The learning rate is multiplied by `lr_scale` first; where that is 0, nothing happens.

        Parameters
        ----------
        d : ndarray of float32, shape (..., out_features)
            Gradient of the loss with respect to the output.
        saved : object
            From `forward`.
        lr : float
            Learning rate.
        """
        # What is given is checked before the first tile changes.
        self._built().update(saved.x, self._flat(d, saved), learning_rate(lr))

    # -- files

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """See `Layer.state`."""
        if not self._tiles:
            raise self._missing()
        arrays: dict[str, NDArray[Any]] = {}
        metas = []
        for k, (tile, scale) in enumerate(zip(self._tiles, self._scales, strict=True)):
            values, meta = tile.state()
            arrays |= {f"tile{k}/{name}": value for name, value in values.items()}
            arrays[f"scale{k}"] = scale
            metas.append(meta)
        bias = self._digital_bias()
        if bias is not None:
            arrays["bias"] = bias
        return arrays, {"tiles": metas}

    def load_state(self, arrays: abc.Mapping[str, NDArray[Any]], meta: abc.Mapping[str, Any]) -> None:
        """See `Layer.load_state`."""
        if not self._tiles:
            raise self._missing()
        groups: list[dict[str, NDArray[Any]]] = [{} for _ in self._tiles]
        own: dict[str, NDArray[Any]] = {}
        for name, value in arrays.items():
            head, slash, rest = name.partition("/")
            k = int(head[4:]) if slash and head.startswith("tile") and head[4:].isdigit() else len(groups)
            if k < len(groups):
                groups[k][rest] = value
            else:
                own[name] = value
        shapes = {f"scale{k}": scale.shape for k, scale in enumerate(self._scales)}
        if self._bias_kind is True:
            shapes["bias"] = (self.out_features,)
        if own.keys() != shapes.keys():
            raise MhoFileError(f"state of {self!r} must have the arrays {sorted(shapes)}, got {sorted(own)}")
        for name, value in own.items():
            fits = (
                value.dtype == np.float32 and value.shape == shapes[name] and bool(np.isfinite(value).all())
            )
            if not fits or (name != "bias" and not (value > 0).all()):
                raise MhoFileError(
                    f"state of {self!r}: {name} must be finite float32 of shape {shapes[name]}"
                )
        metas = meta.get("tiles")
        if not isinstance(metas, list) or len(metas) != len(self._tiles):
            raise MhoFileError(f"state of {self!r} must have {len(self._tiles)} tiles")
        try:
            load_all(self._tiles, list(zip(groups, metas, strict=True)))
        except (MhoTypeError, MhoValueError) as error:
            raise MhoFileError(f"state of {self!r} does not fit: {error}") from error
        self._set_digital(tuple(own[f"scale{k}"].copy() for k in range(len(self._tiles))), own.get("bias"))

    def spec(self) -> dict[str, Any]:
        """See `Layer.spec`."""
        spec = {
            "type": type(self).__name__,
            "in_features": self.in_features,
            "out_features": self.out_features,
            "bias": self._bias_kind,
            "config": self.config.to_dict(),
            "seed": {"value": self.seed.value, "path": self.seed.path},
        }
        # Left out where it is 1, as in files from before there was one.
        return spec if self.lr_scale == 1 else spec | {"lr_scale": self.lr_scale}

    @classmethod
    def from_spec(cls, spec: abc.Mapping[str, Any]) -> Self:
        """See `Layer.from_spec`."""
        try:
            seed = Seed(spec["seed"]["value"], spec["seed"]["path"])
            config = TileConfig.from_dict(spec["config"])
            return cls(
                spec["in_features"],
                spec["out_features"],
                bias=spec["bias"],
                lr_scale=spec.get("lr_scale", 1.0),
                config=config,
                seed=seed,
            )
        except (KeyError, TypeError) as error:
            if isinstance(error, MhoError):
                raise
            raise MhoFileError(f"description of a Linear layer is incomplete: {error}") from error

    def floating_point(self) -> Linear:
        """Return the same layer on one ideal tile read perfectly, with the present effective weights."""
        perfect = IO.perfect()
        config = TileConfig(device=Ideal(), forward_io=perfect, backward_io=perfect)
        twin = Linear(
            self.in_features,
            self.out_features,
            bias=self._bias_kind,
            lr_scale=self.lr_scale,
            config=config,
            seed=self.seed,
        )
        twin.set_weight(self.weight, self.bias)
        return twin

    # -- description

    def summarise(self) -> LayerSummary:
        """See `Layer.summarise`."""
        limit = self.config.mapping.max_tile_size
        rows, columns = self.grid
        lines = self._columns[-1].stop
        used = self.out_features * lines
        allocated = len(self._tiles) * limit**2 if limit else used
        sizes = {f"{tile.in_features} x {tile.out_features}" for tile in self._tiles}
        largest = max(self._tiles, key=lambda tile: (tile.in_features * tile.out_features, tile.in_features))
        size = f"{largest.in_features} x {largest.out_features}"
        grid = (
            size if rows * columns == 1 else f"{columns} x {rows} of {'<= ' if len(sizes) > 1 else ''}{size}"
        )
        scales = np.concatenate(self._scales)
        low, high = f"{scales.min():.4g}", f"{scales.max():.4g}"
        return LayerSummary(
            name=type(self).__name__,
            shape=f"{self.in_features} -> {self.out_features}",
            parameters=self.out_features * (self.in_features + bool(self._bias_kind)),
            tiles=grid,
            device=type(self.config.device).__name__,
            utilisation=f"{100 * used / allocated:.3g} %",
            scale=low if low == high else f"{low} .. {high}",
            rule=type(self.config.rule).__name__
            + ("" if self.lr_scale == 1 else f", lr x {self.lr_scale:g}"),
        )

    def __repr__(self) -> str:
        bias = "" if self._bias_kind is True else f", bias={self._bias_kind!r}"
        scale = "" if self.lr_scale == 1 else f", lr_scale={self.lr_scale:g}"
        return f"Linear({self.in_features}, {self.out_features}{bias}{scale})"
