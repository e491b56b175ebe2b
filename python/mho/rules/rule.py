"""What every rule is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from mho._parameters import Tagged, configuration

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mho.config import TileConfig
    from mho.devices import Device
    from mho.seeds import Seed

__all__ = ["Rule"]


@configuration
class Rule(Tagged):
    """Base of all rules.

    Examples
    --------
    >>> Rule.types()
    ['AGAD', 'ChoppedTikiTaka2', 'ERIDER', 'MixedPrecision', 'RIDER', 'ResidualLearning', 'SGD', \
'SignUpdate', 'StochasticHamiltonian', 'StreamingBatch', 'TikiTaka', 'TikiTaka2']
    """

    _models: ClassVar[dict[str, type[Tagged]]] = {}
    _home: ClassVar[str] = "mho.rules"
    _unknown_hint: ClassVar[str] = "; a rule of your own is known once the module that defines it is imported"

    def gradient_device(self, device: Device) -> Device:
        """Return the device that takes the gradient's pulses, in a tile whose main array has this one."""
        return device

    def engine_dict(self, config: TileConfig) -> dict[str, Any]:
        """Return the plain dict the engine builds the rule from, in a tile of this configuration."""
        return self.to_dict()

    def host(self, seeds: Sequence[Seed], lockstep: bool) -> Callable[..., None] | None:
        """Return what the engine calls in each update, with a seed for each instance; None: nothing."""
        return None
