"""Residual learning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mho._parameters import parameter
from mho.rules.rule import Rule
from mho.rules.transfer_rule import TransferRule

if TYPE_CHECKING:
    from mho.config import TileConfig
    from mho.periphery import Update

__all__ = ["ResidualLearning"]

_SOURCE = "Wu et al. 2025"


@Rule.register
@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class ResidualLearning(TransferRule):
    """Residual learning: reads see ``C + gamma * P``, where the fast array P learns what C lacks.

    Each sample moves P by ``-fast_lr * lr * d x^T``, with gradients at the sum of both. After every
    `transfer_every` samples the next column of P is read, filtered as ``H = (1 - filter) * H + filter *
    P``, and C moves by ``transfer_lr * lr * H``, where that is at least `write_threshold` pulses.

    References
    ----------
    Z. Wu et al., arXiv:2502.06309 (2025).

    Examples
    --------
    >>> ResidualLearning(gamma=0.2, filter=0.5)
    ResidualLearning(gamma=0.2, filter=0.5)
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

    def _default_transfer_update(self, config: TileConfig) -> Update:
        return config.update

    def engine_dict(self, config: TileConfig) -> dict[str, Any]:
        """Return the plain dict the engine builds the rule from; see `Rule.engine_dict`."""
        return TransferRule.engine_dict(self, config)
