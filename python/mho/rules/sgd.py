"""Stochastic gradient descent by pulses."""

from __future__ import annotations

from mho._parameters import configuration
from mho.rules.rule import Rule

__all__ = ["SGD"]


@Rule.register
@configuration
class SGD(Rule):
    """Stochastic gradient descent: one array, pulsed with each sample's rank-one gradient ``-lr * d x^T``.

    References
    ----------
    T. Gokmen and Y. Vlasov, Front. Neurosci. 10:333 (2016).

    Examples
    --------
    >>> SGD()
    SGD()
    """
