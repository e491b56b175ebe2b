"""What the rules share whose buffer and learning rate of the fast array go by its devices."""

from __future__ import annotations

from mho._parameters import configuration, parameter
from mho.rules.buffered_transfer_rule import BufferedTransferRule

__all__ = ["CHOPPERS", "ScaledTransferRule"]

CHOPPERS = "Rasch et al. 2024"


@configuration
class ScaledTransferRule(BufferedTransferRule):
    """Base of the buffered rules whose buffer, and on request `fast_lr`, go by the devices of A."""

    buffer_granularity: float = parameter(
        1.0,
        above=0,
        doc="Size of a step of the buffer.",
        unit="granularity of the fast device",
        source=CHOPPERS,
    )
    auto_granularity: float = parameter(
        0.0,
        at_least=0,
        doc="If > 0, scales buffer_granularity by auto_granularity / (lines * transfer_every * batch_size).",
        unit="samples",
        source=CHOPPERS,
    )
    auto_scale: bool = parameter(
        False,
        doc="Scale fast_lr so that gradients of the usual size, max |x| * max |d|, fill whole trains.",
        source=CHOPPERS,
    )
    auto_momentum: float = parameter(
        0.99,
        at_least=0,
        below=1,
        doc="Momentum of the running means of max |x| and max |d|, per batch.",
        source=CHOPPERS,
    )

    def _check(self) -> None:
        BufferedTransferRule._check(self)
        self._require_effect("auto_momentum", self.auto_scale, "while auto_scale is false")
