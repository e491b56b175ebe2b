"""Streaming batches: a batch's gradient as a few outer products."""

from __future__ import annotations

from typing import Literal, get_args

from mho._parameters import configuration, parameter
from mho.rules.batch_rule import BatchRule
from mho.rules.rule import Rule

__all__ = ["Method", "StreamingBatch"]

Method = Literal["streaming", "power"]

_SOURCE = "Hoskins et al. 2019"


@Rule.register
@configuration
class StreamingBatch(BatchRule):
    """Streaming batches: `rank` outer products that stand for a batch's gradient are pulsed onto the array.

    The samples of one call of `mho.Tile.update` are the batch, and ``G`` is the sum of their gradients
    ``d x^T``, as for `SGD`. It becomes ``s_1 d_1 x_1^T + s_2 d_2 x_2^T + ...`` with orthogonal unit vectors,
    at most as many pairs as the smaller side of the array has lines, and each pair is one sample to the
    array. So a batch costs `rank` outer products, not one for each sample.

    `method` says where the pairs come from. ``"streaming"`` takes one pass over the samples, with running
    means of ``x (d . d_i)`` and ``d (x . x_i)`` that are made orthonormal after every `block_size` samples:
    memory for the pairs and one block is enough. It begins with what is left of the batch before, and is an
    approximation at any rank. ``"power"`` stores the batch and iterates; as it converges, the pairs are the
    largest singular pairs of G. It is exact where G has no more than `rank` of them: the weights then move by
    ``-lr G`` in expectation.

    A train of pulses carries at most `mho.Update.bl` pulses for a device, and a pair may ask for more. It is
    then clipped, as a sample is, unless it is divided among several trains.

    References
    ----------
    B. D. Hoskins et al., Front. Neurosci. 13:793 (2019).

    Examples
    --------
    >>> StreamingBatch(rank=3, method="power")
    StreamingBatch(rank=3, method='power')
    >>> StreamingBatch(method="power", block_size=4)
    Traceback (most recent call last):
        ...
    mho.errors.MhoValueError: StreamingBatch.block_size has no effect with method 'power': leave it out, got 4
    """

    rank: int = parameter(
        10,
        at_least=1,
        at_most=10**6,
        doc="Pairs that stand for a batch.",
        unit="outer products",
        source=_SOURCE,
    )
    method: Method = parameter(
        "streaming",
        choices=get_args(Method),
        doc="One pass over the samples, or power iteration on the stored batch.",
        source=_SOURCE,
    )
    block_size: int = parameter(
        16,
        at_least=1,
        at_most=10**6,
        doc="Samples of a stream between two orthonormalisations; at least the rank is best.",
        unit="samples",
        source=_SOURCE,
    )
    iterations: int = parameter(
        3, at_least=1, at_most=10**6, doc="Power iterations on the stored batch.", source=_SOURCE
    )
    trains_per_component: int = parameter(
        1,
        at_least=0,
        at_most=100,
        doc="Trains that share a pair; 0: the fewest, up to 100, with slots for all its pulses (not with "
        "instances).",
        unit="trains",
        source="design",
    )

    def _check(self) -> None:
        other = f"with method {self.method!r}"
        self._require_effect("block_size", self.method == "streaming", other)
        self._require_effect("iterations", self.method == "power", other)
