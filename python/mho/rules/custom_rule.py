"""Rules of one's own, written in Python over what the engine does with arrays."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar, dataclass_transform, get_args

from mho import _validate
from mho._parameters import Parameters, configuration, declarations, described, parameter
from mho._validate import Range
from mho.devices import Device
from mho.errors import MhoTypeError, MhoValueError
from mho.periphery import IO
from mho.rules.hardware import Hardware
from mho.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from mho import _core
    from mho.config import TileConfig
    from mho.seeds import Seed

__all__ = ["Buffer", "CustomRule", "FastArray", "define"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_EXTENTS = Range(at_least=1, at_most=2**29)

Extent = Literal["out_features", "in_features"]

_C = TypeVar("_C", bound="CustomRule")


@described
@configuration
class FastArray(Parameters):
    """An array that a rule of one's own keeps beside the main one, of the same size.

    Examples
    --------
    >>> from mho.devices import SoftBounds
    >>> FastArray(device=SoftBounds(dw_min=0.01))
    FastArray(device=SoftBounds(dw_min=0.01))
    """

    device: Device | None = parameter(
        None, kind=Device, doc="Its devices; by default the same as those of the main array."
    )
    io: IO | None = parameter(
        None,
        kind=IO,
        doc="The periphery of its reads; by default that of the tile. Where a single line is read, with an "
        "input of 1, there are no managements and no IR drop.",
    )
    gamma: float = parameter(
        0.0, largest=1e6, doc="Weight of the array in what reads of the tile see, main + gamma * array."
    )


@dataclass(frozen=True, slots=True)
class Buffer:
    """Digital memory of a rule of one's own: part of the state, and in `mho.Tile.devices` by its name.

    Parameters
    ----------
    rows, columns : "out_features", "in_features" or int
        The shape, for each instance; by default that of the weight.
    start : float, default 0
        What it holds at first, and after the weights were programmed.

    Raises
    ------
    MhoError
        If an argument is not valid.

    Examples
    --------
    >>> Buffer(1, "in_features")
    Buffer(rows=1, columns='in_features', start=0.0)
    """

    rows: Extent | int = "out_features"
    columns: Extent | int = "in_features"
    start: float = 0.0

    def __post_init__(self) -> None:
        """Check the arguments."""
        for name in ("rows", "columns"):
            value = getattr(self, name)
            if isinstance(value, str):
                _validate.choice(f"Buffer.{name}", value, get_args(Extent))
            else:
                _validate.integer(f"Buffer.{name}", value, _EXTENTS)
        _validate.number("Buffer.start", self.start, Range(largest=1e12))


@configuration
class CustomRule(Rule, ABC):
    """Base of the rules of one's own.

    A subclass says which arrays and buffers it needs, and what an update does with them. It is decorated with
    `define`, has its parameters as fields that are declared with `mho.rules.parameter`, and goes wherever a
    rule goes. It has no state of its own: what changes is in arrays and buffers.

    Examples
    --------
    >>> import mho
    >>> @mho.rules.define
    ... class Manhattan(mho.rules.CustomRule):
    ...     '''One pulse for each device and update, against the sign of the gradient.'''
    ...
    ...     def update(self, hardware, x, d, lr):
    ...         hardware.main.pulse_by_count(-np.sign(d.swapaxes(-1, -2) @ x))
    >>> import numpy as np
    >>> tile = mho.Tile(3, 2, rule=Manhattan(), seed=7)
    >>> tile.update(np.ones((4, 3)), np.ones((4, 2)), lr=0.1)
    >>> tile.pulses
    PulseCount(up=0, down=6)
    """

    def arrays(self) -> Mapping[str, FastArray]:
        """Return the arrays that the rule keeps beside the main one, by name."""
        return {}

    def buffers(self) -> Mapping[str, Buffer]:
        """Return the digital buffers, by name."""
        return {}

    @abstractmethod
    def update(self, hardware: Hardware, x: NDArray[np.float32], d: NDArray[np.float32], lr: float) -> None:
        """Move what a read of the tile sees by ``-lr * d.T @ x`` in expectation.

        Parameters
        ----------
        hardware : Hardware
            Arrays and buffers. They can be used only until this returns.
        x : ndarray of float32, shape (batch, in_features)
            The inputs, read-only. A tile with instances may be given one batch for each, (instances, batch,
            in_features): write ``[..., ]`` where an axis is meant from the end.
        d : ndarray of float32, shape (batch, out_features) or (instances, batch, out_features)
            The errors, likewise.
        lr : float
            The learning rate.
        """

    def _fast_arrays(self) -> dict[str, FastArray]:
        return _checked(f"{type(self).__name__}.arrays", self.arrays(), FastArray)

    def _own_buffers(self) -> dict[str, Buffer]:
        return _checked(f"{type(self).__name__}.buffers", self.buffers(), Buffer)

    def gradient_device(self, device: Device) -> Device:
        """Return the device of the first array that was declared, or that of the main array."""
        for array in self._fast_arrays().values():
            return device if array.device is None else array.device
        return device

    def engine_dict(self, config: TileConfig) -> dict[str, Any]:
        """Return the plain dict the engine builds the rule from; see `Rule.engine_dict`."""
        data: dict[str, Any] = {"type": "Hosted", "line_io": _line_io(config.forward_io)}
        arrays = [
            {
                "name": name,
                "gamma": array.gamma,
                "device": (config.device if array.device is None else array.device).engine_dict(),
                "forward_io": (array.io or config.forward_io).to_dict(),
                "backward_io": (array.io or config.backward_io).to_dict(),
                "line_io": _line_io(array.io or config.forward_io),
            }
            for name, array in self._fast_arrays().items()
        ]
        buffers = [
            {"name": name, "rows": str(b.rows), "columns": str(b.columns), "start": float(b.start)}
            for name, b in self._own_buffers().items()
        ]
        if arrays:
            data["arrays"] = arrays
        if buffers:
            data["buffers"] = buffers
        return data

    def host(self, seeds: Sequence[Seed], lockstep: bool) -> Callable[..., None]:
        """Return what the engine calls in an update; see `Rule.host`."""
        places = {name: place for place, name in enumerate(("main", *self._fast_arrays()))}
        buffers = tuple(self._own_buffers())

        def call(engine: _core.Hardware, x: Any, d: Any, lr: float) -> None:
            self.update(Hardware(engine, places, buffers, x.shape[-2], seeds, lockstep), x, d, lr)

        return call


def _line_io(io: IO) -> dict[str, Any]:
    """Return the periphery of a read of single lines, whose only input is 1."""
    return io.to_dict() | {"noise_management": "none", "bound_management": "none", "ir_drop": 0.0}


def _checked(owner: str, declared: object, kind: type[Any]) -> dict[str, Any]:
    """Return what a rule has declared, or say what is wrong with it."""
    try:
        items: dict[Any, Any] = dict(declared)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        raise MhoTypeError(f"{owner} must return a mapping of names to {kind.__name__}s") from None
    for name, value in items.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name) or name == "main":
            raise MhoValueError(
                f"{owner}: a name must be letters, digits and underscores, and not 'main', got {name!r}"
            )
        if not isinstance(value, kind):
            raise MhoTypeError(f"{owner}[{name!r}] must be a {kind.__name__}, got {value!r}")
    return items


@dataclass_transform(frozen_default=True, kw_only_default=True)
def define(cls: type[_C]) -> type[_C]:
    """Make a rule of a subclass of `CustomRule`: a validated, immutable configuration that files can name.

    A later class of the same name takes the place of an earlier one, as where a cell of a notebook is run
    again. A file that names the rule can be loaded once its class is defined, so import its module first.

    Parameters
    ----------
    cls : type
        Fields are declared as ``name: type = mho.rules.parameter(default, doc=...)``.

    Returns
    -------
    type
        The same class, a frozen dataclass with keyword arguments.

    Raises
    ------
    MhoError
        If it is no such subclass, has no `update`, a field is not declared with `parameter`, or a rule of
        the package has its name.
    """
    given: object = cls
    if not isinstance(given, type) or not issubclass(given, CustomRule):
        raise MhoTypeError(f"a rule of one's own must be a subclass of mho.rules.CustomRule, got {given!r}")
    name = cls.__name__
    if cls.update is CustomRule.update:
        raise MhoTypeError(f"{name} must have a method update(self, hardware, x, d, lr)")
    known = Rule.member(name)
    if known is not None and not issubclass(known, CustomRule):
        raise MhoValueError(f"{name} is a rule of the package: give yours another name")
    made = configuration(cls, slots=False)
    declarations(made)  # refuses a field that is not declared with `parameter`
    return Rule.register(made)
