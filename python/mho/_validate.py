"""Checks of single values: each function one check, one message, and the value in its Python type."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mho.errors import MhoTypeError, MhoValueError


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """The values a number may take; a limit that is None does not exist.

    Whatever the limits, a number is 0 or has a magnitude between `smallest` and `largest`: the engine
    computes in single precision, where a value beyond, or a product of a few, would become 0 or infinite.

    Examples
    --------
    >>> print(Range(above=0, at_most=1))
    > 0 and <= 1
    >>> 0.0 in Range(above=0), 0.5 in Range(above=0)
    (False, True)
    """

    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    at_most: float | None = None
    smallest: float = 1e-30
    largest: float = 1e30

    def __contains__(self, value: float) -> bool:
        """Tell whether a number obeys every limit."""
        return (
            (self.above is None or value > self.above)
            and (self.at_least is None or value >= self.at_least)
            and (self.below is None or value < self.below)
            and (self.at_most is None or value <= self.at_most)
        )

    def __str__(self) -> str:
        """Return the limits as in ``> 0 and <= 1``, or an empty text where there is none."""
        limits = ((">", self.above), (">=", self.at_least), ("<", self.below), ("<=", self.at_most))
        return " and ".join(f"{sign} {_limit_text(limit)}" for sign, limit in limits if limit is not None)


def _limit_text(limit: float) -> str:
    return str(limit) if isinstance(limit, int) else f"{limit:.12g}"


ANY = Range()


def _shown(value: object) -> str:
    return f"{value!r} ({type(value).__name__})"


def _with_space(allowed: Range) -> str:
    limits = str(allowed)
    return limits and " " + limits


def number(name: str, value: object, allowed: Range = ANY) -> float:
    """Return `value` as a float.

    Parameters
    ----------
    name : str
        What the message calls the value, such as ``SoftBounds.dw_min``.
    value : object
        A Python or numpy integer or float; a bool is not a number.
    allowed : Range
        The allowed values.

    Returns
    -------
    float

    Raises
    ------
    MhoTypeError
        If `value` is not a number.
    MhoValueError
        If it is NaN, infinite, beyond single precision, or out of range.

    Examples
    --------
    >>> number("dw_min", 1, Range(above=0))
    1.0
    >>> number("dw_min", -0.1, Range(above=0))
    Traceback (most recent call last):
        ...
    mho.errors.MhoValueError: dw_min must be > 0, got -0.1
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise MhoTypeError(f"{name} must be a number{_with_space(allowed)}, got {_shown(value)}")
    try:
        result = float(value) + 0.0  # + 0.0 turns -0.0 into 0.0
    except OverflowError:
        result = math.inf
    if not math.isfinite(result):
        raise MhoValueError(f"{name} must be a finite number{_with_space(allowed)}, got {result!r}")
    if result not in allowed:
        raise MhoValueError(f"{name} must be {allowed}, got {result!r}")
    if abs(result) > allowed.largest or 0.0 < abs(result) < allowed.smallest:
        raise MhoValueError(
            f"{name} must be 0 or between {allowed.smallest:g} and {allowed.largest:g} in magnitude, "
            f"got {result!r}"
        )
    return result


def integer(name: str, value: object, allowed: Range = ANY) -> int:
    """Return `value`, a Python or numpy integer within `allowed`, as an int.

    Raises
    ------
    MhoTypeError
        If `value` is not an integer; a bool and a float are not.
    MhoValueError
        If it is out of range.

    Examples
    --------
    >>> integer("bl", 31, Range(at_least=1, at_most=64))
    31
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise MhoTypeError(f"{name} must be an integer{_with_space(allowed)}, got {_shown(value)}")
    result = int(value)
    if result not in allowed:
        raise MhoValueError(f"{name} must be {allowed}, got {result}")
    return result


def boolean(name: str, value: object) -> bool:
    """Return `value`, a Python or numpy bool, as a bool.

    Raises
    ------
    MhoTypeError
        If `value` is anything else, 0 and 1 included.
    """
    if not isinstance(value, (bool, np.bool_)):
        raise MhoTypeError(f"{name} must be True or False, got {_shown(value)}")
    return bool(value)


def choice(name: str, value: object, choices: Iterable[str]) -> str:
    """Return `value`, one of `choices`.

    Raises
    ------
    MhoTypeError
        If `value` is not a string.
    MhoValueError
        If it is none of the choices; the message lists them and names the nearest.

    Examples
    --------
    >>> choice("animal", "cta", ["cat", "dog"])
    Traceback (most recent call last):
        ...
    mho.errors.MhoValueError: animal must be one of 'cat', 'dog', got 'cta'; did you mean cat?
    """
    known = list(choices)
    listed = "one of " + ", ".join(repr(item) for item in known)
    if not isinstance(value, str):
        raise MhoTypeError(f"{name} must be {listed}, got {_shown(value)}")
    if value not in known:
        raise MhoValueError(f"{name} must be {listed}, got {value!r}{did_you_mean(value, known)}")
    return str(value)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean X?`` with the nearest of `known`, or an empty text if none is near.

    Examples
    --------
    >>> did_you_mean("dw_mn", ["w_max", "dw_min"])
    '; did you mean dw_min?'
    """
    import difflib

    by_lower = {item.lower(): item for item in known}
    near = [item for item in by_lower if item.startswith(word.lower())] if word else []
    near = near or difflib.get_close_matches(word.lower(), by_lower, n=1)
    return f"; did you mean {by_lower[near[0]]}?" if near else ""
