"""Tiki-Taka with a digital buffer."""

from __future__ import annotations

from mho._parameters import configuration, parameter
from mho.rules.buffered_transfer_rule import BUFFER, BufferedTransferRule
from mho.rules.rule import Rule

__all__ = ["TikiTaka2"]


@Rule.register
@configuration
class TikiTaka2(BufferedTransferRule):
    """Tiki-Taka, version 2: reads of the fast array are summed up digitally before the slow one is pulsed.

    What is read of a column of A is added to a buffer, ``H += transfer_lr * lr * A[:, t]``. Where H passes
    the threshold ``threshold_scale * granularity`` of C, the device of C gets ``trunc(H / threshold)``
    pulses, at most `transfer_update.bl`, and H is reset to ``momentum * H``; with ``forget_buffer=False``
    it keeps what was not written.

    References
    ----------
    T. Gokmen, Front. Artif. Intell. 4:699148 (2021).

    Examples
    --------
    >>> TikiTaka2(fast_lr=0.5)
    TikiTaka2(fast_lr=0.5)
    """

    threshold_scale: float = parameter(
        1.0, above=0, doc="Threshold of the buffer.", unit="pulses of the slow device", source=BUFFER
    )
    momentum: float = parameter(
        0.1,
        at_least=0,
        at_most=1,
        doc="Share of the buffer that stays when pulses were written.",
        source=BUFFER,
    )
