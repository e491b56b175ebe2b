"""Analog gradient accumulation with dynamic reference."""

from __future__ import annotations

from mho._parameters import configuration, parameter
from mho.rules.chopped_tiki_taka2 import ChoppedTikiTaka2
from mho.rules.rule import Rule
from mho.rules.scaled_transfer_rule import CHOPPERS

__all__ = ["AGAD"]


@Rule.register
@configuration
class AGAD(ChoppedTikiTaka2):
    """Analog gradient accumulation with dynamic reference (AGAD): no calibration of the fast array is needed.

    As `ChoppedTikiTaka2`, but each crosspoint has a digital reference: the mean of what was read of it,
    ``mu += beta * (A - mu)`` with ``beta = tail_weightening / period``, at the last change of its sign. The
    buffer sums up ``c * (A - reference)``. Nothing is written before the choppers have changed once.

    References
    ----------
    M. J. Rasch, F. Carta, O. Fagbohungbe and T. Gokmen, Nat. Commun. 15:7133 (2024).

    Examples
    --------
    >>> AGAD(in_chop_prob=0.02, fast_lr=0.5)
    AGAD(fast_lr=0.5, in_chop_prob=0.02)
    """

    in_chop_random: bool = parameter(
        False,
        doc="Change signs at random; if false, all in the same sweep, every 1 / in_chop_prob sweeps.",
        source=CHOPPERS,
    )
    in_chop_prob: float = parameter(
        0.1,
        above=0,
        at_most=1,
        doc="Probability that the sign of a line changes when it was read.",
        unit="probability",
        source=CHOPPERS,
    )
    tail_weightening: float = parameter(
        5.0,
        above=0,
        largest=1e6,
        doc="Share of a new read in the running mean, times the period of the choppers; at most the whole.",
        source=CHOPPERS,
    )
    buffer_cap: float = parameter(
        0.0,
        at_least=0,
        largest=1e6,
        doc="Largest magnitude of the buffer where it is not reset; 0: no limit.",
        unit="transfer_update.bl",
        source=CHOPPERS,
    )

    def _check(self) -> None:
        ChoppedTikiTaka2._check(self)
        self._require_effect("buffer_cap", not self.forget_buffer, "while forget_buffer is true")
