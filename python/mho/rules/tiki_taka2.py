"""Tiki-Taka with a digital buffer."""

from __future__ import annotations

from dataclasses import dataclass

from mho._parameters import parameter
from mho.rules.rule import Rule
from mho.rules.transfer_rule import TransferRule

__all__ = ["TikiTaka2"]

_SOURCE = "Gokmen 2021"


@Rule.register
@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class TikiTaka2(TransferRule):
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
        1.0, above=0, doc="Threshold of the buffer.", unit="pulses of the slow device", source=_SOURCE
    )
    step: float = parameter(
        1.0, above=0, doc="Pulses that one step of the buffer is written with.", source=_SOURCE
    )
    momentum: float = parameter(
        0.1,
        at_least=0,
        at_most=1,
        doc="Share of the buffer that stays when pulses were written.",
        source=_SOURCE,
    )
    forget_buffer: bool = parameter(
        True,
        doc="Reset the whole buffer when pulses were written; if false, subtract what was written.",
        source=_SOURCE,
    )
