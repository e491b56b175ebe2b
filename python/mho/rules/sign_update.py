"""The Manhattan rule: the sign of a batch's gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mho._parameters import configuration, parameter
from mho.periphery import Update
from mho.rules.batch_rule import BatchRule
from mho.rules.rule import Rule

if TYPE_CHECKING:
    from mho.config import TileConfig

__all__ = ["SignUpdate"]


@Rule.register
@configuration
class SignUpdate(BatchRule):
    """The Manhattan rule: one pulse for each device and batch, against the sign of the batch's gradient.

    The samples of one call of `mho.Tile.update` are the batch; the sum of their gradients ``d x^T`` is made
    in digital memory. Every device whose sum is not zero, nor smaller than `threshold` of the largest one,
    gets one pulse, row by row. The learning rate of the update has no influence, but that 0 fires nothing:
    the step of the device is the learning rate, whatever its `granularity` says.

    References
    ----------
    E. Zamanidoost et al., IEEE CNNA workshop (2015). I. Kataeva et al., IJCNN (2015).

    Examples
    --------
    >>> SignUpdate(threshold=0.1)
    SignUpdate(threshold=0.1)
    """

    threshold: float = parameter(
        0.0,
        at_least=0,
        at_most=1,
        doc="Share of the largest sum of the array below which no pulse is fired.",
        unit="fraction",
        source="Zamanidoost et al. 2015",
    )

    def engine_dict(self, config: TileConfig) -> dict[str, Any]:
        """Return the plain dict the engine builds the rule from; see `Rule.engine_dict`."""
        # One slot, in which both lines are sure to pulse.
        one = Update(bl=1, pulse_type="mean_count", update_management=False, update_bl_management=False)
        return self.to_dict() | {"write_update": one.to_dict()}
