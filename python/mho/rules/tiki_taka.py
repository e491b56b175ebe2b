"""Tiki-Taka, in its first form."""

from __future__ import annotations

from mho._parameters import configuration, parameter
from mho.rules.multi_array_rule import MultiArrayRule
from mho.rules.rule import Rule
from mho.rules.transfer_rule import TIKI_TAKA

__all__ = ["TikiTaka"]


@Rule.register
@configuration
class TikiTaka(MultiArrayRule):
    """Tiki-Taka: what is read of a line of the fast array is pulsed onto the same line of the slow one.

    Each sample moves A by ``-fast_lr * lr * d x^T``; after every `transfer_every` samples the next column t
    is read, and C moves by ``transfer_lr * lr * A[:, t]``, both in expectation. A relaxes to its symmetry
    point while gradients average out, so that C only learns from what does not. With more than two arrays
    the slower ones are read in turn, each when all lines of the faster one have been; reads of the tile see
    ``sum_n gamma**n * W_n``, with n = 0 for the slowest.

    References
    ----------
    T. Gokmen and W. Haensch, Front. Neurosci. 14:103 (2020).

    Examples
    --------
    >>> TikiTaka(transfer_every=2)
    TikiTaka(transfer_every=2)
    """

    scale_fast_lr: bool = parameter(
        True, doc="Multiply fast_lr by the learning rate of the update.", source=TIKI_TAKA
    )
