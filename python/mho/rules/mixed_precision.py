"""Mixed precision: digital gradients, analog weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

from mho._parameters import configuration, parameter
from mho.periphery import Update
from mho.rules.rule import Rule

if TYPE_CHECKING:
    from mho.config import TileConfig

__all__ = ["MixedPrecision", "Optimizer"]

Optimizer = Literal["sgd", "momentum", "adam"]

_SOURCE = "Nandakumar et al. 2020"
_ADAM = "Kingma & Ba 2015"


@Rule.register
@configuration
class MixedPrecision(Rule):
    """Mixed precision: gradients are summed up in digital memory, and programmed when they make whole pulses.

    The gradients of `batch_size` samples go to a digital optimizer, whose change of the weights is added to
    a residual. After every `transfer_every` steps of it, ``n = trunc(residual / granularity)`` blind pulses
    are given to each device of the next `rows_per_transfer` rows, and ``n * granularity`` is taken off the
    residual. This is how momentum and Adam run on analog arrays.

    References
    ----------
    S. R. Nandakumar et al., Front. Neurosci. 14:406 (2020). D. P. Kingma and J. Ba, ICLR (2015),
    arXiv:1412.6980.

    Examples
    --------
    >>> MixedPrecision(optimizer="adam", batch_size=10)
    MixedPrecision(optimizer='adam', batch_size=10)
    """

    optimizer: Optimizer = parameter(
        "sgd",
        choices=get_args(Optimizer),
        doc="Plain gradient descent, with momentum, or Adam.",
        source=_SOURCE,
    )
    momentum: float = parameter(
        0.9, at_least=0, below=1, doc="Share of the velocity that stays.", source=_SOURCE
    )
    beta1: float = parameter(0.9, at_least=0, below=1, doc="Decay of the first moment of Adam.", source=_ADAM)
    beta2: float = parameter(
        0.999, at_least=0, below=1, doc="Decay of the second moment of Adam.", source=_ADAM
    )
    epsilon: float = parameter(
        1e-8, above=0, at_most=1, doc="Added to the root of the second moment of Adam.", source=_ADAM
    )
    batch_size: int = parameter(
        1,
        at_least=1,
        at_most=10**6,
        doc="Samples between two steps of the optimizer.",
        unit="samples",
        source=_SOURCE,
    )
    transfer_every: int = parameter(
        1,
        at_least=1,
        at_most=10**9,
        doc="Steps of the optimizer between two transfers.",
        unit="batches",
        source=_SOURCE,
    )
    rows_per_transfer: int = parameter(
        0,
        at_least=0,
        at_most=2**30,
        doc="Rows that a transfer writes, in turn; 0: all.",
        unit="rows",
        source=_SOURCE,
    )
    transfer_lr: float = parameter(1.0, above=0, doc="Factor of the pulses that are given.", source=_SOURCE)
    granularity: float | None = parameter(
        None,
        kind=float,
        above=0,
        largest=1e6,
        doc="Change of a weight that counts as one pulse; by default the device's.",
        unit="weight",
        source=_SOURCE,
    )
    x_bins: float = parameter(
        0.0,
        at_least=0,
        largest=1e6,
        doc="Bins that x is quantised to before the outer product; 0: continuous.",
        unit="bins",
        source=_SOURCE,
    )
    d_bins: float = parameter(
        0.0,
        at_least=0,
        largest=1e6,
        doc="Bins that d is quantised to before the outer product; 0: continuous.",
        unit="bins",
        source=_SOURCE,
    )
    stochastic_rounding: bool = parameter(
        True, doc="Round x and d stochastically to their bins.", source=_SOURCE
    )
    transfer_update: Update | None = parameter(
        None,
        kind=Update,
        doc="How the pulse trains of a transfer are made; by default exactly n pulses, at most 64.",
        source=_SOURCE,
    )

    def _check(self) -> None:
        other = f"with optimizer {self.optimizer!r}"
        self._require_effect("momentum", self.optimizer == "momentum", other)
        for name in ("beta1", "beta2", "epsilon"):
            self._require_effect(name, self.optimizer == "adam", other)

    def engine_dict(self, config: TileConfig) -> dict[str, Any]:
        """Return the plain dict the engine builds the rule from; see `Rule.engine_dict`."""
        data = self.to_dict()
        # Deterministic trains, whose product is the number of pulses itself.
        exact = Update(bl=64, pulse_type="mean_count")
        data["transfer_update"] = (self.transfer_update or exact).to_dict()
        return data
