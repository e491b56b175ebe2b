"""The file format: arrays and one JSON header in a safetensors file.

The header is kept under the key ``mho`` of the file's metadata. It names the format version, the kind of what
is stored, the version of mho that wrote it and the SIMD level it ran on. There is no pickle, so that a file
can be opened whoever it comes from.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mho import _core
from mho.errors import MhoFileError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FORMAT", "load_state", "save_state"]

FORMAT = 1
"""Version of the file format. A reader takes files of its own version and of older ones."""


def save_state(path: str | Path, arrays: dict[str, NDArray[Any]], meta: dict[str, Any], kind: str) -> None:
    """Write arrays and a header. The file appears whole or not at all.

    Parameters
    ----------
    path : path-like
        The file; one that exists is replaced.
    arrays : dict of str to ndarray
        What is stored.
    meta : dict
        Further entries of the header, as plain JSON values.
    kind : str
        What the file is, such as ``"tile"``.

    Raises
    ------
    MhoFileError
        If the file cannot be written.
    """
    from safetensors.numpy import save

    info = _core.engine_info()
    header = {
        "format": FORMAT,
        "kind": kind,
        "version": info["version"],
        "simd_level": info["simd_level"],
        **meta,
    }
    data = save(
        {name: np.ascontiguousarray(array) for name, array in arrays.items()},
        metadata={"mho": json.dumps(header, allow_nan=False)},
    )
    write_atomically(path, data)


def write_atomically(path: str | Path, data: bytes) -> None:
    """Write a file under another name and move it into place once it is safely on the disk.

    Raises
    ------
    MhoFileError
        If the file cannot be written. Nothing is left behind then.
    """
    target = Path(path)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o666 & ~_umask())
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise MhoFileError(f"cannot write {target}: {error.strerror or error}") from error


def load_state(path: str | Path, kind: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read what `save_state` has written.

    Parameters
    ----------
    path : path-like
        The file.
    kind : str
        What the file must be.

    Returns
    -------
    arrays : dict of str to ndarray
    meta : dict
        The whole header.

    Raises
    ------
    MhoFileError
        If the file is missing, truncated, of another kind, foreign, or of a newer format.
    """
    from safetensors import SafetensorError, safe_open

    source = Path(path)
    try:
        if source.is_dir():
            raise MhoFileError(f"cannot read {source}: it is a folder")
        with source.open("rb"):
            pass
        with safe_open(str(source), framework="numpy") as file:
            metadata = file.metadata() or {}
            header = _header(source, metadata, kind)
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dict)
    except SafetensorError as error:
        raise MhoFileError(f"cannot read {source}: truncated, or not a safetensors file ({error})") from error
    except OSError as error:
        if isinstance(error, MhoFileError):
            raise
        raise MhoFileError(f"cannot read {source}: {error.strerror or error}") from error
    return arrays, header


def _header(source: Path, metadata: dict[str, str], kind: str) -> dict[str, Any]:
    if "mho" not in metadata:
        raise MhoFileError(f"cannot read {source}: a safetensors file, but not one of mho's")
    try:
        header = json.loads(metadata["mho"])
    except json.JSONDecodeError as error:
        raise MhoFileError(f"cannot read {source}: its header is damaged ({error})") from error
    version = header.get("format") if isinstance(header, dict) else None
    if type(version) is not int or version < 1:
        raise MhoFileError(f"cannot read {source}: its header names no format version")
    if version > FORMAT:
        raise MhoFileError(
            f"cannot read {source}: format {version} is newer than this version of mho reads ({FORMAT})"
        )
    if header.get("kind") != kind:
        raise MhoFileError(f"cannot read {source}: it holds a {header.get('kind')}, not a {kind}")
    return dict(header)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
