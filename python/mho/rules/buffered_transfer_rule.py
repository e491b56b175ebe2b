"""What the rules share that write a digital buffer to the slow array in whole pulses."""

from __future__ import annotations

from mho._parameters import configuration, parameter
from mho.rules.transfer_rule import TransferRule

__all__ = ["BUFFER", "BufferedTransferRule"]

BUFFER = "Gokmen 2021"


@configuration
class BufferedTransferRule(TransferRule):
    """Base of the transfer rules that sum up what they read of A, and pulse C when a sum is large enough."""

    step: float = parameter(
        1.0, above=0, doc="Pulses that one step of the buffer is written with.", source=BUFFER
    )
    momentum: float = parameter(
        0.0,
        at_least=0,
        at_most=1,
        doc="Share of the buffer that stays when pulses were written.",
        source=BUFFER,
    )
    forget_buffer: bool = parameter(
        True,
        doc="Reset the whole buffer when pulses were written; if false, subtract what was written.",
        source=BUFFER,
    )
