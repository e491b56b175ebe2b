"""What the transfer rules share that may have more than two arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mho._parameters import configuration, parameter
from mho.rules.transfer_rule import TransferRule

if TYPE_CHECKING:
    from mho.config import TileConfig
    from mho.periphery import Update

__all__ = ["MultiArrayRule"]

_SOURCE = "Li et al. 2025"


@configuration
class MultiArrayRule(TransferRule):
    """Base of the transfer rules with a chain of arrays, each written with what is read of the faster one.

    The fastest array, n = 0 here, is read as the other fields say. Array n is read when so many lines of the
    faster one have been, and the next is written at ``transfer_lr * transfer_lr_growth**n``.
    """

    arrays: int = parameter(
        2, at_least=2, at_most=16, doc="Number of arrays, the slow one included.", source=_SOURCE
    )
    transfer_every_growth: int = parameter(
        0,
        at_least=0,
        at_most=10**9,
        doc="Lines of an array that are read between two of the next slower one; 0: as many as it has.",
        unit="lines",
        source=_SOURCE,
    )
    transfer_lr_growth: float = parameter(
        1.0,
        at_least=1e-6,
        largest=1e6,
        doc="Factor of transfer_lr from one array to the next slower one.",
        source=_SOURCE,
    )

    def _check(self) -> None:
        TransferRule._check(self)
        for name in ("transfer_every_growth", "transfer_lr_growth"):
            self._require_effect(name, self.arrays > 2, "with two arrays")

    def _default_transfer_update(self, config: TileConfig) -> Update:
        return config.update

    def _fast_arrays(self) -> int:
        return self.arrays - 1

    def engine_dict(self, config: TileConfig) -> dict[str, Any]:
        """Return the plain dict the engine builds the rule from; see `Rule.engine_dict`."""
        data = TransferRule.engine_dict(self, config)
        del data["arrays"]
        return data
