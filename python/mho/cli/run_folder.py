"""The folder that a training run writes: its name, its files, and who may write to it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from mho import files
from mho.cli._console import UsageError
from mho.errors import MhoFileError, MhoRuntimeError

__all__ = ["RunFolder", "write_file"]

# A name is tried with -2, -3 ... up to this number before giving up.
_MAX_NUMBER = 100_000


def write_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file elsewhere, and move it into place: a reader, or a crash, never sees half of it.

    Parameters
    ----------
    path : Path
        File to write; its folder must exist.
    write : callable
        Writes the content to the path that it is given, which has the same name.

    Raises
    ------
    MhoFileError
        If the file cannot be written.
    """
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / path.name
        write(made)
        files.write_atomically(path, made.read_bytes())


class RunFolder:
    """The files of one run.

    Attributes
    ----------
    path : Path
        The folder.
    config : Path
        The configuration, a file that ``mho train`` takes.
    history, history_float : Path
        Losses, errors and pulses of every epoch as CSV, of the analog and of the floating-point training.
    checkpoint, checkpoint_float : Path
        The state of either, to go on from.
    plot : Path
        The training curves as PNG.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.toml"
        self.history = path / "history.csv"
        self.history_float = path / "history_float.csv"
        self.checkpoint = path / "analog.safetensors"
        self.checkpoint_float = path / "float.safetensors"
        self.plot = path / "training.png"
        self._created: list[Path] = []

    @classmethod
    def create(cls, wanted: str | None, name: str) -> RunFolder:
        """Make a new, empty run folder.

        Parameters
        ----------
        wanted : str or None
            The folder the user asked for; it must not exist, or be empty. None takes ``runs/<name>``, or the
            first of ``runs/<name>-2``, ``runs/<name>-3`` ... that does not exist.
        name : str
            Name of the run, for when no folder was asked for.

        Raises
        ------
        UsageError
            If `wanted` is a file or a folder with something in it.
        MhoFileError
            If the folder cannot be made or written to.
        """
        if wanted is not None:
            folder = cls(Path(wanted))
            folder._make(exist_ok=True)
            return folder
        for number in range(1, _MAX_NUMBER):
            folder = cls(Path("runs") / (name if number == 1 else f"{name}-{number}"))
            with contextlib.suppress(FileExistsError):
                folder._make(exist_ok=False)
                return folder
        raise MhoFileError(
            f"no free name for a run folder: runs/{name} to runs/{name}-{_MAX_NUMBER - 1} exist"
        )

    @classmethod
    def existing(cls, path: str) -> RunFolder:
        """Return the folder of an earlier run.

        Raises
        ------
        UsageError
            If there is no such folder or it holds no run.
        """
        folder = cls(Path(path))
        if not folder.path.is_dir():
            what = "is a file, not a run folder" if folder.path.exists() else "does not exist"
            raise UsageError(f"--resume: {path} {what}")
        if not folder.config.is_file():
            raise UsageError(f"--resume: {path} is not a run folder (it has no {folder.config.name})")
        return folder

    def _make(self, *, exist_ok: bool) -> None:
        """Create the folder and its parents, remembering which are new; check that it can be written to.

        Raises FileExistsError where it exists and may not.
        """
        self._created = [path for path in (self.path, *self.path.parents) if not path.exists()]
        try:
            file = next((path for path in (self.path, *self.path.parents) if path.is_file()), None)
            if file is not None and (exist_ok or file != self.path):
                raise UsageError(f"--out: {file} is a file, not a folder")
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.mkdir(exist_ok=exist_ok)
            if any(self.path.iterdir()):
                raise UsageError(
                    f"--out: {self.path} exists already and is not empty; "
                    f"continue that run with --resume {self.path}, or choose another folder"
                )
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except FileExistsError:
            self._created = []
            raise
        except OSError as error:
            self.discard()
            raise MhoFileError(
                f"cannot write to the folder {self.path}: {error.strerror or error}"
            ) from error

    def discard(self) -> None:
        """Remove the folders that `create` made, as far as they are empty, for a run that fails to begin."""
        for path in self._created:
            with contextlib.suppress(OSError):
                path.rmdir()
        self._created = []

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other process from training in this folder; the system lets go when this process ends.

        Raises
        ------
        MhoRuntimeError
            If another process is training in it.
        """
        try:
            import fcntl
        except ImportError:  # not a POSIX system: no advisory locks there
            yield
            return
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise MhoRuntimeError(f"another mho train is writing to {self.path}") from None
            except OSError:  # a file system without locks is no reason not to train
                pass
            yield
        finally:
            os.close(descriptor)
