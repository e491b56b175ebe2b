"""What happened in every epoch of a training."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from mho.errors import MhoFileError, MhoValueError

if TYPE_CHECKING:
    import os

__all__ = ["EpochRecord", "History"]


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochRecord:
    """One epoch. Losses are means over the samples, errors the share of wrong ones.

    Parameters
    ----------
    epoch : int
        From 1.
    train_loss : float
        Mean over the batches as they were trained, that is, with the weights changing meanwhile.
    train_error : float
        Likewise.
    test_loss, test_error : float, optional
        After the epoch; None without a test set.
    pulses_up, pulses_down : int
        Pulses fired during the epoch, on all arrays of all tiles.
    seconds : float
        Time the training took, without evaluation and checkpoints.
    vector_reads, line_reads, digital_operations : int, optional
        What the epoch spent beside pulses, as `mho.tile.Costs` has it; None where a checkpoint from before
        these were counted does not tell.
    buffer_bytes : int, optional
        Digital memory of the rules.
    array_updates : int, optional
        Updates that whole arrays took during the epoch, as `mho.tile.Costs` has them; None as above.
    lr : float, optional
        Learning rate; None where a checkpoint from before it was recorded does not tell.
    pulses : dict of str to int
        Pulses fired during the epoch on each array by its name, ``"main"`` and those of the rules such as
        ``"fast"``; empty where a checkpoint from before does not tell. Columns ``pulses_main`` and so on.
    """

    epoch: int
    train_loss: float
    train_error: float
    test_loss: float | None = None
    test_error: float | None = None
    pulses_up: int = 0
    pulses_down: int = 0
    seconds: float = 0.0
    vector_reads: int | None = None
    line_reads: int | None = None
    digital_operations: int | None = None
    buffer_bytes: int | None = None
    array_updates: int | None = None
    lr: float | None = None
    pulses: Mapping[str, int] = field(default_factory=dict, hash=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that are not None, the pulses of each array as one of its own."""
        found = {name: value for name, value in asdict(self).items() if value is not None}
        pulses = found.pop("pulses")
        return found | {_PULSES + name: count for name, count in pulses.items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the record of which `to_dict` made `data`."""
        own = {name: value for name, value in data.items() if name in _TYPES or not name.startswith(_PULSES)}
        pulses = {name.removeprefix(_PULSES): value for name, value in data.items() if name not in own}
        return cls(**own, pulses=pulses)


_PULSES = "pulses_"
_TYPES: dict[str, type] = {
    f.name: int if str(f.type).startswith("int") else float for f in fields(EpochRecord) if f.name != "pulses"
}
# What earlier versions did not write.
_LATER = ("vector_reads", "line_reads", "digital_operations", "buffer_bytes", "array_updates", "lr")


class History:
    """The records of a training, epoch by epoch; it runs on when a training is resumed.

    Parameters
    ----------
    records : iterable of EpochRecord, optional

    Examples
    --------
    >>> history = History([EpochRecord(epoch=1, train_loss=2.3, train_error=0.8)])
    >>> history.append(EpochRecord(epoch=2, train_loss=1.1, train_error=0.3, test_error=0.2))
    >>> len(history), history[-1].test_error
    (2, 0.2)
    >>> history.column("test_error")
    array([nan, 0.2])
    """

    def __init__(self, records: Iterable[EpochRecord] = ()) -> None:
        self._records = list(records)

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> EpochRecord:
        return self._records[index]

    def __iter__(self) -> Iterator[EpochRecord]:
        return iter(self._records)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, History) and self._records == other._records

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"History({self._records!r})"

    def append(self, record: EpochRecord) -> None:
        """Add a record."""
        self._records.append(record)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns; those of the arrays of which a record has the pulses are the last."""
        arrays = dict.fromkeys(_PULSES + name for record in self._records for name in record.pulses)
        return (*_TYPES, *arrays)

    def column(self, name: str) -> NDArray[np.float64]:
        """Return one of `columns` of all records; NaN where a record has none.

        Raises
        ------
        MhoValueError
            There is no field of that name.
        """
        if name not in self.columns:
            raise MhoValueError(f"History has no column {name!r}; it has {', '.join(self.columns)}")
        values = [record.to_dict().get(name) for record in self._records]
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the records as plain dicts, representable as JSON."""
        return [record.to_dict() for record in self._records]

    @classmethod
    def from_dicts(cls, records: Iterable[dict[str, Any]]) -> Self:
        """Return the history of which `to_dicts` made `records`."""
        return cls(EpochRecord.from_dict(record) for record in records)

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write a CSV file with one line per epoch and empty cells for what there is not.

        Parameters
        ----------
        path : path-like
            Overwritten if it exists.
        """
        with Path(path).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self.columns, restval="")
            writer.writeheader()
            writer.writerows(self.to_dicts())

    @classmethod
    def from_csv(cls, path: str | os.PathLike[str]) -> Self:
        """Read a file that `to_csv` wrote.

        Raises
        ------
        MhoFileError
            The file cannot be read, or is of another kind.
        """
        try:
            with Path(path).open(newline="", encoding="utf-8") as file:
                reader = csv.DictReader(file)
                names = reader.fieldnames or ()
                needed = [name for name in _TYPES if name not in _LATER]
                if not (
                    set(names).issuperset(needed)
                    and all(name in _TYPES or name.startswith(_PULSES) for name in names)
                ):
                    raise MhoFileError(f"{path} is no history: its columns must be {', '.join(_TYPES)}")
                rows = list(reader)
            return cls.from_dicts({k: _TYPES.get(k, int)(v) for k, v in row.items() if v} for row in rows)
        except MhoFileError:
            raise
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise MhoFileError(f"cannot read the history {path}: {error}") from error
