"""What happened in every epoch of a training."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
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

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that are not None."""
        return {name: value for name, value in asdict(self).items() if value is not None}


_TYPES: dict[str, type] = {
    f.name: int if str(f.type).startswith("int") else float for f in fields(EpochRecord)
}
# How many of these, the first ones, a file has: those of earlier versions have fewer.
_COLUMNS = (8, 12, len(_TYPES))


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

    def column(self, name: str) -> NDArray[np.float64]:
        """Return one field of all records; NaN where a record has none.

        Raises
        ------
        MhoValueError
            There is no field of that name.
        """
        if name not in _TYPES:
            raise MhoValueError(f"History has no column {name!r}; it has {', '.join(_TYPES)}")
        values = [getattr(record, name) for record in self._records]
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the records as plain dicts, representable as JSON."""
        return [record.to_dict() for record in self._records]

    @classmethod
    def from_dicts(cls, records: Iterable[dict[str, Any]]) -> Self:
        """Return the history of which `to_dicts` made `records`."""
        return cls(EpochRecord(**record) for record in records)

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write a CSV file with one line per epoch and empty cells for what there is not.

        Parameters
        ----------
        path : path-like
            Overwritten if it exists.
        """
        with Path(path).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(_TYPES), restval="")
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
                if list(reader.fieldnames or ()) not in [list(_TYPES)[:n] for n in _COLUMNS]:
                    raise MhoFileError(f"{path} is no history: its columns must be {', '.join(_TYPES)}")
                rows = list(reader)
            return cls.from_dicts({k: _TYPES[k](v) for k, v in row.items() if v} for row in rows)
        except MhoFileError:
            raise
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise MhoFileError(f"cannot read the history {path}: {error}") from error
