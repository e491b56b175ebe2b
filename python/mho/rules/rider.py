"""Residual learning that tracks the symmetry point of the fast array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mho._parameters import parameter
from mho.rules.rule import Rule
from mho.rules.transfer_rule import TransferRule

if TYPE_CHECKING:
    from mho.config import TileConfig
    from mho.periphery import Update

__all__ = ["RIDER", "TRACKING"]

TRACKING = "Xiao et al. 2026"


@Rule.register
@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class RIDER(TransferRule):
    """Residual learning with dynamic tracking of the symmetry point (RIDER): P counts from its own mean.

    Pulses of either sign pull a device towards its symmetry point, which need not be 0 and differs from
    device to device. A digital mean Q follows what is read of the fast array P, and with it that point;
    reads of the tile see ``C + gamma * (P - Q)``. Each sample moves P by ``-fast_lr * lr * d x^T``; after
    every `transfer_every` samples the next column of P is read, C moves by ``transfer_lr * lr * (P - Q)``,
    and then ``Q += filter * (P - Q)`` there. Q also follows what P has learnt: where it does so before C has
    moved, P runs into its bounds. So `filter` must be well below ``transfer_lr * lr / gamma``.

    References
    ----------
    Q. Xiao, J. Li, Z. Wu, T. Gokmen and T. Chen, arXiv:2602.21321 (2026).

    Examples
    --------
    >>> RIDER(gamma=0.2, filter=0.001)
    RIDER(gamma=0.2, filter=0.001)
    """

    scale_fast_lr: bool = parameter(
        True, doc="Multiply fast_lr by the learning rate of the update.", source=TRACKING
    )
    gamma: float = parameter(
        0.1,
        above=0,
        largest=1e6,
        doc="Weight of P - Q in what a read of the tile sees, C + gamma * (P - Q).",
        source=TRACKING,
    )
    filter: float = parameter(
        0.005, above=0, at_most=1, doc="Share of a new read in the running mean Q.", source="design"
    )

    def _default_transfer_update(self, config: TileConfig) -> Update:
        return config.update
