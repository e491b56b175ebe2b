"""A training as a file, from which it can go on as if it had never stopped."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from mho import _core, files
from mho._validate import Range, integer, number
from mho.errors import MhoFileError
from mho.training.history import History

if TYPE_CHECKING:
    import os

__all__ = ["Checkpoint", "Position", "SimdLevelWarning"]

_KIND = "training"
# Fields of a position that files of earlier versions lack.
_LATER = ("vector_reads", "line_reads", "digital_operations", "array_updates", "pulses")


class SimdLevelWarning(UserWarning):
    """A training goes on at another SIMD level than it was saved at: from here on its bits may differ."""


@dataclass(kw_only=True, slots=True)
class Position:
    """How far a training is: everything that the rest of the epoch needs, exactly.

    Parameters
    ----------
    epoch : int
        The present epoch, from 1.
    batch : int
        Batches of it that are done.
    loss_sum : float
        Sum of the losses of its samples so far.
    wrong : int
        Samples of it that were classified wrongly.
    seconds : float
        Time it took so far.
    pulses_up, pulses_down : int
        The network's counters when it began.
    vector_reads, line_reads, digital_operations, array_updates : int or None
        Likewise; None in a file from before these were counted.
    pulses : dict of str to int, or None
        Likewise, up and down together on each array by its name.
    """

    epoch: int = 1
    batch: int = 0
    loss_sum: float = 0.0
    wrong: int = 0
    seconds: float = 0.0
    pulses_up: int = 0
    pulses_down: int = 0
    vector_reads: int | None = None
    line_reads: int | None = None
    digital_operations: int | None = None
    array_updates: int | None = None
    pulses: dict[str, int] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """A training that has been stopped between two batches.

    Parameters
    ----------
    network : dict
        ``net.spec()``.
    arrays, state : dict
        ``net.state()``.
    settings : dict
        What must be the same when the training goes on: loss, lr, batch_size, seed, and fingerprints of the
        data.
    position : Position
    first_epoch, epochs : int
        The epoch at which this training began, and the number of epochs it was to take.
    history : History
    simd_level : str
        Of the engine that wrote it.
    """

    network: dict[str, Any]
    arrays: Mapping[str, NDArray[Any]]
    state: dict[str, Any]
    settings: dict[str, Any]
    position: Position
    first_epoch: int
    epochs: int
    history: History
    simd_level: str

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the checkpoint to `path`, in one step.

        Raises
        ------
        MhoFileError
            The file cannot be written.
        """
        training = {
            "settings": self.settings,
            "position": asdict(self.position),
            "first_epoch": self.first_epoch,
            "epochs": self.epochs,
            "history": self.history.to_dicts(),
            "simd_level": self.simd_level,
        }
        meta = {"network": self.network, "state": self.state, "training": training}
        files.save_state(Path(path), dict(self.arrays), meta, _KIND)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a checkpoint.

        Raises
        ------
        MhoFileError
            The file is missing, truncated, of another kind, or newer than this version of mho.
        """
        arrays, meta = files.load_state(Path(path), _KIND)
        try:
            training = meta["training"]
            return cls(
                network=meta["network"],
                arrays=arrays,
                state=meta["state"],
                settings=training["settings"],
                position=_checked_position(training["position"]),
                first_epoch=integer("first_epoch", training["first_epoch"], Range(at_least=1)),
                epochs=integer("epochs", training["epochs"], Range(at_least=0)),
                history=History.from_dicts(training["history"]),
                simd_level=training["simd_level"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise MhoFileError(f"checkpoint {path} is incomplete or damaged: {error}") from error


def _checked_position(data: dict[str, Any]) -> Position:
    for name, value in data.items():
        if name in ("loss_sum", "seconds"):
            number(f"position.{name}", value, Range(at_least=0))
        elif name == "pulses" and isinstance(value, dict):
            for array, fired in value.items():
                integer(f"position.pulses.{array}", fired, Range(at_least=0))
        elif value is not None or name not in _LATER:
            integer(f"position.{name}", value, Range(at_least=1 if name == "epoch" else 0))
    return Position(**data)


def simd_level() -> str:
    """Return the SIMD level in use."""
    return str(_core.engine_info()["simd_level"])


def fingerprint(x: NDArray[Any], y: NDArray[Any]) -> dict[str, Any]:
    """Return what tells one data set from another: shapes and a checksum, representable as JSON."""
    crc = zlib.crc32(np.ascontiguousarray(y).data, zlib.crc32(np.ascontiguousarray(x).data))
    return {"x": list(x.shape), "y": list(y.shape), "crc32": f"{crc:08x}"}
