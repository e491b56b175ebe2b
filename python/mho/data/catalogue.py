"""Data sets by name, for the command line."""

from __future__ import annotations

import os

from mho._validate import choice
from mho.data.dataset import Dataset
from mho.data.embedded import digits
from mho.data.mnist_files import mnist
from mho.errors import MhoValueError

__all__ = ["load", "names"]

_NAMES = ("digits", "mnist")


def names() -> list[str]:
    """Return the names that `load` knows, the default one first.

    Examples
    --------
    >>> names()
    ['digits', 'mnist']
    """
    return list(_NAMES)


def load(name: str = "digits", data_dir: str | os.PathLike[str] | None = None) -> tuple[Dataset, Dataset]:
    """Load a data set by its name.

    Parameters
    ----------
    name : str
        ``"digits"`` (embedded, see `digits`) or ``"mnist"`` (see `mnist`).
    data_dir : str or path-like, optional
        Folder with the files of ``"mnist"``; ``"digits"`` takes none.

    Returns
    -------
    train, test : Dataset

    Raises
    ------
    MhoValueError
        If `name` is unknown, or `data_dir` is given with ``"digits"``.
    MhoTypeError
        If `name` is no string.
    MhoFileError, MhoRuntimeError
        As `digits` and `mnist` do.

    Examples
    --------
    >>> train, test = load("digits")
    >>> len(train), len(test)
    (8000, 2000)
    >>> load("mnits")
    Traceback (most recent call last):
    mho.errors.MhoValueError: data set must be one of 'digits', 'mnist', got 'mnits'; did you mean mnist?
    """
    name = choice("data set", name, _NAMES)
    if name == "mnist":
        return mnist(data_dir)
    if data_dir is not None:
        raise MhoValueError(f"data_dir has no effect on 'digits', which comes with mho, got {data_dir}")
    return digits()
