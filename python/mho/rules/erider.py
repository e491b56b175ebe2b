"""RIDER with choppers."""

from __future__ import annotations

from mho._parameters import configuration, parameter
from mho.rules.rider import RIDER, TRACKING
from mho.rules.rule import Rule

__all__ = ["ERIDER"]


@Rule.register
@configuration
class ERIDER(RIDER):
    """RIDER with choppers (E-RIDER): signs of what P learns change, those of its symmetry points do not.

    A sample reaches a column of P with a sign c, which changes with the probability `in_chop_prob` when the
    column was read. So the mean Q forgets what P has learnt, and keeps what its devices do by themselves.
    Until the next change, a copy R of Q as it was at the last one is the reference: reads of the tile see ``C
    + gamma * c * (P - R)``, and C moves by ``transfer_lr * lr * c * (P - R)``, or that goes to the buffer.

    References
    ----------
    Q. Xiao, J. Li, Z. Wu, T. Gokmen and T. Chen, arXiv:2602.21321 (2026).

    Examples
    --------
    >>> ERIDER(in_chop_prob=0.1)
    ERIDER(in_chop_prob=0.1)
    """

    filter: float = parameter(
        0.1, above=0, at_most=1, doc="Share of a new read in the running mean Q.", source="design"
    )
    in_chop_prob: float = parameter(
        0.05,
        above=0,
        at_most=1,
        doc="Probability that the sign of a line changes when it was read.",
        unit="probability",
        source=TRACKING,
    )
