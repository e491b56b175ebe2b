"""Rules: how a gradient becomes pulses on the arrays of a tile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mho._parameters import Tagged

__all__ = ["SGD", "Rule"]


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Rule(Tagged):
    """Base of all rules.

    Examples
    --------
    >>> Rule.types()
    ['SGD']
    """

    _models: ClassVar[dict[str, type[Tagged]]] = {}


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
