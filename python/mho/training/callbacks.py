"""What may be called during a training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mho.training.history import EpochRecord
    from mho.training.trainer import Trainer

__all__ = ["Callback", "Progress"]


class Callback:
    """Base of what a `Trainer` calls; override what is of interest.

    What a callback evaluates with ``training=False`` (as ``net(x)`` does) changes no bit of the training. A
    KeyboardInterrupt raised by a callback ends the training as Ctrl-C does.

    Examples
    --------
    >>> class Losses(Callback):
    ...     def __init__(self):
    ...         self.losses = []
    ...     def on_batch_end(self, trainer, epoch, batch, loss):
    ...         self.losses.append(loss)
    """

    def on_batch_end(self, trainer: Trainer, epoch: int, batch: int, loss: float) -> None:
        """Run after a batch has been applied.

        Parameters
        ----------
        trainer : Trainer
        epoch, batch : int
            Where the training is; both from 1.
        loss : float
            Mean loss of the batch, before its update.
        """

    def on_epoch_end(self, trainer: Trainer, record: EpochRecord) -> None:
        """Run after an epoch, its evaluation included, and before its checkpoint.

        Parameters
        ----------
        trainer : Trainer
        record : EpochRecord
            Of this epoch, the last one of ``trainer.history``.
        """


class Progress(Protocol):
    """Shows how far a training is; called about ten times a second, not once per batch."""

    def __call__(self, epoch: int, batch: int, batches: int, loss: float, /) -> None:
        """Show the progress.

        Parameters
        ----------
        epoch : int
            From 1.
        batch, batches : int
            Batches done in this epoch, and in an epoch.
        loss : float
            Mean loss in this epoch so far.
        """
        ...
