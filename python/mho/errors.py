"""Exceptions of mho.

Every error that mho raises on purpose derives from `MhoError`, and from the built-in exception of the same
kind as well, so that both ``except mho.MhoError`` and ``except ValueError`` work. The C++ engine raises these
same classes.
"""

from __future__ import annotations

__all__ = ["MhoError", "MhoFileError", "MhoRuntimeError", "MhoTypeError", "MhoValueError"]


class MhoError(Exception):
    """Base class of all exceptions raised by mho.

    Examples
    --------
    >>> issubclass(MhoValueError, MhoError) and issubclass(MhoValueError, ValueError)
    True
    """


class MhoValueError(MhoError, ValueError):
    """A value is outside its allowed range, unknown, or without effect."""


class MhoTypeError(MhoError, TypeError):
    """A value has the wrong type."""


class MhoFileError(MhoError, OSError):
    """A file is missing, truncated, foreign, or written by a newer version."""


class MhoRuntimeError(MhoError, RuntimeError):
    """An operation is not possible in the present state, such as two calls into one tile at once."""
