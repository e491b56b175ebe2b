"""Stochastic Hamiltonian descent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mho._parameters import configuration, parameter
from mho.rules.rule import Rule
from mho.rules.transfer_rule import TransferRule

if TYPE_CHECKING:
    from mho.config import TileConfig
    from mho.periphery import Update

__all__ = ["StochasticHamiltonian"]

_SOURCE = "Onen et al. 2022"


@Rule.register
@configuration
class StochasticHamiltonian(TransferRule):
    r"""Stochastic Hamiltonian descent: C is a position, A its momentum, and the asymmetry of A is friction.

    The gradient at C is the force. Each sample moves A by ``-fast_lr * lr * d x^T``, and after every
    `transfer_every` samples C moves by ``transfer_lr * lr * A`` along the next column, as in the first form
    of `TikiTaka`. On devices with symmetric steps the energy ``b |A|^2 / 2 + a loss(C)`` is kept, with
    ``a = fast_lr lr`` and ``b = transfer_lr lr``, and C oscillates about the minimum for ever. Steps that
    shrink away from the symmetry point take energy out at each pulse, so that C comes to rest where the loss
    is least. The symmetry point of A must be at 0: see `mho.Tile.calibrate_symmetry_point`.

    With `gamma` above 0 the force is that at ``C + gamma * A``, which is friction without asymmetry.

    References
    ----------
    M. Onen, T. Gokmen, T. K. Todorov, T. Nowicki, J. A. del Alamo, J. Rozen, W. Haensch and S. Kim, Front.
    Artif. Intell. 5:891624 (2022). Written down for two arrays by I. J. Gallo and J. A. del Alamo,
    Multi_Tile_TikiTaka (2025).

    Notes
    -----
    One weight with the loss ``k C^2 / 2``, A read after each sample, and soft bounds of A at ``+-tau``: C
    oscillates with a period of ``2 pi / sqrt(a b k)`` samples, and where these are many, its amplitude Q
    falls as ``1 / Q = 1 / Q_0 + 2 a k n / (3 pi tau)`` with the number of samples n.

    Examples
    --------
    >>> StochasticHamiltonian(transfer_every=10)
    StochasticHamiltonian(transfer_every=10)
    """

    scale_fast_lr: bool = parameter(
        True, doc="Multiply fast_lr by the learning rate of the update.", source=_SOURCE
    )

    def _default_transfer_update(self, config: TileConfig) -> Update:
        return config.update

    def engine_dict(self, config: TileConfig) -> dict[str, Any]:
        """Return the `TikiTaka` of two arrays that the engine builds."""
        chain = {"transfer_every_growth": 0, "transfer_lr_growth": 1.0}  # of more than two arrays
        return TransferRule.engine_dict(self, config) | chain | {"type": "TikiTaka"}
