"""Tiki-Taka with choppers."""

from __future__ import annotations

from mho._parameters import configuration, parameter
from mho.rules.rule import Rule
from mho.rules.scaled_transfer_rule import CHOPPERS, ScaledTransferRule

__all__ = ["ChoppedTikiTaka2"]


@Rule.register
@configuration
class ChoppedTikiTaka2(ScaledTransferRule):
    """Tiki-Taka, version 2, with choppers: signs of the lines of the fast array that change now and then.

    A sample reaches A as ``x * c_in`` and ``d * c_out`` with signs c, and what is read of A is multiplied
    by them again. What A's devices add by themselves, such as a symmetry point away from 0, changes its
    sign in the buffer whenever a chopper changes, and averages out. The buffer counts steps, ``H += c *
    A[:, t] * transfer_lr * lr / g`` with the granularity ``g = buffer_granularity * granularity`` of A,
    times ``auto_granularity / (lines * transfer_every * batch_size)`` where that is given; where ``|H| >=
    1`` the device of C gets ``trunc(H)`` pulses, at most `transfer_update.bl`.

    References
    ----------
    M. J. Rasch, F. Carta, O. Fagbohungbe and T. Gokmen, Nat. Commun. 15:7133 (2024).

    Examples
    --------
    >>> ChoppedTikiTaka2(in_chop_prob=0.02)
    ChoppedTikiTaka2(in_chop_prob=0.02)
    """

    in_chop_prob: float = parameter(
        0.1,
        at_least=0,
        at_most=1,
        doc="Probability that the sign of a line changes when it was read; 0: never.",
        unit="probability",
        source=CHOPPERS,
    )
    in_chop_random: bool = parameter(
        True,
        doc="Change signs at random; if false, all in the same sweep, every 1 / in_chop_prob sweeps.",
        source=CHOPPERS,
    )
    out_chop_prob: float = parameter(
        0.0,
        at_least=0,
        at_most=1,
        doc="Probability that the sign of a line across changes when all lines have been read.",
        unit="probability",
        source=CHOPPERS,
    )
    correct_gradient_magnitudes: bool = parameter(
        False,
        doc="Divide by the learning rate of the fast array: the slow one moves by lr * gradient.",
        source=CHOPPERS,
    )

    def _check(self) -> None:
        ScaledTransferRule._check(self)
        self._require_effect("in_chop_random", self.in_chop_prob > 0, "while in_chop_prob is 0")
