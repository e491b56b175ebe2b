"""What the rules share that read a fast array line by line and write what they read to a slower one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

from mho._parameters import configuration, parameter
from mho.devices import Device
from mho.errors import MhoValueError
from mho.periphery import IO, Update
from mho.rules.rule import Rule

if TYPE_CHECKING:
    from mho.config import TileConfig

__all__ = ["TIKI_TAKA", "TransferOrder", "TransferRule"]

TransferOrder = Literal["sequential", "random"]

TIKI_TAKA = "Gokmen & Haensch 2020"


@configuration
class TransferRule(Rule):
    """Base of the rules with a fast array A, which takes the gradient, and the slow array C, which learns.

    Each sample moves A by ``-fast_lr * d x^T`` in expectation. After every `transfer_every` samples the
    next column of A is read through `transfer_io`, and C is pulsed along the same column as
    `transfer_update` says. With the probability `reset_prob` the devices of the column go back to their reset
    values then.
    """

    fast_device: Device | None = parameter(
        None, kind=Device, doc="The devices of A; by default the same as those of C.", source=TIKI_TAKA
    )
    fast_lr: float = parameter(1.0, above=0, doc="Learning rate of A.", source=TIKI_TAKA)
    scale_fast_lr: bool = parameter(
        False, doc="Multiply fast_lr by the learning rate of the update.", source="Rasch et al. 2024"
    )
    transfer_every: int = parameter(
        1,
        at_least=1,
        at_most=10**9,
        doc="Samples, times batch_size, between two reads of a line.",
        unit="batches",
        source=TIKI_TAKA,
    )
    batch_size: int = parameter(
        1,
        at_least=1,
        at_most=10**6,
        doc="Samples that the schedule counts as one.",
        unit="samples",
        source=TIKI_TAKA,
    )
    transfer_columns: bool = parameter(
        True, doc="Read and write columns, one input each; if false, rows.", source=TIKI_TAKA
    )
    transfer_lr: float = parameter(1.0, above=0, doc="Learning rate of the transfer.", source=TIKI_TAKA)
    scale_transfer_lr: bool = parameter(
        True, doc="Multiply transfer_lr by the learning rate of the update.", source=TIKI_TAKA
    )
    gamma: float = parameter(
        0.0, largest=1e6, doc="Weight of A in what a read of the tile sees, C + gamma * A.", source=TIKI_TAKA
    )
    transfer_io: IO | None = parameter(
        None,
        kind=IO,
        doc="The periphery of a read of A; by default the forward one, without noise and bound management.",
        source=TIKI_TAKA,
    )
    transfer_update: Update | None = parameter(
        None, kind=Update, doc="How the pulse trains of a transfer are made.", source=TIKI_TAKA
    )
    transfer_order: TransferOrder = parameter(
        "sequential",
        choices=get_args(TransferOrder),
        doc="Lines are read in turn, or each time one drawn at random.",
        source="Rasch et al. 2021",
    )
    reset_prob: float = parameter(
        0.0,
        at_least=0,
        at_most=1,
        doc="Probability that a line of A is reset when it was read, as `mho.Tile.reset` does.",
        unit="probability",
        source="Rasch et al. 2021",
    )

    def _check(self) -> None:
        if self.transfer_io is not None and not self.transfer_io.is_perfect:
            owner = type(self).__name__
            if self.transfer_io.noise_management != "none" or self.transfer_io.bound_management != "none":
                raise MhoValueError(
                    f"{owner}.transfer_io must have noise_management and bound_management 'none', since the "
                    f"only input is 1, got {self.transfer_io!r}"
                )
            if self.transfer_io.ir_drop > 0 or self.transfer_io.w_read_asymmetry_dtod > 0:
                raise MhoValueError(
                    f"{owner}.transfer_io must have no ir_drop and no w_read_asymmetry_dtod: a single line "
                    f"is read, got {self.transfer_io!r}"
                )

    def gradient_device(self, device: Device) -> Device:
        """Return the fast device; see `Rule.gradient_device`."""
        return device if self.fast_device is None else self.fast_device

    def _default_transfer_update(self, config: TileConfig) -> Update:
        """Return how pulse trains of a transfer are made where nothing is said: single pulses."""
        return Update(bl=1, update_management=False, update_bl_management=False)

    def engine_dict(self, config: TileConfig) -> dict[str, Any]:
        """Return the plain dict the engine builds the rule from; see `Rule.engine_dict`."""
        data = self.to_dict()
        data.pop("fast_device", None)
        fast = self.gradient_device(config.device)
        data["fast_devices"] = [fast.engine_dict()] * self._fast_arrays()
        io = (self.transfer_io or config.forward_io).to_dict()
        # The only input of a line is 1.
        data["transfer_io"] = io | {"noise_management": "none", "bound_management": "none", "ir_drop": 0.0}
        data["transfer_update"] = (self.transfer_update or self._default_transfer_update(config)).to_dict()
        return data

    def _fast_arrays(self) -> int:
        """Return how many arrays there are beside the slow one."""
        return 1
