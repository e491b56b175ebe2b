"""Residual learning."""

from __future__ import annotations

from mho._parameters import configuration, parameter
from mho.rules.multi_array_rule import MultiArrayRule
from mho.rules.rule import Rule

__all__ = ["ResidualLearning"]

_SOURCE = "Wu et al. 2025"


@Rule.register
@configuration
class ResidualLearning(MultiArrayRule):
    """Residual learning: reads see ``C + gamma * P``, where the fast array P learns what C lacks.

    Each sample moves P by ``-fast_lr * lr * d x^T``, with gradients at the sum of both. After every
    `transfer_every` samples the next column of P is read, filtered as ``H = (1 - filter) * H + filter *
    P``, and C moves by ``transfer_lr * lr * H``, where that is at least `write_threshold` pulses.

    With more than two arrays, each learns what the slower ones lack together, and reads of the tile see
    ``sum_n gamma**n * W_n``, with n = 0 for the slowest: `gamma` about one over the number of states makes
    them digits of one number.

    References
    ----------
    Z. Wu et al., arXiv:2502.06309 (2025). With several arrays: J. Li et al., arXiv:2510.02516 (2025).

    Examples
    --------
    >>> ResidualLearning(gamma=0.2, filter=0.5)
    ResidualLearning(gamma=0.2, filter=0.5)
    >>> ResidualLearning(arrays=4, gamma=0.25, transfer_every=2, transfer_every_growth=5)
    ResidualLearning(transfer_every=2, gamma=0.25, arrays=4, transfer_every_growth=5)
    """

    scale_fast_lr: bool = parameter(
        True, doc="Multiply fast_lr by the learning rate of the update.", source=_SOURCE
    )
    gamma: float = parameter(
        0.4,
        above=0,
        largest=1e6,
        doc="Weight of P in what a read of the tile sees, C + gamma * P.",
        source=_SOURCE,
    )
    filter: float = parameter(
        1.0, above=0, at_most=1, doc="Share of a new read in the running mean; 1: no filter.", source=_SOURCE
    )
    write_threshold: float = parameter(
        0.0, at_least=0, largest=1e6, doc="Smallest change that is written.", unit="pulses", source=_SOURCE
    )
