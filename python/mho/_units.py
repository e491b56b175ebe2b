"""Counts and bytes in round numbers, to be read by people."""

from __future__ import annotations

__all__ = ["round_bytes", "round_number"]


def round_number(value: int) -> str:
    """Return a count with three digits and the prefix of its size.

    Parameters
    ----------
    value : int
        At least 0.

    Examples
    --------
    >>> [round_number(n) for n in (0, 999, 1234, 999_999, 123_456_789, 5 * 10**15)]
    ['0', '999', '1.23 k', '1 M', '123 M', '5000 T']
    """
    return _rounded(value, 1000, ("", " k", " M", " G", " T"))


def round_bytes(value: int) -> str:
    """Return a number of bytes with three digits and a binary unit.

    Parameters
    ----------
    value : int
        At least 0.

    Examples
    --------
    >>> [round_bytes(n) for n in (0, 1000, 2608, 3 * 2**20)]
    ['0 B', '1000 B', '2.55 KiB', '3 MiB']
    """
    return _rounded(value, 1024, (" B", " KiB", " MiB", " GiB", " TiB"))


def _rounded(value: int, step: int, units: tuple[str, ...]) -> str:
    """Return `value` in the largest unit of which it has at least one, after rounding."""
    if value < step:
        return f"{value}{units[0]}"
    size, number = 0, float(value)
    while size < len(units) - 1 and (number >= step or (size and float(f"{number:.3g}") >= step)):
        number /= step
        size += 1
    digits = f"{number:.3g}" if number < 999.5 else f"{number:.0f}"
    return digits + units[size]
