"""What a rule of one's own acts on during an update: arrays that are pulsed and read, and digital buffers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mho.errors import MhoTypeError, MhoValueError
from mho.periphery import Update

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from mho import _core
    from mho.seeds import Seed

__all__ = ["Hardware", "HardwareArray", "Reads"]

_NONE = np.zeros(0, np.int64)


@lru_cache(maxsize=64)
def _trains(update: Update) -> _core.UpdateParameters:
    """Return how pulse trains are made, as the engine takes it."""
    from mho import _core  # the engine is loaded when it is first needed

    if not isinstance(update, Update):
        raise MhoTypeError(f"update must be a mho.Update, got {update!r}")
    return _core.UpdateParameters(update.to_dict())


@dataclass(slots=True, eq=False)
class Reads:
    """Lines that are read while an array is pulsed.

    Attributes
    ----------
    samples : ndarray of int64, shape (reads,)
        The samples of the update after which they are read, in order.
    lines : ndarray of int64, shape (reads,)
        The columns, or rows.
    columns : bool
        Whether lines are columns (one input, all outputs) or rows.
    """

    samples: NDArray[np.int64]
    lines: NDArray[np.int64]
    columns: bool = True

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.lines)

    def runs(self) -> Iterator[tuple[slice, slice]]:
        """Cut the reads, in order, into runs of neighbouring lines that can be treated at once.

        Yields
        ------
        reads : slice
            Of what was read, along its axis of reads.
        lines : slice
            Of a buffer, along its axis of lines: a view, that may be changed in place.

        Examples
        --------
        >>> reads = Reads(np.arange(5), np.array([1, 2, 0, 1, 1]))
        >>> [reads.lines[run].tolist() for run, _ in reads.runs()]
        [[1, 2], [0, 1], [1]]
        """
        lines = self.lines.tolist()
        begin, last = 0, len(lines) - 1
        if lines and lines == list(range(lines[0], lines[0] + len(lines))):
            yield slice(0, len(lines)), slice(lines[0], lines[-1] + 1)  # as in most updates
            return
        for k, line in enumerate(lines):
            if k == last or lines[k + 1] != line + 1:
                yield slice(begin, k + 1), slice(lines[begin], line + 1)
                begin = k + 1


class HardwareArray:
    """An array as a rule sees it: it is pulsed, read and programmed.

    Shapes are those of a `mho.Tile`: x is (batch, in_features), d is (batch, out_features), weights are
    (out_features, in_features). With instances, what is returned leads with that axis, and what is given may.
    Each call checks its arguments before it changes anything.
    """

    __slots__ = ("_engine", "_place")

    def __init__(self, engine: _core.Hardware, place: int) -> None:
        self._engine = engine
        self._place = place

    def pulse(
        self,
        x: ArrayLike,
        d: ArrayLike,
        lr: float | NDArray[np.floating[Any]],
        *,
        update: Update | None = None,
        reads: Reads | None = None,
    ) -> NDArray[np.float32]:
        """Move the weights by ``-lr * d.T @ x`` in expectation, and read lines on the way.

        Parameters
        ----------
        x : array_like, shape (batch, in_features)
        d : array_like, shape (batch, out_features)
        lr : float or array, shape (batch,) or (instances, batch)
            One learning rate, or one for each sample; >= 0.
        update : Update, optional
            How pulse trains are made; by default as the tile's.
        reads : Reads, optional
            Lines to read, each after a sample of this call.

        Returns
        -------
        ndarray of float32, shape (reads, line length)
            What was read, through the array's periphery.

        Raises
        ------
        MhoError
            If an argument is not valid.
        """
        trains = None if update is None else _trains(update)
        if reads is None:
            return self._engine.pulse(self._place, x, d, lr, trains, True, _NONE, _NONE)
        return self._engine.pulse(self._place, x, d, lr, trains, reads.columns, reads.samples, reads.lines)

    def pulse_lines(
        self,
        lines: ArrayLike,
        values: ArrayLike,
        lr: float | NDArray[np.floating[Any]],
        *,
        update: Update | None = None,
        columns: bool = True,
    ) -> None:
        """Move single lines by ``+lr * values`` in expectation, one after the other.

        This is `pulse` with an input of 1 at one line and of 0 elsewhere.

        Parameters
        ----------
        lines : array_like of int, shape (n,)
            The columns, or rows.
        values : array_like, shape (n, line length)
            Directions of the changes.
        lr : float or array, shape (n,) or (instances, n)
            As for `pulse`.
        update : Update, optional
            How pulse trains are made; by default as the tile's.
        columns : bool, default True
            Whether lines are columns or rows.

        Raises
        ------
        MhoError
            If an argument is not valid.
        """
        trains = None if update is None else _trains(update)
        self._engine.pulse_lines(self._place, _indices(lines), values, lr, trains, columns)

    def pulse_by_count(self, counts: ArrayLike, *, pulse_by_pulse: bool = False) -> None:
        """Give each device a number of pulses of its own, as a controller does device by device.

        Parameters
        ----------
        counts : array_like, shape (out_features, in_features)
            Whole numbers up to 2**24, negative ones for pulses down.
        pulse_by_pulse : bool, default False
            Never take several pulses in one step.

        Raises
        ------
        MhoError
            If `counts` is not valid, or the array is made of cells or of `mho.devices.Ideal`.
        """
        self._engine.pulse_by_count(self._place, counts, pulse_by_pulse)

    def program(self, weight: ArrayLike) -> int:
        """Set the weights without noise and without pulses; see `mho.Tile.set_weight`.

        Returns
        -------
        int
            How many devices did not reach their target.
        """
        return self._engine.program(self._place, weight)

    def read_lines(self, lines: ArrayLike, *, columns: bool = True) -> NDArray[np.float32]:
        """Read single lines as they are now, through the array's periphery.

        Parameters
        ----------
        lines : array_like of int, shape (n,)
            The columns, or rows.
        columns : bool, default True
            Whether lines are columns or rows.

        Returns
        -------
        ndarray of float32, shape (n, line length)
        """
        return self._engine.read_lines(self._place, _indices(lines), columns)

    def forward(self, x: ArrayLike) -> NDArray[np.float32]:
        """Read this array alone from its inputs, ``x @ w.T``; see `mho.Tile.forward`."""
        return self._engine.read(self._place, x, True)

    def backward(self, d: ArrayLike) -> NDArray[np.float32]:
        """Read this array alone from its outputs, ``d @ w``; see `mho.Tile.backward`."""
        return self._engine.read(self._place, d, False)

    @property
    def weight(self) -> NDArray[np.float32]:
        """The weights that a noise-free read sees, a copy. No hardware can do this: for checks."""
        return self._engine.weight(self._place)

    @property
    def granularity(self) -> float:
        """Mean weight change of one pulse; 0 for ideal devices."""
        return self._engine.granularity(self._place)


def _indices(lines: ArrayLike) -> NDArray[np.int64]:
    numbers = np.asarray(lines)
    if numbers.dtype.kind not in "iu" and numbers.size:
        raise MhoTypeError(f"lines must be whole numbers, got dtype {numbers.dtype}")
    return numbers.astype(np.int64, copy=False)


class _Buffers(Mapping[str, NDArray[np.float32]]):
    """The digital buffers by name."""

    __slots__ = ("_engine", "_names")

    def __init__(self, engine: _core.Hardware, names: tuple[str, ...]) -> None:
        self._engine = engine
        self._names = names

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        return self._engine.buffer(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class _Arrays(Mapping[str, HardwareArray]):
    """The arrays by name, the main one among them."""

    __slots__ = ("_engine", "_places")

    def __init__(self, engine: _core.Hardware, places: Mapping[str, int]) -> None:
        self._engine = engine
        self._places = places

    def __getitem__(self, name: str) -> HardwareArray:
        if name not in self._places:
            raise MhoValueError(f"the rule has no array named {name}; it has {', '.join(self._places)}")
        return HardwareArray(self._engine, self._places[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


class Hardware:
    """The arrays and buffers that a rule acts on, for the time of one update.

    Attributes
    ----------
    main : HardwareArray
        The array that the tile reads, and that holds what is learnt.
    arrays : mapping of str to HardwareArray
        All arrays by name: ``"main"``, and those that the rule has declared.
    buffers : mapping of str to ndarray of float32
        The digital buffers that the rule has declared, to be changed in place: ``buffers["H"][...] = 0``.
        With instances they lead with that axis.
    samples : int
        Samples of all updates before this one.
    batch : int
        Samples of this update.
    """

    __slots__ = ("_engine", "_lockstep", "_seeds", "arrays", "batch", "buffers", "main", "samples")

    def __init__(
        self,
        engine: _core.Hardware,
        places: Mapping[str, int],
        buffers: tuple[str, ...],
        batch: int,
        seeds: Sequence[Seed],
        lockstep: bool,
    ) -> None:
        self._engine = engine
        self._seeds = seeds
        self._lockstep = lockstep
        self.batch = batch
        self.samples = engine.samples()
        self.main = HardwareArray(engine, 0)
        self.arrays: Mapping[str, HardwareArray] = _Arrays(engine, places)
        self.buffers: Mapping[str, NDArray[np.float32]] = _Buffers(engine, buffers)

    def schedule(self, every: int, lines: int, *, columns: bool = True) -> Reads:
        """Return the reads of this update where one line after the other is read, one every so many samples.

        Samples are counted since the tile was built, so that the rows of a call do not matter: an update with
        64 samples has the reads of 64 updates with one.

        Parameters
        ----------
        every : int
            Samples between two reads, from 1 on.
        lines : int
            How many lines there are; after the last one comes the first.
        columns : bool, default True
            Whether lines are columns or rows.
        """
        return Reads(*self._engine.schedule(every, lines, self.batch), columns)

    def uniform(self, name: str, shape: int | tuple[int, ...] = ()) -> NDArray[np.float32]:
        """Draw numbers for each sample of this update, uniformly distributed in (0, 1).

        They follow from the tile's seed, the name and the number of the sample alone: they repeat after a
        load, and do not depend on how samples are cut into updates.

        Parameters
        ----------
        name : str
            What they are for. Other names have other numbers.
        shape : int or tuple of int
            The shape of what one sample needs.

        Returns
        -------
        ndarray of float32, shape (batch, *shape) or (instances, batch, *shape)
        """
        sizes = shape if isinstance(shape, tuple) else (shape,)
        steps = range(self.samples, self.samples + self.batch)
        draws = [
            [seed.child(f"rule/{name}").uniform(sizes, step=step) for step in steps] for seed in self._seeds
        ]
        numbers = np.array(draws, np.float32).reshape((len(self._seeds), self.batch, *sizes))
        return numbers if self._lockstep else numbers[0]

    def count_operations(self, operations: int) -> None:
        """Add to the digital operations in `mho.tile.Costs`; over all instances.

        Parameters
        ----------
        operations : int
            Multiplications and additions outside of the arrays.
        """
        self._engine.count_operations(operations)
