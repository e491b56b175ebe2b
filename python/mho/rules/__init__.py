"""Rules: how a gradient becomes pulses on the arrays of a tile.

`SGD` pulses each sample's gradient onto the weights themselves. The *transfer rules* have a second, fast
array A that takes the gradient; line by line it is read, digested and pulsed onto the slow array C that
holds the weights: `TikiTaka` and `StochasticHamiltonian` write what they read, `TikiTaka2` sums it up in a
digital buffer, `ChoppedTikiTaka2` changes signs now and then so that flaws of A average out, `AGAD` learns
the reference of A while it trains, and `ResidualLearning` lets A represent what C cannot; `RIDER` and, with
choppers, `ERIDER` do so against a reference that is learnt. `MixedPrecision` keeps the gradient in digital
memory, with any optimizer behind it. The *batch rules* reduce a batch before the array sees it:
`StreamingBatch` to a few outer products, `SignUpdate` to signs. A rule of one's own is a subclass of
`CustomRule`.

Schedules count samples, never the rows of a call: one update with 64 samples is bit-identical to 64 updates
with one. To batch rules, one call is one batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mho._lazy import lazy

if TYPE_CHECKING:
    from mho._parameters import parameter
    from mho.rules.agad import AGAD
    from mho.rules.batch_rule import BatchRule
    from mho.rules.chopped_tiki_taka2 import ChoppedTikiTaka2
    from mho.rules.custom_rule import Buffer, CustomRule, FastArray, define
    from mho.rules.erider import ERIDER
    from mho.rules.hardware import Hardware, HardwareArray, Reads
    from mho.rules.mixed_precision import MixedPrecision
    from mho.rules.multi_array_rule import MultiArrayRule
    from mho.rules.residual_learning import ResidualLearning
    from mho.rules.rider import RIDER
    from mho.rules.rule import Rule
    from mho.rules.sgd import SGD
    from mho.rules.sign_update import SignUpdate
    from mho.rules.stochastic_hamiltonian import StochasticHamiltonian
    from mho.rules.streaming_batch import StreamingBatch
    from mho.rules.tiki_taka import TikiTaka
    from mho.rules.tiki_taka2 import TikiTaka2
    from mho.rules.transfer_rule import TransferRule

__all__ = [
    "AGAD",
    "ERIDER",
    "RIDER",
    "SGD",
    "BatchRule",
    "Buffer",
    "ChoppedTikiTaka2",
    "CustomRule",
    "FastArray",
    "Hardware",
    "HardwareArray",
    "MixedPrecision",
    "MultiArrayRule",
    "Reads",
    "ResidualLearning",
    "Rule",
    "SignUpdate",
    "StochasticHamiltonian",
    "StreamingBatch",
    "TikiTaka",
    "TikiTaka2",
    "TransferRule",
    "define",
    "parameter",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            **dict.fromkeys(("Buffer", "FastArray", "define"), "mho.rules.custom_rule"),
            **dict.fromkeys(("HardwareArray", "Reads"), "mho.rules.hardware"),
            "parameter": "mho._parameters",
        },
    )
