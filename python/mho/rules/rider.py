"""Residual learning that tracks the symmetry point of the fast array."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mho._parameters import configuration, parameter
from mho.rules.rule import Rule
from mho.rules.scaled_transfer_rule import ScaledTransferRule

if TYPE_CHECKING:
    from mho.config import TileConfig
    from mho.periphery import Update

__all__ = ["RIDER", "TRACKING"]

TRACKING = "Xiao et al. 2026"


@Rule.register
@configuration
class RIDER(ScaledTransferRule):
    """Residual learning with dynamic tracking of the symmetry point (RIDER): P counts from its own mean.

    Pulses of either sign pull a device towards its symmetry point, which need not be 0 and differs from
    device to device. A digital mean Q follows what is read of the fast array P, and with it that point;
    reads of the tile see ``C + gamma * (P - Q)``. Each sample moves P by ``-fast_lr * lr * d x^T``; after
    every `transfer_every` samples the next column of P is read, C moves by ``transfer_lr * lr * (P - Q)``,
    and then ``Q += filter * (P - Q)`` there. Q also follows what P has learnt: where it does so before C has
    moved, P runs into its bounds. So `filter` must be well below ``transfer_lr * lr / gamma``.

    With `buffer_granularity` above 0, what C is to move by is summed up in a digital buffer first, as `AGAD`
    does: ``H += (P - Q) * transfer_lr * lr / g`` with the granularity ``g = buffer_granularity *
    granularity`` of P, times ``auto_granularity / (lines * transfer_every * batch_size)`` where that is
    given; where ``|H| >= 1`` the device of C gets ``trunc(H)`` pulses, at most `transfer_update.bl`. Devices
    of few states need it: without it, C is pulsed by chance for noise of P that would add up to nothing.

    References
    ----------
    Q. Xiao, J. Li, Z. Wu, T. Gokmen and T. Chen, arXiv:2602.21321 (2026).

    Examples
    --------
    >>> RIDER(gamma=0.2, filter=0.001)
    RIDER(gamma=0.2, filter=0.001)
    >>> RIDER(buffer_granularity=1.0, auto_granularity=1000)
    RIDER(buffer_granularity=1.0, auto_granularity=1000.0)
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
    buffer_granularity: float = parameter(
        0.0,
        at_least=0,
        doc="Size of a step of the buffer; 0: no buffer, C is written with trains for what was read.",
        unit="granularity of the fast device",
        source=TRACKING,
    )

    def _check(self) -> None:
        ScaledTransferRule._check(self)
        for name in ("step", "momentum", "forget_buffer", "auto_granularity"):
            self._require_effect(name, self.buffer_granularity > 0, "while buffer_granularity is 0")

    def _default_transfer_update(self, config: TileConfig) -> Update:
        if self.buffer_granularity > 0:
            return ScaledTransferRule._default_transfer_update(self, config)
        return config.update
