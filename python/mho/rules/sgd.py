"""Stochastic gradient descent by pulses."""

from __future__ import annotations

from dataclasses import dataclass

from mho.rules.rule import Rule

__all__ = ["SGD"]


@Rule.register
@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
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
